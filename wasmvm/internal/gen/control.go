package main

// control adds what moves values, branches, calls and returns. The first operations have fixed numbers: 0 is no operation at all, so that a zeroed word
// is caught.
func control() {
	both := func(name, body string) { add(op{name: name, fast: true, precise: true, body: body}) }
	fast := func(name, body string) { add(op{name: name, fast: true, body: body}) }
	precise := func(name, body string) { add(op{name: name, precise: true, body: body}) }

	both("Invalid", "{exit exitInvalid}")
	both("Break", "{exit exitBreak}")
	both("Data", "{exit exitInvalid}") // second words of calls, entries of branch tables
	both("Unreachable", "{exit int(TrapUnreachable)}")
	both("Nop", "{next}")
	add(op{name: "Mov", fast: true, precise: true, dst: true, body: "{A} = {B}\n{next}"})
	add(op{name: "Const", fast: true, precise: true, dst: true, body: "{A} = {K64}\n{next}"})
	add(op{name: "Select", fast: true, precise: true, dst: true, body: "v := {B}\nif {slot32 in.d} == 0 {\nv = {C}\n}\n{A} = v\n{next}"})
	add(op{name: "GlobalGet", fast: true, precise: true, dst: true, body: "{A} = *(*uint64)({global})\n{next}"})
	add(op{name: "Mov2", fast: true, precise: true, dst: true, body: "{wide x B}\n{setWide x}\n{next}"})
	add(op{name: "Select2", fast: true, precise: true, dst: true, body: "{wide x B}\nif {slot32 in.d} == 0 {\nx0, x1 = {C}, {C+1}\n}\n{setWide x}\n{next}"})
	add(op{name: "GlobalGet2", fast: true, precise: true, dst: true, body: "p := {global}\nx0, x1 := *(*uint64)(p), *(*uint64)(unsafe.Add(p, 8))\n{setWide x}\n{next}"})
	both("GlobalSet2", "p := {global}\n*(*uint64)(p), *(*uint64)(unsafe.Add(p, 8)) = {A}, {A+1}\n{next}")
	both("GlobalSet", "*(*uint64)({global}) = {A}\n{next}")
	both("WatchedSet", "{exit exitGlobal}") // takes the place of the two before
	add(op{name: "RefFunc", fast: true, precise: true, dst: true, body: "{A} = uint64(uint32(in.d)) + v.refBase\n{next}"})
	add(op{name: "RefIsNull", fast: true, precise: true, dst: true, body: "var r uint64\nif {B} == 0 {\nr = 1\n}\n{A} = r\n{next}"})
	add(op{name: "MemorySize", fast: true, precise: true, dst: true, body: "{A} = msize >> 16\n{next}"})
	both("RefNonNull", "if {B} == 0 {\n{exit int(TrapNullReference)}\n}\n{next}")
	both("Driver", "{exit exitDriver}") // field b says which of the operations of driver.go

	fast("Br", "{take}")
	fast("BrLoop", "{takeL}")
	fast("BrMove", "{move}\n{take}")
	fast("BrMoveLoop", "{count in.e}\n{move}\npc = unsafe.Add(pc, in.d)\ncontinue")
	fast("BrTable", brTable)
	fast("Call", call)
	fast("CallLazy", "{exit exitLazy}")
	fast("CallIndirect", callIndirect(tableFunc, callFrame))
	fast("TailCall", tailCall)
	fast("TailCallLazy", "{exit exitLazy}")
	fast("TailCallIndirect", callIndirect(tableFunc, tailFrame))
	fast("CallRef", callIndirect(refFunc, callFrame))
	fast("TailCallRef", callIndirect(refFunc, tailFrame))
	fast("Ret0", ret(""))
	fast("Ret1", ret("{slot 0} = r\n"))
	fast("RetN", ret("src := unsafe.Add(fp, uintptr(in.a)*8)\nfor i := uintptr(0); i < uintptr(in.c); i++ {\n*(*uint64)(unsafe.Add(fp, i*8)) = *(*uint64)(unsafe.Add(src, i*8))\n}\n"))

	precise("StepBr", "{move}\n{jump}")
	precise("StepBrIf", "if {slot32 in.e} != 0 {\n{move}\n{jump}\n}\n{next}")
	precise("StepBrNull", "if {slot64 in.e} == 0 {\n{move}\n{jump}\n}\n{next}")
	precise("StepBrNonNull", "if {slot64 in.e} != 0 {\n{move}\n{jump}\n}\n{next}")
	precise("StepIf", "if {A32} == 0 {\n{jump}\n}\n{next}")
	precise("StepBrTable", "i := uint32(in.e)\nif x := {A32}; x < i {\ni = x\n}\nent := (*ins)(unsafe.Add(pc, int(in.d)+int(i)*16))\nsrc, dst := unsafe.Add(fp, uintptr(ent.a)*8), unsafe.Add(fp, uintptr(ent.b)*8)\n"+
		"for i := uintptr(0); i < uintptr(ent.c); i++ {\n*(*uint64)(unsafe.Add(dst, i*8)) = *(*uint64)(unsafe.Add(src, i*8))\n}\npc = unsafe.Add(pc, ent.d)\ncontinue")
}

// move copies c values from slot a to slot b, which is lower.
const move = "src, dst := unsafe.Add(fp, uintptr(in.a)*8), unsafe.Add(fp, uintptr(in.b)*8)\nfor i := uintptr(0); i < uintptr(in.c); i++ {\n*(*uint64)(unsafe.Add(dst, i*8)) = *(*uint64)(unsafe.Add(src, i*8))\n}"

// The words behind a branch table hold displacement and count of each branch; with operands to move also from where, to where and how many.
const brTable = `i := uint32(in.d)
if x := {A32}; x < i {
i = x
}
ent := (*ins)(unsafe.Add(pc, uintptr(i)*16+16))
{count ent.e}
if ent.c != 0 {
src, dst := unsafe.Add(fp, uintptr(ent.a)*8), unsafe.Add(fp, uintptr(ent.b)*8)
for i := uintptr(0); i < uintptr(ent.c); i++ {
*(*uint64)(unsafe.Add(dst, i*8)) = *(*uint64)(unsafe.Add(src, i*8))
}
}
pc = unsafe.Add(pc, ent.d)
continue`

// A call's second word holds the callee's frame size in a, the caller's function index in b and c, and in d and e the counter's index of the
// instruction behind the call. The first word: a = first argument, b = the callee's link slot, c = locals to clear below it, d = displacement of the callee, e = what the counter gains.
const call = `nfp := unsafe.Add(fp, uintptr(in.a)*8)
if uintptr(nfp)+uintptr(*(*uint16)(unsafe.Add(pc, 18)))*8 > v.stackEnd {
{exit exitStack}
}
{count in.e}
link := unsafe.Add(nfp, uintptr(in.b)*8)
for p := unsafe.Add(link, -int(in.c)*8); uintptr(p) < uintptr(link); p = unsafe.Add(p, 8) {
*(*uint64)(p) = 0
}
*(*uint64)(link) = uint64(uintptr(pc)-v.codeBase+32)<<32 | uint64(in.a)
fp = nfp
pc = unsafe.Add(pc, in.d)
continue`

// An indirect call: a = first argument, b = slot of the index or reference, c = table, d = type, e = what the counter gains but for the callee's size.
// What cannot be called from here is left to the precise tier. The parts are: what function it is, and what becomes of the frames.
func callIndirect(function, frame string) string {
	return function + `
rec := (*funcRec)(unsafe.Add(v.funcs, uintptr(f)*unsafe.Sizeof(funcRec{})))
if rec.typ != uint32(in.d) {
{exit exitDeopt}
}
if rec.entry == 0 {
{exit exitLazy}
}
` + frame + `
for p := unsafe.Add(link, -int(rec.clear)*8); uintptr(p) < uintptr(link); p = unsafe.Add(p, 8) {
*(*uint64)(p) = 0
}
*(*uint64)(link) = back
pc = unsafe.Add(unsafe.Pointer(v.code), rec.entry)
continue`
}

const tableFunc = `tab := (*tableView)(unsafe.Add(v.tables, uintptr(in.c)*unsafe.Sizeof(tableView{})))
i := uintptr({B32})
if i >= tab.size {
{exit exitDeopt}
}
f := *(*uint64)(unsafe.Add(tab.elems, i*8)) - v.refBase
if f >= v.numFuncs {
{exit exitDeopt}
}`

const refFunc = `f := {B} - v.refBase
if f >= v.numFuncs {
{exit exitDeopt}
}`

const callFrame = `nfp := unsafe.Add(fp, uintptr(in.a)*8)
if uintptr(nfp)+uintptr(rec.frame)*8 > v.stackEnd {
{exit exitStack}
}
{count int64(in.e) + int64(rec.size)}
back := uint64(uintptr(pc)-v.codeBase+32)<<32 | uint64(in.a)
link := unsafe.Add(nfp, uintptr(rec.link)*8)
fp = nfp`

// ret is a return: a = first result, b = link slot, c = results, e = the counter's index of the instruction behind the return.
func ret(results string) string {
	r := ""
	if results == "{slot 0} = r\n" {
		r = "r := {A}\n"
	}
	return `link := {B}
back := unsafe.Add(unsafe.Pointer(v.code), uintptr(link>>32))
{count int64(in.e) - *(*int64)(unsafe.Add(back, -8))}
` + r + results + `fp = unsafe.Add(fp, -int(uint32(link))*8)
pc = back
continue`
}

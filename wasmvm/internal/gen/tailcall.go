package main

// A tail call's second word holds the callee's frame size in a (of a direct call), the caller's link slot in b and the slots of the arguments in c. The
// first word is that of a call. The arguments move down to the beginning of the frame, which the callee's frame takes over with the link in it.
const tailCall = `if uintptr(fp)+uintptr(*(*uint16)(unsafe.Add(pc, 18)))*8 > v.stackEnd {
{exit exitStack}
}
{count in.e}
{tailMove}
link := unsafe.Add(fp, uintptr(in.b)*8)
for p := unsafe.Add(link, -int(in.c)*8); uintptr(p) < uintptr(link); p = unsafe.Add(p, 8) {
*(*uint64)(p) = 0
}
*(*uint64)(link) = back
if back>>32 == barrierReturn*16 {
v.barrier = uintptr(link)
}
pc = unsafe.Add(pc, in.d)
continue`

// tailMove keeps the link in back and moves the arguments.
const tailMove = `back := *(*uint64)(unsafe.Add(fp, uintptr(*(*uint16)(unsafe.Add(pc, 20)))*8))
src := unsafe.Add(fp, uintptr(in.a)*8)
for i := uintptr(0); i < uintptr(*(*uint16)(unsafe.Add(pc, 22))); i++ {
*(*uint64)(unsafe.Add(fp, i*8)) = *(*uint64)(unsafe.Add(src, i*8))
}`

// tailFrame is the last part of an indirect tail call.
const tailFrame = `if uintptr(fp)+uintptr(rec.frame)*8 > v.stackEnd {
{exit exitStack}
}
{count int64(in.e) + int64(rec.size)}
{tailMove}
link := unsafe.Add(fp, uintptr(rec.link)*8)
if back>>32 == barrierReturn*16 {
v.barrier = uintptr(link)
}`

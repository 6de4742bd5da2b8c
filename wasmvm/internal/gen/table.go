package main

import "fmt"

// op is one operation of the register code.
//
// body is Go text in which {..} stands for operands of the instruction word: {A} {B} {C} are the slots named by its fields as uint64, with a suffix
// 32, f32 or f64 as that type; {K32} and {K64} are immediates in the fields d and e, {BC} the 32-bit immediate in b and c. {next} goes on with the next
// word, {take} takes a branch without and {takeL} with a test of the limit, {exit X} leaves the loop with code X, before anything has changed.
type op struct {
	name     string
	body     string
	precise  bool // the precise loop has it
	fast     bool // the fast loop has it
	dst      bool // field a is a slot it writes, and that is all it changes
	wasm     []int
	low      string // lowering record of the wasm opcodes, a literal of type lowering
	nan      string // how to make the result when it is a NaN
	access   string // literal of type access, for what touches memory
	read     string // of loads: the value at p
	readWide string // of loads of vectors: sets the result from p
	fused    *fused // of fused operations: what they are made of
}

var ops []op

// index numbers FC-prefixed opcodes behind the others, as wasmvm.lowerings does.
func fc(sub int) int { return 256 + sub }

func add(o op) { ops = append(ops, o) }

var intTypes = []struct {
	name, bits, u, s string
	cmp, bin         int // first wasm opcode of the comparisons and of clz
}{
	{"I32", "32", "uint32", "int32", 0x46, 0x67},
	{"I64", "64", "uint64", "int64", 0x51, 0x79},
}

var floatTypes = []struct {
	name, bits, f, u string
	cmp, un          int
	intPart          string // below this magnitude a value may have a fraction
	itype            string
}{
	{"F32", "32", "float32", "uint32", 0x5B, 0x8B, "0x1p23", "int32"},
	{"F64", "64", "float64", "uint64", 0x61, 0x99, "0x1p52", "int64"},
}

// buildTable makes the table; fused operations are those of the given loop.
func buildTable(l loop) ([]op, error) {
	ops = nil
	control()
	compares()
	for i := range intTypes {
		integers(i)
	}
	for i := range floatTypes {
		floats(i)
	}
	conversions()
	memory()
	vectors()
	err := fuse(l)
	return ops, err
}

// integers adds the arithmetic of one integer type.
func integers(i int) {
	t := intTypes[i]
	bin := func(k int, name, expr string, commutes, imm bool, trap string) {
		wide := func(x string) string {
			if t.bits == "32" {
				return "uint64(" + x + ")"
			}
			return x
		}
		swap := fmt.Sprint(commutes)
		immOp := "0"
		if imm {
			immOp = "ir" + t.name + name + "Imm"
		}
		low := fmt.Sprintf("lowering{kind: lowBin, op: ir%s%s, imm: %s, commutes: %s}", t.name, name, immOp, swap)
		add(op{name: t.name + name, precise: true, fast: true, dst: true, wasm: []int{t.bin + 3 + k}, low: low,
			body: fmt.Sprintf("x, y := {B%s}, {C%s}\n%s{A} = %s\n{next}", t.bits, t.bits, trap, wide(expr))})
		if imm {
			add(op{name: t.name + name + "Imm", fast: true, dst: true,
				body: fmt.Sprintf("x, y := {B%s}, {K%s}\n%s{A} = %s\n{next}", t.bits, t.bits, trap, wide(expr))})
		}
	}
	zero := "if y == 0 {\n{exit int(TrapDivideByZero)}\n}\n"
	min := map[string]string{"32": "1<<31", "64": "1<<63"}[t.bits]
	shift := fmt.Sprintf("(y & %d)", map[string]int{"32": 31, "64": 63}[t.bits])
	un := func(k int, name, expr string) {
		add(op{name: t.name + name, precise: true, fast: true, dst: true, wasm: []int{t.bin + k},
			low:  fmt.Sprintf("lowering{kind: lowUn, op: ir%s%s}", t.name, name),
			body: fmt.Sprintf("x := {B%s}\n{A} = uint64(%s)\n{next}", t.bits, expr)})
	}
	un(0, "Clz", "bits.LeadingZeros"+t.bits+"(x)")
	un(1, "Ctz", "bits.TrailingZeros"+t.bits+"(x)")
	add(op{name: t.name + "Popcnt", precise: true, fast: true, dst: true, wasm: []int{t.bin + 2},
		low: fmt.Sprintf("lowering{kind: lowUn, op: ir%sPopcnt}", t.name), body: popcnt(t.bits)})
	bin(0, "Add", "x + y", true, true, "")
	bin(1, "Sub", "x - y", false, false, "")
	bin(2, "Mul", "x * y", true, true, "")
	bin(3, "DivS", fmt.Sprintf("%s(%s(x) / %s(y))", t.u, t.s, t.s), false, false,
		zero+fmt.Sprintf("if x == %s && y == ^%s(0) {\n{exit int(TrapIntegerOverflow)}\n}\n", min, t.u))
	bin(4, "DivU", "x / y", false, false, zero)
	bin(5, "RemS", fmt.Sprintf("%s(r)", t.u), false, false,
		zero+fmt.Sprintf("var r %s\nif y != ^%s(0) {\nr = %s(x) %% %s(y)\n}\n", t.s, t.u, t.s, t.s))
	bin(6, "RemU", "x % y", false, false, zero)
	bin(7, "And", "x & y", true, true, "")
	bin(8, "Or", "x | y", true, true, "")
	bin(9, "Xor", "x ^ y", true, true, "")
	bin(10, "Shl", "x << "+shift, false, true, "")
	bin(11, "ShrS", fmt.Sprintf("%s(%s(x) >> %s)", t.u, t.s, shift), false, true, "")
	bin(12, "ShrU", "x >> "+shift, false, true, "")
	bin(13, "Rotl", "bits.RotateLeft"+t.bits+"(x, int(y))", false, true, "")
	bin(14, "Rotr", "bits.RotateLeft"+t.bits+"(x, -int(y))", false, true, "")
}

// popcnt counts bits without the instruction for it, which Go calls a function for where it may be missing.
func popcnt(bits string) string {
	if bits == "32" {
		return "x := {B32}\nx -= x >> 1 & 0x55555555\nx = x&0x33333333 + x>>2&0x33333333\nx = (x + x>>4) & 0x0F0F0F0F\n{A} = uint64(x * 0x01010101 >> 24)\n{next}"
	}
	return "x := {B64}\nx -= x >> 1 & 0x5555555555555555\nx = x&0x3333333333333333 + x>>2&0x3333333333333333\nx = (x + x>>4) & 0x0F0F0F0F0F0F0F0F\n{A} = x * 0x0101010101010101 >> 56\n{next}"
}

var intConds = []struct{ name, op, sign string }{
	{"Eq", "==", "u"}, {"Ne", "!=", "u"}, {"LtS", "<", "s"}, {"LtU", "<", "u"}, {"GtS", ">", "s"},
	{"GtU", ">", "u"}, {"LeS", "<=", "s"}, {"LeU", "<=", "u"}, {"GeS", ">=", "s"}, {"GeU", ">=", "u"},
}

var floatConds = []struct{ name, op string }{{"Eq", "=="}, {"Ne", "!="}, {"Lt", "<"}, {"Gt", ">"}, {"Le", "<="}, {"Ge", ">="}}

// compares adds the comparisons. For each type the forms follow one another, each with all conditions in the order of the wasm opcodes, so that the
// lowering gets from one form to another by adding a constant.
func compares() {
	for _, t := range intTypes {
		for _, form := range []string{"", "Imm", "Br", "BrImm", "Loop", "LoopImm"} {
			for k, c := range intConds {
				add(intCompare(t.name, t.bits, t.u, t.s, form, t.cmp+k, c.name, c.op, c.sign))
			}
		}
	}
	for _, t := range floatTypes {
		for _, form := range []string{"", "Br", "BrNot", "Loop", "LoopNot"} {
			for k, c := range floatConds {
				cond := fmt.Sprintf("{Bf%s} %s {Cf%s}", t.bits, c.op, t.bits)
				o := op{name: t.name + c.name + form, fast: true}
				switch form {
				case "":
					o.precise, o.dst, o.wasm = true, true, []int{t.cmp + k}
					o.low = fmt.Sprintf("lowering{kind: lowFloatCmp, op: ir%s%s}", t.name, c.name)
					o.body = "var r uint64\nif " + cond + " {\nr = 1\n}\n{A} = r\n{next}"
				case "Br":
					o.body = "if " + cond + " {\n{take}\n}\n{next}"
				case "BrNot":
					o.body = "if !(" + cond + ") {\n{take}\n}\n{next}"
				case "Loop":
					o.body = "if " + cond + " {\n{takeL}\n}\n{next}"
				case "LoopNot":
					o.body = "if !(" + cond + ") {\n{takeL}\n}\n{next}"
				}
				add(o)
			}
		}
	}
}

func intCompare(tn, bits, u, s, form string, wasm int, name, cmp, sign string) op {
	typ := map[string]string{"u": u, "s": s}[sign]
	conv := func(x string) string {
		if sign == "u" {
			return x
		}
		return s + "(" + x + ")"
	}
	o := op{name: tn + name + form, fast: true}
	imm := "{BC}" // sign-extended
	if bits == "64" {
		imm = "int64({BC})"
	}
	value := "var r uint64\nif %s %s %s {\nr = 1\n}\n{A} = r\n{next}"
	branch := "if %s %s %s {\n{take}\n}\n{next}"
	loop := "if %s %s %s {\n{takeL}\n}\n{next}"
	switch form {
	case "":
		o.precise, o.dst, o.wasm = true, true, []int{wasm}
		o.low = fmt.Sprintf("lowering{kind: lowCmp, op: ir%s%s}", tn, name)
		o.body = fmt.Sprintf(value, conv("{B"+bits+"}"), cmp, conv("{C"+bits+"}"))
	case "Imm":
		o.dst = true
		o.precise = name == "Eq" // eqz
		o.body = fmt.Sprintf(value, conv("{B"+bits+"}"), cmp, conv("{K"+bits+"}"))
	case "Br":
		o.body = fmt.Sprintf(branch, conv("{A"+bits+"}"), cmp, conv("{B"+bits+"}"))
	case "BrImm":
		o.body = fmt.Sprintf(branch, conv("{A"+bits+"}"), cmp, typ+"("+imm+")")
	case "Loop":
		o.body = fmt.Sprintf(loop, conv("{A"+bits+"}"), cmp, conv("{B"+bits+"}"))
	case "LoopImm":
		o.body = fmt.Sprintf(loop, conv("{A"+bits+"}"), cmp, typ+"("+imm+")")
	}
	return o
}

package main

import (
	"fmt"
	"strings"
)

// fd numbers FD-prefixed opcodes behind those with the prefix FC, as wasmvm.lowerings does.
func fd(sub int) int { return 256 + 8 + sub }

// vectors adds the operations on v128 values that are short enough for the loops. A v128 lies in two slots, the lower half in the first. Most integer
// operations work on all lanes of a half at once, with the top bits of the lanes taken out so that nothing carries from lane to lane. An
// operation reads all of its operands before it writes its result: they may overlap.
//
// What is not here is left to the functions of internal/simd, by the operation Vector: a and b, c as usual, d = the opcode behind the prefix, e = the
// index of a constant.
func vectors() {
	add(op{name: "Vector", precise: true, fast: true, dst: true, body: "{exit exitVector}"})
	add(op{name: "VConst", precise: true, fast: true, dst: true, body: "p := unsafe.Add(v.consts, uintptr(uint32(in.d))*16)\nx0, x1 := *(*uint64)(p), *(*uint64)(unsafe.Add(p, 8))\n{setWide x}\n{next}"})
	add(op{name: "VHalves", precise: true, fast: true, dst: true, body: "x0, x1 := {B}, {C}\n{setWide x}\n{next}"}) // b and c name halves
	// The constant holds the places of the lanes in the frame, in bytes.
	lane := "uint64(*(*uint32)(unsafe.Add(fp, *(*uint32)(unsafe.Add(p, %d)))))"
	add(op{name: "VShuffle32", precise: true, fast: true, dst: true, body: fmt.Sprintf("p := unsafe.Add(v.consts, uintptr(uint32(in.d))*16)\nx0, x1 := "+lane+" | "+lane+"<<32, "+lane+" | "+lane+"<<32\n{setWide x}\n{next}", 0, 4, 8, 12)})
	for _, t := range laneTypes {
		laneArithmetic(t)
		laneCompares(t)
		laneMoves(t)
	}
	widenings()
	bitwise()
	for _, t := range floatLanes {
		floatVectors(t)
	}
	floatConversions()
	vectorMemory()
}

// vector adds an operation on vectors. Its template is written for one half, with names that begin with $, and is expanded for both; the operands are
// $x and $y, the result is $r.
func vector(name string, sub int, operands, half string) {
	vectorOp(name, fmt.Sprintf("lowering{kind: lowVector, op: ir%s}", name), "", sub, loadOperands(operands)+both(half)+"{A} = r0\n{A+1} = r1\n{next}")
}

func vectorOp(name, low, nan string, sub int, body string) {
	add(op{name: name, precise: true, fast: true, dst: true, wasm: []int{fd(sub)}, low: low, nan: nan, body: body})
}

// loadOperands declares the operands: x, x y, or x n (a shift count).
func loadOperands(operands string) string {
	b := "{wide x B}\n"
	switch {
	case strings.Contains(operands, "y"):
		b += "{wide y C}\n"
	case strings.Contains(operands, "n"):
		b += "n := {C32}\n"
	}
	return b
}

// both is a template for both halves.
func both(half string) string {
	return strings.NewReplacer(halfNames("0")...).Replace(half) + strings.NewReplacer(halfNames("1")...).Replace(half)
}

func halfNames(i string) []string {
	var names []string
	for _, n := range []string{"x", "y", "r", "s", "d", "m", "z", "a", "b"} {
		names = append(names, "$"+n, n+i)
	}
	return names
}

// laneType is a type of integer lanes.
type laneType struct {
	name string
	bits int
	cmp  int // first opcode of the comparisons
	un   int // opcode of abs
}

var laneTypes = []laneType{{"I8x16", 8, 0x23, 0x60}, {"I16x8", 16, 0x2D, 0x80}, {"I32x4", 32, 0x37, 0xA0}, {"I64x2", 64, 0xD6, 0xC0}}

// fill expands a template for a lane type: TOP and LOW are masks of the top bits and of the others, ONE the lowest bits, SH is the width less one, MAX the
// largest value of a lane. {full m} fills the lanes whose top bits are set in m.
func (t laneType) fill(text string) string {
	one := uint64(0)
	for i := 0; i < 64; i += t.bits {
		one |= 1 << i
	}
	top := one << (t.bits - 1)
	for {
		at := strings.Index(text, "FULL(")
		if at < 0 {
			break
		}
		end := at + strings.IndexByte(text[at:], ')')
		m := text[at+5 : end]
		text = fmt.Sprintf("%s(%s<<1 - %s>>SH)%s", text[:at], m, m, text[end+1:])
	}
	return strings.NewReplacer("TOP", fmt.Sprintf("%#x", top), "LOW", fmt.Sprintf("%#x", ^top), "ONE", fmt.Sprintf("%#x", one),
		"SH", fmt.Sprint(t.bits-1), "MAX", fmt.Sprintf("%#x", uint64(1)<<t.bits-1)).Replace(text)
}

// The sums and differences of lanes, and the bits that tell which lanes differ or are less.
const (
	laneAdd = "$s := ($x&LOW + $y&LOW) ^ ($x^$y)&TOP\n"
	laneSub = "$s := ($x|TOP - $y&LOW) ^ ^($x^$y)&TOP\n"
	laneNe  = "$z := $x ^ $y\n$m := ($z&LOW + LOW | $z) & TOP\n"
	laneLtS = "$d := $x|TOP - $y&LOW\n$m := ($x&^$y | ^($x^$y)&^$d) & TOP\n"
	laneLtU = "$d := $x|TOP - $y&LOW\n$m := (^$x&$y | ^($x^$y)&^$d) & TOP\n"
	// The bound of the side that x is on.
	laneBound = "$b := $x&TOP>>SH + LOW\n$r := $s ^ ($s^$b)&FULL($m)\n"
)

// laneArithmetic adds sums, products, extremes and shifts.
func laneArithmetic(t laneType) {
	bin := func(name string, sub int, half string) { vector(t.name+name, sub, "xy", t.fill(half)) }
	un := func(name string, sub int, half string) { vector(t.name+name, sub, "x", t.fill(half)) }
	base := t.un
	if t.bits == 64 {
		un("Abs", base, "$r := $x\nif int64($x) < 0 {\n$r = -$x\n}\n")
		un("Neg", base+1, "$r := -$x\n")
		bin("Add", base+0xE, "$r := $x + $y\n")
		bin("Sub", base+0x11, "$r := $x - $y\n")
		bin("Mul", base+0x15, "$r := $x * $y\n")
		shift := func(name string, sub int, expr string) { vector(t.name+name, sub, "xn", "$r := "+expr+"\n") }
		shift("Shl", base+0xB, "$x << (n & 63)")
		shift("ShrS", base+0xC, "uint64(int64($x) >> (n & 63))")
		shift("ShrU", base+0xD, "$x >> (n & 63)")
		return
	}
	un("Abs", base, "$m := $x & TOP\n$r := $x ^ FULL($m) + $m>>SH\n")
	un("Neg", base+1, "$r := (TOP - $x&LOW) ^ ^$x&TOP\n")
	bin("Add", base+0xE, laneAdd+"$r := $s\n")
	bin("Sub", base+0x11, laneSub+"$r := $s\n")
	for i, c := range []string{laneLtS, laneLtU} {
		sign := []string{"S", "U"}[i]
		bin("Min"+sign, base+0x16+i, c+"$r := $y ^ ($x^$y)&FULL($m)\n")
		bin("Max"+sign, base+0x18+i, c+"$r := $x ^ ($x^$y)&FULL($m)\n")
	}
	shift := func(name string, sub int, half string) {
		body := "{wide x B}\nn := {C32} & SH\nk := ONE * (uint64(MAX) >> n)\n" + both(half) + "{A} = r0\n{A+1} = r1\n{next}"
		vectorOp(t.name+name, fmt.Sprintf("lowering{kind: lowVector, op: ir%s%s}", t.name, name), "", sub, t.fill(body))
	}
	shift("Shl", base+0xB, "$r := $x & k << n\n")
	shift("ShrS", base+0xC, "$m := $x & TOP\n$r := $x>>n&k | FULL($m)&^k\n")
	shift("ShrU", base+0xD, "$r := $x >> n & k\n")
	switch t.bits {
	case 8:
		un("Popcnt", 0x62, "$s := $x - $x>>1&0x5555555555555555\n$s = $s&0x3333333333333333 + $s>>2&0x3333333333333333\n$r := ($s + $s>>4) & 0x0F0F0F0F0F0F0F0F\n")
	case 16:
		bin("Mul", 0x95, "$r := uint64(uint16($x)*uint16($y)) | uint64(uint16($x>>16)*uint16($y>>16))<<16 | uint64(uint16($x>>32)*uint16($y>>32))<<32 | uint64(uint16($x>>48)*uint16($y>>48))<<48\n")
	case 32:
		bin("Mul", 0xB5, "$r := uint64(uint32($x)*uint32($y)) | ($x>>32)*($y>>32)<<32\n")
		bin("Dot", 0xBA, "$a := int32(int16($x))*int32(int16($y)) + int32(int16($x>>16))*int32(int16($y>>16))\n"+
			"$b := int32(int16($x>>32))*int32(int16($y>>32)) + int32(int16($x>>48))*int32(int16($y>>48))\n$r := uint64(uint32($a)) | uint64(uint32($b))<<32\n")
		return
	}
	bin("AddSatS", base+0xF, laneAdd+"$m := ^($x ^ $y) & ($x ^ $s) & TOP\n"+laneBound)
	bin("AddSatU", base+0x10, laneAdd+"$m := ($x&$y | ($x|$y)&^$s) & TOP\n$r := $s | FULL($m)\n")
	bin("SubSatS", base+0x12, laneSub+"$m := ($x ^ $y) & ($x ^ $s) & TOP\n"+laneBound)
	bin("SubSatU", base+0x13, laneSub+"$m := (^$x&$y | ^($x^$y)&$s) & TOP\n$r := $s &^ FULL($m)\n")
	bin("AvgrU", base+0x1B, "$r := ($x | $y) - ($x^$y)&^ONE>>1\n")
}

// laneCompares adds the comparisons of lanes, and the questions about all lanes.
func laneCompares(t laneType) {
	bin := func(name string, sub int, half string) { vector(t.name+name, sub, "xy", t.fill(half)) }
	if t.bits == 64 {
		for i, c := range []struct{ name, expr string }{{"Eq", "$x == $y"}, {"Ne", "$x != $y"}, {"LtS", "int64($x) < int64($y)"},
			{"GtS", "int64($x) > int64($y)"}, {"LeS", "int64($x) <= int64($y)"}, {"GeS", "int64($x) >= int64($y)"}} {
			bin(c.name, t.cmp+i, "var $r uint64\nif "+c.expr+" {\n$r = 1<<64 - 1\n}\n")
		}
	} else {
		swap := strings.NewReplacer("$x", "$y", "$y", "$x")
		bin("Eq", t.cmp, laneNe+"$r := ^FULL($m)\n")
		bin("Ne", t.cmp+1, laneNe+"$r := FULL($m)\n")
		for i, c := range []string{laneLtS, laneLtU} {
			sign := []string{"S", "U"}[i]
			bin("Lt"+sign, t.cmp+2+i, c+"$r := FULL($m)\n")
			bin("Gt"+sign, t.cmp+4+i, swap.Replace(c)+"$r := FULL($m)\n")
			bin("Le"+sign, t.cmp+6+i, swap.Replace(c)+"$r := ^FULL($m)\n")
			bin("Ge"+sign, t.cmp+8+i, c+"$r := ^FULL($m)\n")
		}
	}
	test := func(name string, sub int, cond string) {
		vectorOp(t.name+name, fmt.Sprintf("lowering{kind: lowVector, op: ir%s%s}", t.name, name), "", sub, "{wide x B}\nvar r uint64\nif "+t.fill(cond)+" {\nr = 1\n}\n{A} = r\n{next}")
	}
	mask := func(expr string) {
		vectorOp(t.name+"Bitmask", fmt.Sprintf("lowering{kind: lowVector, op: ir%sBitmask}", t.name), "", t.un+4, "{wide x B}\n{A} = "+expr+"\n{next}")
	}
	switch t.bits {
	case 64:
		test("AllTrue", t.un+3, "x0 != 0 && x1 != 0")
		mask("x0>>63 | x1>>63<<1")
		return
	case 32:
		mask("x0>>31&1 | x0>>63<<1 | x1>>31&1<<2 | x1>>63<<3")
	case 16: // the factor moves the bit of each lane to its place in the highest lane
		mask("x0>>15&0x1000100010001*0x1000200040008>>48 | x1>>15&0x1000100010001*0x1000200040008>>48<<4")
	case 8:
		mask("x0>>7&0x101010101010101*0x102040810204080>>56 | x1>>7&0x101010101010101*0x102040810204080>>56<<8")
	}
	test("AllTrue", t.un+3, "(x0&LOW+LOW|x0)&(x1&LOW+LOW|x1)&TOP == TOP")
}

// laneMoves adds splats and what reads and writes single lanes, of the float types too. Field e is the lane's offset in the vector in bytes.
func laneMoves(t laneType) {
	i := map[int]int{8: 0, 16: 1, 32: 2, 64: 3}[t.bits]
	splat := t.fill("ONE * ({B} & MAX)")
	if t.bits == 64 {
		splat = "{B}"
	}
	low := func(name string) string {
		return fmt.Sprintf("lowering{kind: lowVector, op: ir%s%s, lane: %d}", t.name, name, t.bits/8)
	}
	both := func(name string, sub, float int, body string) {
		o := op{name: t.name + name, precise: true, fast: true, dst: true, wasm: []int{fd(sub)}, low: low(name), body: body}
		if t.bits >= 32 {
			o.wasm = append(o.wasm, fd(float))
		}
		add(o)
	}
	both("Splat", 0x0F+i, 0x13+i-2, "x := "+splat+"\n{A} = x\n{A+1} = x\n{next}")
	signed := func(name string, sub int) {
		o := t.bits
		vectorOp(t.name+name, low(name), "", sub, fmt.Sprintf("{A} = uint64(uint32(int32(*(*int%d)({laneOf B}))))\n{next}", o))
	}
	unsigned := fmt.Sprintf("{A} = uint64(*(*uint%d)({laneOf B}))\n{next}", t.bits)
	replace := fmt.Sprintf("l := uint%d({C})\n{wide x B}\n{setWide x}\n*(*uint%d)({laneOf A}) = l\n{next}", t.bits, t.bits)
	switch t.bits {
	case 8, 16:
		signed("ExtractS", 0x15+3*i)
		vectorOp(t.name+"ExtractU", low("ExtractU"), "", 0x16+3*i, unsigned)
		vectorOp(t.name+"Replace", low("Replace"), "", 0x17+3*i, replace)
	default:
		both("Extract", 0x1B+2*(i-2), 0x1F+2*(i-2), unsigned)
		both("Replace", 0x1C+2*(i-2), 0x20+2*(i-2), replace)
	}
}

// widenings adds the operations that make lanes twice as wide.
func widenings() {
	for i, t := range laneTypes[1:] {
		for k, part := range []string{"LowS", "HighS", "LowU", "HighU"} {
			half := "{B}"
			if part[0] == 'H' {
				half = "{B+1}"
			}
			w := widen(t.bits, strings.HasSuffix(part, "S"))
			body := "h := " + half + "\n" + strings.ReplaceAll(strings.ReplaceAll(w, "$h", "h&0xFFFFFFFF"), "$r", "r0") +
				strings.ReplaceAll(strings.ReplaceAll(w, "$h", "h>>32"), "$r", "r1") + "{A} = r0\n{A+1} = r1\n{next}"
			name := t.name + "Extend" + part
			vectorOp(name, fmt.Sprintf("lowering{kind: lowVector, op: ir%s}", name), "", 0x87+0x20*i+k, body)
		}
	}
}

// widen is a template that spreads the lanes in the 32 bits of $h over 64 bits, into lanes of the given width.
func widen(bits int, signed bool) string {
	var w, fill string
	switch bits {
	case 16:
		w = "$r := $h\n$r = ($r | $r<<16) & 0x0000FFFF0000FFFF\n$r = ($r | $r<<8) & 0x00FF00FF00FF00FF\n"
		fill = "$r |= $r & 0x0080008000800080 * 0x1FE\n"
	case 32:
		w = "$r := $h\n$r = ($r | $r<<16) & 0x0000FFFF0000FFFF\n"
		fill = "$r |= $r & 0x0000800000008000 * 0x1FFFE\n"
	default:
		w = "$r := $h\n"
		fill = "$r = uint64(int64(int32($r)))\n"
	}
	if signed {
		return w + fill
	}
	return w
}

// bitwise adds what does not know lanes.
func bitwise() {
	vector("VNot", 0x4D, "x", "$r := ^$x\n")
	vector("VAnd", 0x4E, "xy", "$r := $x & $y\n")
	vector("VAndNot", 0x4F, "xy", "$r := $x &^ $y\n")
	vector("VOr", 0x50, "xy", "$r := $x | $y\n")
	vector("VXor", 0x51, "xy", "$r := $x ^ $y\n")
	vectorOp("VBitselect", "lowering{kind: lowVector, op: irVBitselect}", "", 0x52,
		"{wide x B}\n{wide y C}\nm0, m1 := {slot64 in.d}, {slot64 in.d+1}\n"+both("$r := $y ^ ($x^$y)&$m\n")+"{A} = r0\n{A+1} = r1\n{next}")
	vectorOp("VAnyTrue", "lowering{kind: lowVector, op: irVAnyTrue}", "", 0x53, "var r uint64\nif {B}|{B+1} != 0 {\nr = 1\n}\n{A} = r\n{next}")
}

package main

import (
	"fmt"
	"strings"
)

// floatLane is a type of float lanes. x and y in a template of it are lanes of a half as floats, X and Y the same as bits.
type floatLane struct {
	name, bits string
	un         int // opcode of abs
	cmp        int
}

var floatLanes = []floatLane{{"F32x4", "32", 0xE0, 0x41}, {"F64x2", "64", 0xEC, 0x47}}

// lane is lane k of a half as a float.
func (t floatLane) lane(half string, k int) string {
	if t.bits == "64" {
		return "math.Float64frombits(" + half + ")"
	}
	return fmt.Sprintf("math.Float32frombits(uint32(%s))", t.shifted(half, k))
}

func (t floatLane) shifted(half string, k int) string {
	if k == 1 {
		return half + ">>32"
	}
	return half
}

// lanes of a half.
func (t floatLane) lanes() int { return map[string]int{"32": 2, "64": 1}[t.bits] }

// floatVectors adds the arithmetic and comparisons of one float type. A NaN among the results leaves the loop, as it does for scalars; the operation
// is then done by a function of internal/simd, which knows the rules for NaNs.
func floatVectors(t floatLane) {
	signs := map[string]string{"32": "0x8000000080000000", "64": "0x8000000000000000"}[t.bits]
	vector(t.name+"Abs", t.un, "x", "$r := $x &^ "+signs+"\n")
	vector(t.name+"Neg", t.un+1, "x", "$r := $x ^ "+signs+"\n")
	for i, c := range floatConds {
		t.select2(c.name, t.cmp+i, c.op, false)
	}
	for i, c := range []struct{ name, op string }{{"Add", "+"}, {"Sub", "-"}, {"Mul", "*"}, {"Div", "/"}} {
		t.arithmetic(c.name, t.un+4+i, "xy", "%s "+c.op+" %s")
	}
	sqrt := "math.Sqrt(%s)"
	if t.bits == "32" {
		sqrt = "float32(math.Sqrt(float64(%s)))"
	}
	t.arithmetic("Sqrt", t.un+3, "x", sqrt)
	// pmin and pmax choose the second operand only if it is less or greater, so NaNs pass or not as the bits they are.
	t.select2("Pmin", t.un+10, "y < x", true)
	t.select2("Pmax", t.un+11, "x < y", true)
}

// arithmetic adds an operation that may make NaNs.
func (t floatLane) arithmetic(name string, sub int, operands, expr string) {
	b := loadOperands(operands)
	var nan []string
	for half := range 2 {
		for k := range t.lanes() {
			r := fmt.Sprintf("f%d", 2*half+k)
			args := []any{t.lane(fmt.Sprintf("x%d", half), k)}
			if operands == "xy" {
				args = append(args, t.lane(fmt.Sprintf("y%d", half), k))
			}
			b += r + " := " + fmt.Sprintf(expr, args...) + "\n"
			nan = append(nan, r+" != "+r)
		}
	}
	b += "if " + strings.Join(nan, " || ") + " {\n{exit exitNaN}\n}\n"
	if t.bits == "64" {
		b += "{A} = math.Float64bits(f0)\n{A+1} = math.Float64bits(f2)\n{next}"
	} else {
		b += "{A} = uint64(math.Float32bits(f0)) | uint64(math.Float32bits(f1))<<32\n{A+1} = uint64(math.Float32bits(f2)) | uint64(math.Float32bits(f3))<<32\n{next}"
	}
	vectorOp(t.name+name, fmt.Sprintf("lowering{kind: lowVector, op: ir%s%s}", t.name, name), "nanVector", sub, b)
}

// select2 adds a comparison, or what chooses the lanes of the second operand for which it holds.
func (t floatLane) select2(name string, sub int, cond string, choose bool) {
	half := "$r := uint64(0)\n"
	if choose {
		half = "$r := $x\n"
	}
	for k := range t.lanes() {
		x, y := t.lane("$x", k), t.lane("$y", k)
		c := x + " " + cond + " " + y
		if choose {
			c = strings.NewReplacer("x", x, "y", y).Replace(cond)
		}
		lane := "uint64(1<<64 - 1)"
		if t.bits == "32" {
			lane = fmt.Sprintf("uint64(0xFFFFFFFF << %d)", 32*k)
		}
		change := "$r |= " + lane
		if choose {
			change = "$r ^= ($x ^ $y) & " + lane
		}
		half += "if " + c + " {\n" + change + "\n}\n"
	}
	vector(t.name+name, sub, "xy", half)
}

// floatConversions adds the conversions that make no NaN and need no bounds.
func floatConversions() {
	for i, sign := range []string{"int32", "uint32"} {
		name := "ConvertS"
		if i == 1 {
			name = "ConvertU"
		}
		vector("F32x4"+name, 0xFA+i, "x", fmt.Sprintf("$r := uint64(math.Float32bits(float32(%s($x)))) | uint64(math.Float32bits(float32(%s($x>>32))))<<32\n", sign, sign))
		name = "F64x2" + name
		vectorOp(name, fmt.Sprintf("lowering{kind: lowVector, op: ir%s}", name), "", 0xFE+i,
			fmt.Sprintf("x := {B}\n{A} = math.Float64bits(float64(%s(x)))\n{A+1} = math.Float64bits(float64(%s(x>>32)))\n{next}", sign, sign))
	}
}

package main

import "fmt"

// floats adds the arithmetic of one float type. A NaN result leaves the loop: which NaN it is depends on the rule of the recording.
func floats(i int) {
	t := floatTypes[i]
	store := func(r string) string {
		if t.bits == "32" {
			return "{A} = uint64(math.Float32bits(" + r + "))\n{next}"
		}
		return "{Af64} = " + r + "\n{next}"
	}
	bitsOf := "math.Float" + t.bits + "bits"
	from := "math.Float" + t.bits + "frombits"
	sign := map[string]string{"32": "1<<31", "64": "1<<63"}[t.bits]
	slow := "{exit exitNaN}"
	raw := func(k int, name, body string) {
		add(op{name: t.name + name, precise: true, fast: true, dst: true, wasm: []int{t.un + k},
			low: fmt.Sprintf("lowering{kind: lowUn, op: ir%s%s}", t.name, name), body: body})
	}
	raw(0, "Abs", fmt.Sprintf("{A} = uint64({B%s} &^ (%s))\n{next}", t.bits, sign))
	raw(1, "Neg", fmt.Sprintf("{A} = uint64({B%s} ^ %s)\n{next}", t.bits, sign))
	un := func(k int, name, body string) {
		add(op{name: t.name + name, precise: true, fast: true, dst: true, wasm: []int{t.un + k}, nan: "nanUnary" + t.bits,
			low:  fmt.Sprintf("lowering{kind: lowUn, op: ir%s%s}", t.name, name),
			body: fmt.Sprintf("x := {Bf%s}\n%s\n%s", t.bits, body, store("r"))})
	}
	// Rounding goes through the integers: Go calls functions for the instructions that some processors lack.
	rounded := func(adjust string) string {
		return fmt.Sprintf("r := x\nif !(x <= -%[1]s || x >= %[1]s) {\nif x != x {\n%[2]s\n}\nt := %[3]s(%[4]s(x))\n%[5]sr = %[6]s(%[7]s(t) | %[7]s(x)&(%[8]s))\n}",
			t.intPart, slow, t.f, t.itype, adjust, from, bitsOf, sign)
	}
	un(2, "Ceil", rounded("if t < x {\nt++\n}\n"))
	un(3, "Floor", rounded("if t > x {\nt--\n}\n"))
	un(4, "Trunc", rounded(""))
	un(5, "Nearest", fmt.Sprintf("r := x\nif !(x <= -%[1]s || x >= %[1]s) {\nif x != x {\n%[2]s\n}\na := %[3]s(%[4]s(x) &^ (%[5]s))\na = a + %[1]s\na = a - %[1]s\nr = %[3]s(%[4]s(a) | %[4]s(x)&(%[5]s))\n}",
		t.intPart, slow, from, bitsOf, sign))
	sqrt := "r := math.Sqrt(x)"
	if t.bits == "32" {
		sqrt = "r := float32(math.Sqrt(float64(x)))"
	}
	un(6, "Sqrt", sqrt+"\nif r != r {\n"+slow+"\n}")
	bin := func(k int, name, body string) {
		add(op{name: t.name + name, precise: true, fast: true, dst: true, wasm: []int{t.un + k}, nan: "nanBinary" + t.bits,
			low:  fmt.Sprintf("lowering{kind: lowBin, op: ir%s%s}", t.name, name),
			body: fmt.Sprintf("x, y := {Bf%s}, {Cf%s}\n%s\n%s", t.bits, t.bits, body, store("r"))})
	}
	for k, c := range []struct{ name, op string }{{"Add", "+"}, {"Sub", "-"}, {"Mul", "*"}, {"Div", "/"}} {
		bin(7+k, c.name, fmt.Sprintf("r := x %s y\nif r != r {\n%s\n}", c.op, slow))
	}
	pick := func(cmp, zero string) string {
		return fmt.Sprintf("r := x\nif y %s x {\nr = y\n} else if x == y {\nr = %s(%s(x) %s %s(y))\n} else if !(x %s y) {\n%s\n}", cmp, from, bitsOf, zero, bitsOf, cmp, slow)
	}
	bin(11, "Min", pick("<", "|"))
	bin(12, "Max", pick(">", "&"))
	if t.bits == "64" {
		mulAdds(slow)
	}
	add(op{name: t.name + "Copysign", precise: true, fast: true, dst: true, wasm: []int{t.un + 13},
		low:  fmt.Sprintf("lowering{kind: lowBin, op: ir%sCopysign}", t.name),
		body: fmt.Sprintf("{A} = uint64({B%[1]s}&^(%[2]s) | {C%[1]s}&(%[2]s))\n{next}", t.bits, sign)})
}

// mulAdds adds products that are added or subtracted at once, d being the other operand's slot. The conversion keeps Go from fusing the two roundings.
func mulAdds(slow string) {
	for _, o := range []struct{ name, expr, nan string }{
		{"F64AddMul", "z + float64(x*y)", "nanAddMul"},
		{"F64SubMul", "z - float64(x*y)", "nanAddMul"},
		{"F64MulAdd", "float64(x*y) + z", "nanMulAdd"},
		{"F64MulSub", "float64(x*y) - z", "nanMulAdd"},
	} {
		add(op{name: o.name, fast: true, dst: true, nan: o.nan,
			body: "x, y, z := {Bf64}, {Cf64}, {slotf64 in.d}\nr := " + o.expr + "\nif r != r {\n" + slow + "\n}\n{Af64} = r\n{next}"})
	}
}

func conversions() {
	un := func(name, body string, nan string, wasm ...int) {
		add(op{name: name, precise: true, fast: true, dst: true, wasm: wasm, nan: nan,
			low: fmt.Sprintf("lowering{kind: lowUn, op: ir%s}", name), body: body + "\n{next}"})
	}
	un("I32Wrap", "{A} = uint64({B32})", "", 0xA7)
	un("I64ExtendI32S", "{A} = uint64(int64(int32({B32})))", "", 0xAC, 0xC4)
	un("I32Extend8S", "{A} = uint64(uint32(int32(int8({B32}))))", "", 0xC0)
	un("I32Extend16S", "{A} = uint64(uint32(int32(int16({B32}))))", "", 0xC1)
	un("I64Extend8S", "{A} = uint64(int64(int8({B32})))", "", 0xC2)
	un("I64Extend16S", "{A} = uint64(int64(int16({B32})))", "", 0xC3)
	for i, f := range []string{"32", "64"} {
		un("F"+f+"ConvertI32S", storeFloat(f, "float"+f+"(int32({B32}))"), "", 0xB2+5*i)
		un("F"+f+"ConvertI32U", storeFloat(f, "float"+f+"({B32})"), "", 0xB3+5*i)
		un("F"+f+"ConvertI64S", storeFloat(f, "float"+f+"(int64({B64}))"), "", 0xB4+5*i)
		un("F"+f+"ConvertI64U", storeFloat(f, "float"+f+"({B64})"), "", 0xB5+5*i)
	}
	un("F32Demote", "x := {Bf64}\nif x != x {\n{exit exitNaN}\n}\n"+storeFloat("32", "float32(x)"), "nanDemote", 0xB6)
	un("F64Promote", "x := {Bf32}\nif x != x {\n{exit exitNaN}\n}\n"+storeFloat("64", "float64(x)"), "nanPromote", 0xBB)
	truncations(un)
}

func storeFloat(bits, expr string) string {
	if bits == "32" {
		return "{A} = uint64(math.Float32bits(" + expr + "))"
	}
	return "{Af64} = " + expr
}

// truncations adds the conversions from float to integer: the trapping ones and the saturating ones.
func truncations(un func(name, body, nan string, wasm ...int)) {
	for i, it := range []struct {
		name, lo, hi string // exclusive bounds
		conv         string
		min, max     string
	}{
		{"I32%sF%sS", "-2147483649.0", "2147483648.0", "uint64(uint32(int32(x)))", "1 << 31", "1<<31 - 1"},
		{"I32%sF%sU", "-1.0", "4294967296.0", "uint64(uint32(int64(x)))", "0", "1<<32 - 1"},
		{"I64%sF%sS", "-0x1.0000000000001p63", "0x1p63", "uint64(int64(x))", "1 << 63", "1<<63 - 1"},
		{"I64%sF%sU", "-1.0", "0x1p64", "truncU64", "0", "1<<64 - 1"},
	} {
		for j, f := range []string{"32", "64"} {
			x := "x := {Bf64}\n"
			if f == "32" {
				x = "x := float64({Bf32})\n"
			}
			conv := "r := " + it.conv + "\n"
			if it.conv == "truncU64" {
				conv = "var r uint64\nif x < 0x1p63 {\nr = uint64(int64(x))\n} else {\nr = uint64(int64(x-0x1p63)) ^ 1<<63\n}\n"
			}
			wasm := []int{0xA8, 0xA8 + 1, 0xAE, 0xAE + 1}[i] + 2*j
			sat := fc([]int{0, 1, 4, 5}[i] + 2*j)
			trap := fmt.Sprintf("if !(x > %s && x < %s) {\nif x != x {\n{exit int(TrapInvalidConversion)}\n}\n{exit int(TrapIntegerOverflow)}\n}\n", it.lo, it.hi)
			un(fmt.Sprintf(it.name, "Trunc", f), x+trap+conv+"{A} = r", "", wasm)
			clamp := fmt.Sprintf("var v uint64\nif x > %s && x < %s {\n%sv = r\n} else if x >= %s {\nv = %s\n} else if x <= %s {\nv = %s\n}\n{A} = v",
				it.lo, it.hi, conv, it.hi, it.max, it.lo, it.min)
			un(fmt.Sprintf(it.name, "TruncSat", f), x+clamp, "", sat)
		}
	}
}

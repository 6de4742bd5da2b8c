package main

import "fmt"

// memory adds loads and stores. The fast loop has four ways to name the address: a slot plus offset; two slots, added as i32, plus offset (X); a constant (K);
// a slot with a constant added as i32, plus offset (P); like X, but the second slot is shifted left first (S). A store may also have a constant value (I).
func memory() {
	loads := []struct {
		name, read string
		size       int
		wasm       []int
	}{
		{"Load8U", "uint64(*(*uint8)(p))", 1, []int{0x2D, 0x31}},
		{"Load16U", "uint64(*(*uint16)(p))", 2, []int{0x2F, 0x33}},
		{"Load32", "uint64(*(*uint32)(p))", 4, []int{0x28, 0x2A, 0x35}},
		{"Load64", "*(*uint64)(p)", 8, []int{0x29, 0x2B}},
		{"I32Load8S", "uint64(uint32(int32(*(*int8)(p))))", 1, []int{0x2C}},
		{"I32Load16S", "uint64(uint32(int32(*(*int16)(p))))", 2, []int{0x2E}},
		{"I64Load8S", "uint64(int64(*(*int8)(p)))", 1, []int{0x30}},
		{"I64Load16S", "uint64(int64(*(*int16)(p)))", 2, []int{0x32}},
		{"I64Load32S", "uint64(int64(*(*int32)(p)))", 4, []int{0x34}},
	}
	for _, l := range loads {
		for _, form := range []string{"", "X", "K", "P", "S"} {
			o := op{name: l.name + form, fast: true, dst: true, read: l.read, access: fmt.Sprintf("access{size: %d, load: true, form: '%s'}", l.size, orSpace(form))}
			if form == "" {
				o.precise, o.wasm = true, l.wasm
				o.low = fmt.Sprintf("lowering{kind: lowLoad, op: ir%s}", l.name)
			}
			o.body = fmt.Sprintf("%s\nif ea+%d > msize {\n{exit int(TrapMemory)}\n}\n{watchRead %d}p := unsafe.Add(mem, ea)\n{A} = %s\n{next}", address(form, "B", "in.c", "in.e"), l.size, l.size, l.read)
			add(o)
		}
	}
	stores := []struct {
		name, typ, val, imm string
		size                int
		wasm                []int
	}{
		{"Store8", "uint8", "uint8({A32})", "uint8(in.e)", 1, []int{0x3A, 0x3C}},
		{"Store16", "uint16", "uint16({A32})", "uint16(in.e)", 2, []int{0x3B, 0x3D}},
		{"Store32", "uint32", "{A32}", "uint32(in.e)", 4, []int{0x36, 0x38, 0x3E}},
		{"Store64", "uint64", "{A}", "uint64(int64(in.e))", 8, []int{0x37, 0x39}},
	}
	for _, s := range stores {
		for _, form := range []string{"", "X", "K", "P", "S", "I"} {
			o := op{name: s.name + form, fast: true, access: fmt.Sprintf("access{size: %d, form: '%s'}", s.size, orSpace(form))}
			val := s.val
			if form == "" {
				o.precise, o.wasm = true, s.wasm
				o.low = fmt.Sprintf("lowering{kind: lowStore, op: ir%s}", s.name)
			}
			if form == "I" {
				val = s.imm
			}
			o.body = fmt.Sprintf("%s\nif ea+%d > msize {\n{exit int(TrapMemory)}\n}\n{dirty %d}*(*%s)(unsafe.Add(mem, ea)) = %s\n{next}", address(form, "B", "in.c", "in.e"), s.size, s.size, s.typ, val)
			add(o)
		}
	}
}

func orSpace(form string) string {
	if form == "" {
		return " "
	}
	return form
}

func address(form, base, index, plus string) string {
	switch form {
	case "X":
		return "ea := uint64({" + base + "32}+{C32}) + uint64(uint32(in.d))"
	case "S":
		return "ea := uint64({" + base + "32}+{C32}<<(uint32(in.e)&31)) + uint64(uint32(in.d))"
	case "K":
		return "ea := uint64(uint32(in.d))"
	case "P":
		return "ea := uint64({" + base + "32}+uint32(" + plus + ")) + uint64(uint32(in.d))"
	}
	return "ea := uint64({" + base + "32}) + uint64(uint32(in.d))"
}

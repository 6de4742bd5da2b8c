package main

import (
	"fmt"
	"strings"
)

// vectorMemory adds the loads and stores of vectors. Those of whole vectors have the same ways to name the address as those of scalars, the others one.
func vectorMemory() {
	for _, form := range []string{"", "X", "K", "P", "S"} {
		o := op{name: "VLoad" + form, fast: true, dst: true, access: fmt.Sprintf("access{size: 16, load: true, vector: true, form: '%s'}", orSpace(form))}
		if form == "" {
			o.precise, o.wasm, o.low = true, []int{fd(0)}, "lowering{kind: lowVectorLoad, op: irVLoad}"
		}
		o.readWide = "x0, x1 := *(*uint64)(p), *(*uint64)(unsafe.Add(p, 8))\n{setWide x}"
		o.body = wideLoad(form, 16, o.readWide)
		add(o)
	}
	for _, form := range []string{"", "X", "K", "P", "S"} {
		o := op{name: "VStore" + form, fast: true, access: fmt.Sprintf("access{size: 16, form: '%s'}", orSpace(form))}
		if form == "" {
			o.precise, o.wasm, o.low = true, []int{fd(0xB)}, "lowering{kind: lowVectorStore, op: irVStore}"
		}
		o.body = fmt.Sprintf("%s\nif ea+16 > msize {\n{exit int(TrapMemory)}\n}\n{dirty 16}{wide x A}\np := unsafe.Add(mem, ea)\n*(*uint64)(p), *(*uint64)(unsafe.Add(p, 8)) = x0, x1\n{next}", address(form, "B", "in.c", "in.e"))
		add(o)
	}
	// The loads that fill a vector: from 8 bytes, widening, and from one lane.
	part := func(name string, sub, size int, read string) {
		o := op{name: name, fast: true, precise: true, dst: true, wasm: []int{fd(sub)}, access: fmt.Sprintf("access{size: %d, load: true, vector: true}", size),
			low: fmt.Sprintf("lowering{kind: lowVectorPart, op: ir%s, lane: %d}", name, size), readWide: read}
		o.body = wideLoad("", size, read)
		add(o)
	}
	for i, w := range []int{16, 32, 64} {
		for k, sign := range []string{"S", "U"} {
			spread := widen(w, sign == "S")
			body := "h := *(*uint64)(p)\n" + strings.NewReplacer("$h", "h&0xFFFFFFFF", "$r", "x0").Replace(spread) + strings.NewReplacer("$h", "h>>32", "$r", "x1").Replace(spread) + "{setWide x}"
			part(fmt.Sprintf("VLoad%dx%d%s", w/2, 64/(w/2), sign), 1+2*i+k, 8, body)
		}
	}
	for i, t := range laneTypes {
		splat := t.fill(fmt.Sprintf("ONE * uint64(*(*uint%d)(p))", t.bits))
		if t.bits == 64 {
			splat = "*(*uint64)(p)"
		}
		part(fmt.Sprintf("VLoad%dSplat", t.bits), 7+i, t.bits/8, "x := "+splat+"\n{A} = x\n{A+1} = x")
		part(fmt.Sprintf("VLoad%dLane", t.bits), 0x54+i, t.bits/8, fmt.Sprintf("l := *(*uint%d)(p)\n{wide x C}\n{setWide x}\n*(*uint%d)({laneOf A}) = l", t.bits, t.bits))
		add(op{name: fmt.Sprintf("VStore%dLane", t.bits), fast: true, precise: true, wasm: []int{fd(0x58 + i)},
			access: fmt.Sprintf("access{size: %d, form: 'L'}", t.bits/8),
			low:    fmt.Sprintf("lowering{kind: lowVectorStoreLane, op: irVStore%dLane, lane: %d}", t.bits, t.bits/8),
			body: fmt.Sprintf("%s\nif ea+%d > msize {\n{exit int(TrapMemory)}\n}\n{dirty %d}*(*uint%d)(unsafe.Add(mem, ea)) = *(*uint%d)({laneOf A})\n{next}",
				address("", "B", "", ""), t.bits/8, t.bits/8, t.bits, t.bits)})
	}
	part("VLoad32Zero", 0x5C, 4, "x := uint64(*(*uint32)(p))\n{A} = x\n{A+1} = 0")
	part("VLoad64Zero", 0x5D, 8, "x := *(*uint64)(p)\n{A} = x\n{A+1} = 0")
}

func wideLoad(form string, size int, read string) string {
	return fmt.Sprintf("%s\nif ea+%d > msize {\n{exit int(TrapMemory)}\n}\n{watchRead %d}p := unsafe.Add(mem, ea)\n%s\n{next}", address(form, "B", "in.c", "in.e"), size, size, read)
}

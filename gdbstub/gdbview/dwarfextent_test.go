package gdbview

import (
	"debug/dwarf"
	"testing"
)

// No entry claims code behind the function it begins in, nor a unit code that the
// module does not have.
func TestExtents(t *testing.T) {
	data4 := func(v uint32) testAttr {
		return testAttr{name: dwarf.AttrHighpc, form: formData4, val: appendU32(nil, v)}
	}
	sdata := func(v ...byte) testAttr { return testAttr{name: dwarf.AttrHighpc, form: formSdata, val: v} }
	const base = uint64(CodeBase)
	tests := []struct {
		name string
		tag  dwarf.Tag
		low  uint32
		high testAttr
		want any
	}{
		{"right", dwarf.TagSubprogram, 0x10, data4(0x20), int64(0x20)},
		{"a part", dwarf.TagLexDwarfBlock, 0x18, data4(8), int64(8)},
		{"end not known", dwarf.TagSubprogram, 0x10, data4(0xfffffff0), int64(0x20)},
		{"block, end not known", dwarf.TagInlinedSubroutine, 0x18, data4(0xffffffe8), int64(0x18)},
		{"into the next one", dwarf.TagSubprogram, 0x10, data4(0x40), int64(0x20)},
		{"last function", dwarf.TagSubprogram, 0x40, data4(0x41), int64(0x40)},
		{"one byte", dwarf.TagSubprogram, 0x10, attrData(dwarf.AttrHighpc, 0xff), int64(0x20)},
		{"leb, unsigned", dwarf.TagSubprogram, 0x10, testAttr{dwarf.AttrHighpc, formUdata, []byte{0x80, 0x81, 0}, nil}, int64(0x20)},
		{"leb, negative", dwarf.TagSubprogram, 0x10, sdata(0xf0, 0x7f), int64(0x20)},
		{"leb, no room", dwarf.TagSubprogram, 0x40, sdata(0x41), int64(-0x3f)},
		{"address", dwarf.TagSubprogram, 0x10, attrAddr(dwarf.AttrHighpc, 0x30), base + 0x30},
		{"address 0", dwarf.TagSubprogram, 0x10, attrAddr(dwarf.AttrHighpc, 0), base + 0x30},
		{"removed", dwarf.TagSubprogram, 0, data4(0xffffffff), int64(0xffffffff)},
		{"unit", dwarf.TagCompileUnit, 0x10, data4(0x70), int64(0x70)},
		{"unit, end not known", dwarf.TagCompileUnit, 0x10, data4(0xfffffff0), int64(0x70)},
	}
	for _, test := range tests {
		low, high := attrAddr(dwarf.AttrLowpc, test.low), test.high
		root := die(dwarf.TagCompileUnit)
		if test.tag == dwarf.TagCompileUnit {
			root = die(test.tag, attrString(dwarf.AttrName, "x"), low, high)
		} else {
			root.with(die(test.tag, attrString(dwarf.AttrName, "x"), low, high))
		}
		info, abbrev := buildUnit(4, 1, root)
		entries, err := readBack(translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev}))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := entries["x"].Val(dwarf.AttrHighpc); got != test.want {
			t.Errorf("%s: the end is %#x, want %#x", test.name, got, test.want)
		}
	}
}

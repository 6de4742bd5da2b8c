package gdbview

import (
	"debug/dwarf"
	"maps"
	"slices"
	"testing"
)

// strSection makes a .debug_str and returns attributes for strings in it.
type strSection []byte

func (s *strSection) attr(name dwarf.Attr, v string) testAttr {
	off := uint32(len(*s))
	*s = append(append(*s, v...), 0)
	return testAttr{name: name, form: formStrp, val: appendU32(nil, off)}
}

func TestReturnTypes(t *testing.T) {
	int4 := die(dwarf.TagBaseType, attrString(dwarf.AttrName, "int"), attrData(dwarf.AttrByteSize, 4))
	int16 := die(dwarf.TagBaseType, attrString(dwarf.AttrName, "__int128"), attrData(dwarf.AttrByteSize, 16))
	wide := die(dwarf.TagTypedef, attrString(dwarf.AttrName, "wide"), attrRef(dwarf.AttrType, int16))
	constWide := die(dwarf.TagConstType, attrRef(dwarf.AttrType, wide))
	complex16 := die(dwarf.TagBaseType, attrString(dwarf.AttrName, "complex"), attrData(dwarf.AttrByteSize, 16), attrData(dwarf.AttrEncoding, encodingComplexFloat))
	pair := die(dwarf.TagStructType, attrString(dwarf.AttrName, "pair"), attrData(dwarf.AttrByteSize, 8))
	circle := die(dwarf.TagTypedef, attrString(dwarf.AttrName, "circle"))
	circle.attrs = append(circle.attrs, attrRef(dwarf.AttrType, circle))

	fn := func(name string, low uint32, result *testDIE) *testDIE {
		d := die(dwarf.TagSubprogram, attrString(dwarf.AttrName, name), attrAddr(dwarf.AttrLowpc, low), attrData(dwarf.AttrHighpc, 8))
		if result != nil {
			d.attrs = append(d.attrs, attrRef(dwarf.AttrType, result))
		}
		return d
	}
	declared := die(dwarf.TagSubprogram, attrString(dwarf.AttrName, "declared"), attrRef(dwarf.AttrType, pair))
	defined := die(dwarf.TagSubprogram, attrAddr(dwarf.AttrLowpc, 0x40), attrData(dwarf.AttrHighpc, 8), attrRef(dwarf.AttrSpecification, declared))
	pointer := die(dwarf.TagSubroutineType, attrString(dwarf.AttrName, "pointed to"), attrRef(dwarf.AttrType, wide))

	info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit).with(
		int4, int16, wide, constWide, complex16, pair, circle,
		fn("int", 0x10, int4), fn("int128", 0x10, int16), fn("const wide", 0x10, constWide),
		fn("complex", 0x10, complex16), fn("pair", 0x10, pair), fn("void", 0x10, nil), fn("circle", 0x10, circle),
		declared, defined, pointer,
	))
	p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev})
	entries, err := readBack(p)
	if err != nil {
		t.Fatal(err)
	}
	for name, typed := range map[string]bool{
		"int": true, "int128": false, "const wide": false, "complex": true, "pair": true,
		"circle": true, "declared": true, "pointed to": false,
	} {
		e := entries[name]
		if got := e.Val(dwarf.AttrType) != nil; got != typed {
			t.Errorf("%s: has a type %v, want %v", name, got, typed)
		}
	}
	// Position 0 is the function at 0x10, 1 the one at 0x40.
	if want := map[int]bool{0: true, 1: true}; !maps.Equal(p.found.aggregates, want) {
		t.Errorf("aggregates are returned by %v, want %v", p.found.aggregates, want)
	}
}

// Where abbreviation codes are too few, the type is replaced by one that gdb can
// fetch.
func TestWideReturnTypeWithoutCode(t *testing.T) {
	int4 := die(dwarf.TagBaseType, attrString(dwarf.AttrName, "int"), attrData(dwarf.AttrByteSize, 4))
	int16 := die(dwarf.TagBaseType, attrString(dwarf.AttrName, "__int128"), attrData(dwarf.AttrByteSize, 16))
	root := die(dwarf.TagCompileUnit).with(int4, int16,
		die(dwarf.TagSubprogram, attrString(dwarf.AttrName, "f"), attrRef(dwarf.AttrType, int16)))
	for range 123 {
		root.with(die(dwarf.TagVariable))
	}
	info, abbrev := buildUnit(4, 1, root)
	entries, err := readBack(translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev}))
	if err != nil {
		t.Fatal(err)
	}
	if got := entries["f"].Val(dwarf.AttrType); got != dwarf.Offset(int4.off) {
		t.Errorf("f returns the type at %v, want %#x", got, int4.off)
	}
}

func TestNames(t *testing.T) {
	var str strSection
	str.attr(0, "")
	info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit,
		str.attr(dwarf.AttrProducer, "Debian clang version 19.1.7"), attrString(dwarf.AttrName, "unit")).with(
		die(dwarf.TagSubprogram, str.attr(dwarf.AttrName, "main"), str.attr(dwarf.AttrLinkageName, "__main_argc_argv")),
		die(dwarf.TagSubprogram, str.attr(dwarf.AttrName, "other"), str.attr(dwarf.AttrLinkageName, "_Z5otherv")),
		die(dwarf.TagBaseType, str.attr(dwarf.AttrName, "long double"), attrData(dwarf.AttrByteSize, 16)),
	))
	entries, err := readBack(translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev, ".debug_str": str}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		entry string
		attr  dwarf.Attr
		want  string
	}{
		{"unit", dwarf.AttrProducer, "clang Debian version 19.1.7"},
		{"main", dwarf.AttrLinkageName, "main"},
		{"other", dwarf.AttrLinkageName, "_Z5otherv"},
		{"_Float128", dwarf.AttrName, "_Float128"},
	} {
		e := entries[tt.entry]
		if e == nil {
			t.Errorf("no entry %s", tt.entry)
		} else if got := e.Val(tt.attr); got != tt.want {
			t.Errorf("%s: %v is %q, want %q", tt.entry, tt.attr, got, tt.want)
		}
	}
}

func TestProducers(t *testing.T) {
	for in, want := range map[string]string{
		"clang version 19":                  "clang version 19",
		"clang LLVM (rustc version 1.97.0)": "clang LLVM (rustc version 1.97.0)",
		"Ubuntu clang version 18":           "clang Ubuntu version 18",
		"zig 0.13":                          "clang zig 0.13",
		"TinyGo":                            "clang TinyGo",
	} {
		var str strSection
		info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit, str.attr(dwarf.AttrProducer, in), attrString(dwarf.AttrName, "unit")))
		entries, err := readBack(translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev, ".debug_str": str}))
		if err != nil {
			t.Fatal(err)
		}
		if got := entries["unit"].Val(dwarf.AttrProducer); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestVariableSizes(t *testing.T) {
	int4 := die(dwarf.TagBaseType, attrData(dwarf.AttrByteSize, 4))
	array := die(dwarf.TagArrayType, attrRef(dwarf.AttrType, int4)).with(
		die(dwarf.TagSubrangeType, attrData(dwarf.AttrCount, 3)), die(dwarf.TagSubrangeType, attrData(dwarf.AttrUpperBound, 3)))
	open := die(dwarf.TagArrayType, attrRef(dwarf.AttrType, int4)).with(die(dwarf.TagSubrangeType))
	pointer := die(dwarf.TagPointerType, attrRef(dwarf.AttrType, array))
	variable := func(name string, addr byte, typ *testDIE) *testDIE {
		return die(dwarf.TagVariable, attrString(dwarf.AttrName, name), attrExpr(dwarf.AttrLocation, 3, addr, 1, 0, 0), attrRef(dwarf.AttrType, typ))
	}
	info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit).with(int4, array, open, pointer,
		variable("number", 1, int4), variable("array", 2, array), variable("open", 3, open), variable("pointer", 4, pointer)))
	p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev})
	want := []dwVariable{
		{name: "number", addr: 0x101, size: 4}, {name: "array", addr: 0x102, size: 48},
		{name: "open", addr: 0x103}, {name: "pointer", addr: 0x104, size: 4},
	}
	if !slices.Equal(p.found.vars, want) {
		t.Errorf("variables %+v, want %+v", p.found.vars, want)
	}
}

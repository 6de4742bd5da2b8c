package gdbview

import (
	"bytes"
	"debug/dwarf"
	"slices"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/dwarf/op"
)

const (
	opDeref = byte(op.DW_OP_deref)
	opPlusU = byte(op.DW_OP_plus_uconst)
	opValue = byte(op.DW_OP_stack_value)
	opBreg5 = byte(op.DW_OP_breg5)
)

// operandSum is a location that does not fit in place: the operand that is
// fourth from the bottom, plus 8.
var operandSum = []byte{opWasmLocation, 2, 3, opPlusU, 8}

// operandSum386 is what it has to become: ebp+64, dereferenced, plus 8.
var operandSum386 = []byte{opBreg5, 0xc0, 0, opDeref, opPlusU, 8}

func location(e *dwarf.Entry) ([]byte, dwarf.Class) {
	f := e.AttrField(dwarf.AttrLocation)
	b, _ := f.Val.([]byte)
	return b, f.Class
}

// An expression that gets longer becomes a location list, without a byte of the
// entries moving.
func TestLocationThatGetsLonger(t *testing.T) {
	for _, version := range []uint16{4, 5} {
		for _, firstCode := range []uint64{1, 200} {
			neighbour := die(dwarf.TagVariable, attrString(dwarf.AttrName, "y"), attrData(dwarf.AttrDeclLine, 7))
			info, abbrev := buildUnit(version, firstCode, die(dwarf.TagCompileUnit, attrString(dwarf.AttrName, "unit")).with(
				die(dwarf.TagVariable, attrString(dwarf.AttrName, "x"), attrExpr(dwarf.AttrLocation, operandSum...), attrData(dwarf.AttrDeclLine, 6)),
				neighbour,
			))
			p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev})
			entries, err := readBack(p)
			if err != nil {
				t.Fatal(err)
			}
			x, y := entries["x"], entries["y"]
			if int(y.Offset) != neighbour.off || y.Val(dwarf.AttrDeclLine) != int64(7) || x.Val(dwarf.AttrDeclLine) != int64(6) {
				t.Errorf("version %d: the entries moved: %v, %v", version, x, y)
			}
			off, ok := x.Val(dwarf.AttrLocation).(int64)
			if !ok {
				t.Fatalf("version %d: the location is %v", version, x.AttrField(dwarf.AttrLocation))
			}
			want := appendU32(appendU32([]byte{lleStartEnd}, CodeBase), CodeBase+testCode.size)
			want = append(append(want, byte(len(operandSum386))), operandSum386...)
			got := p.loclists.out
			if version < 5 {
				want = appendU32(appendU32(appendU32(appendU32(nil, tombstone), 0), CodeBase), CodeBase+testCode.size)
				want = append(append(want, byte(len(operandSum386)), 0), operandSum386...)
				got = p.loc.out
			}
			if want = append(want, 0); !bytes.HasPrefix(got[off:], want) {
				t.Errorf("version %d: the list is %x, want %x", version, got[off:], want)
			}
		}
	}
}

// Without a free abbreviation code of one byte there is no other encoding for
// the entry, and the variable shows as optimized out.
func TestLocationThatGetsLongerWithoutCode(t *testing.T) {
	root := die(dwarf.TagCompileUnit, attrString(dwarf.AttrName, "unit"))
	root.with(die(dwarf.TagVariable, attrString(dwarf.AttrName, "x"), attrExpr(dwarf.AttrLocation, operandSum...)))
	for range 125 {
		root.with(die(dwarf.TagVariable))
	}
	info, abbrev := buildUnit(4, 1, root)
	p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev})
	entries, err := readBack(p)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte{0x96, 0x96, 0x96}, optimizedOut...)
	if got, class := location(entries["x"]); class != dwarf.ClassExprLoc || !bytes.Equal(got, want) {
		t.Errorf("the location is %x (%v), want %x", got, class, want)
	}
}

func TestRemovedVariableHasEmptyLocation(t *testing.T) {
	for _, version := range []uint16{4, 5} {
		info, abbrev := buildUnit(version, 1, die(dwarf.TagCompileUnit).with(
			die(dwarf.TagVariable, attrString(dwarf.AttrName, "x"), attrExpr(dwarf.AttrLocation, 3, 0xff, 0xff, 0xff, 0xff), attrData(dwarf.AttrDeclLine, 6)),
		))
		p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev})
		entries, err := readBack(p)
		if err != nil {
			t.Fatal(err)
		}
		x := entries["x"]
		if got, class := location(x); class != dwarf.ClassExprLoc || len(got) != 0 || x.Val(dwarf.AttrDeclLine) != int64(6) {
			t.Errorf("version %d: the variable is %v", version, x)
		}
		if len(p.found.vars) != 0 {
			t.Errorf("version %d: it has a symbol: %v", version, p.found.vars)
		}
	}
}

func TestCodeAddresses(t *testing.T) {
	tests := []struct {
		name string
		in   uint32
		out  uint64
	}{
		{"first function", 0x10, uint64(CodeBase) + 0x10},
		{"second function", 0x40, uint64(CodeBase) + 0x40},
		{"removed", 0, 0},
		{"removed by wasm-opt", 1, 0},
		{"removed by wasm-ld", tombstone, 0},
		{"removed by wasm-ld, in lists", tombstone2, 0},
		{"past the code", 0x81, 0},
	}
	for _, tt := range tests {
		info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit).with(
			die(dwarf.TagSubprogram, attrString(dwarf.AttrName, "f"), attrAddr(dwarf.AttrLowpc, tt.in), attrData(dwarf.AttrHighpc, 8)),
		))
		entries, err := readBack(translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev}))
		if err != nil {
			t.Fatal(err)
		}
		if got := entries["f"].Val(dwarf.AttrLowpc); got != tt.out {
			t.Errorf("%s: %#x became %#x, want %#x", tt.name, tt.in, got, tt.out)
		}
	}
}

// .debug_addr holds code and data; only what is used as code may move.
func TestAddressIndexes(t *testing.T) {
	info, abbrev := buildUnit(5, 1, die(dwarf.TagCompileUnit, attrOffset(dwarf.AttrAddrBase, 8)).with(
		die(dwarf.TagSubprogram, attrString(dwarf.AttrName, "f"),
			testAttr{name: dwarf.AttrLowpc, form: formAddrx, val: []byte{1}}, attrData(dwarf.AttrHighpc, 8)),
		die(dwarf.TagVariable, attrString(dwarf.AttrName, "x"), attrExpr(dwarf.AttrLocation, opAddrx, 0)),
		die(dwarf.TagVariable, attrString(dwarf.AttrName, "gone"), attrExpr(dwarf.AttrLocation, opAddrx, 2)),
	))
	addr := []byte{16, 0, 0, 0, 5, 0, 4, 0, 0x44, 0, 0, 0, 0x10, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}
	p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev, ".debug_addr": addr})
	want := []byte{16, 0, 0, 0, 5, 0, 4, 0, 0x44, 0, 0, 0, 0x10, 0, 0, 0xe0, 0xff, 0xff, 0xff, 0xff}
	if !bytes.Equal(p.addr.out, want) {
		t.Errorf(".debug_addr is %x, want %x", p.addr.out, want)
	}
	if want := []dwVariable{{name: "x", addr: 0x44}}; !slices.Equal(p.found.vars, want) {
		t.Errorf("variables: %v, want %v", p.found.vars, want)
	}
}

func TestLists4(t *testing.T) {
	words := func(ws ...uint32) (b []byte) {
		for _, w := range ws {
			b = appendU32(b, w)
		}
		return b
	}
	tests := []struct {
		name    string
		base    uint32
		in, out []uint32
	}{
		{"absolute", 0, []uint32{0x10, 0x20, 0x40, 0x80, 0, 0}, []uint32{CodeBase + 0x10, CodeBase + 0x20, CodeBase + 0x40, CodeBase + 0x80, 0, 0}},
		{"relative to the unit", 0x40, []uint32{0, 8, 0x10, 0x20, 0, 0}, []uint32{0, 8, 0x10, 0x20, 0, 0}},
		{"relative to another base", 0, []uint32{tombstone, 0x40, 4, 8, 0, 0}, []uint32{tombstone, CodeBase + 0x40, 4, 8, 0, 0}},
		{"removed", 0, []uint32{tombstone2, tombstone2, 1, 1, 0, 0}, []uint32{1, 1, 1, 1, 0, 0}},
		{"removed base", 0, []uint32{tombstone, 0x1000, 4, 8, 0, 0}, []uint32{tombstone, 0, 1, 1, 0, 0}},
		{"past the code", 0x40, []uint32{0, 0x41, 0, 0}, []uint32{1, 1, 0, 0}},
		{"inverted", 0, []uint32{0x20, 0x10, 0, 0}, []uint32{1, 1, 0, 0}},
	}
	for _, tt := range tests {
		info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit, attrAddr(dwarf.AttrLowpc, tt.base), attrOffset(dwarf.AttrRanges, 0)))
		p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev, ".debug_ranges": words(tt.in...)})
		if !bytes.Equal(p.ranges.out, words(tt.out...)) {
			t.Errorf("%s: %x, want %x", tt.name, p.ranges.out, words(tt.out...))
		}
		if w := p.warnings.texts(); w != nil {
			t.Errorf("%s: %v", tt.name, w)
		}
	}
}

// A list of version 5 is patched in place if it keeps its length, and moves to a
// part of its own otherwise.
func TestLists5(t *testing.T) {
	header := []byte{0, 0, 0, 0, 5, 0, 4, 0, 0, 0, 0, 0}
	inPlace := append(slices.Clone(header), 6, 0x10, 0, 0, 0, 0x20, 0, 0, 0, 0)
	moving := append(slices.Clone(header), 4, 0x40, 0x50, 0)
	newPart := []byte{18, 0, 0, 0, 5, 0, 4, 0, 0, 0, 0, 0}
	tests := []struct {
		name    string
		in, out []byte
		off     int64
	}{
		{"start and end", inPlace, append(slices.Clone(header), 6, 0x10, 0, 0, 0xe0, 0x20, 0, 0, 0xe0, 0), 12},
		{"offsets without a base", moving, slices.Concat(moving, newPart, []byte{6, 0x40, 0, 0, 0xe0, 0x50, 0, 0, 0xe0, 0}), 28},
		{"cut off", header, slices.Concat(header, []byte{16, 0, 0, 0, 5, 0, 4, 0, 0, 0, 0, 0}, make([]byte, 8)), 24},
	}
	for _, tt := range tests {
		info, abbrev := buildUnit(5, 1, die(dwarf.TagCompileUnit, attrOffset(dwarf.AttrRanges, 12)))
		p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev, ".debug_rnglists": tt.in})
		c := dwCursorAt(p.info.out, uint64(len(info)-4))
		if off := int64(c.u32()); off != tt.off {
			t.Errorf("%s: the list is at %d, want %d", tt.name, off, tt.off)
		}
		if tt.name == "offsets without a base" {
			putU32(tt.out, len(moving), uint32(len(p.rnglists.out)-len(moving)-4))
		}
		if !bytes.Equal(p.rnglists.out, tt.out) {
			t.Errorf("%s: %x, want %x", tt.name, p.rnglists.out, tt.out)
		}
	}
}

// An expression in a list that gets longer makes the list move.
func TestLocationListThatGetsLonger(t *testing.T) {
	list := appendU32(appendU32(nil, 0x10), 0x20)
	list = append(append(list, byte(len(operandSum)), 0), operandSum...)
	list = append(list, make([]byte, 8)...)
	info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit).with(
		die(dwarf.TagVariable, attrString(dwarf.AttrName, "x"), attrOffset(dwarf.AttrLocation, 0))))
	p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev, ".debug_loc": list})
	entries, err := readBack(p)
	if err != nil {
		t.Fatal(err)
	}
	want := appendU32(appendU32(nil, CodeBase+0x10), CodeBase+0x20)
	want = append(append(want, byte(len(operandSum386)), 0), operandSum386...)
	want = append(want, make([]byte, 8)...)
	if off := entries["x"].Val(dwarf.AttrLocation); off != int64(len(list)) {
		t.Fatalf("the list is at %v, want %d", off, len(list))
	}
	if got := p.loc.out[len(list):]; !bytes.Equal(got, want) {
		t.Errorf("the list is %x, want %x", got, want)
	}
}

func TestDamagedUnits(t *testing.T) {
	good := func() *testDIE {
		return die(dwarf.TagCompileUnit, attrString(dwarf.AttrName, "good.c")).with(
			die(dwarf.TagSubprogram, attrString(dwarf.AttrName, "good")))
	}
	tests := []struct {
		name   string
		damage func(info, abbrev []byte) ([]byte, []byte)
		reason string
	}{
		{"version", func(i, a []byte) ([]byte, []byte) { i[4] = 77; return i, a }, "version is 77"},
		{"address size", func(i, a []byte) ([]byte, []byte) { i[10] = 8; return i, a }, "8 bytes instead of 4"},
		{"abbreviations", func(i, a []byte) ([]byte, []byte) { putU32(i, 6, 0xffff); return i, a }, "cut off"},
		{"abbreviation code", func(i, a []byte) ([]byte, []byte) { i[11] = 99; return i, a }, "abbreviation 99, which is not defined"},
		{"open end", func(i, a []byte) ([]byte, []byte) { i[len(i)-1] = 2; return i, a }, "cut off"},
	}
	for _, tt := range tests {
		bad, badAbbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit, attrString(dwarf.AttrName, "bad.c")).with(
			die(dwarf.TagSubprogram, attrString(dwarf.AttrName, "bad"))))
		info, abbrev := buildUnit(4, 1, good())
		bad, badAbbrev = tt.damage(bad, badAbbrev)
		putU32(info, 6, uint32(len(badAbbrev)))
		p := translated(map[string][]byte{".debug_info": slices.Concat(bad, info), ".debug_abbrev": slices.Concat(badAbbrev, abbrev)})
		entries, err := readBack(p)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if entries["good"] == nil || entries["bad"] != nil || len(p.info.out) != len(bad)+len(info) {
			t.Errorf("%s: what is left: %v", tt.name, entries)
		}
		if w := strings.Join(p.warnings.texts(), "\n"); !strings.Contains(w, tt.reason) {
			t.Errorf("%s: warning %q, want something about %q", tt.name, w, tt.reason)
		}
	}
}

// A unit that refers to a damaged one goes with it, or gdb fails on the
// reference.
func TestDependentUnits(t *testing.T) {
	bad, badAbbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit).with(die(dwarf.TagBaseType, attrString(dwarf.AttrName, "int"))))
	typeOff := uint32(12)
	bad[len(bad)-1] = 9 // its entries do not end
	info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit).with(
		die(dwarf.TagVariable, attrString(dwarf.AttrName, "x"), testAttr{name: dwarf.AttrType, form: formRefAddr, val: appendU32(nil, typeOff)})))
	putU32(info, 6, uint32(len(badAbbrev)))
	p := translated(map[string][]byte{".debug_info": slices.Concat(bad, info), ".debug_abbrev": slices.Concat(badAbbrev, abbrev)})
	entries, err := readBack(p)
	if err != nil || len(entries) != 0 {
		t.Errorf("what is left: %v %v", entries, err)
	}
	if p.warnings.count[warnUnit] != 2 {
		t.Errorf("warnings: %v", p.warnings.texts())
	}
}

// A short file can ask for endless work. These are ways that once would have.
func TestEndlessWork(t *testing.T) {
	const many = 30000
	longList := bytes.Repeat([]byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x96}, many)
	lists := die(dwarf.TagCompileUnit)
	for i := range uint32(many) {
		lists.with(die(dwarf.TagVariable, attrOffset(dwarf.AttrLocation, 11*i)))
	}
	listsInfo, listsAbbrev := buildUnit(4, 1, lists)

	var unitsInfo []byte
	for i := range uint32(many) {
		info, _ := buildUnit(4, 1, die(dwarf.TagCompileUnit))
		putU32(info, 6, i*5)
		unitsInfo = append(unitsInfo, info...)
	}
	longAbbrev := bytes.Repeat([]byte{1, 0x11, 0, 0, 0}, many)
	for i := range many {
		longAbbrev[5*i] = byte(1 + i%127)
	}

	// Two billion files of no size.
	files := []byte{0, 0, 0, 0, 5, 0, 4, 0, 0, 0, 0, 0, 1, 1, 1, 0xfb, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1}
	files = append(files, 1, 1, byte(formFlagPresent), 0xff, 0xff, 0xff, 0xff, 7, 0, 0)
	putU32(files, 0, uint32(len(files)-4))
	putU32(files, 8, uint32(len(files)-12))
	filesInfo, filesAbbrev := buildUnit(5, 1, die(dwarf.TagCompileUnit, attrOffset(dwarf.AttrStmtList, 0)))

	for name, secs := range map[string]map[string][]byte{
		"overlapping lists":         {".debug_info": listsInfo, ".debug_abbrev": listsAbbrev, ".debug_loc": longList},
		"overlapping abbreviations": {".debug_info": unitsInfo, ".debug_abbrev": longAbbrev},
		"files without size":        {".debug_info": filesInfo, ".debug_abbrev": filesAbbrev, ".debug_line": files},
	} {
		if w := translated(secs).warnings.texts(); len(w) != 1 {
			t.Errorf("%s: warnings %v", name, w)
		}
	}
}

package gdbview

import (
	"debug/dwarf"
	"io"
	"slices"
	"testing"
)

// lineTableFor encodes a version 4 line table with a file "a.c".
func lineTableFor(seqs ...dwSequence) []byte {
	head := slices.Clone(emptyLineTable[:len(emptyLineTable)-1])
	head = append(append(head, "a.c"...), 0, 0, 0, 0, 0)
	putU32(head, 6, uint32(len(head)-10))
	h := &dwLineHeader{lineBase: -5, lineRange: 14, opcodeBase: 13, defaultStmt: true}
	p := &dwPatcher{code: dwCode{size: 0xffff, starts: []uint32{0}, ends: []uint32{0xffff}}}
	for _, s := range seqs {
		at := len(head)
		head = p.appendSequence(head, h, s)
		putU32(head, at+3, uint32(s.rows[0].addr)) // not moved yet
	}
	putU32(head, 0, uint32(len(head)-4))
	return head
}

// rowsOf reads the only line table of a translation.
func rowsOf(t *testing.T, p *dwPatcher) []dwRow {
	t.Helper()
	d, err := dwarf.New(p.abbrev.out, nil, nil, p.info.out, p.line.out, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Reader().Next()
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.LineReader(e)
	if err != nil {
		t.Fatal(err)
	}
	var rows []dwRow
	var le dwarf.LineEntry
	for {
		if err := r.Next(&le); err == io.EOF {
			return rows
		} else if err != nil {
			t.Fatal(err)
		}
		row := dwRow{addr: le.Address - uint64(CodeBase), line: int64(le.Line), col: uint64(le.Column), stmt: le.IsStmt, prologueEnd: le.PrologueEnd}
		if le.EndSequence {
			row = dwRow{addr: row.addr} // what else the reader says of an end has no meaning
		}
		rows = append(rows, row)
	}
}

func TestLineTables(t *testing.T) {
	row := func(addr uint64, line int64, stmt, prologueEnd bool) dwRow {
		return dwRow{addr: addr, file: 1, line: line, stmt: stmt, prologueEnd: prologueEnd}
	}
	out := func(addr uint64, line int64, stmt, prologueEnd bool) dwRow {
		return dwRow{addr: addr, line: line, stmt: stmt, prologueEnd: prologueEnd}
	}
	end := func(addr uint64) dwRow { return dwRow{addr: addr} }
	tests := []struct {
		name string
		in   []dwSequence
		want []dwRow
	}{
		{"plain", []dwSequence{{[]dwRow{row(0x10, 5, true, false), row(0x14, 6, true, true), row(0x20, 700, true, false)}, 0x30}},
			[]dwRow{out(0x10, 5, true, false), out(0x14, 6, true, true), out(0x20, 700, true, false), end(0x30)}},
		{"rows of the same line merge, but for the second",
			[]dwSequence{{[]dwRow{row(0x10, 5, true, false), row(0x12, 5, true, false), row(0x14, 5, true, false), row(0x16, 6, true, false), row(0x18, 6, false, false), row(0x1a, 6, true, false)}, 0x30}},
			[]dwRow{out(0x10, 5, true, false), out(0x12, 5, true, false), out(0x16, 6, true, false), end(0x30)}},
		{"a statement does not merge with what is none",
			[]dwSequence{{[]dwRow{row(0x10, 5, true, false), row(0x12, 6, false, false), row(0x14, 6, true, false)}, 0x30}},
			[]dwRow{out(0x10, 5, true, false), out(0x12, 6, false, false), out(0x14, 6, true, false), end(0x30)}},
		{"the end of the prologue does not merge",
			[]dwSequence{{[]dwRow{row(0x10, 5, true, false), row(0x12, 6, true, false), row(0x14, 6, true, true)}, 0x30}},
			[]dwRow{out(0x10, 5, true, false), out(0x12, 6, true, false), out(0x14, 6, true, true), end(0x30)}},
		{"no line", []dwSequence{{[]dwRow{row(0x10, 5, true, false), row(0x12, 6, true, true), row(0x14, 0, true, false), row(0x16, 7, true, false)}, 0x30}},
			[]dwRow{out(0x10, 5, true, false), out(0x12, 6, true, true), out(0x16, 7, true, false), end(0x30)}},
		{"no row at the start of the function", []dwSequence{{[]dwRow{row(0x14, 6, false, false), row(0x16, 7, true, false)}, 0x30}},
			[]dwRow{out(0x10, 6, true, false), out(0x14, 6, false, true), out(0x16, 7, true, false), end(0x30)}},
		{"two functions in a sequence", []dwSequence{{[]dwRow{row(0x10, 5, true, false), row(0x14, 5, true, false), row(0x44, 5, true, false)}, 0x80}},
			[]dwRow{out(0x10, 5, true, false), out(0x14, 5, true, false), out(0x40, 5, true, false), out(0x44, 5, true, true), end(0x80)}},
		{"removed code", []dwSequence{{[]dwRow{row(0, 5, true, false), row(4, 6, true, false)}, 0x30}, {[]dwRow{row(0x40, 5, true, false)}, 0x80}},
			[]dwRow{out(0x40, 5, true, false), end(0x80)}},
		{"far beyond the code", []dwSequence{{[]dwRow{row(0x40, 5, true, false), row(0x4000, 6, true, false)}, 0x5000}},
			[]dwRow{out(0x40, 5, true, false), end(0x80)}},
	}
	for _, tt := range tests {
		info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit, attrOffset(dwarf.AttrStmtList, 0)))
		p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev, ".debug_line": lineTableFor(tt.in...)})
		if w := p.warnings.texts(); w != nil {
			t.Errorf("%s: %v", tt.name, w)
		}
		if got := rowsOf(t, p); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.name, got, tt.want)
		}
	}
}

// A damaged table becomes one without lines, and the unit stays.
func TestDamagedLineTable(t *testing.T) {
	good := lineTableFor(dwSequence{[]dwRow{{addr: 0x10, file: 1, line: 5, stmt: true}}, 0x30})
	tests := []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"missing", func(b []byte) []byte { return nil }},
		{"cut off", func(b []byte) []byte { return b[:len(b)-4] }},
		{"version", func(b []byte) []byte { b[4] = 9; return b }},
		{"header length", func(b []byte) []byte { b[7] = 0xff; return b }},
		{"line range", func(b []byte) []byte { b[14] = 0; return b }},
		{"instruction length", func(b []byte) []byte { b[10] = 4; return b }},
	}
	for _, tt := range tests {
		info, abbrev := buildUnit(4, 1, die(dwarf.TagCompileUnit, attrOffset(dwarf.AttrStmtList, 0)).with(
			die(dwarf.TagSubprogram, attrString(dwarf.AttrName, "f"))))
		line := tt.damage(slices.Clone(good))
		p := translated(map[string][]byte{".debug_info": info, ".debug_abbrev": abbrev, ".debug_line": line})
		if p.warnings.count[warnLine] != 1 {
			t.Errorf("%s: warnings %v", tt.name, p.warnings.texts())
		}
		if rows := rowsOf(t, p); len(rows) != 0 {
			t.Errorf("%s: rows %v", tt.name, rows)
		}
		if entries, err := readBack(p); err != nil || entries["f"] == nil {
			t.Errorf("%s: entries %v %v", tt.name, entries, err)
		}
	}
}

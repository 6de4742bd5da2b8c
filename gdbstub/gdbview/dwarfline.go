package gdbview

import (
	"errors"
	"fmt"
	"slices"
)

// Opcodes of line number programs (DWARF 5, section 6.2.5). The line package
// that has names for them is not used: it keeps no columns and panics on
// damaged tables.
const (
	lnsExtended       = 0
	lnsCopy           = 1
	lnsAdvancePC      = 2
	lnsAdvanceLine    = 3
	lnsSetFile        = 4
	lnsSetColumn      = 5
	lnsNegateStmt     = 6
	lnsConstAddPC     = 8
	lnsFixedAdvancePC = 9
	lnsPrologueEnd    = 10

	lneEndSequence = 1
	lneSetAddress  = 2
)

// dwLineHeader is the start of a line table.
type dwLineHeader struct {
	off, end    int // of the table
	lengthAt    int
	program     int // where the program starts
	version     uint16
	defaultStmt bool
	lineBase    int8
	lineRange   uint8
	opcodeBase  uint8
	operands    []byte // number of operands of each standard opcode, from 1
}

// dwRow is a row of a line table.
type dwRow struct {
	addr        uint64
	file        uint64
	line        int64
	col         uint64
	stmt        bool
	prologueEnd bool
}

// dwSequence is rows of rising addresses, and the address after the last.
type dwSequence struct {
	rows []dwRow
	end  uint64
}

// lineTable translates the line table at off of .debug_line, and returns its
// offset in the new section. A table that makes no sense becomes an empty one.
func (p *dwPatcher) lineTable(off uint64) uint32 {
	if moved, ok := p.lines[off]; ok {
		return moved
	}
	table, err := p.buildLineTable(off)
	if err != nil {
		p.warnings.add(warnLine, "the one at %#x: %w", off, err)
		table = emptyLineTable
	}
	moved := uint32(len(p.line.out))
	p.line.out = append(p.line.out, table...)
	p.lines[off] = moved
	return moved
}

// emptyLineTable is a version 4 table without files and rows.
var emptyLineTable = []byte{
	26, 0, 0, 0, // length
	4, 0, // version
	20, 0, 0, 0, // header length
	1, 1, 1, 0xfb, 14, 13, // instruction length, operations, stmt, line base and range, opcode base
	0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, // operands
	0, 0, // no folders, no files
}

func (p *dwPatcher) buildLineTable(off uint64) ([]byte, error) {
	h, err := p.lineHeader(off)
	if err != nil {
		return nil, err
	}
	seqs, err := p.decodeLines(h)
	if err != nil {
		return nil, err
	}
	table := slices.Clone(p.line.in[h.off:h.program])
	for _, s := range seqs {
		if s = p.code.tidy(s); len(s.rows) > 0 {
			table = p.appendSequence(table, h, s)
		}
	}
	putU32(table, h.lengthAt-h.off, uint32(len(table)-(h.lengthAt-h.off)-4))
	return table, nil
}

// lineHeader reads the header at off.
func (p *dwPatcher) lineHeader(off uint64) (*dwLineHeader, error) {
	c := dwCursorAt(p.line.in, off)
	h := &dwLineHeader{off: c.off, lengthAt: c.off}
	n := c.u32()
	if c.bad || uint64(n) > uint64(len(c.b)-c.off) {
		return nil, errCutOff
	}
	h.end = c.off + int(n)
	c.b = c.b[:h.end]
	if err := p.spend(h.end - h.off); err != nil {
		return nil, err
	}
	h.version = c.u16()
	if h.version < 2 || h.version > 5 {
		return nil, fmt.Errorf("its version is %d, and 2 to 5 are known", h.version)
	}
	if h.version == 5 {
		if addrSize, segSize := c.u8(), c.u8(); addrSize != 4 || segSize != 0 {
			return nil, fmt.Errorf("its addresses have %d+%d bytes instead of 4", addrSize, segSize)
		}
	}
	headerLen := c.u32()
	if c.bad || uint64(headerLen) > uint64(h.end-c.off) {
		return nil, errCutOff
	}
	h.program = c.off + int(headerLen)
	c.b = c.b[:h.program]
	minInst, maxOps := c.u8(), uint8(1)
	if h.version >= 4 {
		maxOps = c.u8()
	}
	h.defaultStmt = c.u8() != 0
	h.lineBase = int8(c.u8())
	h.lineRange = c.u8()
	h.opcodeBase = c.u8()
	if minInst != 1 || maxOps != 1 || h.lineRange == 0 || h.opcodeBase <= lnsFixedAdvancePC {
		return nil, errors.New("its header is not one for wasm")
	}
	h.operands = c.take(uint64(h.opcodeBase - 1))
	if err := p.lineFiles(&c, h.version); err != nil {
		return nil, err
	}
	if c.bad {
		return nil, errCutOff
	}
	return h, nil
}

// lineFiles checks that the tables of folders and files can be read.
func (p *dwPatcher) lineFiles(c *dwCursor, version uint16) error {
	if version < 5 {
		for len(c.cstring()) > 0 {
		}
		for len(c.cstring()) > 0 {
			c.uleb()
			c.uleb()
			c.uleb()
		}
		return nil
	}
	for range 2 {
		var forms []dwForm
		for range c.u8() {
			c.uleb()
			f := dwForm(c.uleb())
			info := f.info()
			if info.class == 0 || info.class == classReference || info.class == classAddress || info.size == 0 || f == formIndirect {
				return fmt.Errorf("a file has form %#x", uint32(f))
			}
			forms = append(forms, f)
		}
		u := dwUnit{version: 5}
		for n := c.uleb(); n > 0 && !c.bad; n-- {
			if len(forms) == 0 {
				return errors.New("its files have nothing to them")
			}
			for _, f := range forms {
				s := dwSpec{form: f}
				a := u.readAttr(c, &s)
				if c.bad || f.isStrIndex() {
					return errors.New("its files cannot be read")
				}
				if f.info().class == classString && f != formString {
					if _, _, err := p.strOffset(&u, &a); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// decodeLines runs a line program, and returns the sequences of code that exists.
func (p *dwPatcher) decodeLines(h *dwLineHeader) ([]dwSequence, error) {
	c := dwCursor{b: p.line.in[:h.end], off: h.program}
	start := dwRow{file: 1, line: 1, stmt: h.defaultStmt}
	row := start
	var seqs []dwSequence
	var rows []dwRow
	for c.off < h.end {
		emit := false
		switch code := c.u8(); {
		case code >= h.opcodeBase:
			adj := code - h.opcodeBase
			row.addr += uint64(adj / h.lineRange)
			row.line += int64(h.lineBase) + int64(adj%h.lineRange)
			emit = true
		case code == lnsExtended:
			body := dwCursor{b: c.take(c.uleb())}
			switch body.u8() {
			case lneEndSequence:
				if len(rows) > 0 && p.code.isCode(rows[0].addr) {
					seqs = append(seqs, dwSequence{rows, row.addr})
				}
				rows = nil
				row = start
			case lneSetAddress:
				row.addr = body.uint(uint64(len(body.b) - 1))
				if body.bad || len(body.b) != 5 {
					return nil, errors.New("its addresses do not have 4 bytes")
				}
			}
		case code == lnsCopy:
			emit = true
		case code == lnsAdvancePC:
			row.addr += c.uleb()
		case code == lnsAdvanceLine:
			row.line += c.sleb()
		case code == lnsSetFile:
			row.file = c.uleb()
		case code == lnsSetColumn:
			row.col = c.uleb()
		case code == lnsNegateStmt:
			row.stmt = !row.stmt
		case code == lnsConstAddPC:
			row.addr += uint64((255 - h.opcodeBase) / h.lineRange)
		case code == lnsFixedAdvancePC:
			row.addr += uint64(c.u16())
		case code == lnsPrologueEnd:
			row.prologueEnd = true
		default:
			for range h.operands[code-1] {
				c.uleb()
			}
		}
		if c.bad {
			return nil, errCutOff
		}
		if emit {
			rows = append(rows, row)
			row.prologueEnd = false
		}
	}
	return seqs, nil
}

// tidy prepares a sequence for gdb, which is used to what gcc makes of a
// program: at most one row for a line, until another line comes, and the second
// row of a function at the end of its prologue. Otherwise it stops in the middle
// of lines when it steps backwards.
func (c *dwCode) tidy(s dwSequence) dwSequence {
	slices.SortStableFunc(s.rows, func(a, b dwRow) int {
		switch {
		case a.addr < b.addr:
			return -1
		case a.addr > b.addr:
			return 1
		}
		return 0
	})
	out := make([]dwRow, 0, len(s.rows)+1)
	fn, nth := -1, 0 // the present function, and how many rows of it there are
	for _, r := range s.rows {
		if !c.isCode(r.addr) {
			continue
		}
		if next := fn; fn < 0 || r.addr >= uint64(c.ends[fn]) {
			if next = c.funcAt(r.addr); next >= 0 && next != fn {
				fn, nth = next, 0
			}
		}
		if nth == 0 && fn >= 0 && r.addr > uint64(c.starts[fn]) && r.addr < uint64(c.ends[fn]) {
			// clang leaves the row at the start of an optimised function
			// out. Without it a breakpoint there has no line.
			head := r
			head.addr, head.stmt, head.prologueEnd = uint64(c.starts[fn]), true, false
			r.prologueEnd = true
			out = append(out, head)
			nth++
		}
		if nth > 0 && len(out) > 0 {
			last := out[len(out)-1]
			if r.line == 0 {
				continue
			}
			if r.line == last.line && r.file == last.file && !r.prologueEnd && nth != 1 && (r.stmt == last.stmt || !r.stmt) {
				continue
			}
		}
		out = append(out, r)
		nth++
	}
	if len(out) > 0 {
		s.end = min(max(s.end, out[len(out)-1].addr), uint64(c.size))
	}
	return dwSequence{out, s.end}
}

// appendSequence encodes a sequence.
func (p *dwPatcher) appendSequence(b []byte, h *dwLineHeader, s dwSequence) []byte {
	now := dwRow{file: 1, line: 1, stmt: h.defaultStmt, addr: s.rows[0].addr}
	b = append(b, lnsExtended, 5, lneSetAddress)
	b = appendU32(b, p.code.reloc(now.addr))
	for _, r := range s.rows {
		if r.file != now.file {
			b = appendULEB(append(b, lnsSetFile), r.file)
		}
		if r.col != now.col {
			b = appendULEB(append(b, lnsSetColumn), r.col)
		}
		if r.stmt != now.stmt {
			b = append(b, lnsNegateStmt)
		}
		if r.prologueEnd && h.opcodeBase > lnsPrologueEnd {
			b = append(b, lnsPrologueEnd)
		}
		b = h.appendAdvance(b, r.line-now.line, r.addr-now.addr)
		now = r
	}
	if s.end != now.addr {
		b = appendULEB(append(b, lnsAdvancePC), s.end-now.addr)
	}
	return append(b, lnsExtended, 1, lneEndSequence)
}

// appendAdvance encodes a row that is so many lines and bytes on.
func (h *dwLineHeader) appendAdvance(b []byte, line int64, addr uint64) []byte {
	adj := line - int64(h.lineBase)
	if adj >= 0 && adj < int64(h.lineRange) && addr < 256 {
		if code := adj + int64(addr)*int64(h.lineRange) + int64(h.opcodeBase); code <= 255 {
			return append(b, byte(code))
		}
	}
	if line != 0 {
		b = appendSLEB(append(b, lnsAdvanceLine), line)
	}
	if addr != 0 {
		b = appendULEB(append(b, lnsAdvancePC), addr)
	}
	return append(b, lnsCopy)
}

// patchMacros makes a unit of .debug_macro find its line table (DWARF 5,
// section 6.3.1).
func (p *dwPatcher) patchMacros(off uint64) {
	const offset64, hasLines = 1, 2
	c := dwCursorAt(p.macro.in, off)
	version, flags := c.u16(), c.u8()
	at := c.off
	lines := c.u32()
	if !c.bad && (version == 4 || version == 5) && flags&offset64 == 0 && flags&hasLines != 0 {
		putU32(p.macro.out, at, p.lineTable(uint64(lines)))
	}
}

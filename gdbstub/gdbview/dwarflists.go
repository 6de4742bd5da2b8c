package gdbview

import "fmt"

// dwBase is what the addresses of a list are relative to.
type dwBase struct {
	kind dwBaseKind
	addr uint64
}

type dwBaseKind uint8

const (
	baseNone dwBaseKind = iota // addresses are absolute
	baseCode                   // relative to addr, which is moved
	baseDead                   // relative to what the linker removed
)

// base classifies a base address: 0 is no base.
func (c *dwCode) base(addr uint64) dwBase {
	switch {
	case addr == 0:
		return dwBase{}
	case c.isCode(addr):
		return dwBase{baseCode, addr}
	}
	return dwBase{kind: baseDead}
}

// span translates a range relative to b. A range of what does not exist becomes
// an empty one, which gdb passes over in silence.
func (c *dwCode) span(b dwBase, lo, hi uint64) (uint32, uint32) {
	const empty = 1
	switch b.kind {
	case baseNone:
		if lo < hi && c.isCode(lo) && c.isCode(hi) {
			return c.reloc(lo), c.reloc(hi)
		}
	case baseCode:
		if lo < hi && b.addr+hi <= uint64(c.size) {
			return uint32(lo), uint32(hi)
		}
	}
	return empty, empty
}

// dwListKind is a kind of list that attributes lead to.
type dwListKind uint8

const (
	dwRangeList dwListKind = iota
	dwLocList
)

// dwListKey identifies a list: the same bytes mean something else to another
// unit.
type dwListKey struct {
	sec  *dwSection
	off  uint64
	base dwBase
	addr uint64 // where the unit's part of .debug_addr starts
}

// translateList translates the list at off and returns its new offset. A list
// that makes no sense is replaced by an empty one.
func (w *dwWalk) translateList(off uint64, kind dwListKind) uint64 {
	sec := w.listSection(kind)
	key := dwListKey{sec, off, w.base, w.u.addrBase}
	if moved, ok := w.p.lists[key]; ok {
		return moved
	}
	var list []byte
	var end int
	var err error
	switch {
	case w.p.spend(0) != nil:
		err = errBudget
	case w.u.version >= 5:
		list, end, err = w.list5(sec, off, kind)
	case kind == dwRangeList:
		list, end, err = w.ranges4(off)
	default:
		list, end, err = w.locs4(off)
	}
	if err == nil {
		err = w.p.spend(end - int(off))
	} else {
		w.p.waste(sec, off)
	}
	moved := off
	switch {
	case err != nil:
		text := warnRange
		if kind == dwLocList {
			text = warnLocation
		}
		w.p.warnings.add(text, "%s: the list at %#x: %w", w.u.name, off, err)
		moved = w.p.appendList(sec, w.u.version, make([]byte, 8))
	case len(list) == end-int(off):
		copy(sec.out[off:], list)
	default:
		moved = w.p.appendList(sec, w.u.version, list)
	}
	w.p.lists[key] = moved
	return moved
}

func (w *dwWalk) listSection(kind dwListKind) *dwSection {
	switch {
	case w.u.version >= 5 && kind == dwRangeList:
		return w.p.rnglists
	case w.u.version >= 5:
		return w.p.loclists
	case kind == dwRangeList:
		return w.p.ranges
	}
	return w.p.loc
}

// ranges4 translates a list of .debug_ranges (DWARF 4, section 2.17.3). Its
// length does not change.
func (w *dwWalk) ranges4(off uint64) (list []byte, end int, err error) {
	c := dwCursorAt(w.p.ranges.in, off)
	base := w.base
	for {
		lo, hi := c.u32(), c.u32()
		switch {
		case c.bad:
			return nil, 0, errCutOff
		case lo == 0 && hi == 0:
			return append(list, make([]byte, 8)...), c.off, nil
		case lo == tombstone:
			base = w.p.code.base(uint64(hi))
			hi = w.p.code.reloc(uint64(hi))
		default:
			lo, hi = w.p.code.span(base, uint64(lo), uint64(hi))
		}
		list = appendU32(appendU32(list, lo), hi)
	}
}

// locs4 translates a list of .debug_loc (DWARF 4, section 2.6.2).
func (w *dwWalk) locs4(off uint64) (list []byte, end int, err error) {
	c := dwCursorAt(w.p.loc.in, off)
	base := w.base
	for {
		lo, hi := c.u32(), c.u32()
		switch {
		case c.bad:
			return nil, 0, errCutOff
		case lo == 0 && hi == 0:
			return append(list, make([]byte, 8)...), c.off, nil
		case lo == tombstone:
			base = w.p.code.base(uint64(hi))
			list = appendU32(appendU32(list, lo), w.p.code.reloc(uint64(hi)))
			continue
		}
		e := c.take(uint64(c.u16()))
		if c.bad {
			return nil, 0, errCutOff
		}
		lo, hi = w.p.code.span(base, uint64(lo), uint64(hi))
		code := w.listExpr(e)
		list = appendU32(appendU32(list, lo), hi)
		list = append(appendU16(list, uint16(len(code))), code...)
	}
}

// Kinds of entries in the lists of DWARF 5 (sections 7.25 and 7.29). Those of
// range lists are numbered likewise, without the default location.
const (
	lleEnd          = 0
	lleBaseAddressx = 1
	lleStartxEndx   = 2
	lleStartxLength = 3
	lleOffsetPair   = 4
	lleDefault      = 5
	lleBaseAddress  = 6
	lleStartEnd     = 7
	lleStartLength  = 8
)

// list5 translates a list of .debug_rnglists or .debug_loclists.
func (w *dwWalk) list5(sec *dwSection, off uint64, kind dwListKind) (list []byte, end int, err error) {
	c := dwCursorAt(sec.in, off)
	base := w.base
	startEnd := byte(lleStartEnd)
	if kind == dwRangeList {
		startEnd--
	}
	for {
		at := c.off
		code := c.u8()
		lle := code
		if kind == dwRangeList && code >= lleDefault {
			lle++
		}
		if c.bad {
			return nil, 0, errCutOff
		}
		if lle == lleEnd {
			return append(list, code), c.off, nil
		}
		entry, err := w.listEntry5(&c, code, lle, startEnd, &base)
		if c.bad {
			err = errCutOff
		}
		if err != nil {
			return nil, 0, err
		}
		if entry == nil { // unchanged
			entry = sec.in[at:c.off]
		}
		list = append(list, entry...)
		if kind == dwLocList && lle != lleBaseAddressx && lle != lleBaseAddress {
			e := c.take(c.uleb())
			if c.bad {
				return nil, 0, errCutOff
			}
			x := w.listExpr(e)
			list = append(appendULEB(list, uint64(len(x))), x...)
		}
	}
}

// listEntry5 reads the addresses of an entry and returns the entry's new
// encoding, up to the expression, or nil if it stays as it is.
// startEnd is the kind that the entry gets if it has to become a range of
// absolute addresses.
func (w *dwWalk) listEntry5(c *dwCursor, code, lle, startEnd byte, base *dwBase) ([]byte, error) {
	switch lle {
	case lleBaseAddressx:
		addr, err := w.p.codeAddr(w.u, c.uleb())
		*base = w.p.code.base(addr)
		return nil, err
	case lleStartxEndx, lleStartxLength:
		_, err := w.p.codeAddr(w.u, c.uleb())
		n := c.uleb()
		if err == nil && lle == lleStartxEndx {
			_, err = w.p.codeAddr(w.u, n)
		}
		return nil, err
	case lleOffsetPair:
		lo, hi := c.uleb(), c.uleb()
		if base.kind != baseNone {
			return nil, nil
		}
		l, h := w.p.code.span(*base, lo, hi)
		return appendU32(appendU32([]byte{startEnd}, l), h), nil
	case lleDefault:
		return nil, nil
	case lleBaseAddress:
		addr := uint64(c.u32())
		*base = w.p.code.base(addr)
		return appendU32([]byte{code}, w.p.code.reloc(addr)), nil
	case lleStartEnd:
		lo, hi := uint64(c.u32()), uint64(c.u32())
		l, h := w.p.code.span(dwBase{}, lo, hi)
		return appendU32(appendU32([]byte{code}, l), h), nil
	case lleStartLength:
		lo, n := c.u32(), c.uleb()
		return appendULEB(appendU32([]byte{code}, w.p.code.reloc(uint64(lo))), n), nil
	}
	return nil, fmt.Errorf("an entry has the unknown kind %d", code)
}

// listExpr translates an expression of a location list. The result has the same
// length if it fits there. It is empty, which is how gdb sees that the variable
// is optimized out, if there is none.
func (w *dwWalk) listExpr(e []byte) []byte {
	x, err := w.expr.translate(e, false)
	switch {
	case err != nil:
		w.p.warnings.add(warnLocation, "%s: a list: %w", w.u.name, err)
		return nil
	case x.gone || len(x.code) > 0xffff:
		return nil
	case len(x.code) >= len(e):
		return x.code
	}
	padded := make([]byte, len(e))
	fitExpr(padded, x.code)
	return padded
}

// addWholeList makes a list that has an expression hold for all code, and
// returns its offset.
func (p *dwPatcher) addWholeList(u *dwUnit, code []byte) uint32 {
	lo, hi := CodeAddr(0), CodeAddr(p.code.size)
	var list []byte
	sec := p.loc
	if u.version >= 5 {
		sec = p.loclists
		list = appendU32(appendU32([]byte{lleStartEnd}, lo), hi)
		list = append(appendULEB(list, uint64(len(code))), code...)
		list = append(list, lleEnd)
	} else {
		list = appendU32(appendU32(nil, tombstone), 0) // no base
		list = appendU32(appendU32(list, lo), hi)
		list = append(appendU16(list, uint16(len(code))), code...)
		list = append(list, make([]byte, 8)...)
	}
	return uint32(p.appendList(sec, u.version, list))
}

// appendList adds a list to the end of a section and returns its offset. In
// DWARF 5 the lists that were added have a header of their own.
func (p *dwPatcher) appendList(sec *dwSection, version uint16, list []byte) uint64 {
	if _, ok := p.newLists[sec]; !ok && version >= 5 {
		p.newLists[sec] = len(sec.out)
		// length (later), version, address size, no segments, no index
		sec.out = append(sec.out, 0, 0, 0, 0, 5, 0, 4, 0, 0, 0, 0, 0)
	}
	off := uint64(len(sec.out))
	sec.out = append(sec.out, list...)
	return off
}

// endListSections writes the lengths of the parts that appendList started.
func (p *dwPatcher) endListSections() {
	for sec, start := range p.newLists {
		putU32(sec.out, start, uint32(len(sec.out)-start-4))
	}
}

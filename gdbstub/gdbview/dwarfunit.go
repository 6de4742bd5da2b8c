package gdbview

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"sort"
)

// dwUnit is one unit of .debug_info or .debug_types. Offsets are offsets into
// that section.
type dwUnit struct {
	sec      *dwSection
	off, end int
	version  uint16
	kind     uint8 // DW_UT_ code; in version 4 and below only by section
	dies     int   // where the first DIE is
	abbrevAt int   // where the header says which abbreviations are used
	abbrevs  uint64
	sig      uint64 // of a type unit
	typeOff  uint64 // of a type unit: its type, from off
	table    *dwAbbrevTable

	// From the first DIE.
	name                                             string
	addrBase, strBase, rnglistsBase, loclistsBase    uint64
	hasAddrBase, hasStrBase, hasRnglists, hasLoclist bool

	dropped error // why it is left out
}

// Unit types (DWARF 5, section 7.5.1).
const (
	unitCompile      = 1
	unitType         = 2
	unitPartial      = 3
	unitSkeleton     = 4
	unitSplitCompile = 5
	unitSplitType    = 6
)

// splitUnits finds the units of a section. A unit whose header makes no sense
// but whose length does is returned as dropped. Where not even the length does,
// the section has to end: rest is that offset, else the section's length.
func splitUnits(sec *dwSection, types bool) (units []*dwUnit, rest int, err error) {
	c := dwCursorAt(sec.in, 0)
	for !c.atEnd() {
		u := &dwUnit{sec: sec, off: c.off}
		n := c.u32()
		if c.bad || n >= 0xfffffff0 || uint64(n) > uint64(len(sec.in)-c.off) || n < minUnitLength {
			return units, u.off, fmt.Errorf("the unit at %#x has length %#x", u.off, n)
		}
		u.end = c.off + int(n)
		u.dropped = u.parseHeader(types)
		units = append(units, u)
		c.off = u.end
	}
	return units, len(sec.in), nil
}

// minUnitLength is what a dropped unit needs: a version 4 header and a DIE.
const minUnitLength = 8

func (u *dwUnit) parseHeader(types bool) error {
	c := dwCursor{b: u.sec.in[:u.end], off: u.off + 4}
	u.version = c.u16()
	var addrSize uint8
	switch {
	case u.version >= 2 && u.version <= 4:
		u.kind = unitCompile
		u.abbrevAt = c.off
		u.abbrevs = uint64(c.u32())
		addrSize = c.u8()
		if types {
			u.kind = unitType
			u.sig, u.typeOff = c.u64(), uint64(c.u32())
		}
	case u.version == 5:
		u.kind = c.u8()
		addrSize = c.u8()
		u.abbrevAt = c.off
		u.abbrevs = uint64(c.u32())
		switch u.kind {
		case unitSkeleton, unitSplitCompile:
			c.skip(8)
		case unitType, unitSplitType:
			u.sig, u.typeOff = c.u64(), uint64(c.u32())
		case unitCompile, unitPartial:
		default:
			return fmt.Errorf("its type is %d", u.kind)
		}
	default:
		return fmt.Errorf("its DWARF version is %d, and 2 to 5 are known", u.version)
	}
	u.dies = c.off
	switch {
	case c.bad:
		return errCutOff
	case addrSize != 4:
		return fmt.Errorf("its addresses have %d bytes instead of 4", addrSize)
	case u.dies >= u.end:
		return errors.New("it is empty")
	}
	return nil
}

var (
	errCutOff = errors.New("it is cut off")
	// A .dwo file would have to be translated as well.
	errSplit = errors.New("its debug info is in another file; compile it without -gsplit-dwarf")
)

// parseRoot reads the first DIE, which says how to read all others.
func (u *dwUnit) parseRoot() error {
	var d dwDIE
	if err := u.readDIE(u.dies, &d); err != nil {
		return err
	}
	if d.ab == nil {
		return errors.New("it has no first entry")
	}
	switch d.ab.tag {
	case dwarf.TagCompileUnit, dwarf.TagPartialUnit, dwarf.TagTypeUnit:
	case dwarf.TagSkeletonUnit:
		return errSplit
	default:
		return fmt.Errorf("its first entry is a %v", d.ab.tag)
	}
	for i := range d.attrs {
		a := &d.attrs[i]
		switch a.name {
		case dwarf.AttrDwoName, attrGNUDwoName:
			return errSplit
		case dwarf.AttrAddrBase, attrGNUAddrBase:
			u.addrBase, u.hasAddrBase = a.val, true
		case dwarf.AttrStrOffsetsBase:
			u.strBase, u.hasStrBase = a.val, true
		case dwarf.AttrRnglistsBase:
			u.rnglistsBase, u.hasRnglists = a.val, true
		case dwarf.AttrLoclistsBase:
			u.loclistsBase, u.hasLoclist = a.val, true
		}
	}
	return nil
}

// dwAttr is one attribute of a DIE.
type dwAttr struct {
	name     dwarf.Attr
	form     dwForm
	off, end int    // of the value
	val      uint64 // its number; of a block the length; of a string form the offset or index
}

// block returns the contents of a block or expression.
func (a *dwAttr) block(b []byte) []byte { return b[a.end-int(a.val) : a.end] }

// dwDIE is one entry of a unit. ab is nil for the entry that closes a list of
// siblings.
type dwDIE struct {
	off     int
	codeLen int
	end     int
	ab      *dwAbbrev
	attrs   []dwAttr
}

// attr returns the attribute of that name, or nil.
func (d *dwDIE) attr(name dwarf.Attr) *dwAttr {
	for i := range d.attrs {
		if d.attrs[i].name == name {
			return &d.attrs[i]
		}
	}
	return nil
}

// readDIE reads the entry at off into d, whose slice it reuses.
func (u *dwUnit) readDIE(off int, d *dwDIE) error {
	c := dwCursor{b: u.sec.in[:u.end], off: off}
	d.off = off
	d.attrs = d.attrs[:0]
	code := c.uleb()
	d.codeLen = c.off - off
	d.end = c.off
	d.ab = nil
	if c.bad {
		return errCutOff
	}
	if code == 0 {
		return nil
	}
	ab := u.table.get(code)
	if ab == nil {
		return fmt.Errorf("the entry at %#x uses abbreviation %d, which is not defined", off, code)
	}
	for i := range ab.attrs {
		a := u.readAttr(&c, &ab.attrs[i])
		if c.bad {
			return fmt.Errorf("the entry at %#x is cut off", off)
		}
		d.attrs = append(d.attrs, a)
	}
	d.ab = ab
	d.end = c.off
	return nil
}

func (u *dwUnit) readAttr(c *dwCursor, s *dwSpec) dwAttr {
	a := dwAttr{name: s.name, form: s.form, off: c.off}
	if a.form == formIndirect {
		a.form = dwForm(c.uleb())
		a.off = c.off
		if a.form == formIndirect || a.form == formImplicitConst || checkSpec(dwSpec{name: a.name, form: a.form}) != nil {
			c.bad = true
		}
	}
	switch size := a.form.info().size; size {
	case 0:
		a.val = uint64(s.implicit)
	case 16:
		c.skip(16)
	case sizeULEB:
		a.val = c.uleb()
	case sizeAddress:
		a.val = uint64(c.u32())
	case sizeRefAddr:
		a.val = uint64(c.u32()) // an address or an offset, both have 4 bytes
	case sizeCString:
		c.cstring()
	case sizeBlockULEB:
		a.val = c.uleb()
		c.skip(a.val)
	case sizeBlock1:
		a.val = uint64(c.u8())
		c.skip(a.val)
	case sizeBlock2:
		a.val = uint64(c.u16())
		c.skip(a.val)
	case sizeBlock4:
		a.val = uint64(c.u32())
		c.skip(a.val)
	default:
		a.val = c.uint(uint64(size))
	}
	a.end = c.off
	return a
}

// ref returns the section offset that a reference within the section means.
func (u *dwUnit) ref(a *dwAttr) (uint64, bool) {
	switch a.form {
	case formRef1, formRef2, formRef4, formRef8, formRefUdata:
		if a.val > uint64(u.end-u.off) {
			return 0, false
		}
		return uint64(u.off) + a.val, true
	case formRefAddr:
		return a.val, true
	}
	return 0, false
}

// unitAt returns the unit whose entries off lies in, or nil.
func unitAt(units []*dwUnit, off uint64) *dwUnit {
	i := sort.Search(len(units), func(i int) bool { return uint64(units[i].end) > off })
	if i < len(units) && off >= uint64(units[i].dies) {
		return units[i]
	}
	return nil
}

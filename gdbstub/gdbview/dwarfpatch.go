package gdbview

import (
	"bytes"
	"debug/dwarf"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// dwSection is a section of the module's debug info. What is read is always in,
// which never changes; what is written is out, which starts as a copy and may
// grow. So no order of patches matters, and patching twice does no harm.
type dwSection struct {
	in, out []byte
}

// dwCode knows where code is. Addresses are offsets in the Code payload.
type dwCode struct {
	size         uint32
	starts, ends []uint32 // of the function bodies, ascending
}

// funcAt returns the position of the function whose body holds a, or -1.
func (c *dwCode) funcAt(a uint64) int {
	i := sort.Search(len(c.ends), func(i int) bool { return uint64(c.ends[i]) > a })
	if i == len(c.ends) || a < uint64(c.starts[i]) {
		return -1
	}
	return i
}

// isCode says that a may be an address of code or the end of some. What comes
// before the first body never is, which takes care of the addresses 0 and 1
// that linkers and optimisers leave for functions they removed.
func (c *dwCode) isCode(a uint64) bool {
	return len(c.starts) > 0 && a >= uint64(c.starts[0]) && a <= uint64(c.size)
}

// reloc returns where gdb finds a code address, or 0, which gdb ignores.
func (c *dwCode) reloc(a uint64) uint32 {
	if !c.isCode(a) {
		return 0
	}
	return CodeAddr(uint32(a))
}

// dwPatcher turns the debug info of a module into debug info of the ELF image:
// it moves code addresses to CodeBase, expresses wasm's locations in i386 terms,
// and changes what gdb trips over. Sizes in .debug_info never change, so that
// references stay right; what does not fit goes to the end of other sections.
type dwPatcher struct {
	code     dwCode
	sections map[string]*dwSection

	info, types, abbrev, str, lineStr, strOffsets, line *dwSection
	addr, loc, loclists, ranges, rnglists, aranges      *dwSection
	macro                                               *dwSection

	units     []*dwUnit // of .debug_info
	typeUnits []*dwUnit // of .debug_types
	bySig     map[uint64]*dwUnit
	tables    map[uint64]*dwAbbrevTable
	starts    dwBits // offsets of .debug_info at which an entry starts

	codeAddrs dwBits // offsets of .debug_addr that hold code addresses
	lists     map[dwListKey]uint64
	newLists  map[*dwSection]int // where our part of a DWARF 5 list section starts
	lines     map[uint64]uint32  // old offset in .debug_line to new
	newStr    map[string]uint32  // strings that were added
	typeMemo  map[dwTypeKey]dwType

	found    dwFindings
	warnings dwWarnings
	budget   int // bytes that may still be read again and again
}

// budgetFactor is how often, on average, a byte may be read. In sound debug info
// it is hardly more than once, but nothing keeps a million attributes from
// leading to the same long list, each to another entry of it.
const budgetFactor = 16

var errBudget = errors.New("too much of it is used too often")

// spend takes n bytes off the budget.
func (p *dwPatcher) spend(n int) error {
	if p.budget -= n; p.budget < 0 {
		return errBudget
	}
	return nil
}

// dwFindings is what the debug info says about the program.
type dwFindings struct {
	vars       []dwVariable
	aggregates map[int]bool // functions, by position, that return a struct, union, class or array
	functions  int          // subprograms with code
	placed     int          // of these, the ones whose code exists
}

// dwVariable is a variable at a fixed address.
type dwVariable struct {
	name   string
	addr   uint32
	size   uint32 // 0 if not known
	global bool
}

// waste takes off the budget what it may have cost to find out that what is at
// off makes no sense.
func (p *dwPatcher) waste(sec *dwSection, off uint64) {
	if n := uint64(len(sec.in)); off < n {
		p.budget -= int(n - off)
	}
}

// newDwPatcher takes the module's debug sections by name.
func newDwPatcher(code dwCode, secs map[string][]byte) *dwPatcher {
	p := &dwPatcher{
		code:     code,
		sections: map[string]*dwSection{},
		bySig:    map[uint64]*dwUnit{},
		tables:   map[uint64]*dwAbbrevTable{},
		lists:    map[dwListKey]uint64{},
		newLists: map[*dwSection]int{},
		lines:    map[uint64]uint32{},
		newStr:   map[string]uint32{},
		typeMemo: map[dwTypeKey]dwType{},
		found:    dwFindings{aggregates: map[int]bool{}},
	}
	get := func(name string) *dwSection {
		s := &dwSection{in: secs[name]}
		p.sections[name] = s
		return s
	}
	p.info, p.types, p.abbrev = get(".debug_info"), get(".debug_types"), get(".debug_abbrev")
	p.str, p.lineStr, p.strOffsets = get(".debug_str"), get(".debug_line_str"), get(".debug_str_offsets")
	p.line, p.addr, p.aranges = get(".debug_line"), get(".debug_addr"), get(".debug_aranges")
	p.loc, p.loclists = get(".debug_loc"), get(".debug_loclists")
	p.ranges, p.rnglists = get(".debug_ranges"), get(".debug_rnglists")
	p.macro = get(".debug_macro")
	get(".debug_macinfo")
	p.budget = 1 << 20
	for _, s := range p.sections {
		s.out = slices.Clone(s.in)
		p.budget += budgetFactor * len(s.in)
	}
	p.line.out = nil // is built anew
	p.starts = newDwBits(len(p.info.in))
	p.codeAddrs = newDwBits(len(p.addr.in))
	return p
}

// run translates everything. Damaged parts are left out.
func (p *dwPatcher) run() {
	p.terminateStrings()
	var rest int
	var err error
	if p.units, rest, err = splitUnits(p.info, false); err != nil {
		p.warnings.add(warnUnit, "%w; everything after it is left out too", err)
		p.info.out = p.info.out[:rest]
	}
	if p.typeUnits, rest, err = splitUnits(p.types, true); err != nil {
		p.warnings.add(warnUnit, ".debug_types: %w; everything after it is left out too", err)
		p.types.out = p.types.out[:rest]
	}
	all := slices.Concat(p.units, p.typeUnits)
	for _, u := range all {
		p.prepare(u)
	}
	walks := make([]*dwWalk, 0, len(all))
	for _, u := range all {
		if u.dropped == nil {
			w := newDwWalk(p, u)
			u.dropped = w.run()
			walks = append(walks, w)
		}
	}
	p.dropDependents(walks)
	for _, w := range walks {
		if w.u.dropped == nil {
			w.finish()
		}
	}
	for _, u := range all {
		if u.dropped != nil {
			p.drop(u)
		}
	}
	p.patchAddr()
	p.patchAranges()
	p.endListSections()
}

// prepare reads what must be known of all units before any is translated.
func (p *dwPatcher) prepare(u *dwUnit) {
	if u.dropped != nil {
		return
	}
	u.table, u.dropped = p.abbrevTable(u.abbrevs)
	if u.dropped == nil {
		u.dropped = u.parseRoot()
	}
	if u.dropped == nil && u.kind == unitType {
		p.bySig[u.sig] = u
	}
}

func (p *dwPatcher) abbrevTable(off uint64) (*dwAbbrevTable, error) {
	if t, ok := p.tables[off]; ok {
		if t == nil {
			return nil, fmt.Errorf("the abbreviations at %#x make no sense", off)
		}
		return t, nil
	}
	if err := p.spend(0); err != nil {
		return nil, err
	}
	t, err := parseAbbrevTable(p.abbrev.in, off)
	if err == nil {
		err = p.spend(t.end - t.off)
	} else {
		p.waste(p.abbrev, off)
	}
	if err != nil {
		t = nil
	}
	p.tables[off] = t
	return t, err
}

// dropDependents drops the units that refer to an entry of another unit which
// is not there, and what depends on these in turn.
func (p *dwPatcher) dropDependents(walks []*dwWalk) {
	dependents := map[*dwUnit][]*dwUnit{}
	var gone []*dwUnit
	for _, w := range walks {
		for _, ref := range w.foreign {
			target := unitAt(p.units, ref)
			if target != nil && p.starts.has(ref) {
				dependents[target] = append(dependents[target], w.u)
			} else if w.u.dropped == nil {
				w.u.dropped = fmt.Errorf("it refers to the entry at %#x, which is not there", ref)
			}
		}
	}
	for _, u := range p.units {
		if u.dropped != nil {
			gone = append(gone, u)
		}
	}
	for len(gone) > 0 {
		u := gone[len(gone)-1]
		gone = gone[:len(gone)-1]
		for _, d := range dependents[u] {
			if d.dropped == nil {
				d.dropped = fmt.Errorf("it refers to the unit at %#x, which is left out", u.off)
				gone = append(gone, d)
			}
		}
		delete(dependents, u)
	}
}

// drop turns a unit into an empty partial unit, which gdb passes over.
func (p *dwPatcher) drop(u *dwUnit) {
	what := "the unit"
	if u.name != "" {
		what = u.name
	}
	p.warnings.add(warnUnit, "%s at %#x: %w", what, u.off, u.dropped)
	b := u.sec.out[u.off:u.end]
	clear(b[4:])
	if u.sec == p.types {
		// A type unit cannot be partial, but it can be a unit of the other
		// kind's section that nothing refers to by its signature.
		p.types.out = nil
		return
	}
	b[4] = 4 // version
	putU32(b, 6, p.emptyAbbrevs())
	b[10] = 4 // address size
	b[11] = 1 // abbreviation
}

// emptyAbbrevs returns the offset of abbreviations that have only a partial
// unit without attributes and children.
func (p *dwPatcher) emptyAbbrevs() uint32 {
	table := []byte{1, byte(dwarf.TagPartialUnit), 0, 0, 0, 0}
	if n := len(p.abbrev.out); n >= len(p.abbrev.in)+len(table) && slices.Equal(p.abbrev.out[n-len(table):], table) {
		return uint32(n - len(table))
	}
	off := uint32(len(p.abbrev.out))
	p.abbrev.out = append(p.abbrev.out, table...)
	return off
}

// terminateStrings makes sure that no string runs past the end of its section.
func (p *dwPatcher) terminateStrings() {
	for _, s := range []*dwSection{p.str, p.lineStr} {
		if n := len(s.in); n > 0 && s.in[n-1] != 0 {
			s.out[n-1] = 0
			s.in = s.out[:n:n]
		}
	}
}

// addString returns the offset of a string that is added to .debug_str.
func (p *dwPatcher) addString(s string) uint32 {
	off, ok := p.newStr[s]
	if !ok {
		off = uint32(len(p.str.out))
		p.str.out = append(append(p.str.out, s...), 0)
		p.newStr[s] = off
	}
	return off
}

// strOffset returns where in .debug_str, or .debug_line_str, a string attribute
// has its string.
func (p *dwPatcher) strOffset(u *dwUnit, a *dwAttr) (sec *dwSection, off uint64, err error) {
	sec, off = p.str, a.val
	switch {
	case a.form == formLineStrp:
		sec = p.lineStr
	case a.form.isStrIndex():
		slot, ok := p.strIndexSlot(u, a.val)
		if !ok {
			return nil, 0, fmt.Errorf("there is no string number %d", a.val)
		}
		c := dwCursorAt(p.strOffsets.in, slot)
		off = uint64(c.u32())
	}
	if off >= uint64(len(sec.in)) {
		return nil, 0, fmt.Errorf("a string is at %#x, past the end of the strings", off)
	}
	return sec, off, nil
}

// strIndexSlot returns where in .debug_str_offsets the entry of that index is.
func (p *dwPatcher) strIndexSlot(u *dwUnit, index uint64) (uint64, bool) {
	base := u.strBase
	n := uint64(len(p.strOffsets.in))
	if !u.hasStrBase || base > n || index >= (n-base)/4 {
		return 0, false
	}
	return base + 4*index, true
}

// maxName bounds the names that are read.
const maxName = 1 << 12

// strValue returns the value of a string attribute, "" if it has none.
func (p *dwPatcher) strValue(u *dwUnit, a *dwAttr) string {
	if a == nil {
		return ""
	}
	b := u.sec.in[a.off:]
	if a.form != formString {
		sec, off, err := p.strOffset(u, a)
		if err != nil {
			return ""
		}
		b = sec.in[off:]
	}
	b = b[:min(len(b), maxName)]
	if n := bytes.IndexByte(b, 0); n >= 0 {
		b = b[:n]
	}
	if p.spend(len(b)) != nil {
		return ""
	}
	return string(b)
}

// setString makes a string attribute have another value. It returns false if
// the form leaves no room for it.
func (p *dwPatcher) setString(u *dwUnit, a *dwAttr, s string) bool {
	switch {
	case a.form == formStrp:
		putU32(u.sec.out, a.off, p.addString(s))
	case a.form.isStrIndex():
		slot, ok := p.strIndexSlot(u, a.val)
		if !ok {
			return false
		}
		putU32(p.strOffsets.out, int(slot), p.addString(s))
	default:
		return false
	}
	return true
}

// addrSlot returns where in .debug_addr the entry of that index is.
func (p *dwPatcher) addrSlot(u *dwUnit, index uint64) (uint64, bool) {
	base := u.addrBase
	n := uint64(len(p.addr.in))
	if !u.hasAddrBase || base > n || index >= (n-base)/4 {
		return 0, false
	}
	return base + 4*index, true
}

var errNoAddress = errors.New("an index into .debug_addr is too high")

// codeAddr returns the code address of that index, before it is moved, and
// takes down that it has to be.
func (p *dwPatcher) codeAddr(u *dwUnit, index uint64) (uint64, error) {
	slot, ok := p.addrSlot(u, index)
	if !ok {
		return 0, errNoAddress
	}
	p.codeAddrs.set(int(slot))
	c := dwCursorAt(p.addr.in, slot)
	return uint64(c.u32()), nil
}

// dataAddr returns the data address of that index.
func (p *dwPatcher) dataAddr(u *dwUnit, index uint64) (uint32, bool) {
	slot, ok := p.addrSlot(u, index)
	if !ok {
		return 0, false
	}
	c := dwCursorAt(p.addr.in, slot)
	return c.u32(), true
}

// patchAddr moves the code addresses in .debug_addr, which holds data too.
func (p *dwPatcher) patchAddr() {
	for slot := 0; slot+4 <= len(p.addr.in); slot++ {
		if p.codeAddrs.has(uint64(slot)) {
			c := dwCursorAt(p.addr.in, uint64(slot))
			putU32(p.addr.out, slot, p.code.reloc(uint64(c.u32())))
		}
	}
}

// patchAranges moves the addresses in .debug_aranges. gdb can do without that
// section, so at the first oddity it is dropped.
func (p *dwPatcher) patchAranges() {
	for _, u := range p.units {
		if u.dropped != nil {
			p.aranges.out = nil
			return
		}
	}
	c := dwCursorAt(p.aranges.in, 0)
	for !c.atEnd() {
		start := c.off
		n := c.u32()
		end := c.off + int(n)
		version := c.u16()
		info := c.u32()
		addrSize, segSize := c.u8(), c.u8()
		c.skip(uint64((8 - (c.off-start)%8) % 8)) // tuples are aligned to their size
		if c.bad || end > len(c.b) || version != 2 || addrSize != 4 || segSize != 0 || !p.unitStartsAt(info) {
			p.aranges.out = nil
			return
		}
		for c.off+8 <= end {
			at := c.off
			lo, n := c.u32(), c.u32()
			if lo != 0 || n != 0 {
				putU32(p.aranges.out, at, p.code.reloc(uint64(lo)))
			}
		}
		c.off = end
	}
}

func (p *dwPatcher) unitStartsAt(off uint32) bool {
	_, ok := slices.BinarySearchFunc(p.units, int(off), func(u *dwUnit, off int) int { return u.off - off })
	return ok
}

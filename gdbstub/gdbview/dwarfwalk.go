package gdbview

import (
	"bytes"
	"debug/dwarf"
	"errors"
	"fmt"
	"strings"

	"github.com/go-delve/delve/pkg/dwarf/op"
)

// dwWalk translates one unit, in one pass over its entries. What needs other
// entries, or other units, is put off to finish.
type dwWalk struct {
	p    *dwPatcher
	u    *dwUnit
	base dwBase
	expr dwExprTranslator

	starts  dwBits   // offsets from u.off at which an entry starts
	forward []uint64 // references within the unit to what was not read yet
	foreign []uint64 // references into other units

	funcs    []int // entries with a type that is returned: subprograms and their types
	vars     []dwVarEntry
	baseType uint64 // some base type of at most 8 bytes, 0 if there is none

	variants dwVariants
}

// dwVarEntry is the entry of a variable at a fixed address.
type dwVarEntry struct {
	off  int
	addr uint32
}

// maxDIEDepth bounds how deep entries nest; debuggers recurse.
const maxDIEDepth = 1000

func newDwWalk(p *dwPatcher, u *dwUnit) *dwWalk {
	w := &dwWalk{p: p, u: u, starts: newDwBits(u.end - u.off)}
	w.expr = dwExprTranslator{addrSize: 4, version: u.version, dataAddr: func(i uint64) (uint32, bool) { return p.dataAddr(u, i) }}
	w.variants.p, w.variants.u = p, u
	return w
}

// run translates the unit's entries. An error means that the unit makes no
// sense.
func (w *dwWalk) run() error {
	if err := w.readBase(); err != nil {
		return err
	}
	var d dwDIE
	depth := 0
	for off := w.u.dies; ; off = d.end {
		if off >= w.u.end {
			return errors.New("its entries do not end where it ends")
		}
		if err := w.u.readDIE(off, &d); err != nil {
			return err
		}
		if d.ab == nil {
			depth--
		} else {
			w.starts.set(off - w.u.off)
			if w.u.sec == w.p.info {
				w.p.starts.set(off)
			}
			if err := w.entry(&d); err != nil {
				return fmt.Errorf("the entry at %#x: %w", off, err)
			}
			if d.ab.children {
				depth++
			}
		}
		if depth <= 0 {
			if len(bytes.Trim(w.u.sec.in[d.end:w.u.end], "\x00")) > 0 {
				return errors.New("something follows its entries")
			}
			break
		}
		if depth > maxDIEDepth {
			return fmt.Errorf("its entries nest %d deep", depth)
		}
	}
	for _, ref := range w.forward {
		if !w.starts.has(ref - uint64(w.u.off)) {
			return fmt.Errorf("it refers to an entry at %#x, and none starts there", ref)
		}
	}
	if w.u.kind == unitType && !w.starts.has(w.u.typeOff) {
		return fmt.Errorf("its type should be at %#x, and none starts there", uint64(w.u.off)+w.u.typeOff)
	}
	return nil
}

// readBase reads the unit's name and the address that its lists are relative to.
func (w *dwWalk) readBase() error {
	var d dwDIE
	if err := w.u.readDIE(w.u.dies, &d); err != nil {
		return err
	}
	w.u.name = w.p.strValue(w.u, d.attr(dwarf.AttrName))
	low := d.attr(dwarf.AttrLowpc)
	if low == nil {
		return nil
	}
	addr := low.val
	if low.form.isAddrIndex() {
		var err error
		if addr, err = w.p.codeAddr(w.u, low.val); err != nil {
			return err
		}
	}
	w.base = w.p.code.base(addr)
	return nil
}

// entry translates one entry.
func (w *dwWalk) entry(d *dwDIE) error {
	for i := range d.attrs {
		if err := w.attr(d, i); err != nil {
			return fmt.Errorf("%v: %w", d.attrs[i].name, err)
		}
	}
	w.fixExtent(d)
	switch d.ab.tag {
	case dwarf.TagCompileUnit, dwarf.TagPartialUnit, dwarf.TagTypeUnit:
		w.fixProducer(d)
	case dwarf.TagSubprogram:
		w.subprogram(d)
	case dwarf.TagSubroutineType:
		if d.attr(dwarf.AttrType) != nil {
			w.funcs = append(w.funcs, d.off)
		}
	case dwarf.TagBaseType:
		w.fixBaseType(d)
	}
	return nil
}

func (w *dwWalk) attr(d *dwDIE, i int) error {
	a := &d.attrs[i]
	out := w.u.sec.out
	switch a.form.info().class {
	case classAddress:
		if a.form.isAddrIndex() {
			_, err := w.p.codeAddr(w.u, a.val)
			return err
		}
		putU32(out, a.off, w.p.code.reloc(a.val))
	case classReference:
		return w.reference(a)
	case classString:
		if a.form != formString {
			_, _, err := w.p.strOffset(w.u, a)
			return err
		}
	case classOffset:
		return w.offset(a)
	case classConstant:
		// Before version 4 there was no form for offsets.
		if w.u.version < 4 && (a.form == formData4 || a.form == formData8) {
			return w.offset(a)
		}
	case classExpr:
		w.expression(d, i)
	case classBlock:
		if w.u.version < 4 && isLocationAttr(a.name) {
			w.expression(d, i)
		}
	}
	return nil
}

// reference checks that the entry which a refers to exists.
func (w *dwWalk) reference(a *dwAttr) error {
	if a.form == formRefSig8 {
		return nil // gdb knows what to do if there is no such type
	}
	ref, ok := w.u.ref(a)
	start := uint64(w.u.off)
	switch {
	case !ok:
		return fmt.Errorf("the reference to %#x leaves the unit", a.val)
	case a.form == formRefAddr && (ref < start || ref >= uint64(w.u.end)):
		w.foreign = append(w.foreign, ref)
	case ref < start || !w.starts.has(ref-start):
		w.forward = append(w.forward, ref)
	}
	return nil
}

// isLocationAttr says whether an attribute's value can be a location.
func isLocationAttr(name dwarf.Attr) bool {
	switch name {
	case dwarf.AttrLocation, dwarf.AttrFrameBase, dwarf.AttrStringLength, dwarf.AttrReturnAddr,
		dwarf.AttrStaticLink, dwarf.AttrDataMemberLoc, dwarf.AttrUseLocation,
		dwarf.AttrVtableElemLoc, dwarf.AttrSegment, dwarf.AttrDataLocation:
		return true
	}
	return false
}

// offset translates what an offset into another section leads to.
func (w *dwWalk) offset(a *dwAttr) error {
	p, u := w.p, w.u
	switch {
	case a.name == dwarf.AttrStmtList:
		putU32(u.sec.out, a.off, p.lineTable(a.val))
	case a.name == attrMacros:
		p.patchMacros(a.val)
	case a.name == dwarf.AttrRanges:
		return w.list(a, dwRangeList)
	case isLocationAttr(a.name):
		return w.list(a, dwLocList)
	}
	return nil
}

// list translates the list that an attribute leads to, and repoints the
// attribute if the list had to move.
func (w *dwWalk) list(a *dwAttr, kind dwListKind) error {
	off, slot, sec, err := w.listOffset(a, kind)
	if err != nil {
		return err
	}
	moved := w.translateList(off, kind)
	if moved == off {
		return nil
	}
	if sec != nil { // through the index
		base := w.u.loclistsBase
		if kind == dwRangeList {
			base = w.u.rnglistsBase
		}
		putU32(sec.out, int(slot), uint32(moved-base))
	} else {
		putU32(w.u.sec.out, a.off, uint32(moved))
	}
	return nil
}

// listOffset returns where the list is that an attribute leads to. If it does so
// through an index, sec and slot say where the index has its offset.
func (w *dwWalk) listOffset(a *dwAttr, kind dwListKind) (off, slot uint64, sec *dwSection, err error) {
	var base uint64
	var ok bool
	switch a.form {
	case formRnglistx:
		base, ok, sec = w.u.rnglistsBase, w.u.hasRnglists && kind == dwRangeList, w.p.rnglists
	case formLoclistx:
		base, ok, sec = w.u.loclistsBase, w.u.hasLoclist && kind == dwLocList, w.p.loclists
	case formData8:
		return 0, 0, nil, errors.New("64-bit DWARF is not supported")
	default:
		return a.val, 0, nil, nil
	}
	n := uint64(len(sec.in))
	if !ok || base > n || a.val >= (n-base)/4 {
		return 0, 0, nil, fmt.Errorf("there is no list number %d", a.val)
	}
	slot = base + 4*a.val
	c := dwCursorAt(sec.in, slot)
	return base + uint64(c.u32()), slot, sec, nil
}

// expression translates the expression that is attribute i of an entry.
func (w *dwWalk) expression(d *dwDIE, i int) {
	a := &d.attrs[i]
	src := a.block(w.u.sec.in)
	dst := a.block(w.u.sec.out)
	if d.ab.tag == dwarf.TagVariable {
		w.variable(d, a, src)
	}
	e, err := w.expr.translate(src, a.name == dwarf.AttrFrameBase)
	switch {
	case err != nil:
		w.p.warnings.add(warnLocation, "%s: the entry at %#x: %w", w.u.name, d.off, err)
	case e.gone:
	case !e.changed || fitExpr(dst, e.code):
		return
	case a.name == dwarf.AttrLocation && w.variants.toList(d, i, func() uint32 { return w.p.addWholeList(w.u, e.code) }):
		return
	}
	if !w.variants.empty(d, i) {
		fitExpr(dst, optimizedOut)
	}
}

// variable takes down a variable whose location is an address.
func (w *dwWalk) variable(d *dwDIE, a *dwAttr, e []byte) {
	if a.name != dwarf.AttrLocation || len(e) < 2 {
		return
	}
	c := dwCursor{b: e, off: 1}
	var addr uint32
	switch e[0] {
	case byte(op.DW_OP_addr):
		addr = c.u32()
	case opAddrx, opGNUAddrIndex:
		var ok bool
		if addr, ok = w.p.dataAddr(w.u, c.uleb()); !ok {
			return
		}
	default:
		return
	}
	if !c.bad && c.atEnd() && addr != 0 && addr < GlobalBase {
		w.vars = append(w.vars, dwVarEntry{d.off, addr})
	}
}

// subprogram takes down what finish needs, and makes gdb call main main.
func (w *dwWalk) subprogram(d *dwDIE) {
	if low := d.attr(dwarf.AttrLowpc); low != nil {
		w.p.found.functions++
		if w.p.code.funcAt(w.lowPC(low)) >= 0 {
			w.p.found.placed++
		}
	}
	if d.attr(dwarf.AttrType) != nil || d.attr(dwarf.AttrLowpc) != nil {
		w.funcs = append(w.funcs, d.off)
	}
	// clang calls main __main_argc_argv or __original_main for the linker, and
	// gdb prefers that name.
	name, link := d.attr(dwarf.AttrName), d.attr(dwarf.AttrLinkageName)
	if name == nil || link == nil || w.p.strValue(w.u, name) != "main" {
		return
	}
	if name.form == link.form && name.form != formString {
		copy(w.u.sec.out[link.off:link.end], w.u.sec.in[name.off:name.end])
	} else {
		w.p.setString(w.u, link, "main")
	}
}

// lowPC returns the address of a DW_AT_low_pc, before it is moved.
func (w *dwWalk) lowPC(a *dwAttr) uint64 {
	if !a.form.isAddrIndex() {
		return a.val
	}
	addr, err := w.p.codeAddr(w.u, a.val)
	if err != nil {
		return 0
	}
	return addr
}

// fixProducer makes the unit's producer start with "clang ", by which gdb knows
// that the second line of a function is where its body begins.
func (w *dwWalk) fixProducer(d *dwDIE) {
	const clang = "clang "
	a := d.attr(dwarf.AttrProducer)
	s := w.p.strValue(w.u, a)
	if a == nil || strings.HasPrefix(s, clang) {
		return
	}
	if before, after, ok := strings.Cut(s, clang); ok {
		s = before + after // "Debian clang version 19" becomes "clang Debian version 19"
	}
	if !w.p.setString(w.u, a, clang+s) && a.form == formString && a.end-a.off > len(clang) {
		copy(w.u.sec.out[a.off:], clang)
	}
}

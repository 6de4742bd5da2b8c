package gdbview

import "debug/dwarf"

// dwType is what must be known of a type.
type dwType struct {
	size      uint64 // in bytes, 0 if not known
	aggregate bool   // struct, union, class or array
	wide      bool   // a scalar that gdb cannot fetch from i386 registers
}

type dwTypeKey struct {
	sec *dwSection
	off uint64
}

// Bounds against types that contain themselves.
const (
	maxTypeChain = 32
	maxNameChain = 8
)

// encodingComplexFloat is DW_ATE_complex_float.
const encodingComplexFloat = 3

// typeOf returns what is known of the type that attribute a, of an entry of u,
// refers to.
func (p *dwPatcher) typeOf(u *dwUnit, a *dwAttr) dwType {
	return p.typeRef(u, a, maxTypeChain)
}

func (p *dwPatcher) typeRef(u *dwUnit, a *dwAttr, limit int) dwType {
	if a == nil || limit == 0 {
		return dwType{}
	}
	if a.form == formRefSig8 {
		tu := p.bySig[a.val]
		if tu == nil || tu.dropped != nil {
			return dwType{aggregate: true} // only those are worth a unit
		}
		return p.typeAt(tu, uint64(tu.off)+tu.typeOff, limit-1)
	}
	u, off, ok := p.target(u, a)
	if !ok {
		return dwType{}
	}
	return p.typeAt(u, off, limit-1)
}

// target returns the unit and the offset of the entry that a refers to.
func (p *dwPatcher) target(u *dwUnit, a *dwAttr) (*dwUnit, uint64, bool) {
	off, ok := u.ref(a)
	if !ok {
		return nil, 0, false
	}
	if a.form == formRefAddr {
		u = unitAt(p.units, off)
	}
	return u, off, u != nil && u.dropped == nil
}

func (p *dwPatcher) typeAt(u *dwUnit, off uint64, limit int) dwType {
	key := dwTypeKey{u.sec, off}
	if t, ok := p.typeMemo[key]; ok {
		return t
	}
	var d dwDIE
	if u.readDIE(int(off), &d) != nil || d.ab == nil {
		return dwType{}
	}
	var size uint64
	if a := d.attr(dwarf.AttrByteSize); a != nil && a.form.info().class == classConstant {
		size = a.val
	}
	var t dwType
	switch d.ab.tag {
	case dwarf.TagTypedef, dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType,
		dwarf.TagAtomicType, dwarf.TagSharedType, dwarf.TagPackedType, dwarf.TagTemplateAlias:
		t = p.typeRef(u, d.attr(dwarf.AttrType), limit)
	case dwarf.TagBaseType:
		t = dwType{size: size, wide: size > 8}
		if enc := d.attr(dwarf.AttrEncoding); enc != nil && enc.val == encodingComplexFloat && size == 16 {
			t.wide = false // gdb expects it in memory
		}
	case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType, dwarf.TagInterfaceType:
		t = dwType{size: size, aggregate: true}
	case dwarf.TagArrayType:
		if size == 0 {
			size = p.typeRef(u, d.attr(dwarf.AttrType), limit).size * arrayLen(u, &d)
		}
		t = dwType{size: size, aggregate: true}
	case dwarf.TagPointerType, dwarf.TagReferenceType, dwarf.TagRvalueReferenceType:
		t = dwType{size: 4}
	case dwarf.TagEnumerationType:
		if size == 0 {
			size = p.typeRef(u, d.attr(dwarf.AttrType), limit).size
		}
		t = dwType{size: size, wide: size > 8}
	default:
		t = dwType{size: size}
	}
	p.typeMemo[key] = t
	return t
}

// arrayLen returns how many elements an array type has, 0 if that is not known.
func arrayLen(u *dwUnit, array *dwDIE) uint64 {
	if !array.ab.children {
		return 0
	}
	n := uint64(1)
	var d dwDIE
	for off := array.end; ; off = d.end {
		if u.readDIE(off, &d) != nil || d.ab == nil || d.ab.children {
			return n
		}
		if d.ab.tag != dwarf.TagSubrangeType {
			continue
		}
		switch count, upper := d.attr(dwarf.AttrCount), d.attr(dwarf.AttrUpperBound); {
		case count != nil && count.form.info().class == classConstant:
			n *= count.val
		case upper != nil && upper.form.info().class == classConstant:
			n *= upper.val + 1
		default:
			return 0
		}
		n = min(n, 1<<32)
	}
}

// finish does what had to wait until all units were read: return types, and the
// names and sizes of variables.
func (w *dwWalk) finish() {
	var d dwDIE
	for _, off := range w.funcs {
		if w.u.readDIE(off, &d) == nil && d.ab != nil {
			w.returnType(&d)
		}
	}
	for _, v := range w.vars {
		w.addVariable(v)
	}
	w.variants.write(w.p.abbrev)
}

// returnType deals with what a function returns. gdb has an internal error when
// it has to fetch a scalar of more than 8 bytes, so it is told that nothing is
// returned. Of an aggregate the function is taken down.
func (w *dwWalk) returnType(d *dwDIE) {
	for i := range d.attrs {
		if d.attrs[i].name != dwarf.AttrType {
			continue
		}
		if w.p.typeOf(w.u, &d.attrs[i]).wide && !w.variants.hide(d, i) && w.baseType != 0 && d.attrs[i].form == formRef4 {
			// No abbreviation code is short enough. A narrow type at
			// least shows half of the value.
			putU32(w.u.sec.out, d.attrs[i].off, uint32(w.baseType-uint64(w.u.off)))
		}
	}
	low := d.attr(dwarf.AttrLowpc)
	if low == nil {
		return
	}
	fn := w.p.code.funcAt(w.lowPC(low))
	if fn < 0 {
		return
	}
	u, die := w.u, *d
	for range maxNameChain {
		if t := die.attr(dwarf.AttrType); t != nil {
			if w.p.typeOf(u, t).aggregate {
				w.p.found.aggregates[fn] = true
			}
			return
		}
		var ok bool
		if u, die, ok = w.p.origin(u, &die); !ok {
			return
		}
	}
}

// origin returns the entry that d completes or is an instance of.
func (p *dwPatcher) origin(u *dwUnit, d *dwDIE) (*dwUnit, dwDIE, bool) {
	var o dwDIE
	a := d.attr(dwarf.AttrAbstractOrigin)
	if a == nil {
		a = d.attr(dwarf.AttrSpecification)
	}
	if a == nil {
		return nil, o, false
	}
	u, off, ok := p.target(u, a)
	if !ok || u.readDIE(int(off), &o) != nil || o.ab == nil {
		return nil, o, false
	}
	return u, o, true
}

// addVariable takes down a variable at a fixed address under its linkage name
// if it has one.
func (w *dwWalk) addVariable(v dwVarEntry) {
	u := w.u
	var die dwDIE
	if u.readDIE(v.off, &die) != nil || die.ab == nil {
		return
	}
	var name string
	out := dwVariable{addr: v.addr}
	for ok, i := true, 0; ok && i < maxNameChain; i++ {
		for _, attr := range []dwarf.Attr{dwarf.AttrLinkageName, attrMIPSLinkageName, dwarf.AttrName} {
			if name == "" {
				name = w.p.strValue(u, die.attr(attr))
			}
		}
		if die.attr(dwarf.AttrExternal) != nil {
			out.global = true
		}
		if out.size == 0 {
			out.size = uint32(min(w.p.typeOf(u, die.attr(dwarf.AttrType)).size, 1<<31))
		}
		u, die, ok = w.p.origin(u, &die)
	}
	if name != "" {
		out.name = name
		w.p.found.vars = append(w.p.found.vars, out)
	}
}

// fixBaseType makes long double, which has the format of _Float128 on wasm,
// something that gdb can print, and remembers one narrow type.
func (w *dwWalk) fixBaseType(d *dwDIE) {
	size := d.attr(dwarf.AttrByteSize)
	if size == nil {
		return
	}
	if size.val <= 8 && w.baseType == 0 {
		w.baseType = uint64(d.off)
	}
	name := d.attr(dwarf.AttrName)
	if size.val == 16 && w.p.strValue(w.u, name) == "long double" {
		w.p.setString(w.u, name, "_Float128")
	}
}

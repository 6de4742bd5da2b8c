package gdbview

import (
	"debug/dwarf"
	"fmt"
)

// dwVariants gives entries of a unit other abbreviations, so that attributes
// can change their form or name without any byte moving. The unit then gets a
// copy of its abbreviations with the variants added.
type dwVariants struct {
	p     *dwPatcher
	u     *dwUnit
	codes map[string]uint64 // by what the variant is like
	extra []byte            // encoded abbreviations
	short uint64            // no code below is free
	long  uint64            // likewise, of the codes that take two bytes and more
}

// dwEdit is a change to one attribute of an entry.
type dwEdit struct {
	attr    int        // position
	name    dwarf.Attr // new name
	form    dwForm     // new form
	padding int        // bytes of the old value that the new form leaves over
}

// replace gives attribute i of an entry another form, whose values have size
// bytes. It returns where the value goes, or nil if that is impossible.
func (v *dwVariants) replace(d *dwDIE, i int, form dwForm, size int) []byte {
	a := &d.attrs[i]
	e := dwEdit{attr: i, name: a.name, form: form, padding: a.end - a.off - size}
	if e.padding < 0 || e.padding > 256 || d.ab.attrs[i].form == formIndirect || !v.apply(d, e) {
		return nil
	}
	out := v.u.sec.out[a.off:a.end]
	clear(out)
	if e.padding > 1 {
		out[size] = byte(e.padding - 1) // the length of a block
	}
	return out[:size]
}

// toList turns attribute i of an entry, an expression, into the offset of a
// location list. It calls list for that offset if there is room for it.
func (v *dwVariants) toList(d *dwDIE, i int, list func() uint32) bool {
	out := v.replace(d, i, formSecOffset, 4)
	if out != nil {
		putU32(out, 0, list())
	}
	return out != nil
}

// empty makes attribute i of an entry, an expression, an empty one.
func (v *dwVariants) empty(d *dwDIE, i int) bool {
	form := formExprloc
	if v.u.version < 4 {
		form = formBlock1
	}
	return v.replace(d, i, form, 1) != nil
}

// hide makes debuggers pass over attribute i of an entry.
func (v *dwVariants) hide(d *dwDIE, i int) bool {
	return v.apply(d, dwEdit{attr: i, name: attrPadding, form: d.ab.attrs[i].form})
}

// apply writes the code of the entry's variant over its code, which has to
// have the same length.
func (v *dwVariants) apply(d *dwDIE, e dwEdit) bool {
	if v.codes == nil {
		// The unit will need a copy of its abbreviations.
		if v.p.spend(v.u.table.end-v.u.table.off) != nil {
			return false
		}
		v.codes = map[string]uint64{}
	}
	key := fmt.Sprint(d.ab.code, d.codeLen, e)
	code, ok := v.codes[key]
	if !ok {
		if code, ok = v.freeCode(d.codeLen); !ok {
			return false
		}
		v.codes[key] = code
		v.extra = appendVariant(v.extra, code, d.ab, e)
	}
	wide, ok := appendULEBWide(nil, code, d.codeLen)
	if ok {
		copy(v.u.sec.out[d.off:], wide)
	}
	return ok
}

// freeCode returns an abbreviation code that can be written in n bytes. Short
// codes are left for those who need them.
func (v *dwVariants) freeCode(n int) (uint64, bool) {
	next, limit := &v.short, uint64(128)
	*next = max(*next, 1)
	if n > 1 {
		next, limit = &v.long, uint64(1)<<(7*min(n, 4))
		*next = max(*next, 128, v.u.table.max+1)
	}
	for *next < limit && v.u.table.get(*next) != nil {
		*next++
	}
	code := *next
	*next++
	return code, code < limit
}

// appendVariant encodes abbreviation a with a change, under another code.
func appendVariant(b []byte, code uint64, a *dwAbbrev, e dwEdit) []byte {
	b = appendULEB(appendULEB(b, code), uint64(a.tag))
	children := byte(0)
	if a.children {
		children = 1
	}
	b = append(b, children)
	spec := func(name dwarf.Attr, form dwForm) {
		b = appendULEB(appendULEB(b, uint64(name)), uint64(form))
	}
	for i, s := range a.attrs {
		if i != e.attr {
			spec(s.name, s.form)
		} else {
			spec(e.name, e.form)
		}
		if s.form == formImplicitConst && (i != e.attr || e.form == s.form) {
			b = appendSLEB(b, s.implicit)
		}
		if i != e.attr {
			continue
		}
		switch {
		case e.padding == 1:
			spec(attrPadding, formData1)
		case e.padding > 1:
			spec(attrPadding, formBlock1)
		}
	}
	return append(b, 0, 0)
}

// write gives the unit its abbreviations if it has variants.
func (v *dwVariants) write(abbrev *dwSection) {
	if len(v.extra) == 0 {
		return
	}
	putU32(v.u.sec.out, v.u.abbrevAt, uint32(len(abbrev.out)))
	abbrev.out = append(abbrev.out, abbrev.in[v.u.table.off:v.u.table.end]...)
	abbrev.out = append(abbrev.out, v.extra...)
	abbrev.out = append(abbrev.out, 0)
}

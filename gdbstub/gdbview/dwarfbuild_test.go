package gdbview

import "debug/dwarf"

// testDIE is an entry for tests. Values are written as they are, so they have to
// suit their form.
type testDIE struct {
	tag      dwarf.Tag
	attrs    []testAttr
	children []*testDIE

	off int // where it came to lie, from the start of the unit
}

type testAttr struct {
	name dwarf.Attr
	form dwForm
	val  []byte
	ref  *testDIE // value of a formRef4
}

func die(tag dwarf.Tag, attrs ...testAttr) *testDIE { return &testDIE{tag: tag, attrs: attrs} }

func (d *testDIE) with(children ...*testDIE) *testDIE {
	d.children = append(d.children, children...)
	return d
}

func attrString(name dwarf.Attr, s string) testAttr {
	return testAttr{name: name, form: formString, val: append([]byte(s), 0)}
}

func attrData(name dwarf.Attr, v byte) testAttr {
	return testAttr{name: name, form: formData1, val: []byte{v}}
}

func attrAddr(name dwarf.Attr, v uint32) testAttr {
	return testAttr{name: name, form: formAddr, val: appendU32(nil, v)}
}

func attrOffset(name dwarf.Attr, v uint32) testAttr {
	return testAttr{name: name, form: formSecOffset, val: appendU32(nil, v)}
}

func attrExpr(name dwarf.Attr, e ...byte) testAttr {
	return testAttr{name: name, form: formExprloc, val: append(appendULEB(nil, uint64(len(e))), e...)}
}

func attrRef(name dwarf.Attr, to *testDIE) testAttr {
	return testAttr{name: name, form: formRef4, ref: to}
}

// buildUnit encodes a unit whose first entry is root. Every entry has an
// abbreviation of its own, numbered from firstCode.
func buildUnit(version uint16, firstCode uint64, root *testDIE) (info, abbrev []byte) {
	info = appendU16(make([]byte, 4), version)
	if version >= 5 {
		info = append(info, unitCompile, 4, 0, 0, 0, 0)
	} else {
		info = append(info, 0, 0, 0, 0, 4)
	}
	code := firstCode
	type fix struct {
		at int
		to *testDIE
	}
	var fixes []fix
	var add func(d *testDIE)
	add = func(d *testDIE) {
		d.off = len(info)
		info = appendULEB(info, code)
		abbrev = appendULEB(appendULEB(abbrev, code), uint64(d.tag))
		code++
		children := byte(0)
		if d.children != nil {
			children = 1
		}
		abbrev = append(abbrev, children)
		for _, a := range d.attrs {
			abbrev = appendULEB(appendULEB(abbrev, uint64(a.name)), uint64(a.form))
			if a.ref != nil {
				fixes = append(fixes, fix{len(info), a.ref})
				a.val = make([]byte, 4)
			}
			info = append(info, a.val...)
		}
		abbrev = append(abbrev, 0, 0)
		for _, c := range d.children {
			add(c)
		}
		if d.children != nil {
			info = append(info, 0)
		}
	}
	add(root)
	for _, f := range fixes {
		putU32(info, f.at, uint32(f.to.off))
	}
	putU32(info, 0, uint32(len(info)-4))
	return info, append(abbrev, 0)
}

// testCode is a Code section with two functions, at 0x10 and at 0x40.
var testCode = dwCode{size: 0x80, starts: []uint32{0x10, 0x40}, ends: []uint32{0x30, 0x80}}

// translated runs the translation over sections and returns its result.
func translated(secs map[string][]byte) *dwPatcher {
	p := newDwPatcher(testCode, secs)
	p.run()
	return p
}

// readBack returns the entries of the translated debug info by name.
func readBack(p *dwPatcher) (map[string]*dwarf.Entry, error) {
	d, err := dwarf.New(p.abbrev.out, nil, nil, p.info.out, p.line.out, nil, p.ranges.out, p.str.out)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{".debug_addr", ".debug_rnglists", ".debug_str_offsets"} {
		if err := d.AddSection(name, p.sections[name].out); err != nil {
			return nil, err
		}
	}
	entries := map[string]*dwarf.Entry{}
	r := d.Reader()
	for {
		e, err := r.Next()
		if err != nil || e == nil {
			return entries, err
		}
		if name, ok := e.Val(dwarf.AttrName).(string); ok {
			entries[name] = e
		}
	}
}

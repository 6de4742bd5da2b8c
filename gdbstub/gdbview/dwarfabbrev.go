package gdbview

import (
	"debug/dwarf"
	"fmt"
)

// dwSpec is one attribute of an abbreviation.
type dwSpec struct {
	name     dwarf.Attr
	form     dwForm
	implicit int64 // value for formImplicitConst
}

// dwAbbrev describes the DIEs that use one abbreviation code.
type dwAbbrev struct {
	code     uint64
	tag      dwarf.Tag
	children bool
	attrs    []dwSpec
}

// dwAbbrevTable is the abbreviations of a unit.
type dwAbbrevTable struct {
	off, end int // in .debug_abbrev; end is where the closing zero is
	dense    []*dwAbbrev
	sparse   map[uint64]*dwAbbrev
	max      uint64
}

func (t *dwAbbrevTable) get(code uint64) *dwAbbrev {
	if code < uint64(len(t.dense)) {
		if a := t.dense[code]; a != nil {
			return a
		}
	}
	return t.sparse[code]
}

// add adds an abbreviation. Compilers number them in sequence.
func (t *dwAbbrevTable) add(a *dwAbbrev) {
	t.max = max(t.max, a.code)
	if len(t.dense) == 0 {
		t.dense = append(t.dense, nil) // there is no code 0
	}
	if a.code == uint64(len(t.dense)) {
		t.dense = append(t.dense, a)
		return
	}
	if t.sparse == nil {
		t.sparse = map[uint64]*dwAbbrev{}
	}
	t.sparse[a.code] = a
}

// parseAbbrevTable reads the table at off of .debug_abbrev.
func parseAbbrevTable(sec []byte, off uint64) (*dwAbbrevTable, error) {
	c := dwCursorAt(sec, off)
	t := &dwAbbrevTable{off: c.off}
	for {
		t.end = c.off
		code := c.uleb()
		if c.bad {
			return nil, fmt.Errorf("the abbreviations at %#x are cut off", off)
		}
		if code == 0 {
			return t, nil
		}
		a := &dwAbbrev{code: code, tag: dwarf.Tag(c.uleb()), children: c.u8() != 0}
		for {
			s := dwSpec{name: dwarf.Attr(c.uleb()), form: dwForm(c.uleb())}
			if s.form == formImplicitConst {
				s.implicit = c.sleb()
			}
			if c.bad {
				return nil, fmt.Errorf("abbreviation %d at %#x is cut off", code, off)
			}
			if s.name == 0 && s.form == 0 {
				break
			}
			if err := checkSpec(s); err != nil {
				return nil, fmt.Errorf("abbreviation %d at %#x: %w", code, off, err)
			}
			a.attrs = append(a.attrs, s)
		}
		if t.get(code) != nil {
			return nil, fmt.Errorf("abbreviation %d at %#x is defined twice", code, off)
		}
		t.add(a)
	}
}

// checkSpec refuses unknown forms, and attributes in forms that gdb, which
// takes them for granted, would fail on.
func checkSpec(s dwSpec) error {
	class, ok := s.form.class()
	if !ok {
		return fmt.Errorf("form %#x is unknown", uint32(s.form))
	}
	if s.form == formIndirect {
		return nil
	}
	var good bool
	switch s.name {
	case dwarf.AttrName, dwarf.AttrLinkageName, dwarf.AttrCompDir, dwarf.AttrProducer, attrMIPSLinkageName:
		good = class == classString
	case dwarf.AttrType, dwarf.AttrSpecification, dwarf.AttrAbstractOrigin, dwarf.AttrSibling,
		dwarf.AttrContainingType, dwarf.AttrImport, dwarf.AttrObjectPointer:
		good = class == classReference
	case dwarf.AttrLowpc:
		good = class == classAddress
	case dwarf.AttrHighpc:
		good = class == classAddress || class == classConstant
	case dwarf.AttrStmtList, dwarf.AttrRanges, dwarf.AttrStrOffsetsBase, dwarf.AttrAddrBase,
		dwarf.AttrRnglistsBase, dwarf.AttrLoclistsBase, attrMacros, dwarf.AttrMacroInfo:
		good = class == classOffset || class == classConstant
	case dwarf.AttrLanguage, dwarf.AttrEncoding, dwarf.AttrInline, dwarf.AttrOrdering,
		dwarf.AttrDeclFile, dwarf.AttrDeclLine, dwarf.AttrCallFile, dwarf.AttrCallLine, dwarf.AttrVirtuality:
		good = class == classConstant
	case dwarf.AttrDeclaration, dwarf.AttrExternal, dwarf.AttrPrototyped, dwarf.AttrArtificial:
		good = class == classFlag
	default:
		good = true
	}
	if !good {
		return fmt.Errorf("attribute %v has form %#x", s.name, uint32(s.form))
	}
	return nil
}

// Attributes that debug/dwarf has no names for.
const (
	attrMIPSLinkageName dwarf.Attr = 0x2007
	attrMacros          dwarf.Attr = 0x79
	attrGNUDwoName      dwarf.Attr = 0x2130
	attrGNUAddrBase     dwarf.Attr = 0x2133
	// attrPadding is ours, in the range for vendors: debuggers skip it. It
	// takes the place of what had to go.
	attrPadding dwarf.Attr = 0x3f7f
)

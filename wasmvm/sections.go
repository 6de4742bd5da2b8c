package wasmvm

import (
	"fmt"
	"slices"
)

// sectionDecoder reads the payload of one section.
type sectionDecoder struct {
	reader
	d      *decoder
	m      *Module
	offset int // of the payload in the file
}

func (s *sectionDecoder) section(id byte) error {
	switch id {
	case secCustom:
		name := s.name()
		if s.err == nil {
			s.m.Custom = append(s.m.Custom, CustomSection{Name: name, Offset: s.offset + s.pos, Data: s.b[s.pos:]})
		}
		return s.err
	case secType:
		s.types()
	case secImport:
		s.imports()
	case secFunction:
		n, c := s.count()
		s.d.funcTypes = make([]uint32, 0, c)
		for range n {
			if t := s.typeIndex(); s.err == nil {
				s.d.funcTypes = append(s.d.funcTypes, t)
			} else {
				return s.err
			}
		}
	case secTable:
		s.each(s.table)
	case secMemory:
		s.each(func() { s.m.Memories = append(s.m.Memories, s.memoryType()) })
	case secGlobal:
		s.each(func() { s.m.Globals = append(s.m.Globals, Global{GlobalType: s.globalType(), init: s.constExpr()}) })
	case secExport:
		s.each(func() {
			e := Export{Name: s.name(), Kind: ExternKind(s.byte()), Index: s.u32()}
			if e.Kind > ExternTag {
				s.fail(fmt.Errorf("export %q has unknown kind %d", e.Name, e.Kind))
			}
			s.m.Exports = append(s.m.Exports, e)
		})
	case secStart:
		s.m.Start = int(s.u32())
	case secElement:
		s.each(s.elem)
	case secCode:
		s.m.CodeOffset, s.m.CodeSize = uint32(s.offset), uint32(len(s.b))
		s.d.bodies = true
		return s.codeSection()
	case secData:
		s.each(s.dataSegment)
	case secTag:
		s.each(func() { s.m.Tags = append(s.m.Tags, s.tag()) })
	case secDataCount:
		s.u32()
	default:
		return fmt.Errorf("unknown section")
	}
	if s.err == nil && s.left() != 0 {
		return fmt.Errorf("%d bytes too many", s.left())
	}
	return s.err
}

// each calls f for every element of a vector until the first error.
func (s *sectionDecoder) each(f func()) {
	n, _ := s.count()
	for range n {
		if f(); s.err != nil {
			return
		}
	}
}

// types reads function types, which may be in recursion groups.
func (s *sectionDecoder) types() {
	m := s.m
	s.each(func() {
		first, n := len(m.Types), uint32(1)
		c := s.byte()
		group := c == 0x4E
		if group {
			n, _ = s.count()
		}
		for i := range n {
			if i > 0 || group {
				c = s.byte()
			}
			if c != 0x60 && s.err == nil {
				s.fail(fmt.Errorf("type %d is not a function type (0x%02x)", len(m.Types), c))
			}
			m.Types = append(m.Types, FuncType{Params: s.valTypes(), Results: s.valTypes()})
			if s.err != nil {
				return
			}
		}
		m.identify(first, group)
	})
}

func (s *sectionDecoder) valTypes() []ValType {
	n, c := s.count()
	if uint64(n) > uint64(c) {
		s.fail(errShort)
		return nil
	}
	ts := make([]ValType, 0, c)
	for range n {
		ts = append(ts, s.valType())
	}
	return ts
}

func (s *sectionDecoder) typeIndex() uint32 {
	t := s.u32()
	if s.err == nil && int64(t) >= int64(len(s.m.Types)) {
		s.fail(fmt.Errorf("type %d does not exist", t))
	}
	return t
}

func (s *sectionDecoder) imports() {
	m := s.m
	s.each(func() {
		imp := Import{Module: s.name(), Name: s.name(), Kind: ExternKind(s.byte())}
		switch imp.Kind {
		case ExternFunc:
			imp.TypeIndex = s.typeIndex()
			m.importedFuncs = append(m.importedFuncs, len(m.Imports))
			m.NumImportedFuncs++
		case ExternTable:
			imp.Table = s.tableType()
			m.Tables = append(m.Tables, imp.Table)
			m.importedTables++
		case ExternMemory:
			imp.Memory = s.memoryType()
			m.Memories = append(m.Memories, imp.Memory)
			m.importedMems++
		case ExternGlobal:
			imp.Global = s.globalType()
			m.Globals = append(m.Globals, Global{GlobalType: imp.Global})
			m.importedGlobals++
		case ExternTag:
			imp.TypeIndex = s.tag()
			m.Tags = append(m.Tags, imp.TypeIndex)
		default:
			s.fail(fmt.Errorf("import %q %q has unknown kind %d", imp.Module, imp.Name, imp.Kind))
		}
		m.Imports = append(m.Imports, imp)
	})
}

// limits reads limits, and whether what they are of is shared.
func (s *sectionDecoder) limits() (l Limits, shared bool) {
	f := s.byte()
	if f > 3 && s.err == nil {
		s.fail(fmt.Errorf("limits of an unsupported kind 0x%02x", f))
	}
	l.Min = s.u32()
	if l.HasMax = f&1 != 0; l.HasMax {
		l.Max = s.u32()
	}
	return l, f&2 != 0
}

// tag reads a tag: its attribute, which is 0, and its type.
func (s *sectionDecoder) tag() uint32 {
	if c := s.byte(); c != 0 && s.err == nil {
		s.fail(fmt.Errorf("tag of unknown attribute %d", c))
	}
	return s.typeIndex()
}

func (s *sectionDecoder) tableType() TableType {
	t := TableType{Elem: s.refType()}
	t.Limits, _ = s.limits()
	return t
}

// table reads a table of the module, which may have an initialiser for its elements.
func (s *sectionDecoder) table() {
	init := s.err == nil && s.left() > 0 && s.b[s.pos] == 0x40
	if init {
		s.pos++
		if c := s.byte(); c != 0 && s.err == nil {
			s.fail(fmt.Errorf("table of an unknown form 0x%02x", c))
		}
	}
	s.m.Tables = append(s.m.Tables, s.tableType())
	if init {
		if s.m.tableInits == nil {
			s.m.tableInits = map[int]*constExpr{}
		}
		e := s.constExpr()
		s.m.tableInits[len(s.m.Tables)-1] = &e
	}
}

func (s *sectionDecoder) memoryType() MemoryType {
	var t MemoryType
	t.Limits, t.Shared = s.limits()
	if s.err == nil && t.Limits.Min > maxPages {
		s.fail(fmt.Errorf("memory of %d pages is over 4 GiB", t.Limits.Min))
	}
	return t
}

func (s *sectionDecoder) globalType() GlobalType {
	t := s.valType()
	return GlobalType{Type: t, Mutable: s.byte() == 1}
}

func (s *sectionDecoder) dataSegment() {
	var seg dataSegment
	switch flag := s.u32(); flag {
	case 0, 2:
		if flag == 2 {
			s.u32()
		}
		seg.offset = s.constExpr()
	case 1:
		seg.mode = segPassive
	default:
		s.fail(fmt.Errorf("data segment of unknown kind %d", flag))
	}
	seg.data = s.bytes(s.u32())
	s.m.data = append(s.m.data, seg)
}

// elem reads an element segment; the bits of its kind are: passive or declared, explicit table or declared, expressions.
func (s *sectionDecoder) elem() {
	kind := s.u32()
	if kind > 7 {
		s.fail(fmt.Errorf("element segment of unknown kind %d", kind))
		return
	}
	seg := elemSegment{typ: FuncRef}
	switch kind & 3 {
	case 1:
		seg.mode = segPassive
	case 3:
		seg.mode = segDeclared
	case 2:
		seg.table = s.u32()
	}
	if seg.mode == segActive {
		seg.offset = s.constExpr()
	}
	if kind&3 != 0 {
		if kind&4 != 0 {
			seg.typ = s.refType()
		} else if c := s.byte(); c != 0 && s.err == nil {
			s.fail(fmt.Errorf("element kind 0x%02x", c))
		}
	}
	n, c := s.count()
	seg.init = make([]constExpr, 0, min(c, 1<<16))
	for range n {
		if s.err != nil {
			return
		}
		if kind&4 != 0 {
			seg.init = append(seg.init, s.constExpr())
		} else {
			seg.init = append(seg.init, constExpr{constInstr: constInstr{op: OpRefFunc, val: uint64(s.u32()), typ: FuncRef}})
		}
	}
	s.m.elems = append(s.m.elems, seg)
}

func (s *sectionDecoder) codeSection() error {
	n := s.u32()
	if s.err == nil && int(n) != len(s.d.funcTypes) {
		return fmt.Errorf("%d bodies for %d functions", n, len(s.d.funcTypes))
	}
	s.m.Funcs = make([]Func, 0, len(s.d.funcTypes))
	for i := range s.d.funcTypes {
		index := uint32(s.m.NumImportedFuncs + i)
		size := s.u32()
		start := s.pos
		body := s.bytes(size)
		if s.err != nil {
			return fmt.Errorf("function %d: %w", index, s.err)
		}
		f := Func{Index: index, Type: &s.m.Types[s.d.funcTypes[i]], BodyStart: uint32(start), BodyEnd: uint32(start) + size}
		r := instrReader{reader: reader{b: body}}
		f.Locals = r.locals(f.Type.Params)
		f.CodeStart = uint32(start + r.pos)
		f.numInstrs = r.countInstrs()
		if r.err != nil {
			return fmt.Errorf("%w: in function %d at file offset %#x (code offset %#x)", r.err, index, s.offset+start+r.pos, start+r.pos)
		}
		s.m.Funcs = append(s.m.Funcs, f)
	}
	if s.left() != 0 {
		return fmt.Errorf("%d bytes too many", s.left())
	}
	return s.err
}

// locals reads the local declarations of a body and puts them behind the parameters.
func (r *instrReader) locals(params []ValType) []ValType {
	ls := slices.Clone(params)
	n, _ := r.count()
	for range n {
		k, t := r.u32(), r.valType()
		if r.err != nil {
			return nil
		}
		if uint64(len(ls))+uint64(k) > maxLocals {
			r.fail(fmt.Errorf("more than %d locals", maxLocals))
			return nil
		}
		ls = append(ls, slices.Repeat([]ValType{t}, int(k))...)
	}
	return ls
}

// countInstrs reads all instructions of a body and checks that its final end is its last byte.
func (r *instrReader) countInstrs() int {
	var in instr
	n, depth := 0, 1
	for depth > 0 && r.err == nil {
		r.next(&in)
		n++
		switch in.op {
		case OpBlock, OpLoop, OpIf, OpTryTable:
			depth++
		case OpEnd:
			depth--
		}
	}
	if r.err == nil && r.left() != 0 {
		r.fail(fmt.Errorf("%d bytes behind the final end", r.left()))
	}
	return n
}

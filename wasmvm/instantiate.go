package wasmvm

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"
)

// New makes an instance of a module at position 0: memory, tables and globals are initialised, nothing has run. The functions to run are the start function,
// if there is one, and then the exported _start, if there is one; a module with neither has no frame, and Run says StopExit at once. An active
// segment that does not fit is a *Trap error; the segments before it have then been applied, which shows in shared memories and tables.
func New(mod *Module, cfg Config) (*Machine, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, errBigEndian
	}
	if cfg.MaxStackSlots <= 0 {
		cfg.MaxStackSlots = DefaultStackSlots
	}
	m := &Machine{mod: mod, cfg: cfg, prog: mod.program(), cur: -1}
	n := len(mod.Funcs)
	m.lowered, m.precise = make([]*loweredFunc, n), make([][]ins, n)
	m.recs = make([]funcRec, mod.NumFuncs()+1)
	m.breaks = newBreakpoints()
	if err := m.checkFrames(); err != nil {
		return nil, err
	}
	if err := m.link(); err != nil {
		return nil, err
	}
	m.funcRefs()
	m.initTags()
	m.initGlobals()
	m.initTables()
	m.elemRefs = make([][]uint64, len(mod.elems))
	m.dropData, m.dropElem = make([]bool, len(mod.data)), make([]bool, len(mod.elems))
	m.views()
	if err := m.initSegments(); err != nil {
		return nil, fmt.Errorf("instantiate module: %w", err)
	}
	if cfg.Resolve == nil {
		m.firstVersions()
	}
	m.syncCode()
	return m, m.initEntries()
}

// firstVersions gives what instantiating made of tables and segments version 0, which is the same for all machines of the module.
func (m *Machine) firstVersions() {
	for _, t := range m.tabs {
		t.version = version{}
	}
	m.prog.firstOnce.Do(func() {
		for _, t := range m.tabs {
			m.prog.tables = append(m.prog.tables, slices.Clone(t.elems))
		}
		m.prog.dropData, m.prog.dropElem = slices.Clone(m.dropData), slices.Clone(m.dropElem)
	})
}

// checkFrames refuses modules with functions whose frames have too many slots. Only a function with very many instructions can have a deep operand stack.
func (m *Machine) checkFrames() error {
	for i := range m.mod.Funcs {
		fn := &m.mod.Funcs[i]
		if 2*(len(fn.Locals)+fn.numInstrs)+1 <= maxFrame {
			continue
		}
		if _, err := m.mod.shape(fn); err != nil {
			return err
		}
	}
	if len(m.mod.Tables) > 1<<16 {
		return fmt.Errorf("%d tables are more than supported", len(m.mod.Tables))
	}
	return nil
}

// link makes memories, tables and globals, or takes them from other machines.
func (m *Machine) link() error {
	mod := m.mod
	for i := range mod.Imports {
		if err := m.linkImport(&mod.Imports[i]); err != nil {
			return fmt.Errorf("import %q %q: %w", mod.Imports[i].Module, mod.Imports[i].Name, err)
		}
	}
	if mod.importedMems < len(mod.Memories) {
		mem, err := newMemory(mod.Memories[0], m.cfg.MaxMemoryPages)
		if err != nil {
			return err
		}
		m.mem0 = mem
	}
	for _, t := range mod.Tables[mod.importedTables:] {
		if t.Limits.Min > maxTable {
			return fmt.Errorf("table of %d elements is larger than supported", t.Limits.Min)
		}
		m.tabs = append(m.tabs, newTable(t))
	}
	for _, g := range mod.Globals[mod.importedGlobals:] {
		m.globs = append(m.globs, &globalCell{typ: g.GlobalType})
	}
	return nil
}

func (m *Machine) linkImport(imp *Import) error {
	var e Extern
	if m.cfg.Resolve != nil {
		e, _ = m.cfg.Resolve(imp)
	}
	if e.Machine == nil {
		if imp.Kind != ExternFunc || m.cfg.Resolve != nil && m.cfg.Host == nil {
			return fmt.Errorf("nothing provides this %v", imp.Kind)
		}
		m.externs = append(m.externs, e)
		return nil
	}
	if e.Kind != imp.Kind {
		return fmt.Errorf("incompatible import type: it is a %v, not a %v", e.Kind, imp.Kind)
	}
	bad := fmt.Errorf("incompatible import type")
	o := e.Machine
	switch i := int(e.Index); imp.Kind {
	case ExternFunc:
		if t := o.mod.FuncType(e.Index); t == nil || t.id != m.mod.Types[imp.TypeIndex].id {
			return bad
		}
		m.externs = append(m.externs, e)
	case ExternTable:
		t := o.tabs[i]
		if t.typ.Elem != imp.Table.Elem || !limitsFit(imp.Table.Limits, uint32(len(t.elems)), t.typ.Limits) {
			return bad
		}
		m.tabs = append(m.tabs, t)
	case ExternTag:
		if o.tags[i].typ.id != m.mod.Types[imp.TypeIndex].id {
			return bad
		}
		m.tags = append(m.tags, o.tags[i])
	case ExternMemory:
		if !limitsFit(imp.Memory.Limits, o.mem0.pages(), o.mem0.typ.Limits) {
			return bad
		}
		m.mem0 = o.mem0
	case ExternGlobal:
		if t := o.globs[i].typ; t.Mutable != imp.Global.Mutable || t != imp.Global && (t.Mutable || !t.Type.subtype(imp.Global.Type)) {
			return bad
		}
		m.globs = append(m.globs, o.globs[i])
	}
	return nil
}

// limitsFit says whether something with a current size and limits may stand for an import that wants want.
func limitsFit(want Limits, size uint32, have Limits) bool {
	return size >= want.Min && (!want.HasMax || have.HasMax && have.Max <= want.Max)
}

// Machines that are linked to others need references that are unique among them.
var (
	linkedRef refRegistry
)

// funcRefs numbers the references to the machine's functions and fills in what indirect calls have to know.
func (m *Machine) funcRefs() {
	m.refBase = 1
	n := m.mod.NumFuncs()
	if m.cfg.Resolve != nil {
		m.refBase = linkedRef.add(m, uint64(n))
	}
	m.numFuncs = uint64(n)
	for i := range n {
		m.recs[i].typ = m.mod.FuncType(uint32(i)).id
	}
	m.funcs = unsafe.Pointer(unsafe.SliceData(m.recs))
}

func (m *Machine) initGlobals() {
	for i := m.mod.importedGlobals; i < len(m.globs); i++ {
		m.globs[i].v = m.constBits(&m.mod.Globals[i].init)
	}
}

// initTables fills the tables that have an initialiser.
func (m *Machine) initTables() {
	for i, e := range m.mod.tableInits {
		v := m.constValue(e)
		for j := range m.tabs[i].elems {
			m.tabs[i].elems[j] = v
		}
	}
}

func (m *Machine) views() {
	m.globPtrs = make([]unsafe.Pointer, len(m.globs)+1)
	for i, g := range m.globs {
		m.globPtrs[i] = unsafe.Pointer(&g.v[0])
	}
	m.tabViews = make([]tableView, len(m.tabs)+1)
	m.globals = unsafe.Pointer(unsafe.SliceData(m.globPtrs))
	m.tables = unsafe.Pointer(unsafe.SliceData(m.tabViews))
}

// initSegments applies the active segments in order, elements first. Which segments are empty afterwards follows wazero, which recordings are made with:
// active element segments, as specified, and also passive ones of other than function references, which can only hold nulls; but an active data segment stays,
// where the specification drops it.
func (m *Machine) initSegments() error {
	for i := range m.mod.elems {
		s := &m.mod.elems[i]
		refs := make([]uint64, len(s.init))
		for j := range s.init {
			refs[j] = m.constValue(&s.init[j])
		}
		m.elemRefs[i] = refs
	}
	for i := range m.mod.elems {
		s := &m.mod.elems[i]
		if s.mode == segPassive {
			m.dropElem[i] = s.typ.kind() != FuncRef
			continue
		}
		if s.mode == segActive {
			if code := m.tableInit(uint32(m.constValue(&s.offset)), 0, uint32(len(s.init)), s.table, uint32(i)); code != 0 {
				return fmt.Errorf("element segment %d: %w", i, &Trap{Code: code})
			}
		}
		m.dropElem[i] = true
	}
	for i := range m.mod.data {
		s := &m.mod.data[i]
		if s.mode != segActive {
			continue
		}
		at := uint64(uint32(m.constValue(&s.offset)))
		if !m.mem0.holds(at, uint64(len(s.data))) {
			return fmt.Errorf("data segment %d: %w", i, &Trap{Code: TrapMemory})
		}
		m.mem0.touch(at, uint64(len(s.data)))
		copy(m.mem0.data[at:], s.data)
	}
	return nil
}

// entryFuncs are the functions that a program runs: the start function, and then the exported _start.
func (m *Module) entryFuncs() []uint32 {
	var entries []uint32
	if m.Start >= 0 {
		entries = append(entries, uint32(m.Start))
	}
	if i, ok := m.ExportedFunc("_start"); ok {
		if t := m.FuncType(i); len(t.Params)+len(t.Results) == 0 && m.FuncByIndex(i) != nil {
			entries = append(entries, i)
		}
	}
	return entries
}

// initEntries enters the first of the functions to run.
func (m *Machine) initEntries() error {
	m.entries = m.mod.entryFuncs()
	if len(m.entries) > 0 && m.mod.FuncByIndex(m.entries[0]) != nil {
		return m.enter(m.entries[0], 0)
	}
	return nil
}

// enter puts the frame of an entry function, whose arguments are there already, at a slot of the stack.
func (m *Machine) enter(fn uint32, at int) error {
	index := int(fn) - m.mod.NumImportedFuncs
	f, err := m.needFunc(index)
	if err != nil {
		return err
	}
	if !m.growStack(at + f.frame) {
		return &Trap{Code: TrapStackOverflow, Func: fn, PC: f.fn.BodyStart}
	}
	clear(m.stack[at+f.params : at+f.link])
	m.stack[at+f.link] = uint64(entryReturn*insSize) << 32
	m.cur, m.idx, m.frame, m.handlers = index, 0, at, nil
	return nil
}

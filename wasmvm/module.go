package wasmvm

import (
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
)

// Module is a decoded module. It is immutable and safe for concurrent use.
type Module struct {
	Bytes            []byte     // the whole file
	Types            []FuncType // the type section
	Imports          []Import   // in file order
	NumImportedFuncs int
	Funcs            []Func       // defined functions: function index NumImportedFuncs+i is Funcs[i]
	Tables           []TableType  // the table index space, imported ones first
	Memories         []MemoryType // the memory index space
	Globals          []Global     // the global index space, imported ones first
	Tags             []uint32     // the tag index space: the type of each, imported ones first
	Exports          []Export
	Start            int    // function index of the start function, or -1
	CodeOffset       uint32 // file offset of the Code section's payload
	CodeSize         uint32 // its size in bytes
	Custom           []CustomSection

	importedFuncs   []int // positions in Imports
	importedGlobals int
	importedTables  int
	importedMems    int
	tableInits      map[int]*constExpr // what the elements of tables begin with, if not null
	data            []dataSegment
	elems           []elemSegment
	names           map[uint32]string
	layouts         []atomic.Pointer[Layout]

	progOnce sync.Once
	prog     *program
}

// Func is a function defined by the module. Offsets are relative to the Code section's payload, which is what DWARF calls an address.
type Func struct {
	Index     uint32 // in the function index space
	Type      *FuncType
	BodyStart uint32    // first byte of the body, the local declarations: the pc of entering the function
	CodeStart uint32    // the first opcode
	BodyEnd   uint32    // one past the final end opcode
	Locals    []ValType // parameters, then declared locals

	numInstrs int // opcodes in the body
}

// NumParams is the number of parameters.
func (f *Func) NumParams() int { return len(f.Type.Params) }

// NumFuncs is the size of the function index space.
func (m *Module) NumFuncs() int { return m.NumImportedFuncs + len(m.Funcs) }

// FuncByIndex returns the defined function with that index of the function index space, nil if it is imported or does not exist.
func (m *Module) FuncByIndex(index uint32) *Func {
	i := int64(index) - int64(m.NumImportedFuncs)
	if i < 0 || i >= int64(len(m.Funcs)) {
		return nil
	}
	return &m.Funcs[i]
}

// FuncType returns the type of the function with that index, nil if there is none.
func (m *Module) FuncType(index uint32) *FuncType {
	if int64(index) < int64(m.NumImportedFuncs) {
		return &m.Types[m.Imports[m.importedFuncs[index]].TypeIndex]
	}
	if f := m.FuncByIndex(index); f != nil {
		return f.Type
	}
	return nil
}

// ImportedFunc returns the import of function index fn, nil if fn is not an imported function.
func (m *Module) ImportedFunc(fn uint32) *Import {
	if int64(fn) >= int64(len(m.importedFuncs)) {
		return nil
	}
	return &m.Imports[m.importedFuncs[fn]]
}

// FuncAt returns the function whose body holds the payload offset pc, nil if none does.
func (m *Module) FuncAt(pc uint32) *Func {
	i := sort.Search(len(m.Funcs), func(i int) bool { return m.Funcs[i].BodyEnd > pc })
	if i == len(m.Funcs) || pc < m.Funcs[i].BodyStart {
		return nil
	}
	return &m.Funcs[i]
}

// FuncName names a function: by the name section, else by its import or export name, else wasm_func_N.
func (m *Module) FuncName(index uint32) string {
	if n := m.names[index]; n != "" {
		return n
	}
	if imp := m.ImportedFunc(index); imp != nil {
		return imp.Name
	}
	for _, e := range m.Exports {
		if e.Kind == ExternFunc && e.Index == index {
			return e.Name
		}
	}
	return fmt.Sprintf("wasm_func_%d", index)
}

// ExportedFunc returns the index of an exported function.
func (m *Module) ExportedFunc(name string) (uint32, bool) {
	for _, e := range m.Exports {
		if e.Kind == ExternFunc && e.Name == name {
			return e.Index, true
		}
	}
	return 0, false
}

// code is the Code section's payload.
func (m *Module) code() []byte { return m.Bytes[m.CodeOffset : m.CodeOffset+m.CodeSize] }

// Layout returns the positions of a function's instructions. It is computed at the first call and kept.
func (m *Module) Layout(fn *Func) (*Layout, error) {
	i := int(fn.Index) - m.NumImportedFuncs
	if i < 0 || i >= len(m.Funcs) {
		return nil, fmt.Errorf("function %d is not defined in this module", fn.Index)
	}
	if l := m.layouts[i].Load(); l != nil {
		return l, nil
	}
	l, err := computeLayout(m, &m.Funcs[i])
	if err != nil {
		return nil, fmt.Errorf("function %d (%s): %w", fn.Index, m.FuncName(fn.Index), err)
	}
	m.layouts[i].Store(l)
	return l, nil
}

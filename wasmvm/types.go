package wasmvm

import "fmt"

// ValType is a WebAssembly value type, with the byte that encodes it in the binary format.
type ValType byte

// The value types of WebAssembly core 2.0.
const (
	I32       ValType = 0x7F
	I64       ValType = 0x7E
	F32       ValType = 0x7D
	F64       ValType = 0x7C
	V128      ValType = 0x7B
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6F
)

func (t ValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	}
	return fmt.Sprintf("type(0x%02x)", byte(t))
}

// Slots is the number of 8-byte frame slots a value of the type takes.
func (t ValType) Slots() int {
	if t == V128 {
		return 2
	}
	return 1
}

func (t ValType) isRef() bool { return t == FuncRef || t == ExternRef }

// FuncType is the type of a function.
type FuncType struct {
	Params, Results []ValType
}

// key is a string that is equal for equal types.
func (t *FuncType) key() string {
	b := make([]byte, 0, len(t.Params)+len(t.Results)+1)
	for _, p := range t.Params {
		b = append(b, byte(p))
	}
	b = append(b, ':')
	for _, r := range t.Results {
		b = append(b, byte(r))
	}
	return string(b)
}

func (t *FuncType) String() string {
	return fmt.Sprintf("%v -> %v", t.Params, t.Results)
}

// Limits bound the size of a table (in elements) or of a memory (in 64 KiB pages).
type Limits struct {
	Min, Max uint32
	HasMax   bool
}

// TableType is the type of a table.
type TableType struct {
	Elem   ValType
	Limits Limits
}

// MemoryType is the type of a linear memory.
type MemoryType struct {
	Limits Limits
}

// GlobalType is the type of a global variable.
type GlobalType struct {
	Type    ValType
	Mutable bool
}

// ExternKind says what an import or an export is.
type ExternKind byte

// The kinds of imports and exports, with their encodings.
const (
	ExternFunc   ExternKind = 0
	ExternTable  ExternKind = 1
	ExternMemory ExternKind = 2
	ExternGlobal ExternKind = 3
)

func (k ExternKind) String() string {
	switch k {
	case ExternFunc:
		return "function"
	case ExternTable:
		return "table"
	case ExternMemory:
		return "memory"
	case ExternGlobal:
		return "global"
	}
	return fmt.Sprintf("kind(%d)", byte(k))
}

// Import is one import; which of the type fields counts depends on Kind.
type Import struct {
	Module, Name string
	Kind         ExternKind
	TypeIndex    uint32 // of a function
	Table        TableType
	Memory       MemoryType
	Global       GlobalType
}

// Export is one export. Index is in the index space of Kind.
type Export struct {
	Name  string
	Kind  ExternKind
	Index uint32
}

// CustomSection is a custom section of the module.
type CustomSection struct {
	Name   string
	Offset int // of Data in the file
	Data   []byte
}

// Global is a global variable of the module; imported ones have no initialiser.
type Global struct {
	GlobalType
	init constExpr
}

type segmentMode byte

const (
	segActive segmentMode = iota
	segPassive
	segDeclared
)

type dataSegment struct {
	mode   segmentMode
	offset constExpr
	data   []byte
}

type elemSegment struct {
	mode   segmentMode
	table  uint32
	offset constExpr
	typ    ValType
	init   []constExpr
}

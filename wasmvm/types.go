package wasmvm

import "fmt"

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
	Shared bool // between threads; there is only one
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
	ExternTag    ExternKind = 4
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
	case ExternTag:
		return "tag"
	}
	return fmt.Sprintf("kind(%d)", byte(k))
}

// Import is one import; which of the type fields counts depends on Kind.
type Import struct {
	Module, Name string
	Kind         ExternKind
	TypeIndex    uint32 // of a function or tag
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

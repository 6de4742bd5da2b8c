package wasmvm

import "fmt"

// Opcode is a WebAssembly opcode: the byte itself, or prefix<<16 | sub-opcode for the prefixes 0xFC, 0xFD and 0xFE.
type Opcode uint32

// OpEnter stands for entering a function, which is an instruction of its own (position) but has no encoding.
const OpEnter Opcode = 1 << 24

// The opcodes that mean something beyond "pop operands, push a result"; the others are known by their table entry only.
const (
	OpUnreachable  Opcode = 0x00
	OpNop          Opcode = 0x01
	OpBlock        Opcode = 0x02
	OpLoop         Opcode = 0x03
	OpIf           Opcode = 0x04
	OpElse         Opcode = 0x05
	OpThrow        Opcode = 0x08
	OpThrowRef     Opcode = 0x0A
	OpTryTable     Opcode = 0x1F
	OpEnd          Opcode = 0x0B
	OpBr           Opcode = 0x0C
	OpBrIf         Opcode = 0x0D
	OpBrTable      Opcode = 0x0E
	OpReturn       Opcode = 0x0F
	OpCall         Opcode = 0x10
	OpCallIndirect Opcode = 0x11

	OpReturnCall         Opcode = 0x12
	OpReturnCallIndirect Opcode = 0x13
	OpCallRef            Opcode = 0x14
	OpReturnCallRef      Opcode = 0x15

	OpDrop         Opcode = 0x1A
	OpSelect       Opcode = 0x1B
	OpSelectT      Opcode = 0x1C
	OpLocalGet     Opcode = 0x20
	OpLocalSet     Opcode = 0x21
	OpLocalTee     Opcode = 0x22
	OpGlobalGet    Opcode = 0x23
	OpGlobalSet    Opcode = 0x24
	OpTableGet     Opcode = 0x25
	OpTableSet     Opcode = 0x26
	OpI32Load      Opcode = 0x28
	OpI64Store32   Opcode = 0x3E
	OpMemorySize   Opcode = 0x3F
	OpMemoryGrow   Opcode = 0x40
	OpI32Const     Opcode = 0x41
	OpI64Const     Opcode = 0x42
	OpF32Const     Opcode = 0x43
	OpF64Const     Opcode = 0x44
	OpI32Eqz       Opcode = 0x45
	OpI64Eqz       Opcode = 0x50
	OpRefNull      Opcode = 0xD0
	OpRefIsNull    Opcode = 0xD1
	OpRefFunc      Opcode = 0xD2
	OpRefAsNonNull Opcode = 0xD4
	OpBrOnNull     Opcode = 0xD5
	OpBrOnNonNull  Opcode = 0xD6

	OpV128Const    Opcode = 0xFD<<16 | 0x0C
	OpI8x16Shuffle Opcode = 0xFD<<16 | 0x0D

	OpMemoryInit Opcode = 0xFC<<16 | 8
	OpDataDrop   Opcode = 0xFC<<16 | 9
	OpMemoryCopy Opcode = 0xFC<<16 | 10
	OpMemoryFill Opcode = 0xFC<<16 | 11
	OpTableInit  Opcode = 0xFC<<16 | 12
	OpElemDrop   Opcode = 0xFC<<16 | 13
	OpTableCopy  Opcode = 0xFC<<16 | 14
	OpTableGrow  Opcode = 0xFC<<16 | 15
	OpTableSize  Opcode = 0xFC<<16 | 16
	OpTableFill  Opcode = 0xFC<<16 | 17
)

// immKind says which immediate operands follow an opcode.
type immKind byte

const (
	immNone immKind = iota
	immBlock
	immLabel
	immBrTable
	immFunc
	immCallIndirect // type index, table index
	immType         // type index
	immTag
	immTryTable // block type, clauses
	immSelectTypes
	immLocal
	immGlobal
	immTable
	immMem      // alignment, offset
	immZero     // one zero byte
	immMemIndex // the memory's index, one zero byte
	immI32
	immI64
	immF32
	immF64
	immRefType
	immMemInit   // data segment, memory
	immData      // data segment
	immMemCopy   // two memories
	immTableInit // element segment, table
	immElem      // element segment
	immTableCopy // two tables
	immV128      // 16 bytes
	immShuffle   // 16 numbers of bytes
	immLane      // the number of a lane
	immMemLane   // alignment, offset, the number of a lane
)

// opDef describes an opcode. sig lists operand and result types (i l f d v for i32 i64 f32 f64 v128) separated by a colon; it is empty where the types depend on more than the opcode.
type opDef struct {
	name string
	imm  immKind
	sig  string
}

// lookup returns the description of an opcode, nil if it is unknown.
func (op Opcode) lookup() *opDef {
	var d *opDef
	switch {
	case op < 0x100:
		d = &opTable[op]
	case op>>16 == 0xFC && op&0xFFFF < Opcode(len(opTableFC)):
		d = &opTableFC[op&0xFFFF]
	case op>>16 == 0xFD && op&0xFFFF < Opcode(len(opTableFD)):
		d = &opTableFD[op&0xFFFF]
	case op>>16 == 0xFE && op&0xFFFF < Opcode(len(atomicOps)):
		d = &atomicOps[op&0xFFFF].opDef
	case op == OpEnter:
		return &opDef{name: "(enter)"}
	default:
		return nil
	}
	if d.name == "" {
		return nil
	}
	return d
}

// String is the text format's name of the opcode.
func (op Opcode) String() string {
	if d := op.lookup(); d != nil {
		return d.name
	}
	if op < 0x100 {
		return fmt.Sprintf("opcode 0x%02x", uint32(op))
	}
	return fmt.Sprintf("opcode 0x%02x 0x%02x", uint32(op>>16), uint32(op&0xFFFF))
}

func sigType(c byte) ValType {
	switch c {
	case 'i':
		return I32
	case 'l':
		return I64
	case 'f':
		return F32
	case 'v':
		return V128
	}
	return F64
}

package randmod

import "wrev/internal/wasmenc"

// code is an instruction sequence, or any other piece of a module, under construction.
type code = wasmenc.Code

// ValType is a value type: its first byte in the binary encoding, and for a
// reference to functions of one type the index of that type above it.
type ValType uint32

// The value types that the generator uses.
const (
	I32       ValType = 0x7F
	I64       ValType = 0x7E
	F32       ValType = 0x7D
	F64       ValType = 0x7C
	FuncRef   ValType = 0x70
	V128      ValType = 0x7B
	ExternRef ValType = 0x6F
	ExnRef    ValType = 0x69
)

// The first bytes of references to functions of one type.
const (
	refNull = 0x63
	refThat = 0x64 // is never null
)

// IsRef says whether values of the type are references, which engines
// represent as they like: compare only whether they are null (zero).
func (t ValType) IsRef() bool { return t == FuncRef || t == ExternRef || t == ExnRef || t.typed() }

// Words is the number of 64-bit words that a value takes in a list of raw values.
func (t ValType) Words() int {
	if t == V128 {
		return 2
	}
	return 1
}

// typed says whether t is a reference to functions of one type, target which.
func (t ValType) typed() bool   { return byte(t) == refNull || byte(t) == refThat }
func (t ValType) nonNull() bool { return byte(t) == refThat }
func (t ValType) target() int   { return int(t >> 8) }

// refTo is a reference to functions of type k.
func refTo(k int, nonNull bool) ValType {
	if nonNull {
		return ValType(k)<<8 | refThat
	}
	return ValType(k)<<8 | refNull
}

// valType appends a value type.
func valType(c *code, t ValType) {
	c.Op(byte(t))
	if t.typed() {
		c.S(int64(t.target()))
	}
}

// refNullOf appends a ref.null of type t.
func refNullOf(c *code, t ValType) {
	if t.typed() {
		c.Op(opRefNull)
		c.S(int64(t.target()))
		return
	}
	c.Op(opRefNull, byte(t))
}

// FuncType is the type of a function.
type FuncType struct{ Params, Results []ValType }

// Opcodes that the generator names. Numeric ones are in ops.go.
const (
	opUnreachable  = 0x00
	opNop          = 0x01
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0B
	opBr           = 0x0C
	opBrIf         = 0x0D
	opBrTable      = 0x0E
	opReturn       = 0x0F
	opCall         = 0x10
	opCallIndirect = 0x11
	opReturnCall   = 0x12
	opReturnCallIn = 0x13
	opCallRef      = 0x14
	opReturnCallRf = 0x15
	opThrow        = 0x08
	opThrowRef     = 0x0A
	opTryTable     = 0x1F
	opDrop         = 0x1A
	opSelect       = 0x1B
	opSelectT      = 0x1C
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opTableGet     = 0x25
	opTableSet     = 0x26
	opMemorySize   = 0x3F
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32Eqz       = 0x45
	opI32LtS       = 0x48
	opI32LtU       = 0x49
	opI32GtS       = 0x4A
	opI32Add       = 0x6A
	opI32Sub       = 0x6B
	opI32And       = 0x71
	opI32Or        = 0x72
	opI64Or        = 0x84
	opRefNull      = 0xD0
	opRefIsNull    = 0xD1
	opRefFunc      = 0xD2
	opRefAsNonNull = 0xD4
	opBrOnNull     = 0xD5
	opBrOnNonNull  = 0xD6

	fcMemoryInit = 8
	fcDataDrop   = 9
	fcMemoryCopy = 10
	fcMemoryFill = 11
	fcTableInit  = 12
	fcElemDrop   = 13
	fcTableCopy  = 14
	fcTableGrow  = 15
	fcTableSize  = 16
	fcTableFill  = 17
)

// typeList appends a vector of value types.
func typeList(c *code, ts []ValType) {
	c.U(uint64(len(ts)))
	for _, t := range ts {
		valType(c, t)
	}
}

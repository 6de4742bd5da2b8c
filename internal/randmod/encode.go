package randmod

// ValType is a value type in its binary encoding.
type ValType byte

// The value types that the generator uses.
const (
	I32       ValType = 0x7F
	I64       ValType = 0x7E
	F32       ValType = 0x7D
	F64       ValType = 0x7C
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6F
)

// IsRef says whether values of the type are references, which engines
// represent as they like: compare only whether they are null (zero).
func (t ValType) IsRef() bool { return t == FuncRef || t == ExternRef }

// FuncType is the type of a function.
type FuncType struct{ Params, Results []ValType }

// code is an instruction sequence (or any other piece of a module) under construction.
type code []byte

func (c *code) op(b ...byte) { *c = append(*c, b...) }

// u appends an unsigned LEB128 number.
func (c *code) u(v uint64) {
	for v >= 0x80 {
		*c = append(*c, byte(v)|0x80)
		v >>= 7
	}
	*c = append(*c, byte(v))
}

// s appends a signed LEB128 number.
func (c *code) s(v int64) {
	for {
		b := byte(v & 0x7F)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			*c = append(*c, b)
			return
		}
		*c = append(*c, b|0x80)
	}
}

// opu appends an opcode and its unsigned immediates.
func (c *code) opu(op byte, imm ...int) {
	*c = append(*c, op)
	for _, v := range imm {
		c.u(uint64(v))
	}
}

// fc appends a 0xFC-prefixed opcode and its immediates.
func (c *code) fc(op int, imm ...int) {
	*c = append(*c, 0xFC)
	c.u(uint64(op))
	for _, v := range imm {
		c.u(uint64(v))
	}
}

func (c *code) bytes(b []byte) {
	c.u(uint64(len(b)))
	*c = append(*c, b...)
}

func (c *code) name(s string) { c.bytes([]byte(s)) }

func (c *code) typeList(ts []ValType) {
	c.u(uint64(len(ts)))
	for _, t := range ts {
		c.op(byte(t))
	}
}

// section appends a section unless it is empty.
func (c *code) section(id byte, count int, body code) {
	if count == 0 {
		return
	}
	var payload code
	payload.u(uint64(count))
	payload = append(payload, body...)
	c.op(id)
	c.bytes(payload)
}

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

// Package wasmenc writes the WebAssembly binary format: just enough for tests to
// make modules without an assembler. Only tests may import it.
package wasmenc

// Header begins every module.
const Header = "\x00asm\x01\x00\x00\x00"

// Code is an instruction sequence (or any other piece of a module) under construction.
type Code []byte

// Op appends bytes as they are.
func (c *Code) Op(b ...byte) { *c = append(*c, b...) }

// U appends an unsigned LEB128 number.
func (c *Code) U(v uint64) {
	for v >= 0x80 {
		*c = append(*c, byte(v)|0x80)
		v >>= 7
	}
	*c = append(*c, byte(v))
}

// S appends a signed LEB128 number.
func (c *Code) S(v int64) {
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

// OpU appends an opcode and its unsigned immediates.
func (c *Code) OpU(op byte, imm ...int) {
	*c = append(*c, op)
	for _, v := range imm {
		c.U(uint64(v))
	}
}

// FC appends a 0xFC-prefixed opcode and its immediates.
func (c *Code) FC(op int, imm ...int) { c.Prefixed(0xFC, op, imm...) }

// Prefixed appends an opcode behind its prefix, and its immediates.
func (c *Code) Prefixed(prefix byte, op int, imm ...int) {
	*c = append(*c, prefix)
	c.U(uint64(op))
	for _, v := range imm {
		c.U(uint64(v))
	}
}

// Bytes appends a byte vector: its length and its content.
func (c *Code) Bytes(b []byte) {
	c.U(uint64(len(b)))
	*c = append(*c, b...)
}

// Name appends a name.
func (c *Code) Name(s string) { c.Bytes([]byte(s)) }

// Section appends a section unless it is empty.
func (c *Code) Section(id byte, count int, body Code) {
	if count == 0 {
		return
	}
	var payload Code
	payload.U(uint64(count))
	payload = append(payload, body...)
	c.Op(id)
	c.Bytes(payload)
}

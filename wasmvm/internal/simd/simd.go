package simd

import "wrev/wasmvm/internal/nan"

// V is a v128: the lower half, and the upper.
type V struct{ Lo, Hi uint64 }

// Func is an operation on one or two vectors; one on one vector does not look at y. The rule says which NaN comes out.
type Func func(r nan.Rule, x, y V) V

// Funcs are the operations by the opcode behind the prefix 0xFD; nil for those that are not here.
var Funcs = [256]Func{
	0x0E: swizzle,

	0x5E: demote, 0x5F: promote,
	0x67: floats32(ceil32), 0x68: floats32(floor32), 0x69: floats32(trunc32), 0x6A: floats32(nearest32),
	0x74: floats64(ceil64), 0x75: floats64(floor64), 0x7A: floats64(trunc64), 0x94: floats64(nearest64),
	0xE3: floats32(sqrt32), 0xE4: floats32(add32), 0xE5: floats32(sub32), 0xE6: floats32(mul32), 0xE7: floats32(div32), 0xE8: floats32(min32), 0xE9: floats32(max32),
	0xEF: floats64(sqrt64), 0xF0: floats64(add64), 0xF1: floats64(sub64), 0xF2: floats64(mul64), 0xF3: floats64(div64), 0xF4: floats64(min64), 0xF5: floats64(max64),
	0xF8: truncSat32(satS), 0xF9: truncSat32(satU), 0xFC: truncSat64(satS), 0xFD: truncSat64(satU),

	0x65: narrow16(-128, 127), 0x66: narrow16(0, 255), 0x85: narrow32(-32768, 32767), 0x86: narrow32(0, 65535),
	0x7C: extadd8(signed8), 0x7D: extadd8(unsigned8), 0x7E: extadd16(signed16), 0x7F: extadd16(unsigned16),
	0x82: q15mulr,
	0x9C: extmul8(low, signed8), 0x9D: extmul8(high, signed8), 0x9E: extmul8(low, unsigned8), 0x9F: extmul8(high, unsigned8),
	0xBC: extmul16(low, signed16), 0xBD: extmul16(high, signed16), 0xBE: extmul16(low, unsigned16), 0xBF: extmul16(high, unsigned16),
	0xDC: extmul32(low, signed32), 0xDD: extmul32(high, signed32), 0xDE: extmul32(low, unsigned32), 0xDF: extmul32(high, unsigned32),
}

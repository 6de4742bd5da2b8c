package randmod

import "slices"

// numOp is one numeric instruction. op is the opcode, with 0xFC00 or 0xFD00 added
// for the prefixed ones.
type numOp struct {
	op    int
	in    []ValType
	out   ValType
	risk  risk
	lanes int // of a vector, if the instruction names one
}

// risk says how a numeric instruction can trap.
type risk uint8

const (
	safe    risk = iota
	divides      // traps on a zero divisor or overflow
	truncs       // traps on NaN and out of range
)

// load and store instructions: opcode, type of the value, log2 of the width.
type memOp struct {
	op    byte
	typ   ValType
	width int
}

var (
	numOps   = numericOps()
	opsByOut = func() map[ValType][]numOp {
		m := map[ValType][]numOp{}
		for _, o := range numOps {
			m[o.out] = append(m[o.out], o)
		}
		return m
	}()

	loads = []memOp{
		{0x28, I32, 2}, {0x29, I64, 3}, {0x2A, F32, 2}, {0x2B, F64, 3},
		{0x2C, I32, 0}, {0x2D, I32, 0}, {0x2E, I32, 1}, {0x2F, I32, 1},
		{0x30, I64, 0}, {0x31, I64, 0}, {0x32, I64, 1}, {0x33, I64, 1}, {0x34, I64, 2}, {0x35, I64, 2},
	}
	stores = []memOp{
		{0x36, I32, 2}, {0x37, I64, 3}, {0x38, F32, 2}, {0x39, F64, 3},
		{0x3A, I32, 0}, {0x3B, I32, 1}, {0x3C, I64, 0}, {0x3D, I64, 1}, {0x3E, I64, 2},
	}
)

// NumericOp describes one numeric instruction for tests that enumerate them.
type NumericOp struct {
	Code   []byte // the encoded instruction, without operands
	Params []ValType
	Result ValType
}

// NumericOps lists every numeric instruction of WebAssembly core 2.0 except SIMD.
func NumericOps() []NumericOp {
	var list []NumericOp
	for _, o := range numOps {
		var c code
		emit(&c, o)
		list = append(list, NumericOp{Code: c, Params: slices.Clone(o.in), Result: o.out})
	}
	return list
}

// emit appends a numeric instruction.
func emit(c *code, o numOp) {
	switch {
	case o.op >= 0xFD00:
		c.Prefixed(0xFD, o.op-0xFD00)
	case o.op >= 0xFC00:
		c.FC(o.op - 0xFC00)
	default:
		c.Op(byte(o.op))
	}
}

func numericOps() []numOp {
	var list []numOp
	add := func(first, last int, r risk, out ValType, in ...ValType) {
		for op := first; op <= last; op++ {
			list = append(list, numOp{op, in, out, r, 0})
		}
	}
	add(0x45, 0x45, safe, I32, I32)      // i32.eqz
	add(0x46, 0x4F, safe, I32, I32, I32) // i32 comparisons
	add(0x50, 0x50, safe, I32, I64)      // i64.eqz
	add(0x51, 0x5A, safe, I32, I64, I64) // i64 comparisons
	add(0x5B, 0x60, safe, I32, F32, F32)
	add(0x61, 0x66, safe, I32, F64, F64)
	add(0x67, 0x69, safe, I32, I32)         // clz, ctz, popcnt
	add(0x6A, 0x6C, safe, I32, I32, I32)    // add, sub, mul
	add(0x6D, 0x70, divides, I32, I32, I32) // div, rem
	add(0x71, 0x78, safe, I32, I32, I32)    // logic, shifts, rotations
	add(0x79, 0x7B, safe, I64, I64)
	add(0x7C, 0x7E, safe, I64, I64, I64)
	add(0x7F, 0x82, divides, I64, I64, I64)
	add(0x83, 0x8A, safe, I64, I64, I64)
	add(0x8B, 0x91, safe, F32, F32)      // abs ... sqrt
	add(0x92, 0x98, safe, F32, F32, F32) // add ... copysign
	add(0x99, 0x9F, safe, F64, F64)
	add(0xA0, 0xA6, safe, F64, F64, F64)
	add(0xA7, 0xA7, safe, I32, I64) // i32.wrap_i64
	add(0xA8, 0xA9, truncs, I32, F32)
	add(0xAA, 0xAB, truncs, I32, F64)
	add(0xAC, 0xAD, safe, I64, I32) // i64.extend_i32
	add(0xAE, 0xAF, truncs, I64, F32)
	add(0xB0, 0xB1, truncs, I64, F64)
	add(0xB2, 0xB3, safe, F32, I32)
	add(0xB4, 0xB5, safe, F32, I64)
	add(0xB6, 0xB6, safe, F32, F64) // demote
	add(0xB7, 0xB8, safe, F64, I32)
	add(0xB9, 0xBA, safe, F64, I64)
	add(0xBB, 0xBB, safe, F64, F32) // promote
	add(0xBC, 0xBC, safe, I32, F32) // reinterpretations
	add(0xBD, 0xBD, safe, I64, F64)
	add(0xBE, 0xBE, safe, F32, I32)
	add(0xBF, 0xBF, safe, F64, I64)
	add(0xC0, 0xC1, safe, I32, I32) // sign extension
	add(0xC2, 0xC4, safe, I64, I64)
	add(0xFC00, 0xFC01, safe, I32, F32) // saturating truncation
	add(0xFC02, 0xFC03, safe, I32, F64)
	add(0xFC04, 0xFC05, safe, I64, F32)
	add(0xFC06, 0xFC07, safe, I64, F64)
	return list
}

// Special values that reach the corners of numeric instructions; of floating point
// they are bit patterns: zeros, units, extremes, the edges of the integer ranges,
// infinities, quiet and signalling NaNs.
var (
	SpecialI32 = []int32{0, 1, -1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 127, 128, 255, 256, 4095, 4096, 32767, 65535, 65536, 0x01010101, 0x7FFFFFFF, -0x80000000, -2, -128, -32768, 1000003}
	SpecialI64 = []int64{0, 1, -1, 2, 5, 31, 32, 63, 64, 65, 127, 255, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, -0x80000000, 0x7FFFFFFFFFFFFFFF, -0x8000000000000000, 0x0123456789ABCDEF}
	SpecialF32 = []uint32{0, 0x80000000, 0x3F800000, 0xBF800000, 0x3F000000, 0x3FC00000, 0x40200000, 1, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x4EFFFFFF, 0x4F000000, 0xCF000000, 0x4F800000, 0x5F000000, 0xDF000000, 0x5F800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7FC12345, 0xFFC54321, 0x7F812345, 0xFFA54321, 0x7F800001, 0x40490FDB}
	SpecialF64 = []uint64{0, 1 << 63, 0x3FF0000000000000, 0xBFF0000000000000, 0x3FE0000000000000, 0x3FF8000000000000, 0x4004000000000000, 1, 1<<63 | 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF, 0x41DFFFFFFFC00000, 0x41E0000000000000, 0xC1E0000000000000, 0xC1E0000000200000, 0x41F0000000000000, 0x43E0000000000000, 0xC3E0000000000000, 0x43F0000000000000, 0x47EFFFFFF0000000, 0x3690000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000000, 0xFFF8000000000000, 0x7FF8123456789ABC, 0xFFF8987654321000, 0x7FF0123456789ABC, 0xFFF4987654321000, 0x7FF0000000000001, 0x400921FB54442D18}
)

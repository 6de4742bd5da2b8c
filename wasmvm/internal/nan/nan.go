// Package nan says which bits the NaN has that a float operation makes, on the processor whose rule counts. Plain Go gives whatever the compiler's
// order of operands makes of it. All values are raw bits.
package nan

import "math"

// Rule is that of a processor, or rather of the code that wazero's compiler makes for it.
type Rule uint8

// The rules that are known.
const (
	AMD64 Rule = iota // the first NaN operand, made quiet; else the NaN with the sign set
	ARM64             // the first signalling, else the first quiet operand, made quiet; else the NaN with the sign clear
)

// The bits of NaNs.
const (
	Quiet32, Sign32, exp32 uint32 = 1 << 22, 1 << 31, 0x7F800000
	Quiet64, Sign64, exp64 uint64 = 1 << 51, 1 << 63, 0x7FF0000000000000
)

// Is32 says whether an f32 is a NaN.
func Is32(x uint32) bool { f := math.Float32frombits(x); return f != f }

// Is64 says whether an f64 is a NaN.
func Is64(x uint64) bool { f := math.Float64frombits(x); return f != f }

// Unary32 is the NaN that an f32 operation on x gives.
func (r Rule) Unary32(x uint32) uint32 { return r.Binary32(x, 0) }

// Unary64 is the NaN that an f64 operation on x gives.
func (r Rule) Unary64(x uint64) uint64 { return r.Binary64(x, 0) }

// Binary32 is the NaN that an f32 operation on x and y gives.
func (r Rule) Binary32(x, y uint32) uint32 {
	nx, ny := Is32(x), Is32(y)
	if r == ARM64 && ny && y&Quiet32 == 0 && !(nx && x&Quiet32 == 0) {
		nx = false // only y is signalling
	}
	switch {
	case nx:
		return x | Quiet32
	case ny:
		return y | Quiet32
	case r == ARM64:
		return exp32 | Quiet32
	}
	return exp32 | Quiet32 | Sign32
}

// Binary64 is the NaN that an f64 operation on x and y gives.
func (r Rule) Binary64(x, y uint64) uint64 {
	nx, ny := Is64(x), Is64(y)
	if r == ARM64 && ny && y&Quiet64 == 0 && !(nx && x&Quiet64 == 0) {
		nx = false // only y is signalling
	}
	switch {
	case nx:
		return x | Quiet64
	case ny:
		return y | Quiet64
	case r == ARM64:
		return exp64 | Quiet64
	}
	return exp64 | Quiet64 | Sign64
}

// Demote is a NaN made an f32: the sign and the upper bits of the payload stay.
func Demote(x uint64) uint32 {
	return uint32(x>>32)&Sign32 | exp32 | Quiet32 | uint32(x>>29)&(Quiet32-1)
}

// Promote is a NaN made an f64.
func Promote(x uint32) uint64 {
	return uint64(x&Sign32)<<32 | exp64 | Quiet64 | uint64(x&(Quiet32-1))<<29
}

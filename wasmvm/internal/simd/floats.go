package simd

import (
	"math"

	"wrev/wasmvm/internal/nan"
)

// floats32 makes an operation of one on lanes. Speed matters little here: what is frequent is done by the interpreter loops unless a NaN comes out.
func floats32(f func(r nan.Rule, x, y uint32) uint32) Func {
	return func(r nan.Rule, x, y V) V {
		half := func(a, b uint64) uint64 {
			return uint64(f(r, uint32(a), uint32(b))) | uint64(f(r, uint32(a>>32), uint32(b>>32)))<<32
		}
		return V{half(x.Lo, y.Lo), half(x.Hi, y.Hi)}
	}
}

func floats64(f func(r nan.Rule, x, y uint64) uint64) Func {
	return func(r nan.Rule, x, y V) V { return V{f(r, x.Lo, y.Lo), f(r, x.Hi, y.Hi)} }
}

func f32(x uint32) float32 { return math.Float32frombits(x) }
func f64(x uint64) float64 { return math.Float64frombits(x) }

// result32 is the bits of v, or the NaN that the rule gives.
func result32(r nan.Rule, v float32, x, y uint32) uint32 {
	if v != v {
		return r.Binary32(x, y)
	}
	return math.Float32bits(v)
}

func result64(r nan.Rule, v float64, x, y uint64) uint64 {
	if v != v {
		return r.Binary64(x, y)
	}
	return math.Float64bits(v)
}

func add32(r nan.Rule, x, y uint32) uint32 { return result32(r, f32(x)+f32(y), x, y) }
func sub32(r nan.Rule, x, y uint32) uint32 { return result32(r, f32(x)-f32(y), x, y) }
func mul32(r nan.Rule, x, y uint32) uint32 { return result32(r, f32(x)*f32(y), x, y) }
func div32(r nan.Rule, x, y uint32) uint32 { return result32(r, f32(x)/f32(y), x, y) }

func add64(r nan.Rule, x, y uint64) uint64 { return result64(r, f64(x)+f64(y), x, y) }
func sub64(r nan.Rule, x, y uint64) uint64 { return result64(r, f64(x)-f64(y), x, y) }
func mul64(r nan.Rule, x, y uint64) uint64 { return result64(r, f64(x)*f64(y), x, y) }
func div64(r nan.Rule, x, y uint64) uint64 { return result64(r, f64(x)/f64(y), x, y) }

// rounded32 makes a rounding of float64, which is exact for an f32.
func rounded32(f func(float64) float64) func(r nan.Rule, x, y uint32) uint32 {
	return func(r nan.Rule, x, _ uint32) uint32 { return result32(r, float32(f(float64(f32(x)))), x, 0) }
}

func rounded64(f func(float64) float64) func(r nan.Rule, x, y uint64) uint64 {
	return func(r nan.Rule, x, _ uint64) uint64 { return result64(r, f(f64(x)), x, 0) }
}

// The square root of an f32 rounded to float64 and then to float32 is the correctly rounded one.
var (
	ceil32, floor32, trunc32, nearest32, sqrt32 = rounded32(math.Ceil), rounded32(math.Floor), rounded32(math.Trunc), rounded32(math.RoundToEven), rounded32(math.Sqrt)
	ceil64, floor64, trunc64, nearest64, sqrt64 = rounded64(math.Ceil), rounded64(math.Floor), rounded64(math.Trunc), rounded64(math.RoundToEven), rounded64(math.Sqrt)
)

// On amd64 wazero's compiler puts min and max of vectors together from several instructions, so that their NaNs are not those of the operands. This was
// measured, and follows from the code: a NaN of min has the sign set and no payload; one of max has the sign that either operand has, NaN or
// not, and no payload. On arm64 they are one instruction with the common rule.
const (
	quietNaN32 uint32 = 0x7FC00000
	quietNaN64 uint64 = 0x7FF8000000000000
)

func min32(r nan.Rule, x, y uint32) uint32 {
	switch a, b := f32(x), f32(y); {
	case a != a || b != b:
		if r == nan.AMD64 {
			return quietNaN32 | nan.Sign32
		}
		return r.Binary32(x, y)
	case a < b:
		return x
	case b < a:
		return y
	}
	return x | y // equal, or zeros
}

func max32(r nan.Rule, x, y uint32) uint32 {
	switch a, b := f32(x), f32(y); {
	case a != a || b != b:
		if r == nan.AMD64 {
			return quietNaN32 | (x|y)&nan.Sign32
		}
		return r.Binary32(x, y)
	case a > b:
		return x
	case b > a:
		return y
	}
	return x & y
}

func min64(r nan.Rule, x, y uint64) uint64 {
	switch a, b := f64(x), f64(y); {
	case a != a || b != b:
		if r == nan.AMD64 {
			return quietNaN64 | nan.Sign64
		}
		return r.Binary64(x, y)
	case a < b:
		return x
	case b < a:
		return y
	}
	return x | y
}

func max64(r nan.Rule, x, y uint64) uint64 {
	switch a, b := f64(x), f64(y); {
	case a != a || b != b:
		if r == nan.AMD64 {
			return quietNaN64 | (x|y)&nan.Sign64
		}
		return r.Binary64(x, y)
	case a > b:
		return x
	case b > a:
		return y
	}
	return x & y
}

func demote(_ nan.Rule, x, _ V) V {
	lane := func(x uint64) uint64 {
		if nan.Is64(x) {
			return uint64(nan.Demote(x))
		}
		return uint64(math.Float32bits(float32(f64(x))))
	}
	return V{Lo: lane(x.Lo) | lane(x.Hi)<<32}
}

func promote(_ nan.Rule, x, _ V) V {
	lane := func(x uint32) uint64 {
		if nan.Is32(x) {
			return nan.Promote(x)
		}
		return math.Float64bits(float64(f32(x)))
	}
	return V{lane(uint32(x.Lo)), lane(uint32(x.Lo >> 32))}
}

// satS converts to the nearest signed number of 32 bits towards zero; a NaN is 0.
func satS(v float64) uint64 {
	switch {
	case v != v:
		return 0
	case v <= math.MinInt32:
		return 1 << 31
	case v >= math.MaxInt32:
		return math.MaxInt32
	}
	return uint64(uint32(int32(v)))
}

// satU is the same for unsigned numbers.
func satU(v float64) uint64 {
	switch {
	case !(v > 0):
		return 0
	case v >= math.MaxUint32:
		return math.MaxUint32
	}
	return uint64(v)
}

func truncSat32(f func(float64) uint64) Func {
	return func(_ nan.Rule, x, _ V) V {
		half := func(a uint64) uint64 { return f(float64(f32(uint32(a)))) | f(float64(f32(uint32(a>>32))))<<32 }
		return V{half(x.Lo), half(x.Hi)}
	}
}

func truncSat64(f func(float64) uint64) Func {
	return func(_ nan.Rule, x, _ V) V { return V{Lo: f(f64(x.Lo)) | f(f64(x.Hi))<<32} }
}

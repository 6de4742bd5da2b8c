package simd

import (
	"testing"

	"wrev/wasmvm/internal/nan"
)

// TestFuncs has an example of every function, with the bounds of those that have some.
func TestFuncs(t *testing.T) {
	const (
		nan32, sNaN32 = 0x7FC00001, 0x7F800002
		one32, two32  = 0x3F800000, 0x40000000
		one64, half64 = 0x3FF0000000000000, 0x3FE0000000000000
		nan64         = 0x7FF8000000000001
	)
	pair := func(lo, hi uint32) uint64 { return uint64(lo) | uint64(hi)<<32 }
	bytes := V{0x0706050403020100, 0x0F0E0D0C0B0A0908}
	examples := map[int]struct{ x, y, want V }{
		0x0E: {bytes, V{0x100F0E0D0C0B0AFF, 0}, V{0x000F0E0D0C0B0A00, 0}},
		0x5E: {V{one64, nan64}, V{}, V{pair(one32, 0x7FC00000), 0}},
		0x5F: {V{pair(one32, nan32), 99}, V{}, V{one64, 0x7FF8000020000000}},
		0x65: {V{0x80007FFF00010080, 0}, V{0xFF7F, 0}, V{0x00000000807F017F, 0x80}},
		0x66: {V{0x80007FFF00010080, 0}, V{0xFF7F, 0}, V{0x0000000000FF0180, 0}},
		0x67: {V{pair(0x3F000000, 0xBF000000), 0}, V{}, V{pair(one32, 0x80000000), 0}},
		0x68: {V{pair(0x3F000000, 0xBF000000), 0}, V{}, V{pair(0, 0xBF800000), 0}},
		0x69: {V{pair(0x3FC00000, sNaN32), 0}, V{}, V{pair(one32, sNaN32|nan.Quiet32), 0}},
		0x6A: {V{pair(0x3F000000, 0x3FC00000), 0}, V{}, V{pair(0, two32), 0}},
		0x74: {V{half64, 0}, V{}, V{one64, 0}},
		0x75: {V{half64, 0}, V{}, V{0, 0}},
		0x7A: {V{half64 | 1<<63, 0}, V{}, V{1 << 63, 0}},
		0x94: {V{half64, 0}, V{}, V{0, 0}},
		0x7C: {V{0x80FF, 0x7F7F}, V{}, V{0xFF7F, 0xFE}},
		0x7D: {V{0x80FF, 0x7F7F}, V{}, V{0x17F, 0xFE}},
		0x7E: {V{0x8000FFFF, 0}, V{}, V{0xFFFF7FFF, 0}},
		0x7F: {V{0x8000FFFF, 0}, V{}, V{0x17FFF, 0}},
		0x82: {V{0x400080008000, 0}, V{0x400080007FFF, 0}, V{0x20007FFF8001, 0}},
		0x85: {V{pair(0x8000, 0xFFFF0000), 0}, V{}, V{0x80007FFF, 0}},
		0x86: {V{pair(0x10000, 0xFFFF0000), 0}, V{}, V{0xFFFF, 0}},
		0x9C: {V{0x80FF, 0}, V{0x8002, 0}, V{0x4000FFFE, 0}},
		0x9D: {V{0, 0x80FF}, V{0, 0x8002}, V{0x4000FFFE, 0}},
		0x9E: {V{0x80FF, 0}, V{0x8002, 0}, V{0x400001FE, 0}},
		0x9F: {V{0, 0x80FF00000000}, V{0, 0x800200000000}, V{0, 0x400001FE}},
		0xBC: {V{0xFFFF, 0}, V{2, 0}, V{0xFFFFFFFE, 0}},
		0xBD: {V{0, 0xFFFF}, V{0, 2}, V{0xFFFFFFFE, 0}},
		0xBE: {V{0xFFFF, 0}, V{2, 0}, V{0x1FFFE, 0}},
		0xBF: {V{0, 0xFFFF}, V{0, 2}, V{0x1FFFE, 0}},
		0xDC: {V{0xFFFFFFFF, 0}, V{2, 0}, V{0xFFFFFFFFFFFFFFFE, 0}},
		0xDD: {V{0, 0xFFFFFFFF}, V{0, 2}, V{0xFFFFFFFFFFFFFFFE, 0}},
		0xDE: {V{0xFFFFFFFF, 0}, V{2, 0}, V{0x1FFFFFFFE, 0}},
		0xDF: {V{0, 0xFFFFFFFF}, V{0, 2}, V{0x1FFFFFFFE, 0}},
		0xE3: {V{pair(0x40800000, 0xBF800000), 0}, V{}, V{pair(two32, 0xFFC00000), 0}},
		0xE4: {V{pair(one32, nan32), 0}, V{pair(one32, sNaN32), 0}, V{pair(two32, nan32), 0}},
		0xE5: {V{pair(two32, one32), 0}, V{pair(one32, sNaN32), 0}, V{pair(one32, sNaN32|nan.Quiet32), 0}},
		0xE6: {V{pair(two32, 0x7F800000), 0}, V{pair(one32, 0), 0}, V{pair(two32, 0xFFC00000), 0}},
		0xE7: {V{pair(two32, 0), one32}, V{pair(two32, one32), one32}, V{one32, pair(one32, 0xFFC00000)}},
		0xE8: {V{pair(two32, 0), nan32}, V{pair(one32, 1<<31), one32}, V{pair(one32, 1<<31), 0xFFC00000}},
		0xE9: {V{pair(two32, 0), nan32}, V{pair(one32, 1<<31), one32 | 1<<31}, V{pair(two32, 0), 0xFFC00000}},
		0xEF: {V{0x4010000000000000, 0}, V{}, V{0x4000000000000000, 0}},
		0xF0: {V{half64, nan64}, V{half64, 0}, V{one64, nan64}},
		0xF1: {V{one64, 0}, V{half64, 0}, V{half64, 0}},
		0xF2: {V{half64, 0}, V{one64, 0}, V{half64, 0}},
		0xF3: {V{half64, one64}, V{one64, one64}, V{half64, one64}},
		0xF4: {V{half64, nan64}, V{one64, 0}, V{half64, 0xFFF8000000000000}},
		0xF5: {V{half64, nan64}, V{one64, 0}, V{one64, 0x7FF8000000000000}},
		0xF8: {V{pair(0x4F000000, nan32), pair(0xCF000001, 0xC0200000)}, V{}, V{pair(0x7FFFFFFF, 0), pair(0x80000000, 0xFFFFFFFE)}},
		0xF9: {V{pair(0x4F000000, nan32), pair(0x4F800000, 0xC0200000)}, V{}, V{pair(0x80000000, 0), 0xFFFFFFFF}},
		0xFC: {V{0x41E0000000000000, nan64}, V{}, V{0x7FFFFFFF, 0}},
		0xFD: {V{0x41E0000000000000, 0x41F0000000000000}, V{}, V{pair(0x80000000, 0xFFFFFFFF), 0}},
	}
	for op, f := range Funcs {
		if f == nil {
			continue
		}
		c, ok := examples[op]
		if !ok {
			t.Errorf("%#x has no example", op)
		}
		if got := f(nan.AMD64, c.x, c.y); got != c.want {
			t.Errorf("%#x of %x and %x gives %x, want %x", op, c.x, c.y, got, c.want)
		}
	}
}

// TestARM checks the NaNs that differ on arm64: those of min and max are the operands' there.
func TestARM(t *testing.T) {
	const quiet, signals, other = 0x7FC00001, 0xFF800002, 0x7FC00003
	x, y := V{quiet, other}, V{signals, quiet}
	for _, op := range []int{0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9} {
		if got, want := Funcs[op](nan.ARM64, x, y), uint32(signals|nan.Quiet32); uint32(got.Lo) != want || uint32(got.Hi) != other {
			t.Errorf("%#x gives %x", op, got)
		}
	}
	x, y = V{0x7FF8000000000001, 0}, V{0xFFF0000000000002, 0x7FF8000000000003}
	for _, op := range []int{0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5} {
		if got := Funcs[op](nan.ARM64, x, y); got != (V{0xFFF8000000000002, 0x7FF8000000000003}) {
			t.Errorf("%#x gives %x", op, got)
		}
	}
	if got := Funcs[0xE3](nan.ARM64, V{0xBF800000, 0}, V{}); uint32(got.Lo) != 0x7FC00000 {
		t.Errorf("the square root of -1 is %x", got)
	}
}

// TestShuffle picks from both vectors.
func TestShuffle(t *testing.T) {
	x, y := V{0x0706050403020100, 0x0F0E0D0C0B0A0908}, V{0x1716151413121110, 0x1F1E1D1C1B1A1918}
	mask := V{0x1F00100F1E010E11, 0x0F0E0D0C0B0A0908}
	if got := Shuffle(x, y, mask); got != mask {
		t.Errorf("got %x, want %x", got, mask)
	}
}

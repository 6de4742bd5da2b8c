package nan

import "testing"

// TestRules checks which operand's NaN comes out, with two NaNs, one and none. The f64 values have the same bits in their upper halves.
func TestRules(t *testing.T) {
	const (
		one32, one64             = 0x3F800000, 0x3FF0000000000000
		quiet32, quiet64         = 0x7FC00001, 0x7FF8000000000001
		other32, other64         = 0xFFC00002, 0xFFF8000000000002
		signals32, signals64     = 0x7F800003, 0x7FF0000000000003
		alsoSigns32, alsoSigns64 = 0xFF800004, 0xFFF0000000000004
	)
	both := map[uint32]uint64{one32: one64, quiet32: quiet64, other32: other64, signals32: signals64, alsoSigns32: alsoSigns64,
		signals32 | Quiet32: signals64 | Quiet64, alsoSigns32 | Quiet32: alsoSigns64 | Quiet64, 0xFFC00000: 0xFFF8000000000000, 0x7FC00000: 0x7FF8000000000000}
	for _, c := range []struct{ x, y, amd, arm uint32 }{
		{one32, one32, 0xFFC00000, 0x7FC00000},
		{quiet32, one32, quiet32, quiet32},
		{one32, other32, other32, other32},
		{quiet32, other32, quiet32, quiet32},
		{signals32, one32, signals32 | Quiet32, signals32 | Quiet32},
		{one32, alsoSigns32, alsoSigns32 | Quiet32, alsoSigns32 | Quiet32},
		{quiet32, alsoSigns32, quiet32, alsoSigns32 | Quiet32},
		{signals32, other32, signals32 | Quiet32, signals32 | Quiet32},
		{signals32, alsoSigns32, signals32 | Quiet32, signals32 | Quiet32},
	} {
		for r, want := range map[Rule]uint32{AMD64: c.amd, ARM64: c.arm} {
			if got := r.Binary32(c.x, c.y); got != want {
				t.Errorf("rule %d: %#x and %#x give %#x, want %#x", r, c.x, c.y, got, want)
			}
			if got := r.Binary64(both[c.x], both[c.y]); got != both[want] {
				t.Errorf("rule %d: %#x and %#x give %#x, want %#x", r, both[c.x], both[c.y], got, both[want])
			}
			if c.y == one32 && (r.Unary32(c.x) != want || r.Unary64(both[c.x]) != both[want]) {
				t.Errorf("rule %d: %#x gives %#x and %#x", r, c.x, r.Unary32(c.x), r.Unary64(both[c.x]))
			}
		}
	}
}

// TestConversions checks that a NaN keeps its payload there and back, and becomes quiet.
func TestConversions(t *testing.T) {
	for _, x := range []uint32{0x7F800001, 0xFFC12345, 0x7FFFFFFF} {
		if got := Demote(Promote(x)); got != x|Quiet32 {
			t.Errorf("%#x becomes %#x", x, got)
		}
	}
}

package randmod

// source is the stream of decisions that a module is made from.
type source struct {
	data   []byte // fuzz bytes, consumed front to back
	random bool   // draw from state instead of data
	state  uint64
}

// mix is the output function of splitmix64; it spreads x over all bits.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 27
	x *= 0x94D049BB133111EB
	return x ^ x>>31
}

// bits returns the next decision of the given number of bytes. When fuzz bytes
// run out it returns zero, which every caller maps to its simplest choice.
func (s *source) bits(bytes int) uint64 {
	if s.random {
		s.state += 0x9E3779B97F4A7C15
		return mix(s.state)
	}
	var v uint64
	for i := 0; i < bytes && len(s.data) > 0; i++ {
		v = v<<8 | uint64(s.data[0])
		s.data = s.data[1:]
	}
	return v
}

// n returns a number in [0, k).
func (s *source) n(k int) int {
	switch {
	case k <= 1:
		return 0
	case k <= 1<<8:
		return int(s.bits(1) % uint64(k))
	default:
		return int(s.bits(4) % uint64(k))
	}
}

// chance is true once in k times; never when fuzz bytes have run out.
func (s *source) chance(k int) bool { return s.n(k) == k-1 }

// between returns a number in [lo, hi].
func (s *source) between(lo, hi int) int { return lo + s.n(hi-lo+1) }

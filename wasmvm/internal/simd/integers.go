package simd

import (
	"encoding/binary"

	"wrev/wasmvm/internal/nan"
)

// Shuffle picks the bytes of x and y, in this order, that the bytes of mask name; of these the five lowest bits count.
func Shuffle(x, y, mask V) V {
	var from [32]byte
	binary.LittleEndian.PutUint64(from[:], x.Lo)
	binary.LittleEndian.PutUint64(from[8:], x.Hi)
	binary.LittleEndian.PutUint64(from[16:], y.Lo)
	binary.LittleEndian.PutUint64(from[24:], y.Hi)
	pick := func(m uint64) (r uint64) {
		for i := 0; i < 64; i += 8 {
			r |= uint64(from[m>>i&31]) << i
		}
		return r
	}
	return V{pick(mask.Lo), pick(mask.Hi)}
}

func swizzle(_ nan.Rule, x, y V) V {
	var from [16]byte
	binary.LittleEndian.PutUint64(from[:], x.Lo)
	binary.LittleEndian.PutUint64(from[8:], x.Hi)
	pick := func(m uint64) (r uint64) {
		for i := 0; i < 64; i += 8 {
			if k := m >> i & 255; k < 16 {
				r |= uint64(from[k]) << i
			}
		}
		return r
	}
	return V{pick(y.Lo), pick(y.Hi)}
}

// A half is taken from a vector; a lane, the lowest one of a number, is widened to 64 bits.
func low(x V) uint64  { return x.Lo }
func high(x V) uint64 { return x.Hi }

func signed8(x uint64) int64    { return int64(int8(x)) }
func unsigned8(x uint64) int64  { return int64(uint8(x)) }
func signed16(x uint64) int64   { return int64(int16(x)) }
func unsigned16(x uint64) int64 { return int64(uint16(x)) }
func signed32(x uint64) int64   { return int64(int32(x)) }
func unsigned32(x uint64) int64 { return int64(uint32(x)) }

// lanes puts f of every lane's place, counted in bits, into the lanes of the given width of a half.
func lanes(width int, f func(at int) int64) (r uint64) {
	mask := uint64(1)<<width - 1
	for at := 0; at < 64; at += width {
		r |= uint64(f(at)) & mask << at
	}
	return r
}

// narrow16 makes lanes half as wide, those of x below those of y, and keeps them within bounds.
func narrow16(lo, hi int64) Func { return narrow(16, signed16, lo, hi) }
func narrow32(lo, hi int64) Func { return narrow(32, signed32, lo, hi) }

func narrow(width int, lane func(uint64) int64, lo, hi int64) Func {
	half := func(a V) uint64 {
		return lanes(width/2, func(at int) int64 {
			from := a.Lo
			if at >= 32 {
				from = a.Hi
			}
			return min(max(lane(from>>(2*at&63)), lo), hi)
		})
	}
	return func(_ nan.Rule, x, y V) V { return V{half(x), half(y)} }
}

// extadd adds pairs of neighbouring lanes.
func extadd8(lane func(uint64) int64) Func  { return extadd(8, lane) }
func extadd16(lane func(uint64) int64) Func { return extadd(16, lane) }

func extadd(width int, lane func(uint64) int64) Func {
	half := func(a uint64) uint64 {
		return lanes(2*width, func(at int) int64 { return lane(a>>at) + lane(a>>(at+width)) })
	}
	return func(_ nan.Rule, x, _ V) V { return V{half(x.Lo), half(x.Hi)} }
}

// extmul multiplies the lanes of one half of each vector to lanes twice as wide.
func extmul8(half func(V) uint64, lane func(uint64) int64) Func  { return extmul(8, half, lane) }
func extmul16(half func(V) uint64, lane func(uint64) int64) Func { return extmul(16, half, lane) }

func extmul(width int, half func(V) uint64, lane func(uint64) int64) Func {
	return func(_ nan.Rule, x, y V) V {
		a, b := half(x), half(y)
		part := func(a, b uint64) uint64 {
			return lanes(2*width, func(at int) int64 { return lane(a>>(at/2)) * lane(b>>(at/2)) })
		}
		return V{part(a, b), part(a>>32, b>>32)}
	}
}

func extmul32(half func(V) uint64, lane func(uint64) int64) Func {
	return func(_ nan.Rule, x, y V) V {
		a, b := half(x), half(y)
		return V{uint64(lane(a) * lane(b)), uint64(lane(a>>32) * lane(b>>32))}
	}
}

// q15mulr multiplies fixed-point numbers with 15 fractional bits, rounding; only -1 times -1 does not fit.
func q15mulr(_ nan.Rule, x, y V) V {
	half := func(a, b uint64) uint64 {
		return lanes(16, func(at int) int64 { return min((signed16(a>>at)*signed16(b>>at)+1<<14)>>15, 32767) })
	}
	return V{half(x.Lo, y.Lo), half(x.Hi, y.Hi)}
}

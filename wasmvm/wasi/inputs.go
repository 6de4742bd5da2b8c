package wasi

import (
	"encoding/binary"
	"math/bits"
)

// Range is a piece of linear memory that lies within it.
type Range struct{ Addr, Len uint32 }

// End is the first address after the range.
func (r Range) End() uint64 { return uint64(r.Addr) + uint64(r.Len) }

// Of returns the bytes of the range. mem must be the memory, or a longer one,
// of which the range is a piece.
func (r Range) Of(mem []byte) []byte { return mem[r.Addr:r.End()] }

// inside reports whether n bytes at addr lie in memory, by wazero's rule: an
// empty range at the end of memory does.
func inside(mem []byte, addr, n uint32) bool {
	return uint64(addr)+uint64(n) <= uint64(len(mem))
}

// sockRecvPeek is the flag of sock_recv that looks at data without taking it.
const sockRecvPeek = 1

// Inputs appends the memory that the call reads to dst and returns it. mem is
// the memory before the call. It ends before the first range that does not lie
// in memory: the call fails there. A check that fails earlier makes the call
// read less than this.
func (f *Func) Inputs(dst []Range, args []uint64, mem []byte) []Range {
	for _, i := range f.inputs {
		addr, n := uint32(args[i]), uint32(0)
		switch f.Params[i].Kind {
		case KindPath:
			n = uint32(args[i+1])
		case KindReadVec, KindWriteVec:
			// The product wraps, as it does in wazero.
			n = uint32(args[i+1]) * sizeIovec
			if f.effect == effectRecv && args[3]&sockRecvPeek != 0 {
				n = sizeIovec // whatever the count
			}
		case KindSubscriptions:
			n = uint32(args[i+2]) * sizeSubscription
		}
		if !inside(mem, addr, n) {
			break
		}
		dst = append(dst, Range{addr, n})
		if f.Params[i].Kind == KindWriteVec {
			dst = appendIovecs(dst, Range{addr, n}.Of(mem), mem)
		}
	}
	return dst
}

// appendIovecs appends the buffers that an array of iovecs names, up to the
// first that is not in memory.
func appendIovecs(dst []Range, array, mem []byte) []Range {
	for ; len(array) >= sizeIovec; array = array[sizeIovec:] {
		v := iovec(array)
		if !inside(mem, v.Addr, v.Len) {
			break
		}
		dst = append(dst, v)
	}
	return dst
}

// iovec decodes the first iovec of an array. It need not lie in memory.
func iovec(array []byte) Range {
	return Range{
		Addr: binary.LittleEndian.Uint32(array),
		Len:  binary.LittleEndian.Uint32(array[4:]),
	}
}

// Digest returns a digest of the memory that the call reads, 0 if the function
// has no inputs in memory. mem is the memory before the call. Recordings hold
// these digests, so the algorithm belongs to the recording's format.
func (f *Func) Digest(args []uint64, mem []byte) uint64 {
	if len(f.inputs) == 0 {
		return 0
	}
	var room [6]Range
	h := uint64(digestSeed)
	for _, r := range f.Inputs(room[:0], args, mem) {
		h = digest(h, r.Of(mem))
	}
	if h == 0 {
		h = 1 // 0 means that there are no inputs
	}
	return h
}

// Odd constants with about as many ones as zeros in every part: 2^64 divided by
// the golden ratio, and the fractional parts of the square roots of 2, 3 and 5.
const (
	digestSeed = 0x9e3779b97f4a7c15
	digestMul1 = 0x6a09e667f3bcc909
	digestMul2 = 0xbb67ae8584caa73b
	digestMul3 = 0x3c6ef372fe94f82b
)

// digest folds b into h. It takes 16 bytes at a time through one 64x64-bit
// multiplication whose halves are combined, which is fast and mixes all bits.
// It guards against accidents, not against an adversary.
func digest(h uint64, b []byte) uint64 {
	n := uint64(len(b))
	for ; len(b) >= 16; b = b[16:] {
		h = fold(binary.LittleEndian.Uint64(b)^digestMul1, binary.LittleEndian.Uint64(b[8:])^h)
	}
	var tail [16]byte
	copy(tail[:], b)
	h = fold(binary.LittleEndian.Uint64(tail[:])^digestMul2, binary.LittleEndian.Uint64(tail[8:])^h)
	return fold(n^digestMul3, h^digestMul1)
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

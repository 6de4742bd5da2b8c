package wasmvm

import (
	"errors"
	"fmt"
)

var errShort = errors.New("unexpected end of input")

// reader reads the binary format. Its first error sticks, and every later read gives zero, so a caller may check once after several reads.
type reader struct {
	b   []byte
	pos int
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) left() int { return len(r.b) - r.pos }

func (r *reader) byte() byte {
	if r.err != nil || r.pos >= len(r.b) {
		r.fail(errShort)
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

func (r *reader) bytes(n uint32) []byte {
	if r.err != nil || uint64(n) > uint64(r.left()) {
		r.fail(errShort)
		return nil
	}
	p := r.b[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return p
}

func (r *reader) u32() uint32 {
	if r.err == nil && r.pos < len(r.b) && r.b[r.pos] < 0x80 {
		r.pos++
		return uint32(r.b[r.pos-1])
	}
	return uint32(r.uleb(32))
}

func (r *reader) uleb(bits uint) uint64 {
	var v uint64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7F) << shift
		if c < 0x80 {
			if shift+7 > bits && c>>(bits-shift) != 0 {
				r.fail(fmt.Errorf("integer too large for %d bits", bits))
			}
			return v
		}
	}
	r.fail(fmt.Errorf("integer takes too many bytes for %d bits", bits))
	return 0
}

func (r *reader) sleb(bits uint) int64 {
	var v int64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7F) << shift
		if c < 0x80 {
			if shift+7 < 64 {
				v = v << (64 - shift - 7) >> (64 - shift - 7)
			}
			return v
		}
	}
	r.fail(fmt.Errorf("integer takes too many bytes for %d bits", bits))
	return 0
}

func (r *reader) u32le() uint32 {
	p := r.bytes(4)
	if p == nil {
		return 0
	}
	return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
}

func (r *reader) u64le() uint64 {
	lo := r.u32le()
	return uint64(lo) | uint64(r.u32le())<<32
}

func (r *reader) name() string { return string(r.bytes(r.u32())) }

// count reads the length of a vector and returns it with a capacity that is safe to allocate: no more elements than bytes are left.
func (r *reader) count() (n uint32, capacity int) {
	n = r.u32()
	return n, int(min(uint64(n), uint64(r.left())))
}

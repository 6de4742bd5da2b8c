package gdbview

import (
	"encoding/binary"

	"github.com/go-delve/delve/pkg/dwarf/leb128"
)

// dwCursor reads untrusted little-endian bytes. A read past the end sets bad
// and returns zero, as does every read after it, so callers may check once
// after several reads. Loops over a cursor must check bad.
type dwCursor struct {
	b   []byte
	off int
	bad bool
}

// dwCursorAt starts reading b at off, which may be anything.
func dwCursorAt(b []byte, off uint64) dwCursor {
	if off > uint64(len(b)) {
		return dwCursor{b: b, off: len(b), bad: true}
	}
	return dwCursor{b: b, off: int(off)}
}

// take returns the next n bytes, or nil.
func (c *dwCursor) take(n uint64) []byte {
	if c.bad || n > uint64(len(c.b)-c.off) {
		c.bad = true
		return nil
	}
	p := c.b[c.off : c.off+int(n) : c.off+int(n)]
	c.off += int(n)
	return p
}

func (c *dwCursor) skip(n uint64) { c.take(n) }

// atEnd reports that nothing is left to read.
func (c *dwCursor) atEnd() bool { return c.bad || c.off >= len(c.b) }

func (c *dwCursor) u8() byte {
	if c.bad || c.off >= len(c.b) {
		c.bad = true
		return 0
	}
	v := c.b[c.off]
	c.off++
	return v
}

func (c *dwCursor) u16() uint16 {
	if p := c.take(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

func (c *dwCursor) u32() uint32 {
	if p := c.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (c *dwCursor) u64() uint64 {
	if p := c.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

// uint reads an unsigned number of n bytes, n at most 8.
func (c *dwCursor) uint(n uint64) uint64 {
	var v uint64
	for i, b := range c.take(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// uleb reads an unsigned LEB128 number. Bits above 64 are dropped.
func (c *dwCursor) uleb() uint64 {
	var v uint64
	for shift := uint(0); ; shift += 7 {
		b := c.u8()
		if shift < 64 {
			v |= uint64(b&0x7f) << shift
		}
		if b < 0x80 || c.bad {
			return v
		}
	}
}

// sleb reads a signed LEB128 number. Bits above 64 are dropped.
func (c *dwCursor) sleb() int64 {
	var v int64
	for shift := uint(0); ; {
		b := c.u8()
		if shift < 64 {
			v |= int64(b&0x7f) << shift
		}
		shift += 7
		if b < 0x80 || c.bad {
			if b&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
}

// cstring reads up to and including a NUL, and returns what is before it.
func (c *dwCursor) cstring() []byte {
	start := c.off
	for c.u8() != 0 {
	}
	if c.bad {
		return nil
	}
	return c.b[start : c.off-1]
}

// Encoders that append to a slice.

func appendU16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }

func appendU32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

func putU32(b []byte, off int, v uint32) { binary.LittleEndian.PutUint32(b[off:], v) }

func appendULEB(b []byte, v uint64) []byte {
	w := byteWriter(b)
	leb128.EncodeUnsigned(&w, v)
	return w
}

func appendSLEB(b []byte, v int64) []byte {
	w := byteWriter(b)
	leb128.EncodeSigned(&w, v)
	return w
}

// appendULEBWide appends v in exactly n bytes, padded with redundant ones, or
// reports that it does not fit.
func appendULEBWide(b []byte, v uint64, n int) ([]byte, bool) {
	if n < 10 && v>>(7*n) != 0 {
		return b, false
	}
	for i := range n {
		c := byte(v & 0x7f)
		v >>= 7
		if i < n-1 {
			c |= 0x80
		}
		b = append(b, c)
	}
	return b, true
}

// byteWriter is a slice with the method that the leb128 package writes to.
type byteWriter []byte

// WriteByte appends c.
func (w *byteWriter) WriteByte(c byte) error {
	*w = append(*w, c)
	return nil
}

// dwBits is a set of section offsets.
type dwBits []uint64

func newDwBits(n int) dwBits { return make(dwBits, n/64+1) }

func (s dwBits) set(i int) { s[i>>6] |= 1 << (i & 63) }

func (s dwBits) has(i uint64) bool {
	return i>>6 < uint64(len(s)) && s[i>>6]&(1<<(i&63)) != 0
}

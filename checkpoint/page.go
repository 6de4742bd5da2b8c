package checkpoint

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/pierrec/lz4/v4"
)

// PageSize is the unit of storage and of sharing, in bytes.
const PageSize = 4096

// maxPacked is the largest compressed size worth keeping: above it the few
// bytes saved do not pay for the time to unpack.
const maxPacked = PageSize * 7 / 8

// maxSpare bounds the list of raw buffers kept for reuse.
const maxSpare = 256

// pageOverhead is what a page costs beside its bytes: the struct and its entry
// in the hash index (key, value, and the index's average slack).
const pageOverhead = int64(unsafe.Sizeof(page{})) + 36

var zeroPage [PageSize]byte

// page is one immutable page version.
type page struct {
	body   []byte // raw if len is PageSize, else an LZ4 block
	refs   int    // table leaves that point here
	hash   uint64
	chain  *page // next page with the same hash
	older  *page // hot list, towards the oldest
	newer  *page // hot list, towards the newest
	inHeat bool  // on the hot list
}

func (p *page) packed() bool { return len(p.body) != PageSize }

// bytesOf gives the bytes of p: its own, or unpacked into scratch.
func bytesOf(p *page, scratch *[PageSize]byte) []byte {
	if !p.packed() {
		return p.body
	}
	unpack(scratch[:], p)
	return scratch[:]
}

// load copies the page's bytes to dst, which may be shorter than a page at the
// end of an array. A nil page is all zero.
func load(dst []byte, p *page) {
	switch {
	case p == nil:
		clear(dst)
	case !p.packed():
		copy(dst, p.body)
	case len(dst) == PageSize:
		unpack(dst, p)
	default:
		var scratch [PageSize]byte
		unpack(scratch[:], p)
		copy(dst, scratch[:])
	}
}

// unpack can only fail if memory was overwritten: the block was made by
// compress in this process.
func unpack(dst []byte, p *page) {
	if n, err := lz4.UncompressBlock(p.body, dst); err != nil || n != PageSize {
		panic(fmt.Sprintf("checkpoint: a stored page of %d bytes unpacked to %d bytes: %v", len(p.body), n, err))
	}
}

// intern returns the page with these bytes (nil if all zero), with one
// reference more. data may be shorter than a page; the rest counts as zero.
// fresh says that the bytes were not in the store yet.
func (s *Store) intern(data []byte) (p *page, fresh bool) {
	if len(data) < PageSize {
		n := copy(s.partial[:], data)
		clear(s.partial[n:])
		data = s.partial[:]
	}
	if bytes.Equal(data, zeroPage[:]) {
		return nil, false
	}
	h := s.hash(data)
	for p := s.index[h]; p != nil; p = p.chain {
		if bytes.Equal(bytesOf(p, &s.scratch), data) {
			p.refs++
			return p, false
		}
	}
	p = &page{body: s.buffer(), refs: 1, hash: h, chain: s.index[h]}
	copy(p.body, data)
	s.index[h] = p
	s.bytes += pageOverhead + PageSize
	s.pages++
	s.heat(p)
	return p, true
}

// unref drops one reference to p.
func (s *Store) unref(p *page) {
	if p == nil {
		return
	}
	if p.refs--; p.refs > 0 {
		return
	}
	s.unindex(p)
	s.cool(p)
	s.bytes -= pageOverhead + int64(cap(p.body))
	s.pages--
	if !p.packed() {
		s.recycle(p.body)
	}
	p.body = nil
}

func (s *Store) unindex(p *page) {
	first := s.index[p.hash]
	if first == p {
		if p.chain == nil {
			delete(s.index, p.hash)
		} else {
			s.index[p.hash] = p.chain
		}
		return
	}
	for q := first; q != nil; q = q.chain {
		if q.chain == p {
			q.chain = p.chain
			return
		}
	}
}

// buffer gives an uninitialised raw page.
func (s *Store) buffer() []byte {
	if n := len(s.spare); n > 0 {
		b := s.spare[n-1]
		s.spare = s.spare[:n-1]
		s.bytes -= PageSize
		return b
	}
	return make([]byte, PageSize)
}

func (s *Store) recycle(b []byte) {
	if len(s.spare) < maxSpare {
		s.spare = append(s.spare, b)
		s.bytes += PageSize
	}
}

// heat puts p at the new end of the hot list.
func (s *Store) heat(p *page) {
	p.inHeat = true
	p.older = s.newest
	if s.newest != nil {
		s.newest.newer = p
	} else {
		s.oldest = p
	}
	s.newest = p
	s.hot += PageSize
}

// cool takes p off the hot list.
func (s *Store) cool(p *page) {
	if !p.inHeat {
		return
	}
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		s.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		s.newest = p.older
	}
	p.older, p.newer, p.inHeat = nil, nil, false
	s.hot -= PageSize
}

// compress packs the oldest raw pages until at most limit bytes are raw.
func (s *Store) compress(limit int64) {
	for s.hot > limit && s.oldest != nil {
		p := s.oldest
		s.cool(p)
		n, err := s.packer.CompressBlock(p.body, s.packBuf[:])
		if err != nil || n == 0 || n > maxPacked {
			continue // stays raw; it will not be tried again
		}
		raw := p.body
		p.body = append([]byte(nil), s.packBuf[:n]...)
		s.bytes += int64(cap(p.body)) - PageSize
		s.recycle(raw)
	}
}

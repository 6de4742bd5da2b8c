package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pierrec/lz4/v4"
)

// reader loads pages for one caller. It needs no lock between beginRead and
// endRead.
type reader struct {
	s      *Store
	ticket uint64
	page   [PageSize]byte
	err    error // the first one; what follows is not loaded

	// Bytes read ahead from a file: pages captured together are packed
	// together, so the next page wanted is often the next in the file.
	window []byte
	file   *File
	off    int64
	ahead  int
}

var readers = sync.Pool{New: func() any { return new(reader) }}

func (s *Store) newReader() *reader {
	r := readers.Get().(*reader)
	r.s, r.err, r.ahead = s, nil, 0
	r.ticket = s.beginRead()
	return r
}

func (r *reader) end() error {
	r.s.endRead(r.ticket)
	err := r.err
	r.s, r.file, r.window = nil, nil, r.window[:0]
	readers.Put(r)
	return err
}

// load copies a page's bytes to dst, which may be shorter than a page at the
// end of an array.
func (r *reader) load(dst []byte, id uint32) {
	if r.err != nil {
		return
	}
	id = r.s.settled(id)
	if id == 0 {
		clear(dst)
		return
	}
	switch at := r.s.pages.at(id).place(); at.kind() {
	case placeRaw:
		copy(dst, r.s.rawBytes(at))
	case placeForward: // since settled looked
		r.load(dst, at.low())
	case placeBlock:
		r.err = r.unpack(dst, at)
	}
}

func (r *reader) unpack(dst []byte, at place) error {
	block, err := r.block(at)
	if err != nil {
		return err
	}
	body := block[blockHeader:]
	if len(body) == PageSize {
		copy(dst, body)
		return nil
	}
	to := dst
	if len(dst) < PageSize {
		to = r.page[:]
	}
	if n, err := lz4.UncompressBlock(body, to); err != nil || n != PageSize {
		return fmt.Errorf("%w: %d bytes unpacked to %d bytes: %v", ErrLost, len(body), n, err)
	}
	if len(dst) < PageSize {
		copy(dst, to)
	}
	return nil
}

// block is a block with its header, from memory, or checked from a file. It is
// valid until the next call.
func (r *reader) block(at place) ([]byte, error) {
	h := r.s.chunk.at(at.holder()).home.Load()
	off, n := at.offset(), blockHeader+at.length()
	if h.file == nil {
		return h.mem[off:][:n], nil
	}
	block, err := r.fetch(h, off, n)
	if err != nil {
		return nil, fmt.Errorf("%w: reading %s: %w", ErrLost, h.file.f.Name(), err)
	}
	if sum := crc32.Checksum(block[blockHeader:], castagnoli); sum != binary.LittleEndian.Uint32(block) {
		return nil, fmt.Errorf("%w: %s is damaged at byte %d", ErrLost, h.file.f.Name(), h.off+int64(off))
	}
	return block, nil
}

const (
	firstAhead = 16 << 10
	nearby     = 16 << 10 // a gap this long is read rather than skipped
)

// fetch reads n bytes at off of a chunk in a file.
func (r *reader) fetch(h *home, off, n int) ([]byte, error) {
	from := h.off + int64(off)
	if k := from - r.off; h.file == r.file && k >= 0 && k+int64(n) <= int64(len(r.window)) {
		return r.window[k:][:n], nil
	}
	end := r.off + int64(len(r.window))
	if onward := h.file == r.file && from >= r.off && from < end+nearby; onward || off == 0 {
		r.ahead = min(max(2*r.ahead, firstAhead), maxChunk)
	} else {
		r.ahead = 0
	}
	size := min(max(n, r.ahead), h.size-off)
	if cap(r.window) < size {
		r.window = make([]byte, max(size, firstAhead))
	}
	r.window = r.window[:size]
	r.file, r.off = h.file, from
	if err := h.file.readAt(r.window, from); err != nil {
		r.file = nil
		return nil, err
	}
	return r.window[:n], nil
}

// Restore makes data, whose length must be the image's size, equal to the
// image, and returns how many pages it copied.
//
// The first valid bytes of data must equal base except in the pages numbered
// in dirty (any order, may repeat, may lie outside); the bytes after them may
// be anything. With a nil base everything is copied. The error wraps ErrLost;
// data is then neither one thing nor the other.
func (im *Image) Restore(data []byte, base *Image, valid int, dirty []uint32) (copied int, err error) {
	w := wants.Get().(*[]want)
	defer wants.Put(w)
	*w = im.missing((*w)[:0], data, base, valid, dirty)
	return len(*w), im.store.loadAll(data, *w)
}

// want is a page to be loaded: where to, and its number in the store.
type want struct{ index, id uint32 }

var wants = sync.Pool{New: func() any { return new([]want) }}

// missing appends the pages that Restore has to load.
func (im *Image) missing(w []want, data []byte, base *Image, valid int, dirty []uint32) []want {
	if base == nil {
		valid = 0
	}
	sure := min(valid, len(data)) / PageSize // pages known to equal base
	if base != im {
		w = im.different(w, base, sure)
	}
	s := im.store
	for _, n := range dirty {
		i := int(n)
		if i < sure && (base == im || s.settled(im.pageAt(i)) == s.settled(base.pageAt(i))) {
			w = append(w, want{n, im.pageAt(i)})
		}
	}
	for i := sure; i*PageSize < len(data); i++ {
		w = append(w, want{uint32(i), im.pageAt(i)})
	}
	return w
}

// different appends those of the first n pages that differ from base.
func (im *Image) different(w []want, base *Image, n int) []want {
	s := im.store
	for bi := 0; bi*branchPages < n; bi++ {
		if im.branchAt(bi) == base.branchAt(bi) {
			continue
		}
		for li := bi * branchLeafs; li < (bi+1)*branchLeafs && li*leafPages < n; li++ {
			to, from := im.leafAt(li), base.leafAt(li)
			if to == from {
				continue
			}
			for k := 0; k < leafPages && li*leafPages+k < n; k++ {
				if p := to.page(k); s.settled(p) != s.settled(from.page(k)) {
					w = append(w, want{uint32(li*leafPages + k), p})
				}
			}
		}
	}
	return w
}

// Many pages are loaded by several goroutines, so many pages at a time: it takes
// some 300 µs to unpack them, and what was captured together, and lies together
// in a file, is read together.
const (
	loadBatch  = 256
	maxLoaders = 4 // they are limited by memory from about there on
)

// loadAll loads pages.
func (s *Store) loadAll(data []byte, w []want) error {
	if len(w) < 2*loadBatch {
		return s.load(data, w)
	}
	w = once(w, ceil(len(data), PageSize))
	var next atomic.Int64
	work := func() error {
		for {
			to := int(next.Add(loadBatch))
			if to-loadBatch >= len(w) {
				return nil
			}
			if err := s.load(data, w[to-loadBatch:min(to, len(w))]); err != nil {
				next.Store(int64(len(w)))
				return err
			}
		}
	}
	errs := make([]error, min(runtime.GOMAXPROCS(0), maxLoaders, len(w)/loadBatch))
	var others sync.WaitGroup
	for i := range errs[1:] {
		others.Go(func() { errs[i+1] = work() })
	}
	errs[0] = work()
	others.Wait()
	return errors.Join(errs...)
}

// once drops what repeats among wants of n pages, so that no two goroutines load
// the same one.
func once(w []want, n int) []want {
	seen := make([]uint64, ceil(n, 64))
	left := w[:0]
	for _, p := range w {
		if bit := uint64(1) << (p.index % 64); seen[p.index/64]&bit == 0 {
			seen[p.index/64] |= bit
			left = append(left, p)
		}
	}
	return left
}

// load loads pages on this goroutine.
func (s *Store) load(data []byte, w []want) error {
	r := s.newReader()
	for _, p := range w {
		r.load(pageOf(data, int(p.index)), p.id)
	}
	return r.end()
}

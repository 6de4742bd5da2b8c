package checkpoint

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
)

// page is one immutable page version. It is known by its number.
type page struct {
	where atomic.Uint64 // a place; see there
	hash  uint64        // of its block, 0 if it is not in the index
	refs  int32         // table leaves that name it, pages that forward to it, and goroutines at work on it
	chain uint32        // next page in the same list of the index
	older uint32        // hot list, towards the oldest; unlisted if it is not there
	newer uint32        // hot list, towards the newest
}

const unlisted = ^uint32(0)

// place says where a page's bytes are:
//
//	raw      slab, slot
//	block    chunk, offset, length
//	forward  number of the page with the same bytes
//
// It is one word, so that it can change while others read the page: they find
// either the old place or the new one, and the old one is not reused while
// they may be looking at it (see retire).
type place uint64

const (
	placeRaw = iota + 1
	placeBlock
	placeForward
)

// Bits of a place from the top: kind 3, slab or chunk 29; then slot 32, or
// offset in the chunk 19 and length 13, or page 32.
const (
	kindShift   = 61
	holderShift = 32
	holderMask  = 1<<29 - 1
	offsetShift = 13
	offsetMask  = 1<<19 - 1
	lengthMask  = 1<<13 - 1
)

func rawPlace(slab, slot uint32) place {
	return placeRaw<<kindShift | place(slab)<<holderShift | place(slot)
}

func blockPlace(chunk uint32, offset, length int) place {
	return placeBlock<<kindShift | place(chunk)<<holderShift | place(offset)<<offsetShift | place(length)
}

func forwardPlace(id uint32) place { return placeForward<<kindShift | place(id) }

func (p place) kind() int      { return int(p >> kindShift) }
func (p place) holder() uint32 { return uint32(p >> holderShift & holderMask) }
func (p place) low() uint32    { return uint32(p) }
func (p place) offset() int    { return int(p >> offsetShift & offsetMask) }
func (p place) length() int    { return int(p & lengthMask) }

func (p *page) place() place { return place(p.where.Load()) }

// settled is the page that has the bytes of page id: itself, or the one it
// forwards to. Equal results are equal bytes.
func (s *Store) settled(id uint32) uint32 {
	if id != 0 {
		if p := s.pages.at(id).place(); p.kind() == placeForward {
			return p.low()
		}
	}
	return id
}

// newPage hands out a page at a place, with one reference.
func (s *Store) newPage(at place) uint32 {
	id := s.pages.alloc()
	p := s.pages.at(id)
	p.where.Store(uint64(at))
	p.hash, p.refs, p.chain, p.older, p.newer = 0, 1, 0, unlisted, unlisted
	s.held++
	return id
}

// unref drops one reference to a page.
func (s *Store) unref(id uint32) {
	if id == 0 {
		return
	}
	p := s.pages.at(id)
	if p.refs--; p.refs > 0 {
		return
	}
	at := p.place()
	p.where.Store(0) // a chunk's list of pages may still name it
	s.unlist(id, p)
	s.unindex(id, p)
	s.held--
	s.pages.release(id)
	switch at.kind() {
	case placeRaw:
		s.retire(at)
	case placeBlock:
		s.freeBlock(at)
	case placeForward:
		s.unref(at.low()) // which forwards no further
	}
}

// list puts a raw page at the new end of the hot list.
func (s *Store) list(id uint32) {
	p := s.pages.at(id)
	p.older, p.newer = s.newest, 0
	if s.newest != 0 {
		s.pages.at(s.newest).newer = id
	} else {
		s.oldest = id
	}
	s.newest = id
	s.hot += PageSize
}

// unlist takes a page off the hot list, if it is there.
func (s *Store) unlist(id uint32, p *page) {
	if p.older == unlisted {
		return
	}
	if p.older != 0 {
		s.pages.at(p.older).newer = p.newer
	} else {
		s.oldest = p.newer
	}
	if p.newer != 0 {
		s.pages.at(p.newer).older = p.older
	} else {
		s.newest = p.older
	}
	p.older, p.newer = unlisted, unlisted
	s.hot -= PageSize
}

// hash of a block; never 0.
func (s *Store) hash(block []byte) uint64 {
	if s.hashOf != nil {
		return s.hashOf(block) | 1
	}
	return maphash.Bytes(s.seed, block) | 1
}

// lookup finds the page in memory that has this block, 0 if there is none.
func (s *Store) lookup(hash uint64, block []byte) uint32 {
	if len(s.heads) == 0 {
		return 0
	}
	for id := s.heads[s.bucket(hash)]; id != 0; id = s.pages.at(id).chain {
		if p := s.pages.at(id); p.hash == hash && bytes.Equal(s.blockInMemory(p.place()), block) {
			return id
		}
	}
	return 0
}

func (s *Store) bucket(hash uint64) int { return int(hash >> 1 & uint64(len(s.heads)-1)) }

// index enters a page whose block is in memory.
func (s *Store) index(id uint32, hash uint64) {
	if s.indexed >= len(s.heads) {
		s.growIndex()
	}
	p := s.pages.at(id)
	b := s.bucket(hash)
	p.hash, p.chain = hash, s.heads[b]
	s.heads[b] = id
	s.indexed++
}

func (s *Store) growIndex() {
	old := s.heads
	s.heads = make([]uint32, max(64, 2*len(old)))
	for _, id := range old {
		for id != 0 {
			p := s.pages.at(id)
			next, b := p.chain, s.bucket(p.hash)
			p.chain = s.heads[b]
			s.heads[b] = id
			id = next
		}
	}
}

// unindex removes a page from the index, if it is there.
func (s *Store) unindex(id uint32, p *page) {
	if p.hash == 0 {
		return
	}
	link := &s.heads[s.bucket(p.hash)]
	for *link != id {
		link = &s.pages.at(*link).chain
	}
	*link = p.chain
	p.hash, p.chain = 0, 0
	s.indexed--
}

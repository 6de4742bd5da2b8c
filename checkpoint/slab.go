package checkpoint

import (
	"math/bits"
)

// Raw pages lie in slabs of up to slabPages, the size growing with what there
// is: a small store stays small, and a large one is few objects to the
// collector. Pages captured together lie together, and are packed together
// too, so slabs become free as a whole.
const (
	minSlabPages = 4
	maxSlabPages = piecePages
)

type slab struct {
	data   []byte
	free   uint64 // set bits are free slots
	nfree  int
	listed bool // in Store.partial
}

func (b *slab) size() int { return len(b.data) / PageSize }

func (b *slab) slot(i uint32) []byte {
	return b.data[int(i)*PageSize : int(i+1)*PageSize : int(i+1)*PageSize]
}

// rawBytes is a raw page's bytes. They may be read while the page is referred
// to, or between beginRead and endRead.
func (s *Store) rawBytes(at place) []byte { return s.slabs.at(at.holder()).slot(at.low()) }

// takeSlot hands out a free slot.
func (s *Store) takeSlot() place {
	for {
		n := len(s.partial)
		if n == 0 {
			s.addSlab()
			continue
		}
		id := s.partial[n-1]
		b := s.slabs.at(id)
		if b.nfree == 0 {
			s.partial = s.partial[:n-1]
			s.delist(id, b)
			continue
		}
		if b.nfree == b.size() && b.size() < maxSlabPages {
			s.spare -= int64(len(b.data))
		}
		k := bits.TrailingZeros64(b.free)
		b.free &^= 1 << k
		b.nfree--
		return rawPlace(id, uint32(k))
	}
}

func (s *Store) addSlab() {
	n := minSlabPages
	for n < maxSlabPages && int64(n)*PageSize*8 < s.raw {
		n *= 2
	}
	id := s.slabs.alloc()
	b := s.slabs.at(id)
	*b = slab{nfree: n, free: ^uint64(0) >> (maxSlabPages - n)}
	if n == maxSlabPages {
		b.data = s.takePiece()
	} else {
		b.data = make([]byte, n*PageSize)
		s.spare += int64(len(b.data))
	}
	s.raw += int64(len(b.data))
	s.enlist(id, b)
}

func (s *Store) enlist(id uint32, b *slab) {
	if !b.listed {
		b.listed = true
		s.partial = append(s.partial, id)
	}
}

// delist notes that a slab is not in partial any more. One that has given up its
// piece is gone.
func (s *Store) delist(id uint32, b *slab) {
	if b.listed = false; b.data == nil {
		s.slabs.release(id)
	}
}

// freeSlot takes back a slot that nobody reads any more.
func (s *Store) freeSlot(at place) {
	id, k := at.holder(), at.low()
	b := s.slabs.at(id)
	b.free |= 1 << k
	b.nfree++
	s.enlist(id, b)
	switch {
	case b.nfree < b.size():
	case b.size() < maxSlabPages:
		s.spare += int64(len(b.data))
		s.trimSpare(maxSpare)
	default: // delist lets its number go
		s.raw -= int64(len(b.data))
		mem := b.data
		*b = slab{listed: true}
		s.recycle(mem)
	}
}

// maxSpare is how many bytes of small slabs are kept for reuse.
const maxSpare = 2 * minSlabPages * PageSize

// trimSpare gives up free slabs until at most keep bytes of them are left.
func (s *Store) trimSpare(keep int64) {
	if s.spare <= keep && keep > 0 {
		return
	}
	left := s.partial[:0]
	for _, id := range s.partial {
		b := s.slabs.at(id)
		switch {
		case b.nfree == b.size() && s.spare > keep:
			s.spare -= int64(len(b.data))
			s.raw -= int64(len(b.data))
			*b = slab{}
			s.slabs.release(id)
		case b.nfree == 0:
			s.delist(id, b)
		default:
			left = append(left, id)
		}
	}
	s.partial = left
}

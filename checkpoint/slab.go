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
	maxSlabPages = 256
)

type slab struct {
	data   []byte
	free   [maxSlabPages / 64]uint64 // set bits are free slots
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
			b.listed = false
			continue
		}
		if b.nfree == b.size() {
			s.spare -= int64(len(b.data))
		}
		for w := range b.free {
			if b.free[w] != 0 {
				k := bits.TrailingZeros64(b.free[w])
				b.free[w] &^= 1 << k
				b.nfree--
				return rawPlace(id, uint32(w*64+k))
			}
		}
	}
}

func (s *Store) addSlab() {
	n := minSlabPages
	for n < maxSlabPages && int64(n)*PageSize*8 < s.raw {
		n *= 2
	}
	id := s.slabs.alloc()
	b := s.slabs.at(id)
	*b = slab{data: make([]byte, n*PageSize), nfree: n}
	for i := range n {
		b.free[i/64] |= 1 << (i % 64)
	}
	s.raw += int64(len(b.data))
	s.spare += int64(len(b.data))
	s.enlist(id, b)
}

func (s *Store) enlist(id uint32, b *slab) {
	if !b.listed {
		b.listed = true
		s.partial = append(s.partial, id)
	}
}

// freeSlot takes back a slot that nobody reads any more.
func (s *Store) freeSlot(at place) {
	id, k := at.holder(), at.low()
	b := s.slabs.at(id)
	b.free[k/64] |= 1 << (k % 64)
	b.nfree++
	s.enlist(id, b)
	if b.nfree == b.size() {
		s.spare += int64(len(b.data))
		// Slabs for the next capture are worth keeping: a new one costs its
		// page faults, more than filling it does.
		keep := max(s.hotLimit, 2*minSlabPages*PageSize)
		if s.aim > 0 {
			keep = min(keep, s.aim/8)
		}
		s.trimSpare(keep)
	}
}

// trimSpare gives up free slabs until at most keep bytes of them are left.
func (s *Store) trimSpare(keep int64) {
	if s.spare <= keep {
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
			b.listed = false
		default:
			left = append(left, id)
		}
	}
	s.partial = left
}

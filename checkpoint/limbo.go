package checkpoint

import "unsafe"

// retired is something to be freed once nobody can be reading it.
type retired struct {
	when uint64
	at   place  // a raw slot, or a chunk (a block of length 0)
	ext  extent // or a piece of the spill file
	mem  []byte // or a chunk's memory
}

const retiredBytes = int64(unsafe.Sizeof(retired{}))

// A reader may look at pages of images it holds, at their places of any moment
// since it began. What becomes free meanwhile is not reused before it has
// ended: it could hold an old place. That makes reading free of locks: the
// only cost is here, once for a whole image.

// beginRead registers a reader. It returns the ticket for endRead.
func (s *Store) beginRead() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	s.readers = append(s.readers, s.clock)
	return s.clock
}

func (s *Store) endRead(ticket uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := ^uint64(0)
	left := s.readers[:0]
	for _, r := range s.readers {
		if r != ticket {
			left = append(left, r)
			first = min(first, r)
		}
	}
	s.readers = left
	k := 0
	for ; k < len(s.limbo) && s.limbo[k].when < first; k++ {
		s.free(s.limbo[k])
	}
	if k > 0 {
		s.limbo = append(s.limbo[:0], s.limbo[k:]...)
	}
}

// retire frees a raw slot or a chunk's number when nobody reads it.
func (s *Store) retire(at place) { s.retireLater(retired{at: at}) }

func (s *Store) retireLater(r retired) {
	if len(s.readers) == 0 {
		s.free(r)
		return
	}
	r.when = s.clock
	s.limbo = append(s.limbo, r)
}

func (s *Store) free(r retired) {
	switch r.at.kind() {
	case placeRaw:
		s.freeSlot(r.at)
	case placeBlock:
		s.chunk.at(r.at.holder()).home.Store(nil)
		s.chunk.release(r.at.holder())
	default:
		if r.mem != nil {
			s.recycle(r.mem)
			return
		}
		s.spill.release(r.ext)
	}
}

package checkpoint

// Memory for slabs and chunks of full size comes in pieces of one size, which
// go round: what a page leaves when it is packed holds the next packed pages, or
// the next captured ones. So a store that has grown to its limit asks for no
// more memory, and leaves no garbage. Fresh memory is dear: touching a page for the
// first time takes from 0.5 to 20 µs (in a virtual machine whose host has to
// find it, too), copying one that is warm 0.25.
const pieceBytes = 256 << 10

// piecePages is how many raw pages a piece holds.
const piecePages = pieceBytes / PageSize

// takePiece is a piece with anything in it.
func (s *Store) takePiece() []byte {
	k := len(s.pool)
	if k == 0 {
		return s.newPiece()
	}
	mem := s.pool[k-1]
	s.pool[k-1] = nil
	s.pool = s.pool[:k-1]
	return mem
}

func (s *Store) newPiece() []byte {
	s.made++
	return make([]byte, pieceBytes)
}

// recycle takes back the memory of a slab or chunk that is gone, which is not
// counted any more.
func (s *Store) recycle(mem []byte) {
	if len(mem) != pieceBytes {
		return
	}
	most := s.hotLimit
	if s.aim > 0 {
		most = s.aim - s.bytes() + s.pooled()
	}
	if s.pooled()+pieceBytes <= most {
		s.pool = append(s.pool, mem)
	}
}

// pooled is the bytes of all pieces that are free.
func (s *Store) pooled() int64 { return int64(len(s.pool)) * pieceBytes }

// room reports whether there may be some more pieces. A sixteenth of the limit
// is for what cannot wait: to pack pages into a new chunk frees others.
func (s *Store) room(more int) bool { return s.bytes()+int64(more)*pieceBytes <= s.aim-s.aim/16 }

// reserve makes room for so many raw pages within the limit given to Fit, if
// the goroutine in the background has not.
func (s *Store) reserve(pages int) {
	if !s.background || s.aim == 0 {
		return
	}
	for {
		lack := ceil(pages, piecePages) - len(s.pool)
		if lack <= 0 || s.room(lack) || !s.spillOne() && !s.packSome(packBatch) {
			return
		}
	}
}

// short reports whether the next snapshot, if it is like those before, would
// have to wait for fresh memory that it may have. Up to a quarter of what the
// store holds is worth having ready.
func (s *Store) short() bool {
	return s.background && len(s.pool)*piecePages < s.expect && s.pooled() < s.bytes()/4 && s.room(1)
}

// grow makes a piece and touches it, while nobody waits for it. The lock must
// be held; it is given up meanwhile.
func (s *Store) grow() {
	mem := s.newPiece()
	s.mu.Unlock()
	for i := 0; i < len(mem); i += PageSize {
		mem[i] = 0
	}
	s.mu.Lock()
	s.recycle(mem)
}

// foresee notes how many pages a snapshot had to copy. Now and then one copies
// many more than the others: that is forgotten slowly.
func (s *Store) foresee(copied int) {
	s.expect = max(copied, s.expect-s.expect/16-1, 0)
}

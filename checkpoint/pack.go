package checkpoint

import (
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// packBatch is how many pages are compressed between two looks at the store:
// some 50 µs, so that nobody waits long for the lock, and locking costs little.
const packBatch = 32

// packer is what one goroutine needs to compress a batch.
type packer struct {
	lz     lz4.Compressor
	ids    [packBatch]uint32
	raw    [packBatch][]byte
	block  [packBatch][]byte
	hash   [packBatch]uint64
	buffer [packBatch * (blockHeader + PageSize)]byte
	// LZ4 wants room for the worst case, or else checks more often.
	worst [PageSize + PageSize/255 + 16]byte // lz4.CompressBlockBound(PageSize)
}

var packers = sync.Pool{New: func() any { return new(packer) }}

// encode makes the block of a page at the start of dst, which has room for
// blockHeader + PageSize bytes.
func (k *packer) encode(dst, page []byte) []byte {
	n, err := k.lz.CompressBlock(page, k.worst[:])
	body := k.worst[:n]
	if err != nil || n == 0 || n > maxPacked {
		body = page
	}
	binary.LittleEndian.PutUint32(dst, crc32.Checksum(body, castagnoli))
	return dst[:blockHeader+copy(dst[blockHeader:], body)]
}

// packSome packs up to max of the oldest hot pages. It reports whether there
// were any. The lock must be held; it is given up meanwhile.
func (s *Store) packSome(max int) bool {
	if s.oldest == 0 {
		return false
	}
	k := packers.Get().(*packer)
	n := 0
	for ; n < min(max, packBatch) && s.oldest != 0; n++ {
		id := s.oldest
		p := s.pages.at(id)
		s.unlist(id, p)
		p.refs++ // keeps the bytes in place
		k.ids[n], k.raw[n] = id, s.rawBytes(p.place())
	}
	s.mu.Unlock()
	free := k.buffer[:]
	for i := range n {
		k.block[i] = k.encode(free, k.raw[i])
		k.hash[i] = s.hash(k.block[i])
		free = free[len(k.block[i]):]
		k.raw[i] = nil
	}
	s.mu.Lock()
	for i, id := range k.ids[:n] {
		s.settle(id, k.block[i], k.hash[i])
	}
	packers.Put(k)
	s.tidy()
	return true
}

// settle gives a raw page its block, or makes it forward to the page that has
// the same one. It drops the reference that packSome took.
func (s *Store) settle(id uint32, block []byte, hash uint64) {
	p := s.pages.at(id)
	if p.refs == 1 { // nobody else wants it any more
		s.unref(id)
		return
	}
	slot := p.place()
	if twin := s.lookup(hash, block); twin != 0 {
		s.pages.at(twin).refs++
		p.where.Store(uint64(forwardPlace(twin)))
	} else {
		s.appendBlock(id, block)
		s.index(id, hash)
	}
	s.retire(slot)
	p.refs--
}

// slack is how far the hot list may go over its limit before the background
// goroutine starts, so that it does not start for each page. It is 0 if pages
// are to be packed at once.
func (s *Store) slack() int64 { return min(s.hotLimit, 2*packBatch*PageSize) }

// throttle packs what is too much for the backlog, on the goroutine that makes
// more of it.
func (s *Store) throttle() {
	most := s.hotLimit
	if s.background {
		most *= 2
	}
	for s.hot > most && s.packSome(packBatch) {
	}
}

// wake starts the background goroutine if there is work. It ends by itself:
// a store that is forgotten leaves nothing running.
func (s *Store) wake() {
	if !s.working && (s.background && s.hot > s.hotLimit+s.slack() || s.crowded(2) || s.short() || len(s.sparse) > 0) {
		s.working = true
		go s.work()
	}
}

// crowded reports whether less than some eighths of the limit are free. Pages
// are spilled ahead of need, so that the next snapshot finds room even if it is
// an eighth itself and the goroutine is late.
func (s *Store) crowded(eighths int64) bool {
	return s.aim > 0 && s.coldest != 0 && s.spill.usable() && s.bytes()-s.pooled() > s.aim-s.aim/8*eighths
}

func (s *Store) work() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.short():
			s.grow()
		case s.hot > s.hotLimit && s.packSome(packBatch):
		case s.crowded(3) && s.spillOne():
		case s.compactOne():
		default:
			s.working = false
			s.idle.Broadcast()
			return
		}
	}
}

// Settle waits until the background goroutine has nothing left to do.
func (s *Store) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake()
	for s.working {
		s.idle.Wait()
	}
}

// Fit brings Bytes to at most limit, if that can be done without losing an
// image: by compressing what is not to be hot, by moving pages to the disk, by
// giving up spare buffers. It returns Bytes. From then on the store works
// towards that limit by itself, so that the next call finds little to do.
//
// Hot pages that take less than a quarter of the limit stay as they are:
// compressing them would hold up the caller for longer than an image is worth.
// A small store has little of them, and compresses all.
func (s *Store) Fit(limit int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aim = max(limit, 1)
	if s.open != 0 && s.chunk.at(s.open).live == 0 {
		s.seal()
	}
	for s.bytes() > limit {
		switch {
		case s.giveUpPiece():
		case !s.background && s.giveUpSpare():
		case s.hot > min(s.hotLimit, limit/4) && s.packSome(packBatch):
		case s.coldest != 0 && s.spillOne():
		case s.giveUpSpare():
		case !s.background && s.packSome(packBatch):
		case s.open != 0 && s.spill.usable() && s.chunk.at(s.open).size > 0:
			s.seal()
		default:
			return s.bytes()
		}
	}
	s.wake()
	return s.bytes()
}

// giveUpPiece frees one piece. It reports whether there was one.
func (s *Store) giveUpPiece() bool {
	k := len(s.pool)
	if k > 0 {
		s.pool[k-1] = nil
		s.pool = s.pool[:k-1]
	}
	return k > 0
}

// giveUpSpare frees the buffers kept for reuse. It reports whether there were
// any.
func (s *Store) giveUpSpare() bool {
	was := s.bytes()
	s.trimSpare(0)
	s.pool = nil
	return s.bytes() < was
}

// tidy does what compaction can be done without files.
func (s *Store) tidy() {
	for n := 0; n < 4 || !s.background; n++ { // some 100 µs at most where it can be left to another
		if n := len(s.sparse); n == 0 || s.chunk.at(s.sparse[n-1]).inFile() || !s.compactOne() {
			return
		}
	}
}

func (c *chunk) inFile() bool {
	h := c.home.Load()
	return h != nil && h.file != nil
}

// compactOne moves the live blocks of one sparse chunk to the open one. It
// reports whether there was one to look at.
func (s *Store) compactOne() bool {
	n := len(s.sparse)
	if n == 0 {
		return false
	}
	id := s.sparse[n-1]
	s.sparse = s.sparse[:n-1]
	c := s.chunk.at(id)
	c.queue = false
	if !c.full || c.busy {
		return true
	}
	h := c.home.Load()
	data := h.mem
	if h.file != nil {
		c.busy = true
		s.mu.Unlock()
		data = make([]byte, h.size)
		err := h.file.readAt(data, h.off)
		s.mu.Lock()
		c.busy = false
		if err != nil { // whoever wants these pages will say so
			if c.live == 0 {
				s.dropChunk(id)
			}
			return true
		}
	}
	for _, page := range c.pages {
		at := s.pages.at(page).place()
		if at.kind() != placeBlock || at.holder() != id {
			continue
		}
		// An index entry stays right: it is found by the page's place.
		s.appendBlock(page, data[at.offset():][:blockHeader+at.length()])
	}
	s.dropChunk(id)
	return true
}

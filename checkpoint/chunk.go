package checkpoint

import (
	"hash/crc32"
	"sync/atomic"
)

// Packed pages are blocks, appended to chunks of up to maxChunk bytes. A block
// is the CRC-32C of what follows, as four bytes, little-endian, and then
// either an LZ4 block that unpacks to PageSize bytes, or, if its length is
// PageSize, the page itself. The length is not in the block. A chunk goes to a
// file as it is, and the cache file consists of such chunks.
const (
	blockHeader = 4
	minChunk    = 8 << 10 // holds the largest block
	maxChunk    = pieceBytes

	// maxPacked is the largest compressed size worth keeping: above it the few
	// bytes saved do not pay for the time to unpack.
	maxPacked = PageSize * 7 / 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// home is where a chunk's bytes are: in memory, or from an offset on in a file.
type home struct {
	mem  []byte
	file *File
	off  int64
	size int // bytes in the file
}

type chunk struct {
	home  atomic.Pointer[home]
	size  int      // bytes appended
	live  int      // bytes of blocks that pages still have
	pages []uint32 // that had a block here; those that still do have their place here
	ext   extent   // in the spill file, if it is there
	full  bool     // nothing is appended any more
	busy  bool     // being written or read by a goroutine, which looks at live afterwards
	queue bool     // in Store.sparse
	// List of full chunks in memory.
	older, newer uint32
	inList       bool
}

// appendBlock gives the page its place at the end of the open chunk.
func (s *Store) appendBlock(id uint32, block []byte) {
	var c *chunk
	if s.open != 0 {
		if c = s.chunk.at(s.open); c.size+len(block) > len(c.home.Load().mem) {
			s.seal()
		}
	}
	if s.open == 0 {
		s.open = s.newChunk()
	}
	c = s.chunk.at(s.open)
	copy(c.home.Load().mem[c.size:], block)
	s.pages.at(id).where.Store(uint64(blockPlace(s.open, c.size, len(block)-blockHeader)))
	c.size += len(block)
	c.live += len(block)
	was := cap(c.pages)
	c.pages = append(c.pages, id)
	s.packed += int64(cap(c.pages)-was) * 4
}

func (s *Store) newChunk() uint32 {
	n := minChunk
	for n < maxChunk && int64(n)*16 < s.packed {
		n *= 2
	}
	id := s.chunk.alloc()
	c := s.chunk.at(id)
	c.reset()
	// Pages compress to a half or less, mostly; more would be reserved in vain.
	c.pages = make([]uint32, 0, n/(PageSize/2))
	var mem []byte
	if n == pieceBytes {
		mem = s.takePiece()
	} else {
		mem = make([]byte, n)
	}
	c.home.Store(&home{mem: mem})
	s.packed += c.bytes()
	return id
}

func (c *chunk) reset() {
	c.home.Store(nil)
	c.size, c.live, c.pages, c.ext, c.full, c.busy, c.queue, c.inList = 0, 0, nil, extent{}, false, false, false, false
}

// bytes is what a chunk takes in memory while or after it is filled.
func (c *chunk) bytes() int64 {
	return int64(len(c.home.Load().mem)) + int64(cap(c.pages))*4 + homeBytes
}

const homeBytes = 64 // a home, in the allocator's size class

// seal ends the open chunk.
func (s *Store) seal() {
	id := s.open
	c := s.chunk.at(id)
	s.open = 0
	c.full = true
	if c.live == 0 {
		s.dropChunk(id)
		return
	}
	c.older, c.newer, c.inList = s.warmest, 0, true
	if s.warmest != 0 {
		s.chunk.at(s.warmest).newer = id
	} else {
		s.coldest = id
	}
	s.warmest = id
	s.watchSparse(id)
}

func (s *Store) unlistChunk(c *chunk) {
	if !c.inList {
		return
	}
	if c.older != 0 {
		s.chunk.at(c.older).newer = c.newer
	} else {
		s.coldest = c.newer
	}
	if c.newer != 0 {
		s.chunk.at(c.newer).older = c.older
	} else {
		s.warmest = c.older
	}
	c.inList = false
}

// blockInMemory is a block with its header. Its chunk must be in memory, as
// those of pages in the index are.
func (s *Store) blockInMemory(at place) []byte {
	mem := s.chunk.at(at.holder()).home.Load().mem
	return mem[at.offset():][:blockHeader+at.length()]
}

// freeBlock notes that a page gave up its block.
func (s *Store) freeBlock(at place) {
	id := at.holder()
	c := s.chunk.at(id)
	c.live -= blockHeader + at.length()
	if !c.full || c.busy {
		return
	}
	if c.live == 0 {
		s.dropChunk(id)
	} else {
		s.watchSparse(id)
	}
}

// watchSparse queues a full chunk for compaction once half of it is dead; one
// in the spill file once three quarters are. The cache file is not ours to
// compact.
func (s *Store) watchSparse(id uint32) {
	c := s.chunk.at(id)
	share := 2
	if h := c.home.Load(); h.file != nil {
		if c.ext.size == 0 {
			return
		}
		share = 4
	}
	if c.live*share < c.size && !c.queue {
		c.queue = true
		s.sparse = append(s.sparse, id)
	}
}

// dropChunk frees a chunk without live blocks.
func (s *Store) dropChunk(id uint32) {
	c := s.chunk.at(id)
	s.unlistChunk(c)
	if h := c.home.Load(); h.file == nil {
		s.packed -= c.bytes()
		s.retireLater(retired{mem: h.mem})
	} else {
		s.packed -= c.coldBytes()
		if c.ext.size > 0 {
			s.retireLater(retired{ext: c.ext})
		} else {
			h.file.unref()
		}
	}
	c.full, c.pages, c.ext = false, nil, extent{}
	s.retire(blockPlace(id, 0, 0))
}

// coldBytes is what a chunk in a file takes in memory.
func (c *chunk) coldBytes() int64 { return int64(cap(c.pages))*4 + homeBytes }

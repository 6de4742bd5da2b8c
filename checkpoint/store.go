package checkpoint

import (
	"errors"
	"hash/maphash"
	"sync"
)

// PageSize is the unit of storage and of sharing, in bytes.
const PageSize = 4096

// ErrLost is wrapped by the errors for pages that cannot be read back: a file
// that pages were moved to, or came from, has become unreadable or is damaged.
// The image is lost; others may be whole.
var ErrLost = errors.New("a page of this checkpoint is lost")

// Options configure a Store.
type Options struct {
	// HotBytes is how many bytes of pages are kept as they are. Up to twice as
	// many are, when they come faster than they can be compressed. Below 1 MiB
	// pages are compressed on the caller's goroutine, with 0 at once.
	HotBytes int64
	// Spill says where pages may go when memory is short (see [Store.Fit]).
	Spill Spill
}

// Store holds page versions. It is safe for concurrent use. No lock is held
// while pages are copied, compressed, unpacked, read or written.
type Store struct {
	mu    sync.Mutex
	idle  sync.Cond // the background goroutine has ended
	pages table[page]
	slabs table[slab]
	chunk table[chunk]

	nodes  int64 // bytes of images and their tables
	held   int   // pages that are not free
	epoch  uint64
	seed   maphash.Seed
	hashOf func([]byte) uint64 // nil: maphash; tests make collisions

	// The index: packed pages in memory by the hash of their block.
	heads   []uint32
	indexed int

	// The hot list: raw pages that are to be packed, oldest first.
	oldest, newest uint32
	hot, hotLimit  int64 // bytes

	raw     int64    // bytes of all slabs
	spare   int64    // bytes of small slabs that are wholly free
	partial []uint32 // slabs with a free slot, and others that had one

	packed  int64  // bytes of all chunks in memory
	open    uint32 // the chunk that blocks are appended to, 0 if none
	coldest uint32 // list of full chunks in memory
	warmest uint32
	sparse  []uint32 // full chunks with much dead space

	pool   [][]byte // free pieces, see pool.go
	made   int      // pieces made in all
	expect int      // pages that a snapshot may have to copy

	readers []uint64 // when each reader began
	clock   uint64
	limbo   []retired

	background bool  // there is enough to do for a goroutine in the background
	working    bool  // it runs
	aim        int64 // the limit given to Fit last, 0 if none

	spill spillFile
	files []*File
}

// minBackground is the least HotBytes for which packing is left to another
// goroutine: below, a snapshot packs by itself what is too much, so that Bytes
// does not change afterwards by what is a large part of a small limit.
const minBackground = 1 << 20

// NewStore returns an empty store.
func NewStore(o Options) *Store {
	s := &Store{seed: maphash.MakeSeed(), hotLimit: o.HotBytes, background: o.HotBytes >= minBackground}
	s.idle.L = &s.mu
	s.spill.opt = o.Spill
	// Number 0 is no page (all zero), no slab, no chunk.
	s.pages.alloc()
	s.slabs.alloc()
	s.chunk.alloc()
	return s
}

// Bytes is the memory the store holds, in bytes: pages, those that wait to be
// compressed included, tables, indexes, and buffers kept for reuse. It is
// right to within 10 % of what the heap grows by.
func (s *Store) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes()
}

func (s *Store) bytes() int64 {
	return s.nodes + s.raw + s.packed + s.pages.bytes() + s.slabs.bytes() + s.chunk.bytes() +
		s.pooled() + int64(cap(s.pool))*24 +
		int64(cap(s.heads)+cap(s.partial)+cap(s.sparse))*4 + int64(cap(s.limbo))*retiredBytes
}

// DiskBytes is the size of the file that pages were moved to, in bytes.
func (s *Store) DiskBytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spill.used
}

// Pages is the number of page versions held that are not all zero. Equal ones
// that are not compressed yet count separately.
func (s *Store) Pages() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// Close gives up the store's files. Images whose pages are there are lost.
// Nothing may be running.
func (s *Store) Close() error {
	s.Settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.spill.close()
	for _, f := range s.files {
		err = errors.Join(err, f.close())
	}
	s.files = nil
	return err
}

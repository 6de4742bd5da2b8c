package checkpoint

import (
	"hash/maphash"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// Options configure a Store.
type Options struct {
	// HotBytes is how many bytes of pages are kept uncompressed. 0 compresses
	// every page at once.
	HotBytes int64
}

// Store holds page versions. It is safe for concurrent use: restoring images
// runs in parallel, everything else one at a time.
type Store struct {
	mu    sync.RWMutex
	index map[uint64]*page // by hash; equal hashes are chained
	seed  maphash.Seed
	bytes int64 // everything held, spare buffers included
	pages int
	epoch uint64 // of the snapshot being built; nodes of this epoch may be changed

	hotLimit       int64
	hot            int64 // bytes of pages on the hot list
	oldest, newest *page
	spare          [][]byte

	packer  lz4.Compressor
	packBuf [PageSize + PageSize/255 + 16]byte // lz4.CompressBlockBound(PageSize)
	scratch [PageSize]byte
	partial [PageSize]byte

	hashOf func([]byte) uint64 // nil: maphash; tests make collisions
}

// NewStore returns an empty store.
func NewStore(o Options) *Store {
	return &Store{index: map[uint64]*page{}, seed: maphash.MakeSeed(), hotLimit: o.HotBytes}
}

func (s *Store) hash(data []byte) uint64 {
	if s.hashOf != nil {
		return s.hashOf(data)
	}
	return maphash.Bytes(s.seed, data)
}

// Bytes is the memory the store holds, in bytes: pages, tables, indexes, and
// buffers kept for reuse. It is right to within 10 % of what the heap grows by.
func (s *Store) Bytes() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bytes
}

// Pages is the number of different non-zero pages held.
func (s *Store) Pages() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pages
}

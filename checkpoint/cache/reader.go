package cache

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sync"

	"wrev/checkpoint"
)

// Saved is one checkpoint of a cache.
type Saved struct {
	Position uint64
	Flags    uint32
	// Memory belongs to the cache: who wants it after Close retains it.
	Memory *checkpoint.Image
}

// Cache is an open cache. Its methods may be called from several goroutines.
type Cache struct {
	saved  []Saved
	index  *index
	starts []int64 // of every startsEvery'th block
	f      *checkpoint.File
	once   sync.Once
}

const startsEvery = 64

// Open opens the cache at path, and makes images of its checkpoints in s. The
// error wraps fs.ErrNotExist, ErrForeign, ErrVersion or ErrCorrupt, or is one
// of the system; in no case is there reason to do without a debugger. That
// pages are damaged shows when they are restored (checkpoint.ErrLost).
func Open(path string, key Key, s *checkpoint.Store) (*Cache, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	file := checkpoint.NewFile(f)
	c, err := open(f, file, key, s)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func open(f *os.File, file *checkpoint.File, key Key, s *checkpoint.Store) (*Cache, error) {
	x, err := readIndex(f, key)
	if err != nil {
		return nil, err
	}
	c := &Cache{index: x, f: file}
	im, err := s.Import(c.f, x.tables)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; %s", ErrCorrupt, err, rebuilt)
	}
	defer im.Close()
	for _, r := range x.records {
		memory, err := im.Image(r.size, r.root)
		if err != nil {
			c.release()
			return nil, fmt.Errorf("%w: %w; %s", ErrCorrupt, err, rebuilt)
		}
		c.saved = append(c.saved, Saved{r.position, r.flags, memory})
	}
	x.tables.Leafs, x.tables.Branches = nil, nil // the store has them
	return c, nil
}

// readIndex reads and checks everything but the blocks.
func readIndex(f *os.File, key Key) (*index, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, headerSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	h, err := parseHeader(b[:n], key, st.Size())
	if err != nil {
		return nil, err
	}
	b = make([]byte, h.size) // no more than the file has
	if _, err := f.ReadAt(b, int64(h.index)); err != nil {
		return nil, err
	}
	if crc32.Checksum(b, castagnoli) != h.crc {
		return nil, fmt.Errorf("%w: its index has a wrong checksum; %s", ErrCorrupt, rebuilt)
	}
	x, err := parseIndex(b)
	if err != nil {
		return nil, err
	}
	end := uint64(blocksAt)
	for _, n := range x.tables.Blocks {
		end += uint64(n) + checkpoint.BlockHeader
	}
	if end != h.index {
		return nil, errIndex
	}
	return x, nil
}

// Len is the number of checkpoints.
func (c *Cache) Len() int { return len(c.saved) }

// At is checkpoint i, in order of position.
func (c *Cache) At(i int) *Saved { return &c.saved[i] }

// State is the state of checkpoint i. The error wraps ErrCorrupt if its bytes
// are damaged.
func (c *Cache) State(i int) ([]byte, error) { return c.read(c.index.records[i].state) }

// ErrNoExtra is Extra's error for a name that was not saved.
var ErrNoExtra = errors.New("not in the checkpoint cache")

// Extra is what was saved under a name.
func (c *Cache) Extra(name string) ([]byte, error) {
	i := slices.Index(c.index.names, name)
	if i < 0 {
		return nil, fmt.Errorf("%q: %w", name, ErrNoExtra)
	}
	return c.read(c.index.extras[i])
}

func (c *Cache) read(x blob) ([]byte, error) {
	out := make([]byte, 0, len(x.blocks)*pageSize)
	var block [checkpoint.MaxBlock]byte
	for _, n := range x.blocks {
		page := out[len(out):][:pageSize]
		out = out[:len(out)+pageSize]
		if n == 0 {
			continue
		}
		off, size := c.place(n)
		if _, err := c.f.ReadAt(block[:size], off); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		if err := checkpoint.DecodeBlock(page, block[:size]); err != nil {
			return nil, fmt.Errorf("%w: %w at byte %d; %s", ErrCorrupt, err, off, rebuilt)
		}
	}
	return out[:x.size], nil
}

// place is where block n is, and how long.
func (c *Cache) place(n uint32) (off int64, size int) {
	c.once.Do(func() {
		at := int64(blocksAt)
		for i, n := range c.index.tables.Blocks {
			if i%startsEvery == 0 {
				c.starts = append(c.starts, at)
			}
			at += int64(n) + checkpoint.BlockHeader
		}
	})
	i := int(n - 1)
	off = c.starts[i/startsEvery]
	for _, n := range c.index.tables.Blocks[i/startsEvery*startsEvery : i] {
		off += int64(n) + checkpoint.BlockHeader
	}
	return off, int(c.index.tables.Blocks[i]) + checkpoint.BlockHeader
}

// Close lets go of the cache. Images that were retained stay; the file is open
// as long as one is.
func (c *Cache) Close() error {
	c.release()
	return c.f.Close()
}

func (c *Cache) release() {
	for _, s := range c.saved {
		s.Memory.Release()
	}
	c.saved = nil
}

package checkpoint

import (
	"fmt"
	"math/bits"
	"os"
)

// Spill says where a store may move pages when memory is short.
type Spill struct {
	// Dirs are tried in order for a temporary file; the empty string stands
	// for os.TempDir. None means that pages stay in memory. The file is
	// removed as soon as it is open, or, where that is not possible, by Close.
	Dirs []string
	// Limit is the most that the file may take, in bytes; 0 means
	// DefaultSpill. It takes at most half of what is free when it is made.
	Limit int64
	// OnError is told, once, why pages cannot be moved. The store goes on in
	// memory alone. It is called with no lock held, on any goroutine.
	OnError func(error)
}

// DefaultSpill is how large the file gets unless told: 4 GiB, eight times what
// a timeline keeps in memory by default.
const DefaultSpill = 4 << 30

// extent is a piece of the spill file. Its size is a power of two, and pieces
// of a size are reused for that size: chunks have few sizes.
type extent struct {
	off  int64
	size int
}

type spillFile struct {
	opt    Spill
	file   *File
	remove string // to be removed at the end, if it could not be at once
	tried  bool
	failed bool
	full   bool // the limit is reached; release resets it
	limit  int64
	end    int64
	used   int64
	free   [32][]int64 // by the logarithm of the size
}

// usable reports whether pages may still go there, as far as is known.
func (f *spillFile) usable() bool { return len(f.opt.Dirs) > 0 && !f.failed && !f.full }

func (f *spillFile) open() error {
	f.tried = true
	f.limit = f.opt.Limit
	if f.limit <= 0 {
		f.limit = DefaultSpill
	}
	var first error
	for _, dir := range f.opt.Dirs {
		if dir == "" {
			dir = os.TempDir()
		}
		file, err := os.CreateTemp(dir, ".wrev-spill-*.tmp")
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		if os.Remove(file.Name()) != nil {
			f.remove = file.Name()
		}
		if free, ok := freeSpace(dir); ok {
			f.limit = min(f.limit, free/2)
		}
		f.file = &File{f: file, refs: 1}
		return nil
	}
	return first
}

func (f *spillFile) close() error {
	f.failed = true
	if f.file == nil {
		return nil
	}
	err := f.file.close()
	f.file = nil
	if f.remove != "" {
		os.Remove(f.remove)
	}
	return err
}

func sizeClass(n int) int { return bits.Len(uint(max(n, minChunk)) - 1) }

// take hands out room for n bytes, or none if the limit is reached.
func (f *spillFile) take(n int) (extent, bool) {
	class := sizeClass(n)
	e := extent{size: 1 << class}
	if f.full = f.used+int64(e.size) > f.limit; f.full {
		return extent{}, false
	}
	if k := len(f.free[class]); k > 0 {
		e.off = f.free[class][k-1]
		f.free[class] = f.free[class][:k-1]
	} else {
		e.off = f.end
		f.end += int64(e.size)
	}
	f.used += int64(e.size)
	return e, true
}

func (f *spillFile) release(e extent) {
	class := sizeClass(e.size)
	f.free[class] = append(f.free[class], e.off)
	f.used -= int64(e.size)
	f.full = false
}

// spillOne moves the coldest chunk to the file. It reports whether it did. The
// lock must be held; it is given up meanwhile.
func (s *Store) spillOne() bool {
	f := &s.spill
	if !f.usable() || s.coldest == 0 {
		return false
	}
	if !f.tried {
		if err := f.open(); err != nil {
			s.spillFailed(fmt.Errorf("checkpoints stay in memory, no file can be made for them: %w", err))
			return false
		}
	}
	if f.file == nil {
		return false
	}
	id := s.coldest
	c := s.chunk.at(id)
	ext, ok := f.take(c.size)
	if !ok {
		return false
	}
	s.unlistChunk(c)
	c.busy = true
	mem := c.home.Load().mem
	s.mu.Unlock()
	_, err := f.file.f.WriteAt(mem[:c.size], ext.off)
	s.mu.Lock()
	c.busy = false
	if err != nil {
		f.release(ext)
		s.relist(id)
		s.spillFailed(fmt.Errorf("checkpoints stay in memory from now on: %w", err))
		return false
	}
	s.moved(id, mem, ext)
	return true
}

// moved makes a chunk one of the file.
func (s *Store) moved(id uint32, mem []byte, ext extent) {
	c := s.chunk.at(id)
	s.packed -= c.bytes()
	c.home.Store(&home{file: s.spill.file, off: ext.off, size: c.size})
	c.ext = ext
	s.retireLater(retired{mem: mem})
	s.packed += c.coldBytes()
	if c.live == 0 {
		s.dropChunk(id)
		return
	}
	for _, page := range c.pages {
		p := s.pages.at(page)
		if at := p.place(); at.kind() == placeBlock && at.holder() == id {
			s.unindex(page, p) // equal pages are looked for in memory only
		}
	}
	s.watchSparse(id)
}

// relist puts a chunk that could not be moved back where it was.
func (s *Store) relist(id uint32) {
	c := s.chunk.at(id)
	if c.live == 0 {
		s.dropChunk(id)
		return
	}
	c.older, c.newer, c.inList = 0, s.coldest, true
	if s.coldest != 0 {
		s.chunk.at(s.coldest).older = id
	} else {
		s.warmest = id
	}
	s.coldest = id
	s.watchSparse(id)
}

func (s *Store) spillFailed(err error) {
	if s.spill.failed {
		return
	}
	s.spill.failed = true
	if tell := s.spill.opt.OnError; tell != nil {
		s.mu.Unlock()
		tell(err)
		s.mu.Lock()
	}
}

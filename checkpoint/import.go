package checkpoint

import (
	"errors"
	"fmt"
)

// Tables describe images in a file, as an [Exporter] made them. They are not
// trusted.
type Tables struct {
	// Start is where the blocks begin in the file. They lie end to end.
	Start int64
	// Blocks are the lengths of the blocks without their headers.
	Blocks          []uint16
	Leafs, Branches []uint32
}

// ErrTables is wrapped by Import's errors.
var ErrTables = errors.New("tables that describe no images")

// Importer makes images of the pages in a file. Pages are read when they are
// needed, each time again, and checked each time.
type Importer struct {
	s        *Store
	leafs    []*leaf
	branches []*branch
}

// Import takes over tables. The file must be as long as they say. The importer
// must be closed.
func (s *Store) Import(f *File, t Tables) (*Importer, error) {
	if len(t.Leafs)%leafPages != 0 || len(t.Branches)%branchLeafs != 0 {
		return nil, fmt.Errorf("%w: the last node is not complete", ErrTables)
	}
	pages := make([]uint32, len(t.Blocks)+1) // references, then numbers of pages
	for _, n := range t.Leafs {
		if int(n) > len(t.Blocks) {
			return nil, fmt.Errorf("%w: a leaf names block %d of %d", ErrTables, n, len(t.Blocks))
		}
		pages[n]++
	}
	leafs := len(t.Leafs) / leafPages
	for _, n := range t.Branches {
		if int(n) > leafs {
			return nil, fmt.Errorf("%w: a branch names leaf %d of %d", ErrTables, n, leafs)
		}
	}
	for i, n := range t.Blocks {
		if n == 0 || n > PageSize {
			return nil, fmt.Errorf("%w: block %d has %d bytes", ErrTables, i+1, n)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	pages[0] = 0
	s.importBlocks(f, t, pages)
	x := &Importer{s: s}
	x.importNodes(t, pages)
	s.files = append(s.files, f)
	return x, nil
}

// importBlocks makes pages of the blocks that are referred to, and puts their
// numbers in the place of the counts. Blocks that lie together become chunks.
func (s *Store) importBlocks(f *File, t Tables, pages []uint32) {
	off := t.Start
	for i := 0; i < len(t.Blocks); {
		id := s.chunk.alloc()
		c := s.chunk.at(id)
		c.reset()
		for ; i < len(t.Blocks) && c.size+blockHeader+int(t.Blocks[i]) <= maxChunk; i++ {
			n := int(t.Blocks[i])
			if refs := pages[i+1]; refs > 0 {
				page := s.newPage(blockPlace(id, c.size, n))
				s.pages.at(page).refs = int32(refs)
				pages[i+1] = page
				c.live += blockHeader + n
			}
			c.size += blockHeader + n
		}
		c.home.Store(&home{file: f, off: off, size: c.size})
		c.full = true
		s.packed += c.coldBytes()
		off += int64(c.size)
		f.ref()
		if c.live == 0 {
			s.dropChunk(id)
		}
	}
}

// importNodes makes the tables' nodes. The importer has a reference to each.
func (x *Importer) importNodes(t Tables, pages []uint32) {
	x.leafs = make([]*leaf, len(t.Leafs)/leafPages)
	for i := range x.leafs {
		l := &leaf{refs: 1}
		for k, n := range t.Leafs[i*leafPages:][:leafPages] {
			l.pages[k] = pages[n] // the references were counted
		}
		x.leafs[i] = l
	}
	x.branches = make([]*branch, len(t.Branches)/branchLeafs)
	for i := range x.branches {
		b := &branch{refs: 1}
		for k, n := range t.Branches[i*branchLeafs:][:branchLeafs] {
			if n > 0 {
				b.leafs[k] = x.leafs[n-1]
				b.leafs[k].refs++
			}
		}
		x.branches[i] = b
	}
	x.s.nodes += int64(len(x.leafs))*leafBytes + int64(len(x.branches))*branchBytes
}

// Image makes the image of size bytes whose branches are root, as
// [Exporter.Add] gave them.
func (x *Importer) Image(size uint64, root []uint32) (*Image, error) {
	const span = branchPages * PageSize
	if size > uint64(len(root))*span || size+span <= uint64(len(root))*span {
		return nil, fmt.Errorf("%w: an image of %d bytes with %d branches", ErrTables, size, len(root))
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	im := &Image{store: x.s, refs: 1, size: int(size), root: make([]*branch, len(root))}
	for i, n := range root {
		if int(n) > len(x.branches) {
			return nil, fmt.Errorf("%w: an image names branch %d of %d", ErrTables, n, len(x.branches))
		}
		if n > 0 {
			im.root[i] = x.branches[n-1]
		}
	}
	// A larger image that is made from this one takes what is behind its end
	// for zeros.
	for i := ceil(int(size), PageSize); i < len(root)*branchPages; i++ {
		if im.pageAt(i) != 0 {
			return nil, fmt.Errorf("%w: an image has pages behind its end", ErrTables)
		}
	}
	for _, b := range im.root {
		if b != nil {
			b.refs++
		}
	}
	x.s.nodes += im.overhead()
	return im, nil
}

// Close lets go of what no image was made of.
func (x *Importer) Close() {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	for _, b := range x.branches {
		x.s.unrefBranch(b)
	}
	for _, l := range x.leafs {
		x.s.unrefLeaf(l)
	}
	x.branches, x.leafs = nil, nil
}

package checkpoint

import "unsafe"

// A table has three levels: a leaf covers one wasm page (64 KiB), a branch
// 2 MiB, and the root is a plain slice that every image has to itself (16 KiB
// for the largest memory there is). An empty entry means "all zero" at any level.
const (
	leafPages   = 16
	branchLeafs = 32
	branchPages = leafPages * branchLeafs
)

type leaf struct {
	refs  int
	epoch uint64
	pages [leafPages]uint32 // page numbers, 0 for none
}

type branch struct {
	refs  int
	epoch uint64
	leafs [branchLeafs]*leaf
}

// Heap costs, rounded up to the allocator's size classes.
const (
	leafBytes   = int64(80)  // 16 + 16*4
	branchBytes = int64(288) // 16 + 32*8 = 272
)

// Image is one immutable version of a byte array. Images are made by
// [Store.Snapshot] and must be released when no longer needed; several owners
// may hold one, each with its own Retain.
type Image struct {
	store *Store
	refs  int
	size  int // bytes
	root  []*branch
	epoch uint64 // of the nodes that only this image has; they may be changed while it is built
}

// Size is the length of the array in bytes.
func (im *Image) Size() int { return im.size }

func (im *Image) overhead() int64 {
	return int64(unsafe.Sizeof(*im)) + int64(cap(im.root))*8
}

// Retain adds an owner.
func (im *Image) Retain() *Image {
	im.store.mu.Lock()
	defer im.store.mu.Unlock()
	im.refs++
	return im
}

// Release drops an owner. After the last one the image must not be used.
func (im *Image) Release() {
	s := im.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if im.refs--; im.refs > 0 {
		return
	}
	for _, b := range im.root {
		s.unrefBranch(b)
	}
	s.nodes -= im.overhead()
	im.root = nil
	s.tidy()
	s.wake()
}

func (s *Store) unrefBranch(b *branch) {
	if b == nil {
		return
	}
	if b.refs--; b.refs > 0 {
		return
	}
	for _, l := range b.leafs {
		s.unrefLeaf(l)
	}
	s.nodes -= branchBytes
}

func (s *Store) unrefLeaf(l *leaf) {
	if l == nil {
		return
	}
	if l.refs--; l.refs > 0 {
		return
	}
	for _, p := range l.pages {
		s.unref(p)
	}
	s.nodes -= leafBytes
}

func (im *Image) leafAt(i int) *leaf {
	if im == nil || i/branchLeafs >= len(im.root) {
		return nil
	}
	b := im.root[i/branchLeafs]
	if b == nil {
		return nil
	}
	return b.leafs[i%branchLeafs]
}

func (im *Image) branchAt(i int) *branch {
	if im == nil || i >= len(im.root) {
		return nil
	}
	return im.root[i]
}

func (l *leaf) page(i int) uint32 {
	if l == nil {
		return 0
	}
	return l.pages[i]
}

func (im *Image) pageAt(i int) uint32 { return im.leafAt(i / leafPages).page(i % leafPages) }

// truncate clears the entries of the last branch that lie beyond the array.
func (s *Store) truncate(im, prev *Image, pages int) {
	last := min(ceil(prev.size, PageSize), len(im.root)*branchPages)
	for i := pages; i < last; i++ {
		if im.pageAt(i) != 0 {
			s.set(im, i, 0)
		}
	}
}

// set makes p, whose reference the caller gives away, page i of the image
// being built, copying the nodes above it if older images share them.
func (s *Store) set(im *Image, i int, p uint32) {
	if im.pageAt(i) == p {
		s.unref(p)
		return
	}
	l := s.ownLeaf(im, s.ownBranch(im, i/branchPages), i/leafPages%branchLeafs)
	old := l.pages[i%leafPages]
	l.pages[i%leafPages] = p
	s.unref(old)
}

func (s *Store) ownBranch(im *Image, i int) *branch {
	old := im.root[i]
	if old != nil && old.epoch == im.epoch {
		return old
	}
	b := &branch{refs: 1, epoch: im.epoch}
	if old != nil {
		b.leafs = old.leafs
		for _, l := range b.leafs {
			if l != nil {
				l.refs++
			}
		}
		s.unrefBranch(old)
	}
	s.nodes += branchBytes
	im.root[i] = b
	return b
}

func (s *Store) ownLeaf(im *Image, b *branch, i int) *leaf {
	old := b.leafs[i]
	if old != nil && old.epoch == im.epoch {
		return old
	}
	l := &leaf{refs: 1, epoch: im.epoch}
	if old != nil {
		for k, p := range old.pages {
			if p = s.settled(p); p != 0 { // what forwards is not passed on
				s.pages.at(p).refs++
			}
			l.pages[k] = p
		}
		s.unrefLeaf(old)
	}
	s.nodes += leafBytes
	b.leafs[i] = l
	return l
}

// pageOf is page i of data, shorter than PageSize at the end.
func pageOf(data []byte, i int) []byte {
	return data[i*PageSize : min((i+1)*PageSize, len(data))]
}

func ceil(n, unit int) int { return (n + unit - 1) / unit }

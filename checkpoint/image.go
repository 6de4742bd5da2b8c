package checkpoint

import "unsafe"

// A table has three levels: a leaf covers one wasm page (64 KiB), a branch
// 2 MiB, and the root is a plain slice that every image has to itself (16 KiB
// for the largest memory there is). A nil entry means "all zero" at any level.
const (
	leafPages   = 16
	branchLeafs = 32
	branchPages = leafPages * branchLeafs
)

type leaf struct {
	refs  int
	epoch uint64
	pages [leafPages]*page
}

type branch struct {
	refs  int
	epoch uint64
	leafs [branchLeafs]*leaf
}

// Heap costs, rounded up to the allocator's size classes.
const (
	leafBytes   = int64(144) // 16 + 16*8
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
	s.bytes -= im.overhead()
	im.root = nil
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
	s.bytes -= branchBytes
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
	s.bytes -= leafBytes
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

func (l *leaf) page(i int) *page {
	if l == nil {
		return nil
	}
	return l.pages[i]
}

func (im *Image) pageAt(i int) *page { return im.leafAt(i / leafPages).page(i % leafPages) }

// Snapshot stores a new version of data.
//
// With a previous image, only the pages numbered in changed (and those beyond
// either end) are looked at: all others must be as in prev, and bytes beyond
// prev's size must be zero unless their page is in changed. changed may be in
// any order, may repeat and may name pages outside data. Without a previous
// image every page is looked at. stored is the number of pages whose bytes the
// store did not have yet.
func (s *Store) Snapshot(prev *Image, data []byte, changed []uint32) (im *Image, stored int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	im = &Image{store: s, refs: 1, size: len(data), root: make([]*branch, ceil(len(data), branchPages*PageSize))}
	if prev == nil {
		stored = s.fill(im, data)
	} else {
		stored = s.derive(im, prev, data, changed)
	}
	s.bytes += im.overhead()
	s.compress(s.hotLimit)
	return im, stored
}

func (s *Store) fill(im *Image, data []byte) (stored int) {
	for i := 0; i*PageSize < len(data); i++ {
		p, fresh := s.intern(pageOf(data, i))
		if fresh {
			stored++
		}
		s.set(im, i, p)
	}
	return stored
}

func (s *Store) derive(im, prev *Image, data []byte, changed []uint32) (stored int) {
	copy(im.root, prev.root)
	for _, b := range im.root {
		if b != nil {
			b.refs++
		}
	}
	pages := ceil(len(data), PageSize)
	s.truncate(im, prev, pages)
	for _, n := range changed {
		if int(n) >= pages {
			continue
		}
		p, fresh := s.intern(pageOf(data, int(n)))
		if fresh {
			stored++
		}
		s.set(im, int(n), p)
	}
	// A page that was the short last one may have become a whole one, or the
	// other way round: look at both.
	for _, size := range [2]int{prev.size, len(data)} {
		if n := size / PageSize; size%PageSize != 0 && n < pages {
			p, fresh := s.intern(pageOf(data, n))
			if fresh {
				stored++
			}
			s.set(im, n, p)
		}
	}
	return stored
}

// truncate clears the entries of the last branch that lie beyond the array.
func (s *Store) truncate(im, prev *Image, pages int) {
	last := min(ceil(prev.size, PageSize), len(im.root)*branchPages)
	for i := pages; i < last; i++ {
		if im.pageAt(i) != nil {
			s.set(im, i, nil)
		}
	}
}

// set makes p, whose reference the caller gives away, page i of the image
// being built, copying the nodes above it if older images share them.
func (s *Store) set(im *Image, i int, p *page) {
	if im.pageAt(i) == p {
		s.unref(p)
		return
	}
	l := s.ownLeaf(s.ownBranch(im, i/branchPages), i/leafPages%branchLeafs)
	old := l.pages[i%leafPages]
	l.pages[i%leafPages] = p
	s.unref(old)
}

func (s *Store) ownBranch(im *Image, i int) *branch {
	old := im.root[i]
	if old != nil && old.epoch == s.epoch {
		return old
	}
	b := &branch{refs: 1, epoch: s.epoch}
	if old != nil {
		b.leafs = old.leafs
		for _, l := range b.leafs {
			if l != nil {
				l.refs++
			}
		}
		s.unrefBranch(old)
	}
	s.bytes += branchBytes
	im.root[i] = b
	return b
}

func (s *Store) ownLeaf(b *branch, i int) *leaf {
	old := b.leafs[i]
	if old != nil && old.epoch == s.epoch {
		return old
	}
	l := &leaf{refs: 1, epoch: s.epoch}
	if old != nil {
		l.pages = old.pages
		for _, p := range l.pages {
			if p != nil {
				p.refs++
			}
		}
		s.unrefLeaf(old)
	}
	s.bytes += leafBytes
	b.leafs[i] = l
	return l
}

// Restore makes data, whose length must be the image's size, equal to the
// image, and returns how many pages it copied.
//
// The first valid bytes of data must equal base except in the pages numbered
// in dirty (any order, may repeat, may lie outside); the bytes after them may
// be anything. With a nil base everything is copied.
func (im *Image) Restore(data []byte, base *Image, valid int, dirty []uint32) (copied int) {
	im.store.mu.RLock()
	defer im.store.mu.RUnlock()
	if base == nil {
		valid = 0
	}
	sure := min(valid, len(data)) / PageSize // pages known to equal base
	if base != im {
		copied = im.loadDifferent(data, base, sure)
	}
	for _, n := range dirty {
		i := int(n)
		if i < sure && im.pageAt(i) == base.pageAt(i) {
			load(pageOf(data, i), im.pageAt(i))
			copied++
		}
	}
	for i := sure; i*PageSize < len(data); i++ {
		load(pageOf(data, i), im.pageAt(i))
		copied++
	}
	return copied
}

// loadDifferent copies those of the first n pages that differ from base.
func (im *Image) loadDifferent(data []byte, base *Image, n int) (copied int) {
	for bi := 0; bi*branchPages < n; bi++ {
		if im.branchAt(bi) == base.branchAt(bi) {
			continue
		}
		for li := bi * branchLeafs; li < (bi+1)*branchLeafs && li*leafPages < n; li++ {
			to, from := im.leafAt(li), base.leafAt(li)
			if to == from {
				continue
			}
			for k := 0; k < leafPages && li*leafPages+k < n; k++ {
				if p := to.page(k); p != from.page(k) {
					load(pageOf(data, li*leafPages+k), p)
					copied++
				}
			}
		}
	}
	return copied
}

// pageOf is page i of data, shorter than PageSize at the end.
func pageOf(data []byte, i int) []byte {
	return data[i*PageSize : min((i+1)*PageSize, len(data))]
}

func ceil(n, unit int) int { return (n + unit - 1) / unit }

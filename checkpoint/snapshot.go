package checkpoint

import (
	"bytes"
)

// captureBatch is how many pages are copied between two looks at the store: 1
// MiB, some 100 µs.
const captureBatch = 256

var zeroPage [PageSize]byte

// capture is one batch of pages on their way into an image.
type capture struct {
	index [captureBatch]int32 // page numbers in the array; all zero ones negated, less one
	id    [captureBatch]uint32
	n     int
}

// Snapshot stores a new version of data.
//
// With a previous image, only the pages numbered in changed (and those beyond
// either end) are looked at: all others must be as in prev, and bytes beyond
// prev's size must be zero unless their page is in changed. changed may be in
// any order, may repeat and may name pages outside data. Without a previous
// image every page is looked at. copied is the number of pages that had to be
// copied: what the call cost, and the most that it added.
//
// Snapshot copies and no more: equal pages are found, and pages compressed, by
// a goroutine in the background. If that cannot keep up, Snapshot helps.
func (s *Store) Snapshot(prev *Image, data []byte, changed []uint32) (im *Image, copied int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	im = &Image{store: s, refs: 1, size: len(data), root: make([]*branch, ceil(len(data), branchPages*PageSize)), epoch: s.epoch}
	s.nodes += im.overhead()
	pages := ceil(len(data), PageSize)
	var batch capture
	if prev == nil {
		for i := range pages {
			copied += s.add(im, data, &batch, i)
		}
	} else {
		copied = s.derive(im, prev, data, changed, &batch)
	}
	copied += s.flush(im, data, &batch)
	s.foresee(copied)
	s.tidy()
	s.wake()
	return im, copied
}

func (s *Store) derive(im, prev *Image, data []byte, changed []uint32, batch *capture) (copied int) {
	copy(im.root, prev.root)
	for _, b := range im.root {
		if b != nil {
			b.refs++
		}
	}
	pages := ceil(len(data), PageSize)
	s.truncate(im, prev, pages)
	for _, n := range changed {
		if int(n) < pages {
			copied += s.add(im, data, batch, int(n))
		}
	}
	// A page that was the short last one may have become a whole one, or the
	// other way round: look at both.
	for _, size := range [2]int{prev.size, len(data)} {
		if n := size / PageSize; size%PageSize != 0 && n < pages {
			copied += s.add(im, data, batch, n)
		}
	}
	return copied
}

// add puts page i of data into the batch, and a full batch into the image.
func (s *Store) add(im *Image, data []byte, b *capture, i int) (copied int) {
	if b.n == captureBatch {
		copied = s.flush(im, data, b)
	}
	b.index[b.n] = int32(i)
	b.n++
	return copied
}

// flush captures the pages of the batch for the image. The lock is given up
// while they are copied.
func (s *Store) flush(im *Image, data []byte, b *capture) (copied int) {
	if b.n == 0 {
		return 0
	}
	s.mu.Unlock()
	index := b.index[:b.n]
	for k, i := range index {
		page := pageOf(data, int(i))
		if bytes.Equal(page, zeroPage[:len(page)]) { // most others differ in the first bytes
			index[k] = -i - 1
		}
	}
	s.mu.Lock()
	s.reserve(b.n)
	for k, i := range index {
		if b.id[k] = 0; i >= 0 {
			b.id[k] = s.newPage(s.takeSlot())
			copied++
		}
	}
	s.mu.Unlock()
	s.fill(data, b)
	s.mu.Lock()
	for k, i := range index {
		if b.id[k] != 0 {
			s.list(b.id[k])
		} else {
			i = -i - 1
		}
		s.set(im, int(i), b.id[k])
	}
	b.n = 0
	s.throttle()
	return copied
}

// fill copies the batch's pages into their slots, those that are neighbours in
// both places at once.
func (s *Store) fill(data []byte, b *capture) {
	for k := 0; k < b.n; {
		if b.id[k] == 0 {
			k++
			continue
		}
		first, at := int(b.index[k]), s.pages.at(b.id[k]).place()
		n := 1
		for k+n < b.n && b.id[k+n] != 0 && int(b.index[k+n]) == first+n &&
			s.pages.at(b.id[k+n]).place() == rawPlace(at.holder(), at.low()+uint32(n)) {
			n++
		}
		from := data[first*PageSize : min((first+n)*PageSize, len(data))]
		to := s.slabs.at(at.holder()).data[int(at.low())*PageSize:][:n*PageSize]
		clear(to[copy(to, from):]) // the rest of a short last page
		k += n
	}
}

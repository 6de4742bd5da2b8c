package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/pierrec/lz4/v4"
)

// What the folder cache needs to write images to a file and to read them
// again.

// BlockHeader is how many bytes of a block precede the page.
const BlockHeader = blockHeader

// MaxBlock is the size of the largest block.
const MaxBlock = blockHeader + PageSize

// ErrBlock is wrapped by errors for blocks that are damaged.
var ErrBlock = errors.New("damaged block")

// Encoder makes blocks of pages.
type Encoder struct{ k packer }

// Encode is the block of a page of PageSize bytes. It is valid until the next
// call.
func (e *Encoder) Encode(page []byte) []byte { return e.k.encode(e.k.buffer[:], page) }

// DecodeBlock checks a block and unpacks it to page, of PageSize bytes.
func DecodeBlock(page, block []byte) error {
	if len(block) <= blockHeader || len(block) > MaxBlock {
		return fmt.Errorf("%w: it has %d bytes", ErrBlock, len(block))
	}
	body := block[blockHeader:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(block) {
		return fmt.Errorf("%w: wrong checksum", ErrBlock)
	}
	if len(body) == PageSize {
		copy(page, body)
		return nil
	}
	if n, err := lz4.UncompressBlock(body, page[:PageSize]); err != nil || n != PageSize {
		return fmt.Errorf("%w: %d bytes unpacked to %d bytes: %v", ErrBlock, len(body), n, err)
	}
	return nil
}

// Nodes per entry of the tables of an [Exporter].
const (
	LeafPages   = leafPages
	BranchLeafs = branchLeafs
)

// Exporter writes images as blocks and tables. What images share is written
// once. The numbers in the tables begin with 1; 0 stands for "all zero".
type Exporter struct {
	// Leafs and Branches are the tables so far: LeafPages numbers of blocks for
	// each leaf, BranchLeafs numbers of leafs for each branch.
	Leafs, Branches []uint32

	s        *Store
	write    func(block []byte) (uint32, error)
	pages    map[uint32]uint32
	leafs    map[*leaf]uint32
	branches map[*branch]uint32
	images   []*Image // so that pages and nodes stay what they are
	enc      Encoder
}

// Export makes an exporter. write is given each block, valid during the call,
// and returns its number. The exporter must be closed.
func (s *Store) Export(write func(block []byte) (uint32, error)) *Exporter {
	return &Exporter{s: s, write: write, pages: map[uint32]uint32{}, leafs: map[*leaf]uint32{}, branches: map[*branch]uint32{}}
}

// Close lets go of the images.
func (x *Exporter) Close() {
	for _, im := range x.images {
		im.Release()
	}
	x.images = nil
}

// Add exports an image and returns the numbers of its branches. The error is
// write's, or wraps ErrLost; other images can still be added.
func (x *Exporter) Add(im *Image) (root []uint32, err error) {
	if im.store != x.s {
		return nil, errors.New("an image of another store")
	}
	x.images = append(x.images, im.Retain())
	r := x.s.newReader()
	root = make([]uint32, len(im.root))
	for i, b := range im.root {
		if root[i], err = x.branch(r, b); err != nil {
			break
		}
	}
	r.end()
	return root, err
}

func (x *Exporter) branch(r *reader, b *branch) (n uint32, err error) {
	if b == nil {
		return 0, nil
	}
	if n = x.branches[b]; n != 0 {
		return n, nil
	}
	var row [branchLeafs]uint32
	for i, l := range b.leafs {
		if row[i], err = x.leaf(r, l); err != nil {
			return 0, err
		}
	}
	x.Branches = append(x.Branches, row[:]...)
	n = uint32(len(x.Branches) / branchLeafs)
	x.branches[b] = n
	return n, nil
}

func (x *Exporter) leaf(r *reader, l *leaf) (n uint32, err error) {
	if l == nil {
		return 0, nil
	}
	if n = x.leafs[l]; n != 0 {
		return n, nil
	}
	var row [leafPages]uint32
	for i, id := range l.pages {
		if row[i], err = x.page(r, id); err != nil {
			return 0, err
		}
	}
	x.Leafs = append(x.Leafs, row[:]...)
	n = uint32(len(x.Leafs) / leafPages)
	x.leafs[l] = n
	return n, nil
}

func (x *Exporter) page(r *reader, id uint32) (uint32, error) {
	if id = r.s.settled(id); id == 0 {
		return 0, nil
	}
	if n := x.pages[id]; n != 0 {
		return n, nil
	}
	at := r.s.pages.at(id).place()
	if at.kind() == placeForward { // since settled looked
		return x.page(r, id)
	}
	var block []byte
	if at.kind() == placeRaw {
		block = x.enc.Encode(r.s.rawBytes(at))
	} else {
		var err error
		if block, err = r.block(at); err != nil {
			return 0, err
		}
	}
	n, err := x.write(block)
	if err == nil {
		x.pages[id] = n
	}
	return n, err
}

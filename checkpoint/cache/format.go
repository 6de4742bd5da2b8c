package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"wrev/checkpoint"
)

// The layout of the file; docs/file-format.md is the specification.
const (
	magic         = "\x89WREC\r\n\x1a"
	formatVersion = 1
	maxStateName  = 64
	headerSize    = 160
	blocksAt      = 256 // the first block; zeros in between

	maxIndex = 1 << 30 // longest index, bytes
	maxBlob  = 1 << 30 // longest state or extra blob, bytes
	pageSize = checkpoint.PageSize
)

// What is wrong with a cache. In each case the remedy is the same: replay the
// recording and make the cache again.
var (
	// ErrForeign is wrapped by Open's error for a sound cache of something else.
	ErrForeign = errors.New("checkpoint cache belongs to something else")
	// ErrVersion is wrapped by Open's error for a cache of another format.
	ErrVersion = errors.New("checkpoint cache has another format version")
	// ErrCorrupt is wrapped by errors for a cache whose bytes were damaged.
	ErrCorrupt = errors.New("checkpoint cache is damaged")
	// ErrFull is Add's error for a cache that has reached its size.
	ErrFull = errors.New("checkpoint cache is full")
)

const rebuilt = "it is not used, and made again"

// Key says what a cache is of. A cache is used only where everything is equal.
type Key struct {
	// Recording is a digest of all that decides how the program runs: module,
	// log and where it ends.
	Recording [32]byte
	// State names the form of the states, wasmvm.StateVersion, and whatever
	// else must not differ. At most 64 bytes.
	State string
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the fixed part at the beginning of the file. It is written last.
type header struct {
	key   Key
	index uint64 // where the index begins; the blocks end there
	size  uint64 // of the index, which ends the file
	crc   uint32 // of the index
}

func (h *header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	copy(b[16:], h.key.Recording[:])
	binary.LittleEndian.PutUint32(b[48:], uint32(len(h.key.State)))
	copy(b[52:52+maxStateName], h.key.State)
	binary.LittleEndian.PutUint64(b[120:], h.index)
	binary.LittleEndian.PutUint64(b[128:], h.size)
	binary.LittleEndian.PutUint32(b[136:], h.crc)
	binary.LittleEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
	return b
}

// parseHeader checks a header against the key and the length of the file.
func parseHeader(b []byte, key Key, length int64) (*header, error) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return nil, fmt.Errorf("%w: it does not begin like one; %s", ErrCorrupt, rebuilt)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return nil, fmt.Errorf("%w, %d instead of %d; %s", ErrVersion, v, formatVersion, rebuilt)
	}
	if crc32.Checksum(b[:headerSize-4], castagnoli) != binary.LittleEndian.Uint32(b[headerSize-4:]) {
		return nil, fmt.Errorf("%w: its header has a wrong checksum; %s", ErrCorrupt, rebuilt)
	}
	h := &header{
		index: binary.LittleEndian.Uint64(b[120:]),
		size:  binary.LittleEndian.Uint64(b[128:]),
		crc:   binary.LittleEndian.Uint32(b[136:]),
	}
	name := b[52 : 52+maxStateName]
	if n := binary.LittleEndian.Uint32(b[48:]); n > maxStateName {
		return nil, fmt.Errorf("%w: its header is impossible; %s", ErrCorrupt, rebuilt)
	} else {
		name = name[:n]
	}
	if !bytes.Equal(b[16:48], key.Recording[:]) {
		return nil, fmt.Errorf("%w: it was made for another recording; %s", ErrForeign, rebuilt)
	}
	if string(name) != key.State {
		return nil, fmt.Errorf("%w: it has states of version %q, this program has %q; %s", ErrForeign, name, key.State, rebuilt)
	}
	if h.index < blocksAt || h.index > uint64(length) || h.size != uint64(length)-h.index || h.size > maxIndex {
		return nil, fmt.Errorf("%w: it was cut off, or has bytes added; %s", ErrCorrupt, rebuilt)
	}
	return h, nil
}

// blob is bytes that are stored as pages: their length and the numbers of the
// blocks, 0 for a page of zeros.
type blob struct {
	size   uint64
	blocks []uint32
}

// record is an entry in the index.
type record struct {
	position uint64
	flags    uint32
	size     uint64   // of memory, bytes
	root     []uint32 // of its image
	state    blob
}

// index is all that is read when a cache is opened.
type index struct {
	tables  checkpoint.Tables
	records []record
	names   []string // of the extra blobs
	extras  []blob
}

func (x *index) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, 20+len(x.tables.Blocks)*2+(len(x.tables.Leafs)+len(x.tables.Branches))*4)
	for _, n := range []int{
		len(x.tables.Blocks), len(x.tables.Leafs) / checkpoint.LeafPages, len(x.tables.Branches) / checkpoint.BranchLeafs,
		len(x.records), len(x.extras),
	} {
		b = le.AppendUint32(b, uint32(n))
	}
	for _, n := range x.tables.Blocks {
		b = le.AppendUint16(b, n)
	}
	b = appendWords(appendWords(b, x.tables.Leafs), x.tables.Branches)
	for _, r := range x.records {
		b = le.AppendUint64(b, r.position)
		b = le.AppendUint32(b, r.flags)
		b = le.AppendUint64(b, r.size)
		b = le.AppendUint32(b, uint32(len(r.root)))
		b = appendWords(b, r.root)
		b = appendBlob(b, r.state)
	}
	for i, e := range x.extras {
		b = append(b, byte(len(x.names[i])))
		b = append(b, x.names[i]...)
		b = appendBlob(b, e)
	}
	return b
}

func appendWords(b []byte, words []uint32) []byte {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func appendBlob(b []byte, x blob) []byte {
	return appendWords(binary.LittleEndian.AppendUint64(b, x.size), x.blocks)
}

// scanner takes numbers off an index. After the first that is not there,
// everything is empty.
type scanner struct {
	b   []byte
	bad bool
}

// take gives count items of size bytes, or nothing.
func (s *scanner) take(count uint64, size int) []byte {
	if s.bad || count > uint64(len(s.b)/size) {
		s.bad = true
		return nil
	}
	n := int(count) * size
	b := s.b[:n]
	s.b = s.b[n:]
	return b
}

func (s *scanner) u8() int {
	if b := s.take(1, 1); b != nil {
		return int(b[0])
	}
	return 0
}

func (s *scanner) u32() uint32 {
	if b := s.take(1, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (s *scanner) u64() uint64 {
	if b := s.take(1, 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (s *scanner) words(count uint64) []uint32 {
	b := s.take(count, 4)
	if len(b) == 0 {
		return nil
	}
	w := make([]uint32, count)
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(b[i*4:])
	}
	return w
}

func (s *scanner) blob(blocks uint32) blob {
	x := blob{size: s.u64()}
	if x.size > maxBlob {
		s.bad = true
		return blob{}
	}
	x.blocks = s.words((x.size + pageSize - 1) / pageSize)
	for _, n := range x.blocks {
		s.bad = s.bad || n > blocks
	}
	return x
}

var errIndex = fmt.Errorf("%w: its index is impossible; %s", ErrCorrupt, rebuilt)

func parseIndex(b []byte) (*index, error) {
	s := &scanner{b: b}
	blocks, leafs, branches, records, extras := s.u32(), s.u32(), s.u32(), s.u32(), s.u32()
	x := &index{tables: checkpoint.Tables{Start: blocksAt}}
	lengths := s.take(uint64(blocks), 2)
	x.tables.Blocks = make([]uint16, len(lengths)/2)
	for i := range x.tables.Blocks {
		x.tables.Blocks[i] = binary.LittleEndian.Uint16(lengths[i*2:])
	}
	x.tables.Leafs = s.words(uint64(leafs) * checkpoint.LeafPages)
	x.tables.Branches = s.words(uint64(branches) * checkpoint.BranchLeafs)
	for range records {
		r := record{position: s.u64(), flags: s.u32(), size: s.u64()}
		r.root = s.words(uint64(s.u32()))
		r.state = s.blob(blocks)
		if n := len(x.records); s.bad || n > 0 && x.records[n-1].position >= r.position {
			return nil, errIndex
		}
		x.records = append(x.records, r)
	}
	for range extras {
		name := string(s.take(uint64(s.u8()), 1))
		e := s.blob(blocks)
		if s.bad {
			return nil, errIndex
		}
		x.names, x.extras = append(x.names, name), append(x.extras, e)
	}
	if s.bad || len(s.b) > 0 {
		return nil, errIndex
	}
	return x, nil
}

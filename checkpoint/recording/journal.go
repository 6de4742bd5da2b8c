package recording

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"os"
	"unsafe"
)

// The journal is a fixed area of the file, mapped into memory by the writer. It is what makes a recording survive: the kernel
// keeps a shared mapping's bytes when the process dies, so a call is safe as soon as it is stored, without a system call.
//
// It has two slots. A slot holds the calls of one CALLS chunk to be, in the same encoding. Its header is two words: state, and
// the number of its first call. State is 0 for an unused slot; otherwise the length of the calls in the lower half and a check
// of them in the upper, so that one store publishes a call and makes what came before it and what follows unambiguous.

// maxWordwise is the length of the longest call that is checked as words, bytes.
const maxWordwise = 32

// checkMul spreads the bits of the check.
const checkMul = 0x9E3779B97F4A7C15

// checkSeed begins the check of a slot whose first call has number first.
func checkSeed(first uint64) uint64 { return (first ^ 0x5752_4556_5752_4556) * checkMul }

// checkWord adds eight bytes to a check.
func checkWord(sum, word uint64) uint64 { return (bits.RotateLeft64(sum, 29) ^ word) * checkMul }

// checkCall adds an encoded call: as words, the last one padded with zeros, or if it is long by its CRC-32C.
func checkCall(sum uint64, b []byte) uint64 {
	if len(b) > maxWordwise {
		return checkWord(sum, uint64(crc32.Checksum(b, castagnoli)))
	}
	// Byte by byte, because the processor is slow to load a word that has just been stored in pieces.
	var word uint64
	for i, c := range b {
		if i > 0 && i&7 == 0 {
			sum, word = checkWord(sum, word), 0
		}
		word |= uint64(c) << (8 * (i & 7))
	}
	return checkWord(sum, word)
}

// slotState makes the word that publishes a slot of the given length.
func slotState(length int, sum uint64) uint64 { return sum&^0xFFFF_FFFF | uint64(uint32(length)) }

// journal is the writer's view of the first part of the file: the header and the slots.
type journal struct {
	mem    []byte       // the mapping, or a copy in memory
	unmap  func() error // nil without a mapping
	direct file         // without a mapping, every change is written here
}

// openJournal maps the first size bytes of f, or falls back to a copy that is written through.
func openJournal(f *os.File, via file, size int, writeThrough bool) (*journal, error) {
	if !writeThrough {
		if mem, unmap, err := mapFile(f, size); err == nil {
			return &journal{mem: mem, unmap: unmap}, nil
		}
	}
	j := &journal{mem: make([]byte, size), direct: via}
	if _, err := f.ReadAt(j.mem, 0); err != nil {
		return nil, err
	}
	return j, nil
}

// sync makes bytes of mem permanent where there is no mapping that does so.
func (j *journal) sync(off, n int) error {
	if j.direct == nil {
		return nil
	}
	_, err := j.direct.WriteAt(j.mem[off:off+n], int64(off))
	return err
}

// slot is one slot of the journal.
type slot struct {
	j     *journal
	off   int     // where its header is in the file and in mem
	data  []byte  // the bytes for calls
	state *uint64 // in the header
	first uint64  // number of the first call
	count uint32  // calls in it, known once it is full
	used  int     // length of its calls, known once it is full
}

func (j *journal) slot(off, size int) *slot {
	return &slot{
		j:     j,
		off:   off,
		data:  j.mem[off+slotHeaderSize : off+size : off+size],
		state: (*uint64)(unsafe.Pointer(&j.mem[off])), // mem begins at a page and off is a multiple of 8
	}
}

// begin readies an unused slot for calls from number first on.
func (s *slot) begin(first uint64) error {
	s.first, s.count, s.used = first, 0, 0
	binary.LittleEndian.PutUint64(s.j.mem[s.off+8:], first)
	return s.j.sync(s.off+8, 8)
}

// clear marks the slot as unused, once its calls are in a chunk.
func (s *slot) clear() error {
	publish(s.state, 0)
	s.count, s.used = 0, 0
	return s.j.sync(s.off, 8)
}

// put stores eight bytes at pos, of which those past the end of the calls are overwritten by the next call.
func (s *slot) put(pos int, word uint64) { binary.LittleEndian.PutUint64(s.data[pos:], word) }

package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The layout of the file. docs/file-format.md is the specification; the numbers below are its numbers.
const (
	magic         = "\x89WREV\r\n\x1a" // a first byte that is not text, and line ends that a text-mode copy would spoil
	formatVersion = 1

	fileHeaderSize  = 28   // bytes that the header's checksum covers, and the checksum
	journalOffset   = 4096 // the slots begin here, so that each lies in whole pages
	slotHeaderSize  = 64   // a slot's header has a cache line of its own
	numSlots        = 2
	defaultSlotSize = 64 << 10
	maxSlotSize     = 64 << 10
	maxSlots        = 16

	chunkHeaderSize = 40
	maxRawChunk     = 1 << 30  // longest payload before compression
	maxRawCalls     = 64 << 10 // longest payload of a CALLS chunk with more than one call
	maxRawJSON      = 64 << 20 // longest META or END payload

	maxImport = 1 << 20 // import indexes are below this
	maxValues = 1 << 16 // most arguments, and most results, of one call
	maxWrites = 1 << 20 // most memory writes of one call
)

// Chunk types.
const (
	typeMeta   = "META"
	typeModule = "MODL"
	typeCalls  = "CALL"
	typeEnd    = "END "
	// Of branches. Who does not know them can still read the trunk, but for a trunk that was edited while it was recorded.
	typeBranch      = "BRCH" // one event, JSON
	typeBranchCalls = "BCAL" // host calls of a branch
)

// Chunk flags.
const (
	flagOptional = 1 << 0 // a reader that does not know the type skips the chunk
	flagLZ4      = 1 << 1 // the payload is one LZ4 block
	knownFlags   = flagOptional | flagLZ4
)

// ErrNotRecording is wrapped by Open's error for a file that is no recording at all.
var ErrNotRecording = errors.New("not a wrev recording")

// ErrCorrupt is wrapped by the errors for a recording whose bytes were damaged.
var ErrCorrupt = errors.New("recording is damaged")

// VersionError is Open's error for a recording of another format version.
type VersionError struct{ Found uint32 }

func (e *VersionError) Error() string {
	hint := "record the program again with this wrev"
	if e.Found > formatVersion {
		hint = "use the newer wrev that made it"
	}
	return fmt.Sprintf("recording has format version %d, this wrev reads version %d: %s", e.Found, formatVersion, hint)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileHeader is the variable part of the file's header.
type fileHeader struct {
	journalOffset, slotSize, numSlots uint32
}

// chunksOffset is where the first chunk begins.
func (h fileHeader) chunksOffset() int64 {
	return int64(h.journalOffset) + int64(h.slotSize)*int64(h.numSlots)
}

func (h fileHeader) encode(b []byte) {
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], h.journalOffset)
	binary.LittleEndian.PutUint32(b[16:], h.slotSize)
	binary.LittleEndian.PutUint32(b[20:], h.numSlots)
	binary.LittleEndian.PutUint32(b[24:], crc32.Checksum(b[:24], castagnoli))
}

// parseFileHeader checks the first bytes of a file; b may be shorter than the header if the file is.
func parseFileHeader(b []byte) (fileHeader, error) {
	var h fileHeader
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return h, ErrNotRecording
	}
	if len(b) < fileHeaderSize {
		return h, errCutOff
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return h, &VersionError{Found: v}
	}
	if binary.LittleEndian.Uint32(b[24:]) != crc32.Checksum(b[:24], castagnoli) {
		return h, fmt.Errorf("%w: its header has a wrong checksum", ErrCorrupt)
	}
	h.journalOffset = binary.LittleEndian.Uint32(b[12:])
	h.slotSize = binary.LittleEndian.Uint32(b[16:])
	h.numSlots = binary.LittleEndian.Uint32(b[20:])
	if h.journalOffset < fileHeaderSize || h.journalOffset > 1<<20 || h.journalOffset%8 != 0 ||
		h.slotSize <= slotHeaderSize || h.slotSize > maxSlotSize || h.slotSize%8 != 0 || h.numSlots > maxSlots {
		return h, fmt.Errorf("%w: its header describes an impossible journal", ErrCorrupt)
	}
	return h, nil
}

// errCutOff is wrapped by Open's error when not even the module is complete.
var errCutOff = fmt.Errorf("%w: it was cut off before the module was complete, nothing in it can be used", ErrCorrupt)

// chunkHeader precedes each chunk's payload.
type chunkHeader struct {
	typ         string // four bytes
	flags       uint32
	raw, stored uint32 // payload length before and after compression, bytes
	first       uint64 // CALLS: number of the first call
	count       uint32 // CALLS: how many calls
	crc         uint32 // CRC-32C of the stored payload
}

func (h *chunkHeader) encode(b []byte) {
	copy(b[:4], h.typ)
	binary.LittleEndian.PutUint32(b[4:], h.flags)
	binary.LittleEndian.PutUint32(b[8:], h.raw)
	binary.LittleEndian.PutUint32(b[12:], h.stored)
	binary.LittleEndian.PutUint64(b[16:], h.first)
	binary.LittleEndian.PutUint32(b[24:], h.count)
	binary.LittleEndian.PutUint32(b[28:], h.crc)
	binary.LittleEndian.PutUint32(b[32:], 0)
	binary.LittleEndian.PutUint32(b[36:], crc32.Checksum(b[:36], castagnoli))
}

// parseChunkHeader returns false for bytes that are no chunk header: a torn tail or damage.
func parseChunkHeader(b []byte) (chunkHeader, bool) {
	if len(b) < chunkHeaderSize || binary.LittleEndian.Uint32(b[36:]) != crc32.Checksum(b[:36], castagnoli) {
		return chunkHeader{}, false
	}
	return chunkHeader{
		typ:    string(b[:4]),
		flags:  binary.LittleEndian.Uint32(b[4:]),
		raw:    binary.LittleEndian.Uint32(b[8:]),
		stored: binary.LittleEndian.Uint32(b[12:]),
		first:  binary.LittleEndian.Uint64(b[16:]),
		count:  binary.LittleEndian.Uint32(b[24:]),
		crc:    binary.LittleEndian.Uint32(b[28:]),
	}, true
}

// check reports a header that passed its checksum but breaks the rules on lengths, so that nothing is allocated by them.
func (h *chunkHeader) check() error {
	switch {
	case h.flags&^uint32(knownFlags) != 0:
		return fmt.Errorf("unknown flags %#x", h.flags)
	case h.raw > maxRawChunk || h.stored > h.raw:
		return fmt.Errorf("impossible lengths %d and %d", h.raw, h.stored)
	case h.flags&flagLZ4 == 0 && h.stored != h.raw:
		return fmt.Errorf("stored length %d of %d uncompressed bytes", h.stored, h.raw)
	case h.flags&flagLZ4 != 0 && uint64(h.raw) > 255*uint64(h.stored):
		return fmt.Errorf("%d bytes cannot hold %d", h.stored, h.raw)
	case (h.typ == typeMeta || h.typ == typeEnd || h.typ == typeBranch) && h.raw > maxRawJSON:
		return fmt.Errorf("%d bytes of JSON", h.raw)
	case (h.typ == typeCalls || h.typ == typeBranchCalls) && (h.count == 0 || h.count > h.raw || h.count > 1 && h.raw > maxRawCalls):
		return fmt.Errorf("%d host calls in %d bytes", h.count, h.raw)
	}
	return nil
}

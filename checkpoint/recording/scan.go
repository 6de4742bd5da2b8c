package recording

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/pierrec/lz4/v4"
)

// newReader reads all but the calls. size returns how long the file is at the moment.
func newReader(src io.ReaderAt, size func() (int64, error)) (*Reader, error) {
	r := &Reader{close: func() error { return nil }}
	r.src = src
	head := make([]byte, fileHeaderSize)
	n, err := readFull(src, head, 0)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	header, err := parseFileHeader(head[:n])
	if err != nil {
		return nil, err
	}
	s := scanner{r: r, header: header, pos: header.chunksOffset()}
	journal, err := s.scanAll(size)
	if err != nil {
		return nil, err
	}
	r.usable = s.pos
	if r.module == nil {
		return nil, errCutOff
	}
	s.addJournal(journal)
	s.reportTail()
	return r, nil
}

// warn adds a warning.
func (r *Reader) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// maxReads is how often something is read again in the hope of a consistent view, while a running recorder changes it.
const maxReads = 20

// scanAll scans the chunks and returns the journal that goes with them.
//
// The journal is read first: calls move from the journal to chunks, never back, so that there is no gap between the two, though
// they may overlap. When a chunk is torn that the journal does not have, and the file still grows, it is being written.
func (s *scanner) scanAll(size func() (int64, error)) ([]block, error) {
	for try := 1; ; try++ {
		journal, damaged, err := s.readJournal()
		if err != nil {
			return nil, err
		}
		length, err := size()
		if err != nil {
			return nil, err
		}
		grown := length != s.size
		s.size, s.tail = length, ""
		if err := s.scan(); err != nil {
			return nil, err
		}
		next := func(b block) bool { return b.first == s.r.calls }
		if s.tail == "" || slices.ContainsFunc(journal, next) || !grown || try == maxReads {
			if damaged != nil {
				s.r.warn("the journal is damaged (%v): the host calls there are dropped", damaged)
			}
			return journal, nil
		}
	}
}

// readJournal returns the calls of each slot that has any, in order, and what is wrong with other slots.
func (s *scanner) readJournal() (blocks []block, damaged, err error) {
	buf := make([]byte, int(s.header.slotSize)*int(s.header.numSlots))
	for try := 1; ; try++ {
		if _, err := readFull(s.r.src, buf, int64(s.header.journalOffset)); err == io.ErrUnexpectedEOF {
			return nil, nil, errCutOff
		} else if err != nil {
			return nil, nil, err
		}
		blocks, damaged = parseJournal(buf, int(s.header.slotSize))
		if try == maxReads || damaged == nil && contiguous(blocks) {
			return blocks, damaged, nil
		}
	}
}

// parseJournal returns the slots with calls, in order, and an error if others are damaged.
func parseJournal(buf []byte, slotSize int) (blocks []block, damaged error) {
	for i := 0; i < len(buf); i += slotSize {
		b, err := parseSlot(buf[i : i+slotSize])
		if err != nil {
			damaged = fmt.Errorf("slot %d: %w", i/slotSize, err)
		} else if b.count > 0 {
			blocks = append(blocks, b)
		}
	}
	slices.SortFunc(blocks, func(a, b block) int { return cmp.Compare(a.first, b.first) })
	return blocks, damaged
}

// contiguous reports whether each slot goes on where the one before ends.
func contiguous(blocks []block) bool {
	for i := 1; i < len(blocks); i++ {
		if blocks[i-1].end() != blocks[i].first {
			return false
		}
	}
	return true
}

// parseSlot checks a slot and copies its calls.
func parseSlot(buf []byte) (block, error) {
	state := binary.LittleEndian.Uint64(buf)
	if state == 0 {
		return block{}, nil
	}
	b := block{first: binary.LittleEndian.Uint64(buf[8:])}
	length := uint64(uint32(state))
	if length == 0 || length > uint64(len(buf)-slotHeaderSize) {
		return b, fmt.Errorf("impossible length %d", length)
	}
	b.slot = append([]byte(nil), buf[slotHeaderSize:slotHeaderSize+length]...)
	sum := checkSeed(b.first)
	d := newDecoder(b.slot)
	for d.more() {
		start := d.pos
		if err := d.next(&HostCall{}); err != nil {
			return b, err
		}
		sum = checkCall(sum, b.slot[start:d.pos])
		b.count++
	}
	if slotState(int(length), sum) != state {
		return b, errors.New("wrong checksum")
	}
	return b, nil
}

// scanner goes through the chunks of a file.
type scanner struct {
	r      *Reader
	header fileHeader
	pos    int64  // of the next chunk
	size   int64  // of the file
	tail   string // why the scan ended before the end of the file
	meta   bool   // META was seen
}

// scan reads the headers of all chunks up to the first that is torn or damaged. Its errors are those that leave nothing to use.
func (s *scanner) scan() error {
	buf := make([]byte, chunkHeaderSize)
	for s.pos < s.size {
		if s.size-s.pos < chunkHeaderSize {
			s.tail = "an incomplete chunk"
			return nil
		}
		if _, err := readFull(s.r.src, buf, s.pos); err != nil {
			return err
		}
		h, ok := parseChunkHeader(buf)
		if !ok {
			s.tail = "a damaged chunk header"
			return nil
		}
		if err := h.check(); err != nil {
			return fmt.Errorf("%w: %q chunk at byte %d: %w", ErrCorrupt, h.typ, s.pos, err)
		}
		if int64(h.stored) > s.size-s.pos-chunkHeaderSize {
			s.tail = "an incomplete chunk"
			return nil
		}
		if more, err := s.chunk(&h); !more || err != nil {
			return err
		}
		s.pos += chunkHeaderSize + int64(h.stored)
	}
	return s.checkLast()
}

// chunk takes note of one chunk. It returns false at one that ends the usable part of the file.
func (s *scanner) chunk(h *chunkHeader) (bool, error) {
	r, at := s.r, s.pos+chunkHeaderSize
	var err error
	switch {
	case h.typ == typeMeta && !s.meta:
		s.meta = true
		err = readJSON(r.src, h, at, &r.meta)
	case h.typ == typeModule && s.meta && r.module == nil:
		r.module, err = readPayload(r.src, h, at)
	case h.typ == typeCalls && r.module != nil && r.end == nil:
		if h.first != r.calls || h.first+uint64(h.count) < h.first {
			return false, fmt.Errorf("%w: chunk at byte %d begins with host call %d, not %d", ErrCorrupt, s.pos, h.first, r.calls)
		}
		r.blocks = append(r.blocks, block{first: h.first, count: h.count, header: *h, offset: at})
		r.calls += uint64(h.count)
	case h.typ == typeEnd && r.module != nil && r.end == nil:
		var end endChunk
		if err = readJSON(r.src, h, at, &end); err != nil {
			s.tail = "a damaged END chunk"
			return false, nil
		}
		r.end, r.ended = &end.End, end.Ended
	case (h.typ == typeBranch || h.typ == typeBranchCalls) && r.module != nil:
		r.branchChunks = append(r.branchChunks, block{first: h.first, count: h.count, header: *h, offset: at})
	case h.typ == typeMeta || h.typ == typeModule || h.typ == typeCalls || h.typ == typeEnd:
		err = fmt.Errorf("%w: %q chunk at byte %d is out of place", ErrCorrupt, h.typ, s.pos)
	case h.flags&flagOptional == 0:
		err = fmt.Errorf("recording has a chunk of type %q, which this wrev does not know: use the newer wrev that made it", h.typ)
	}
	return err == nil, err
}

// checkLast checks the last chunk of calls in a file without an end. Its payload can be torn although its length is right,
// when the whole machine stopped.
func (s *scanner) checkLast() error {
	r := s.r
	if r.end != nil || len(r.blocks) == 0 {
		return nil
	}
	last := r.blocks[len(r.blocks)-1]
	_, err := readPayload(r.src, &last.header, last.offset)
	if errors.Is(err, ErrCorrupt) {
		r.blocks = r.blocks[:len(r.blocks)-1]
		r.calls = last.first
		s.pos = last.offset - chunkHeaderSize
		s.tail = "a damaged chunk"
		return nil
	}
	return err
}

// addJournal appends the slots that go on where the chunks end. Others hold calls that were moved to chunks already, or come
// after calls that are lost.
func (s *scanner) addJournal(slots []block) {
	r := s.r
	for _, b := range slots {
		switch {
		case b.first == r.calls && b.end() > b.first && r.end == nil:
			s.tail = "" // a torn chunk would have held these very calls
			r.blocks = append(r.blocks, b)
			r.calls = b.end()
		case b.end() > r.calls:
			r.warn("the journal has %d host calls from number %d on, which do not continue the %d before: they are dropped", b.count, b.first, r.calls)
		}
	}
}

// reportTail warns of bytes at the end of the file that are not used.
func (s *scanner) reportTail() {
	if s.tail != "" {
		s.r.warn("the file ends in %s at byte %d: %d bytes are dropped, %d host calls are left", s.tail, s.pos, s.size-s.pos, s.r.calls)
	}
}

// readFull reads all of buf; its error is io.ErrUnexpectedEOF if the file ends before.
func readFull(src io.ReaderAt, buf []byte, at int64) (int, error) {
	n, err := src.ReadAt(buf, at)
	if n == len(buf) {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readPayload reads, checks and decompresses a chunk's payload. h must have been checked.
func readPayload(src io.ReaderAt, h *chunkHeader, at int64) ([]byte, error) {
	stored := make([]byte, h.stored)
	if _, err := readFull(src, stored, at); err == io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("%w: %q chunk at byte %d is cut off", ErrCorrupt, h.typ, at-chunkHeaderSize)
	} else if err != nil {
		return nil, err
	}
	if crc32.Checksum(stored, castagnoli) != h.crc {
		return nil, fmt.Errorf("%w: %q chunk at byte %d has a wrong checksum", ErrCorrupt, h.typ, at-chunkHeaderSize)
	}
	if h.flags&flagLZ4 == 0 {
		return stored, nil
	}
	raw := make([]byte, h.raw)
	n, err := lz4.UncompressBlock(stored, raw)
	if err != nil || n != len(raw) {
		return nil, fmt.Errorf("%w: %q chunk at byte %d does not decompress to %d bytes", ErrCorrupt, h.typ, at-chunkHeaderSize, h.raw)
	}
	return raw, nil
}

// readJSON reads a payload of JSON.
func readJSON(src io.ReaderAt, h *chunkHeader, at int64, v any) error {
	text, err := readPayload(src, h, at)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %q chunk at byte %d: %w", ErrCorrupt, h.typ, at-chunkHeaderSize, err)
	}
	return nil
}

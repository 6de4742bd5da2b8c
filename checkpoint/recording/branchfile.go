package recording

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Where branches are kept.
//
// In the recording, behind all that is there: a chunk is added by one write, and what a torn write leaves is cut off by the next
// program that adds one. Only one may add at a time; it holds a lock on the file, as a recorder does while it runs.
//
// Beside the recording, in NAME.branches, when the recording cannot be written or somebody else writes it. That file begins like a
// recording without a journal; its META says whose branches it has. Once it is there it is read after the recording and gets all
// that is new, since its events follow those in the recording.

// besideSuffix is put behind a recording's name for the file of branches beside it.
const besideSuffix = ".branches"

// besideMeta is the META of a file of branches.
type besideMeta struct {
	BranchesOf string // Identity of the recording, in hexadecimal
	Events     int    // how many events the recording itself had
}

// ErrForeignBranches is wrapped by the error of OpenBranches for a file of branches that belongs to another recording.
var ErrForeignBranches = errors.New("the branches are of another recording")

// errParted says of a file of branches that it goes on from what is not the recording's last branch any more.
var errParted = errors.New("it is left as it is, for the recording has got other branches since: a session wrote them at the same time")

// errBusy says that another process writes a file.
var errBusy = errors.New("another wrev is writing to it")

// OpenBranches reads the branches of the recording at path, which r reads, and makes ready to add some. Nothing is written until one
// is added. A damaged end is left out, with a warning.
func OpenBranches(r *Reader, path string) (b *Branches, warnings []string, err error) {
	beside := &fileSink{path: path + besideSuffix}
	b = newBranches(beside, beside.path)
	damage := b.load(r.src, r.branchChunks)
	if damage != nil {
		warnings = append(warnings, fmt.Sprintf("the branches behind it are left out: %v", damage))
	}
	events := len(b.events)
	switch err := beside.open(r, b); {
	case err == nil:
		return b, warnings, nil
	case errors.Is(err, errParted):
		warnings = append(warnings, fmt.Sprintf("%s: %v", beside.path, err))
	case !errors.Is(err, fs.ErrNotExist):
		// Also for damage: to leave out branches that were kept here, and go on behind them, would lose them for good.
		return nil, nil, fmt.Errorf("%s: %w; move it away to begin with no branches", beside.path, err)
	}
	own := &fileSink{path: path, from: r.usable}
	err = damage // whoever reads the file again does not get past it
	if err == nil {
		err = own.lock()
	}
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("new branches will be kept in %s: %v", beside.path, err))
		beside.begin = func() besideMeta { return besideMeta{identityText(r), events} }
		return b, warnings, nil
	}
	b.sink, b.where = own, path
	return b, warnings, nil
}

// ReadBranches reads the branches of the recording at path, which r reads, only to look at them: it takes no lock, and none can be added.
func ReadBranches(r *Reader, path string) (b *Branches, warnings []string, err error) {
	b = newBranches(readOnly{}, "")
	if err := b.load(r.src, r.branchChunks); err != nil {
		warnings = append(warnings, fmt.Sprintf("the branches behind it are left out: %v", err))
	}
	f, err := os.Open(path + besideSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return b, warnings, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open the branches: %w", err)
	}
	_, err = b.loadBeside(f, r, len(b.events))
	if errors.Is(err, errParted) {
		return b, append(warnings, fmt.Sprintf("%s: %v", f.Name(), err)), f.Close()
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w; move it away to do without it", f.Name(), err)
	}
	b.sink = readOnly{f}
	return b, warnings, nil
}

// readOnly is the sink of branches that are only looked at.
type readOnly struct{ f *os.File }

func (readOnly) put(chunkHeader, []byte) (block, error) {
	return block{}, errors.New("the recording was opened only to be read")
}

func (s readOnly) ReadAt(p []byte, off int64) (int, error) { return s.f.ReadAt(p, off) }

func (s readOnly) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// loadBeside takes over a file of branches beside the recording of r, which itself had so many events. end is where its last chunk ends.
func (b *Branches) loadBeside(f *os.File, r *Reader, events int) (end int64, err error) {
	chunks, meta, end, err := scanBeside(f)
	switch {
	case err != nil:
		return 0, err
	case meta.BranchesOf != identityText(r):
		return 0, ErrForeignBranches
	case meta.Events < events:
		return 0, errParted
	case meta.Events > events:
		return 0, fmt.Errorf("%w: it goes on after %d events, the recording has %d", ErrCorrupt, meta.Events, events)
	}
	return end, b.load(f, chunks)
}

// identityText is a digest of the whole recording, module included: not to be made without need.
func identityText(r *Reader) string {
	id := r.Identity()
	return hex.EncodeToString(id[:])
}

// Branches makes ready to add branches to the recording that w writes; r is its follower.
func (w *Writer) Branches(r *Reader) *Branches {
	return newBranches(writerSink{w, r.src}, w.path)
}

// writerSink adds to a recording that is being written.
type writerSink struct {
	w *Writer
	io.ReaderAt
}

func (s writerSink) put(h chunkHeader, payload []byte) (block, error) { return s.w.put(h, payload) }

// Close leaves the file to its writer.
func (s writerSink) Close() error { return nil }

// fileSink adds to a file that is complete but for branches.
type fileSink struct {
	path  string
	from  int64             // where the next chunk goes
	begin func() besideMeta // the file is to be made, with this
	f     *os.File
	out   chunkWriter
	cut   bool // what was behind from is gone
}

// lock opens the file for writing, if nobody else writes it.
func (s *fileSink) lock() error {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("the recording cannot be written: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return err
	}
	s.use(f)
	return nil
}

func (s *fileSink) use(f *os.File) {
	s.f = f
	s.out = chunkWriter{f: f, end: s.from}
}

// open reads an existing file of branches beside a recording.
func (s *fileSink) open(r *Reader, b *Branches) error {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return fmt.Errorf("cannot open the branches: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return err
	}
	end, err := b.loadBeside(f, r, len(b.events))
	if err != nil {
		f.Close()
		return err
	}
	s.from = end
	s.use(f)
	return nil
}

// scanBeside reads the headers of a file of branches.
func scanBeside(f *os.File) (chunks []block, meta besideMeta, end int64, err error) {
	head := make([]byte, fileHeaderSize)
	n, err := readFull(f, head, 0)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, meta, 0, err
	}
	header, err := parseFileHeader(head[:n])
	if err != nil {
		return nil, meta, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, meta, 0, err
	}
	buf := make([]byte, chunkHeaderSize)
	end = header.chunksOffset()
	for first := true; info.Size()-end >= chunkHeaderSize; first = false {
		if _, err := readFull(f, buf, end); err != nil {
			return nil, meta, 0, err
		}
		h, ok := parseChunkHeader(buf)
		if !ok || h.check() != nil || int64(h.stored) > info.Size()-end-chunkHeaderSize {
			break
		}
		at := end + chunkHeaderSize
		switch {
		case first && h.typ == typeMeta:
			if err := readJSON(f, &h, at, &meta); err != nil {
				return nil, meta, 0, err
			}
		case first:
			return nil, meta, 0, fmt.Errorf("%w: it does not say whose branches it has", ErrCorrupt)
		case h.typ == typeBranch || h.typ == typeBranchCalls:
			chunks = append(chunks, block{first: h.first, count: h.count, header: h, offset: at})
		}
		end = at + int64(h.stored)
	}
	if meta.BranchesOf == "" {
		return nil, meta, 0, fmt.Errorf("%w: it does not say whose branches it has", ErrCorrupt)
	}
	return chunks, meta, end, nil
}

// put adds a chunk.
func (s *fileSink) put(h chunkHeader, payload []byte) (block, error) {
	if s.begin != nil {
		if err := s.create(); err != nil {
			return block{}, err
		}
		s.begin = nil
	}
	if !s.cut {
		// What a program that died in a write has left there is of no use: no reader takes it.
		if err := s.f.Truncate(s.from); err != nil {
			return block{}, err
		}
		s.cut = true
	}
	return s.out.write(h, payload)
}

// create makes the file of branches beside a recording.
func (s *fileSink) create() error {
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("a file for branches: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return err
	}
	h := fileHeader{journalOffset: journalOffset, slotSize: defaultSlotSize}
	head := make([]byte, h.chunksOffset())
	h.encode(head)
	text, err := json.Marshal(s.begin())
	if err == nil {
		_, err = f.WriteAt(head, 0)
	}
	s.from = int64(len(head))
	s.use(f)
	if err == nil {
		_, err = s.out.write(chunkHeader{typ: typeMeta}, text)
	}
	s.from = s.out.end
	return err
}

func (s *fileSink) ReadAt(p []byte, off int64) (int, error) {
	if s.f == nil {
		return 0, fs.ErrNotExist
	}
	return s.f.ReadAt(p, off)
}

// Close releases the file and its lock.
func (s *fileSink) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

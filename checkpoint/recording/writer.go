package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Writer writes one recording. Its methods are for one goroutine at a time.
type Writer struct {
	// What the fast path of Append uses.
	pos   int    // where the next call goes in cur.data
	limit int    // the fast path may be taken up to this pos; -1 when it may not be taken at all
	sum   uint64 // check of the calls in cur
	calls uint64
	cur   *slot
	enc   encoder

	path   string
	err    error // sticky
	closed bool
	chunks chunkWriter // belongs to the flusher while slots are with it
	j      *journal
	idle   []*slot      // unused slots
	busy   int          // slots that are with the flusher
	full   chan *slot   // to the flusher
	done   chan flushed // from the flusher
	large  []byte       // a call that fits no slot
	kept   []MemWrite   // a call's writes without the empty ones

	follower *Reader // reads what is written, if there is one
}

// flushed is the flusher's answer for one slot.
type flushed struct {
	s   *slot
	err error
}

// config is what tests vary.
type config struct {
	slotSize     int
	writeThrough bool            // do without a mapping
	wrap         func(file) file // puts a failing file in between
}

// fastRoom is the room that the fast path needs in a slot: it stores whole words.
const fastRoom = 8

// Create makes a new recording file at path, readable by its owner only, replacing a regular file of that name: a recording
// holds the environment and all input of a program.
func Create(path string, meta Meta, module []byte) (*Writer, error) {
	return create(path, meta, module, config{slotSize: defaultSlotSize, wrap: func(f file) file { return f }})
}

func create(path string, meta Meta, module []byte, cfg config) (*Writer, error) {
	f, err := createFile(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, limit: -1}
	if err := w.start(f, meta, module, cfg); err != nil {
		if w.j != nil && w.j.unmap != nil {
			w.j.unmap()
		}
		f.Close()
		os.Remove(f.Name())
		return nil, fmt.Errorf("cannot write recording %s: %w", path, err)
	}
	return w, nil
}

// createFile makes an empty file. An older one is unlinked rather than cut off, since its recorder may still have it mapped.
func createFile(path string) (*os.File, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("cannot write recording %s: it exists and is not a regular file", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("cannot replace recording: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot create recording: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot create recording: %w", err)
	}
	return f, nil
}

// start writes all that comes before the first call, and starts the flusher.
func (w *Writer) start(f *os.File, meta Meta, module []byte, cfg config) error {
	h := fileHeader{journalOffset, uint32(cfg.slotSize), numSlots}
	w.chunks.f, w.chunks.end = cfg.wrap(f), h.chunksOffset()
	// The journal is written, not left as a hole: on a full disk a store into a hole kills the process.
	head := make([]byte, h.chunksOffset())
	h.encode(head)
	if _, err := w.chunks.f.WriteAt(head, 0); err != nil {
		return err
	}
	if meta.ModuleSHA256 == "" {
		sum := sha256.Sum256(module)
		meta.ModuleSHA256 = hex.EncodeToString(sum[:])
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	if _, err := w.chunks.write(chunkHeader{typ: typeMeta}, text); err != nil {
		return err
	}
	if _, err := w.chunks.write(chunkHeader{typ: typeModule}, module); err != nil {
		return err
	}
	// From now on a flush must not allocate.
	w.chunks.buf = make([]byte, chunkHeaderSize+maxSlotSize)
	if w.j, err = openJournal(f, w.chunks.f, len(head), cfg.writeThrough); err != nil {
		return err
	}
	for i := range numSlots {
		w.idle = append(w.idle, w.j.slot(journalOffset+i*cfg.slotSize, cfg.slotSize))
	}
	if err := w.openSlot(); err != nil {
		return err
	}
	w.full, w.done = make(chan *slot, numSlots), make(chan flushed, numSlots)
	go w.flusher()
	return nil
}

// NumCalls returns how many host calls were appended.
func (w *Writer) NumCalls() uint64 { return w.calls }

// Append adds one host call. The caller may use c and all that it points to again. When Append has returned nil the call
// survives the death of this process. Writes of no bytes are left out. After an error the recording is a valid one of the
// calls before, and every further Append fails with the same error.
//
// A call that differs from the previous one only in a number that it writes takes a few nanoseconds. Once in some ten
// thousand calls Append hands a full slot to the flusher; it waits only when the flusher is a whole slot behind.
func (w *Writer) Append(c *HostCall) error {
	st := w.enc.last
	if w.pos > w.limit || st == nil || c.Import != w.enc.lastImport || c.Inputs != st.inputs || c.NoReturn || len(c.Writes) > 1 ||
		!st.hasShape(c.Writes) || !equal(c.Args, st.args) || !equal(c.Results, st.results) {
		return w.appendAny(c)
	}
	// The encoded call is a tag of 0 and perhaps one number, and is put together in a register.
	word, n := uint64(0), 1
	if len(c.Writes) == 1 {
		data := c.Writes[0].Data
		if len(data) != 8 {
			return w.appendAny(c)
		}
		v := number(data)
		z := zigzag(v - st.nums[0])
		if z >= 1<<42 { // more than six bytes
			return w.appendAny(c)
		}
		shift := 8
		for ; z >= 0x80; z >>= 7 {
			word |= (z&0x7f | 0x80) << shift
			shift += 8
		}
		word |= z << shift
		n = shift/8 + 1
		st.nums[0] = v
	}
	w.cur.put(w.pos, word)
	w.sum = checkWord(w.sum, word)
	w.pos += n
	w.calls++
	publish(w.cur.state, slotState(w.pos, w.sum))
	return nil
}

// equal is slices.Equal for the fast path, where the lists are short.
func equal(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	b = b[:len(a)] // one bounds check
	for i, v := range a {
		if v != b[i] {
			return false
		}
	}
	return true
}

// appendAny adds a call of any kind.
func (w *Writer) appendAny(c *HostCall) error {
	if w.err != nil {
		return w.err
	}
	if slices.ContainsFunc(c.Writes, isEmpty) {
		w.kept = slices.DeleteFunc(append(w.kept[:0], c.Writes...), isEmpty)
		short := *c
		short.Writes = w.kept
		c = &short
	}
	need, err := maxEncodedSize(c)
	if err != nil {
		return w.fail(err)
	}
	if need > len(w.cur.data) {
		return w.appendLarge(c)
	}
	if need > len(w.cur.data)-w.pos {
		if err := w.nextSlot(); err != nil {
			return w.fail(err)
		}
	}
	rec := w.enc.encode(w.cur.data[w.pos:w.pos], c)
	if err := w.j.sync(w.cur.off+slotHeaderSize+w.pos, len(rec)); err != nil {
		return w.fail(err)
	}
	w.sum = checkCall(w.sum, rec)
	w.pos += len(rec)
	w.calls++
	publish(w.cur.state, slotState(w.pos, w.sum))
	if err := w.j.sync(w.cur.off, 8); err != nil {
		return w.fail(err)
	}
	if w.follower != nil {
		w.follow(c)
	}
	return nil
}

func isEmpty(m MemWrite) bool { return len(m.Data) == 0 }

// appendLarge writes a call that fits no slot as a chunk of its own.
func (w *Writer) appendLarge(c *HostCall) error {
	if err := w.drain(); err != nil {
		return w.fail(err)
	}
	w.enc.reset()
	w.large = w.enc.encode(w.large[:0], c)
	b, err := w.chunks.write(chunkHeader{typ: typeCalls, first: w.calls, count: 1}, w.large)
	if cap(w.large) > maxKeptBuffer {
		w.large = nil
	}
	if err != nil {
		return w.fail(err)
	}
	w.calls++
	if w.follower != nil {
		w.follow(c)
		w.follower.stored(b)
	}
	if err := w.openSlot(); err != nil {
		return w.fail(err)
	}
	return nil
}

// fail makes err sticky.
func (w *Writer) fail(err error) error {
	w.err = fmt.Errorf("cannot go on writing recording %s: %w", w.path, err)
	w.limit = -1
	return w.err
}

// Close completes the file with how the program ended. After an error of Append it completes nothing, saves what it can
// of the calls before, and returns that error.
func (w *Writer) Close(end End) error {
	if w.closed {
		return fmt.Errorf("recording %s: %w", w.path, os.ErrClosed)
	}
	w.closed = true
	if w.err == nil {
		if err := w.finish(end); err != nil {
			w.fail(err)
		}
	}
	err := w.err
	if err != nil {
		w.rescue()
	}
	w.fail(os.ErrClosed)
	close(w.full)
	return errors.Join(err, w.release())
}

// finish writes what is left, and leaves an empty journal.
func (w *Writer) finish(end End) error {
	text, err := json.Marshal(endChunk{End: end, Ended: time.Now().UTC()})
	if err != nil {
		return err
	}
	if err := w.drain(); err != nil {
		return err
	}
	if _, err := w.chunks.write(chunkHeader{typ: typeEnd, first: w.calls}, text); err != nil {
		return err
	}
	if w.follower != nil {
		w.follower.end = &end
	}
	clear(w.j.mem[journalOffset:])
	return w.j.sync(journalOffset, len(w.j.mem)-journalOffset)
}

// release unmaps and closes the file.
func (w *Writer) release() error {
	unmap := w.j.unmap
	w.j, w.cur, w.idle = nil, nil, nil
	if unmap != nil {
		if err := unmap(); err != nil {
			return fmt.Errorf("recording %s: %w", w.path, err)
		}
	}
	return w.chunks.f.Close()
}

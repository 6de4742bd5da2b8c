package recording

import (
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// Reader reads one recording. All methods are safe for concurrent use.
type Reader struct {
	src      io.ReaderAt
	close    func() error
	warnings []string
	meta     Meta
	module   []byte
	end      *End
	ended    time.Time // zero if unknown
	blocks   []block   // in order and without gaps
	calls    uint64

	recent atomic.Pointer[decoded] // the block used last
	mu     sync.Mutex
	cache  []*decoded // most recently used last
}

// block is a run of calls: a CALLS chunk, or a slot of the journal.
type block struct {
	first  uint64
	count  uint32
	header chunkHeader
	offset int64  // of the payload
	slot   []byte // the payload itself, if it comes from the journal
}

// end returns the number of the first call after b.
func (b *block) end() uint64 { return b.first + uint64(b.count) }

// String tells where b is.
func (b *block) String() string {
	if b.slot != nil {
		return "journal"
	}
	return fmt.Sprintf("chunk at byte %d", b.offset-chunkHeaderSize)
}

// decoded is a block's calls.
type decoded struct {
	first uint64
	calls []HostCall
	cost  int // rough size in memory, bytes
}

// call returns call i if d has it.
func (d *decoded) call(i uint64) *HostCall {
	if d != nil && i-d.first < uint64(len(d.calls)) {
		return &d.calls[i-d.first]
	}
	return nil
}

// cacheBudget bounds the decoded blocks that are kept, in bytes.
const cacheBudget = 48 << 20

// callCost is the size of a decoded call besides its data, in bytes.
const callCost = 128

// Open opens a recording, finished or not: of one whose recorder was killed or still runs it shows what is there.
//
// Its error wraps ErrNotRecording, a *VersionError, or ErrCorrupt if not even the module can be read. It reads the module,
// the journal and the chunks' headers, so it takes time for each chunk but not for each call.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open recording: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", ErrNotRecording)
	}
	var r *Reader
	if err == nil {
		r, err = newReader(f, func() (int64, error) { return f.Seek(0, io.SeekEnd) })
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.close = f.Close
	return r, nil
}

// IsRecording reports whether the file at path is a recording, of whatever format version, finished or not, usable or not.
func IsRecording(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	head := make([]byte, len(magic))
	if _, err := readFull(f, head, 0); err != nil && err != io.ErrUnexpectedEOF {
		return false, err
	}
	return string(head) == magic, nil
}

// Close releases the file. Calls and the module obtained before stay valid.
func (r *Reader) Close() error { return r.close() }

// Warnings tells what was wrong with the file and could be worked around, such as a torn tail.
func (r *Reader) Warnings() []string { return slices.Clone(r.warnings) }

// Meta tells what was recorded. Its lists must not be changed.
func (r *Reader) Meta() Meta { return r.meta }

// Module returns the recorded module's bytes, which must not be changed.
func (r *Reader) Module() []byte { return r.module }

// End tells how the program ended. It returns false if the recorder was killed or still ran when the file was opened.
func (r *Reader) End() (End, bool) {
	if r.end == nil {
		return End{}, false
	}
	return *r.end, true
}

// Elapsed is how long the program ran while it was recorded, waiting included. It returns false where that was not recorded.
func (r *Reader) Elapsed() (time.Duration, bool) {
	d := r.ended.Sub(r.meta.Start)
	return d, !r.meta.Start.IsZero() && !r.ended.IsZero() && d >= 0
}

// NumCalls returns the number of recorded host calls.
func (r *Reader) NumCalls() uint64 { return r.calls }

// Call returns host call i, which must not be changed and stays valid. Calls near one that was read lately cost a few
// nanoseconds, others the decoding of a block, a fraction of a millisecond. The error wraps ErrCorrupt if the block is damaged.
func (r *Reader) Call(i uint64) (*HostCall, error) {
	if c := r.recent.Load().call(i); c != nil {
		return c, nil
	}
	if i >= r.calls {
		return nil, fmt.Errorf("no host call %d: the recording has %d", i, r.calls)
	}
	b := &r.blocks[sort.Search(len(r.blocks), func(k int) bool { return r.blocks[k].first > i })-1]
	d := r.cached(b.first)
	if d == nil {
		var err error
		if d, err = r.decode(b); err != nil {
			return nil, fmt.Errorf("host call %d: %w", i, err)
		}
		r.keep(d)
	}
	r.recent.Store(d)
	return d.call(i), nil
}

// Calls iterates over the calls numbered from and up. It ends after the first error.
func (r *Reader) Calls(from uint64) iter.Seq2[*HostCall, error] {
	return func(yield func(*HostCall, error) bool) {
		for i := from; i < r.calls; i++ {
			c, err := r.Call(i)
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// Verify reads every chunk and checks it, and returns the first damage found. Open itself checks only what it needs.
func (r *Reader) Verify() error {
	for i := range r.blocks {
		if _, err := r.decode(&r.blocks[i]); err != nil {
			return err
		}
	}
	return nil
}

// cached returns the decoded block that begins at call first, or nil.
func (r *Reader) cached(first uint64) *decoded {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.cache) - 1; i >= 0; i-- {
		if d := r.cache[i]; d.first == first {
			r.cache = append(slices.Delete(r.cache, i, i+1), d)
			return d
		}
	}
	return nil
}

// keep adds a block to the cache and lets go of the least recently used ones that are too much.
func (r *Reader) keep(d *decoded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.cache, func(o *decoded) bool { return o.first == d.first }) {
		return // another goroutine decoded it, too
	}
	r.cache = append(r.cache, d)
	cost := 0
	for i := len(r.cache) - 1; i >= 0; i-- {
		cost += r.cache[i].cost
		if cost > cacheBudget && i < len(r.cache)-1 {
			r.cache = slices.Delete(r.cache, 0, i+1)
			return
		}
	}
}

// decode reads a block and decodes it.
func (r *Reader) decode(b *block) (*decoded, error) {
	raw := b.slot
	if raw == nil {
		var err error
		if raw, err = readPayload(r.src, &b.header, b.offset); err != nil {
			return nil, err
		}
	}
	calls, err := decodeCalls(raw, int(b.count))
	if err != nil {
		return nil, fmt.Errorf("%w: %v: %w", ErrCorrupt, b, err)
	}
	return &decoded{first: b.first, calls: calls, cost: len(raw) + len(calls)*callCost}, nil
}

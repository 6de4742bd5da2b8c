package recording

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// callLog is a run of host calls, those of the trunk or of one branch. They are in blocks of a file, and while the log grows the
// last ones in memory. All methods are safe for concurrent use.
type callLog struct {
	src    io.ReaderAt
	recent atomic.Pointer[decoded] // the block used last

	mu     sync.Mutex
	cache  []*decoded // most recently used last
	blocks []block    // in order and without gaps
	first  uint64     // number of the first call
	calls  uint64     // number of the first call after those in blocks
	tail   []HostCall // what is not in blocks yet
}

// block is a run of calls: a CALLS chunk, or a slot of the journal.
type block struct {
	first  uint64
	count  uint32
	header chunkHeader
	offset int64       // of the payload
	slot   []byte      // the payload itself, if it comes from the journal
	skip   int         // where the calls begin in the payload
	src    io.ReaderAt // the file it is in, if not that of its log
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

// NumCalls returns the number of recorded host calls; for the log of a branch, those of its ancestors included.
func (l *callLog) NumCalls() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls + uint64(len(l.tail))
}

// Call returns host call i, which must not be changed and stays valid. Calls near one that was read lately cost a few
// nanoseconds, others the decoding of a block, a fraction of a millisecond. The error wraps ErrCorrupt if the block is damaged.
func (l *callLog) Call(i uint64) (*HostCall, error) {
	if c := l.recent.Load().call(i); c != nil {
		return c, nil
	}
	l.mu.Lock()
	end := l.calls + uint64(len(l.tail))
	switch {
	case i < l.first || i >= end:
		l.mu.Unlock()
		return nil, fmt.Errorf("no host call %d: the recording has %d to %d", i, l.first, end)
	case i >= l.calls:
		c := &l.tail[i-l.calls]
		l.mu.Unlock()
		return c, nil
	}
	b := l.blocks[sort.Search(len(l.blocks), func(k int) bool { return l.blocks[k].first > i })-1]
	d := l.cached(b.first)
	l.mu.Unlock()
	if d == nil {
		var err error
		if d, err = l.decode(&b); err != nil {
			return nil, fmt.Errorf("host call %d: %w", i, err)
		}
		l.keep(d)
	}
	l.recent.Store(d)
	return d.call(i), nil
}

// add notes a call that is in no block yet. c is the log's from then on.
func (l *callLog) add(c HostCall) {
	l.mu.Lock()
	l.tail = append(l.tail, c)
	l.mu.Unlock()
}

// stored notes that the next calls of the tail are in a block now.
func (l *callLog) stored(b block) {
	l.mu.Lock()
	l.blocks = append(l.blocks, b)
	l.calls = b.end()
	// A new list: who has just been given a call may still look at it. The next
	// block has about as many calls.
	rest := l.tail[min(int(b.count), len(l.tail)):]
	l.tail = append(make([]HostCall, 0, len(rest)+int(b.count)), rest...)
	l.mu.Unlock()
}

// cached returns the decoded block that begins at call first, or nil. The caller has locked mu.
func (l *callLog) cached(first uint64) *decoded {
	for i := len(l.cache) - 1; i >= 0; i-- {
		if d := l.cache[i]; d.first == first {
			l.cache = append(slices.Delete(l.cache, i, i+1), d)
			return d
		}
	}
	return nil
}

// keep adds a block to the cache and lets go of the least recently used ones that are too much.
func (l *callLog) keep(d *decoded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.cache, func(o *decoded) bool { return o.first == d.first }) {
		return // another goroutine decoded it, too
	}
	l.cache = append(l.cache, d)
	cost := 0
	for i := len(l.cache) - 1; i >= 0; i-- {
		cost += l.cache[i].cost
		if cost > cacheBudget && i < len(l.cache)-1 {
			l.cache = slices.Delete(l.cache, 0, i+1)
			return
		}
	}
}

// decode reads a block and decodes it.
func (l *callLog) decode(b *block) (*decoded, error) {
	raw := b.slot
	if raw == nil {
		var err error
		if raw, err = readPayload(cmp.Or(b.src, l.src), &b.header, b.offset); err != nil {
			return nil, err
		}
	}
	calls, err := decodeCalls(raw[min(b.skip, len(raw)):], int(b.count))
	if err != nil {
		return nil, fmt.Errorf("%w: %v: %w", ErrCorrupt, b, err)
	}
	return &decoded{first: b.first, calls: calls, cost: len(raw) + len(calls)*callCost}, nil
}

package recording

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// BranchEvent is something that happened to a branch. Events are kept in the order in which they happened, and never changed.
type BranchEvent struct {
	Kind   BranchEventKind
	Branch int // 0 is the trunk

	// BranchForked.
	Parent    int    `json:",omitempty"`
	Fork      uint64 `json:",omitempty"` // position
	FirstCall uint64 `json:",omitempty"` // number of the first host call that the branch makes itself

	// BranchEdited: what was changed, in the words of who runs the program, and where.
	Position uint64          `json:",omitempty"`
	Calls    uint64          `json:",omitempty"` // host calls made before
	Edit     json.RawMessage `json:",omitempty"`

	// BranchNoted.
	Reached uint64 `json:",omitempty"` // the furthest position
	End     string `json:",omitempty"` // how the program ended there; empty if it has not
}

// BranchEventKind is what happened.
type BranchEventKind string

// The kinds.
const (
	BranchForked  BranchEventKind = "fork" // it began
	BranchEdited  BranchEventKind = "edit" // its state was changed
	BranchNoted   BranchEventKind = "note" // it has run so far
	BranchDropped BranchEventKind = "drop" // the user does not want it any more, nor its descendants
)

// Branch is what the events of one branch come to.
type Branch struct {
	Parent    int    // -1 of the trunk
	Fork      uint64 // position
	FirstCall uint64 // number of the first host call that the branch makes itself
	Reached   uint64 // the furthest position that was noted
	End       string // how the program ended there; empty if it has not
	Dropped   bool   // it, or an ancestor
}

// Branches is the branches of a recording: their events, and the host calls that each has made. Its methods but Call are for one
// goroutine at a time.
//
// They are kept in the recording's file if that can be written and nobody else writes it; else in a file beside it, which is read
// with the recording. What is in a file stays there: a branch that was dropped is only marked.
type Branches struct {
	sink    sink
	where   string
	logs    []*branchLog // by number of the branch; [0] is nil
	events  []BranchEvent
	list    []Branch // by number
	enc     encoder
	pending pending
}

// branchLog is the calls of one branch.
type branchLog struct {
	callLog
	sources []Source
}

// pending is calls of one branch that are not in the file yet.
type pending struct {
	branch  int
	first   uint64
	sources []byte
	raw     []byte // encoded
}

// sink is where chunks go.
type sink interface {
	put(h chunkHeader, payload []byte) (block, error)
	io.ReaderAt
	Close() error
}

// maxBranches bounds the numbers of branches in a file, so that a damaged one cannot make a reader allocate without end.
const maxBranches = 1 << 20

// pendingCalls is how many calls of a branch may wait to be written, and pendingBytes how long they may be. A call of a branch takes some
// microseconds at least, a chunk for each would double that and the file.
const (
	pendingCalls = 64
	pendingBytes = 32 << 10
)

func newBranches(s sink, where string) *Branches {
	return &Branches{sink: s, where: where, logs: make([]*branchLog, 1), list: []Branch{{Parent: -1}}}
}

// Num is how many branches there are, the trunk and those that were dropped included.
func (b *Branches) Num() int { return len(b.list) }

// Branch tells of branch id, which must be there.
func (b *Branches) Branch(id int) Branch { return b.list[id] }

// Events returns all that happened, in order.
func (b *Branches) Events() []BranchEvent { return slices.Clone(b.events) }

// Where is the file that new branches are kept in.
func (b *Branches) Where() string { return b.where }

// Add keeps an event, at once. A fork's branch must have the next free number.
func (b *Branches) Add(e BranchEvent) error {
	if err := b.check(&e); err != nil {
		return err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("branch %d: %w", e.Branch, err)
	}
	if err := b.Sync(); err != nil {
		return err
	}
	h := chunkHeader{typ: typeBranch, flags: flagOptional}
	if e.Branch == 0 && e.Kind == BranchEdited {
		h.flags = 0 // without it the calls that follow make no sense
	}
	if _, err := b.sink.put(h, text); err != nil {
		return fmt.Errorf("branch %d cannot be kept: %w", e.Branch, err)
	}
	b.take(e)
	return nil
}

// check reports an event that does not fit what is there.
func (b *Branches) check(e *BranchEvent) error {
	n := len(b.logs)
	switch {
	case e.Kind == BranchForked && (e.Branch != n || n >= maxBranches):
		return fmt.Errorf("branch %d forks, but the next is %d", e.Branch, n)
	case e.Kind == BranchForked && (e.Parent < 0 || e.Parent >= n):
		return fmt.Errorf("branch %d has parent %d, which is not there", e.Branch, e.Parent)
	case e.Kind == BranchForked && e.FirstCall < b.list[e.Parent].FirstCall:
		return fmt.Errorf("branch %d begins with host call %d, its parent with %d", e.Branch, e.FirstCall, b.list[e.Parent].FirstCall)
	case e.Kind == BranchForked:
		return nil
	case !slices.Contains([]BranchEventKind{BranchEdited, BranchNoted, BranchDropped}, e.Kind):
		return fmt.Errorf("unknown event %q of a branch", e.Kind)
	case e.Branch < 0 || e.Branch >= n || e.Branch == 0 && e.Kind == BranchDropped:
		return fmt.Errorf("%q of branch %d, which is not there", e.Kind, e.Branch)
	}
	return nil
}

// take notes an event that check accepted.
func (b *Branches) take(e BranchEvent) {
	b.events = append(b.events, e)
	switch e.Kind {
	case BranchForked:
		l := &branchLog{}
		l.first, l.calls = e.FirstCall, e.FirstCall
		b.logs = append(b.logs, l)
		b.list = append(b.list, Branch{Parent: e.Parent, Fork: e.Fork, FirstCall: e.FirstCall, Reached: e.Fork, Dropped: b.list[e.Parent].Dropped})
	case BranchNoted:
		br := &b.list[e.Branch]
		br.Reached, br.End = max(br.Reached, e.Reached), e.End
	case BranchDropped:
		b.list[e.Branch].Dropped = true
		for id := e.Branch + 1; id < len(b.list); id++ { // descendants come after it
			b.list[id].Dropped = b.list[id].Dropped || b.list[b.list[id].Parent].Dropped
		}
	}
}

// log returns the log of a branch other than the trunk.
func (b *Branches) log(id int) (*branchLog, error) {
	if id <= 0 || id >= len(b.logs) {
		return nil, fmt.Errorf("there is no branch %d", id)
	}
	return b.logs[id], nil
}

// Append adds a host call to a branch. It is in the file after some more, or after Sync.
func (b *Branches) Append(id int, c *HostCall, src Source) error {
	l, err := b.log(id)
	if err != nil {
		return err
	}
	code := slices.Index(sourceCodes, src)
	if code < 0 {
		return fmt.Errorf("branch %d: unknown source %q of an answer", id, src)
	}
	need, err := maxEncodedSize(c)
	if err != nil {
		return err
	}
	n := l.NumCalls()
	p := &b.pending
	if len(p.sources) > 0 && (p.branch != id || len(p.sources) >= pendingCalls || len(p.raw)+need > pendingBytes) {
		if err := b.Sync(); err != nil {
			return err
		}
	}
	if len(p.sources) == 0 {
		b.enc.reset()
		*p = pending{branch: id, first: n, sources: p.sources[:0], raw: p.raw[:0]}
	}
	kept := c.clone()
	kept.Writes = slices.DeleteFunc(kept.Writes, isEmpty)
	p.raw = b.enc.encode(p.raw, &kept)
	p.sources = append(p.sources, byte(code))
	l.add(kept)
	l.sources = append(l.sources, src)
	if src == SourceLive {
		return b.Sync() // it cannot be had again
	}
	return nil
}

// Sync writes what is not in the file yet.
func (b *Branches) Sync() error {
	p := &b.pending
	if len(p.sources) == 0 {
		return nil
	}
	head := binary.AppendUvarint(nil, uint64(p.branch))
	head = append(head, p.sources...)
	h := chunkHeader{typ: typeBranchCalls, flags: flagOptional, first: p.first, count: uint32(len(p.sources))}
	blk, err := b.sink.put(h, append(head, p.raw...))
	if err != nil {
		return fmt.Errorf("host calls of branch %d cannot be kept: %w", p.branch, err)
	}
	blk.skip, blk.src = len(head), b.sink
	b.logs[p.branch].stored(blk)
	p.sources, p.raw = p.sources[:0], p.raw[:0]
	return nil
}

// NumCalls is the number of host calls on the path of branch id: those of its ancestors before the fork, and its own. The branch must
// be there, and not be the trunk, whose calls the recording has.
func (b *Branches) NumCalls(id int) uint64 { return b.logs[id].NumCalls() }

// Call returns host call n, one of a branch's own. It may be called from several goroutines, but not beside Add of a fork.
func (b *Branches) Call(id int, n uint64) (*HostCall, error) {
	l, err := b.log(id)
	if err != nil {
		return nil, err
	}
	return l.Call(n)
}

// Source says where the answer of a branch's own call n came from.
func (b *Branches) Source(id int, n uint64) (Source, error) {
	l, err := b.log(id)
	if err != nil {
		return "", err
	}
	if n < l.first || n-l.first >= uint64(len(l.sources)) {
		return "", fmt.Errorf("branch %d has no host call %d of its own", id, n)
	}
	return l.sources[n-l.first], nil
}

// Close writes what is left and lets go of the file. Calls that were obtained stay valid.
func (b *Branches) Close() error {
	err := b.Sync()
	return errors.Join(err, b.sink.Close())
}

// load takes over what chunks say. It ends at the first that does not fit, with an error.
func (b *Branches) load(src io.ReaderAt, chunks []block) error {
	for i := range chunks {
		c := &chunks[i]
		err := b.loadChunk(src, c)
		if err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
	}
	return nil
}

func (b *Branches) loadChunk(src io.ReaderAt, c *block) error {
	if c.header.typ == typeBranch {
		var e BranchEvent
		if err := readJSON(src, &c.header, c.offset, &e); err != nil {
			return err
		}
		if err := b.check(&e); err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		b.take(e)
		return nil
	}
	raw, err := readPayload(src, &c.header, c.offset)
	if err != nil {
		return err
	}
	id, n := binary.Uvarint(raw)
	if n <= 0 || id == 0 || id >= uint64(len(b.logs)) || len(raw)-n < int(c.count) {
		return fmt.Errorf("%w: host calls of a branch that is not there", ErrCorrupt)
	}
	l := b.logs[id]
	if c.first != l.calls || c.first+uint64(c.count) < c.first {
		return fmt.Errorf("%w: branch %d goes on with host call %d, not %d", ErrCorrupt, id, c.first, l.calls)
	}
	for _, s := range raw[n : n+int(c.count)] {
		if int(s) >= len(sourceCodes) {
			return fmt.Errorf("%w: unknown source %d of an answer", ErrCorrupt, s)
		}
		l.sources = append(l.sources, sourceCodes[s])
	}
	c.skip = n + int(c.count)
	c.src = src
	l.blocks = append(l.blocks, *c)
	l.calls = c.end()
	return nil
}

package reverse

import (
	"fmt"
	"slices"
	"sync/atomic"

	"wrev/checkpoint"
	"wrev/wasmvm"
)

// snapshot is one checkpoint: the whole state at one position. It is immutable
// and belongs to no machine.
type snapshot struct {
	pos, calls uint64
	bare       bool  // taken before the edits at pos
	owner      *node // the branch that pos belongs to
	core       *wasmvm.Core
	mem, stack *checkpoint.Image
	size       int64 // bytes held outside the page store
	stored     int   // pages that were new to the store
}

func (s *snapshot) release() {
	s.mem.Release()
	s.stack.Release()
}

// cursor is a machine that can be moved to snapshots and run with stops armed.
type cursor struct {
	m     *wasmvm.Machine
	store *checkpoint.Store
	stops *stopSet
	path  *path        // whose edits are applied on arrival; nil for none
	intr  *atomic.Bool // somebody wants the running operation to stop
	deaf  bool         // finish what is under way before looking at intr

	cancel atomic.Bool // what this cursor does has become useless
	tick   func()      // called now and then while running; may be nil
	ticks  int         // stops since tick was called
	tickAt uint64      // the position at which it is called next

	tickEvery uint64 // how many instructions run between two calls

	// What memory and stack were when they were last saved or restored; nil
	// after forget. They differ from the images only in what the machine says
	// is dirty.
	mem, stack *checkpoint.Image

	editAt uint64           // the next position with edits
	warn   func(error)      // told of edits that do not apply; may be nil
	waits  func(error) bool // whether a host's error says that its answer is still to come; nil for none

	armed   uint64 // generation of the stop set the machine has; 0 for none
	samples []sample
	dirty   []uint32

	fences map[uint32]bool // instructions at which advance ends like at the limit

	replayed uint64 // instructions run in all
	runs     int    // times the machine was run
	copied   int    // pages copied from images in all
}

// dirtyStack is the numbers of the pages of an array of so many bytes that the
// stack may have changed. The result is valid until the next call.
func (c *cursor) dirtyStack(size int) []uint32 {
	c.dirty = c.dirty[:0]
	for i := c.m.StackDirtyFrom() / checkpoint.PageSize; i*checkpoint.PageSize < size; i++ {
		c.dirty = append(c.dirty, uint32(i))
	}
	return c.dirty
}

// unsaved is how many pages save would look at.
func (c *cursor) unsaved() int {
	if c.mem == nil {
		return (len(c.m.Memory()) + len(c.m.StackBytes())) / checkpoint.PageSize
	}
	c.dirty = c.m.Dirty(c.dirty[:0])
	return len(c.dirty) + len(c.m.StackBytes())/checkpoint.PageSize - c.m.StackDirtyFrom()/checkpoint.PageSize
}

// save takes a snapshot of the machine's state.
func (c *cursor) save() *snapshot {
	m := c.m
	c.dirty = m.Dirty(c.dirty[:0])
	s := &snapshot{pos: m.Position(), calls: m.HostCalls(), core: m.SaveCore()}
	var nm, ns int
	s.mem, nm = c.store.Snapshot(c.mem, m.Memory(), c.dirty)
	stack := m.StackBytes()
	s.stack, ns = c.store.Snapshot(c.stack, stack, c.dirtyStack(len(stack)))
	s.stored = nm + ns
	s.size = int64(s.core.Size()) + snapshotBytes
	c.rebase(s)
	return s
}

// restore moves the machine to a snapshot.
func (c *cursor) restore(s *snapshot) error {
	m := c.m
	stack := slices.Clone(c.dirtyStack(len(m.StackBytes())))
	c.dirty = m.Dirty(c.dirty[:0])
	valid, validStack := len(m.Memory()), len(m.StackBytes())
	if err := m.RestoreCore(s.core); err != nil {
		c.forget()
		return fmt.Errorf("going to the checkpoint at position %d: %w", s.pos, err)
	}
	if len(m.Memory()) != s.mem.Size() || len(m.StackBytes()) != s.stack.Size() {
		c.forget()
		return fmt.Errorf("going to the checkpoint at position %d: %w: it has %d bytes of memory and %d of stack, its state %d and %d",
			s.pos, checkpoint.ErrLost, s.mem.Size(), s.stack.Size(), len(m.Memory()), len(m.StackBytes()))
	}
	copied, err := s.mem.Restore(m.Memory(), c.mem, valid, c.dirty)
	c.copied += copied
	if err == nil {
		copied, err = s.stack.Restore(m.StackBytes(), c.stack, validStack, stack)
		c.copied += copied
	}
	if err != nil {
		c.forget()
		return fmt.Errorf("going to the checkpoint at position %d: %w", s.pos, err)
	}
	c.rebase(s)
	if c.lookAhead(); s.bare {
		c.arrive()
	}
	return nil
}

// rebase notes that the machine's state is now that of s.
func (c *cursor) rebase(s *snapshot) {
	c.m.ResetDirty()
	if c.mem == s.mem && c.stack == s.stack {
		return
	}
	mem, stack := s.mem.Retain(), s.stack.Retain()
	c.forget()
	c.mem, c.stack = mem, stack
}

// forget gives up the images that the machine's state is known by. The next
// save or restore looks at every page.
func (c *cursor) forget() {
	if c.mem != nil {
		c.mem.Release()
		c.stack.Release()
	}
	c.mem, c.stack = nil, nil
}

// arm gives the machine the stops that are set; disarm takes them away.
func (c *cursor) arm() error {
	if c.stops.empty() {
		c.disarm()
		return nil
	}
	if c.armed == c.stops.gen {
		return nil
	}
	c.disarm()
	c.armed = c.stops.gen
	for pc := range c.stops.breaks {
		if err := c.m.SetBreakpoint(pc); err != nil {
			return err
		}
	}
	for pc := range c.stops.probes {
		if err := c.m.SetBreakpoint(pc); err != nil {
			return err
		}
	}
	c.m.SetWatches(c.stops.memory)
	return nil
}

// fence makes advance end at some instructions too, until unfence. The stops
// must be armed, and stay so.
func (c *cursor) fence(pcs []uint32) error {
	c.fences = map[uint32]bool{}
	for _, pc := range pcs {
		if err := c.m.SetBreakpoint(pc); err != nil {
			return err
		}
		c.fences[pc] = true
	}
	return nil
}

func (c *cursor) unfence() {
	for pc := range c.fences {
		if c.armed == 0 || !c.stops.breaks[pc] && !c.stops.probes[pc] {
			c.m.ClearBreakpoint(pc)
		}
	}
	c.fences = nil
}

// try says whether the machine can have a breakpoint at pc.
func (c *cursor) try(pc uint32) error {
	c.disarm()
	err := c.m.SetBreakpoint(pc)
	c.m.ClearBreakpoints()
	return err
}

func (c *cursor) disarm() {
	if c.armed != 0 {
		c.m.ClearBreakpoints()
		c.m.SetWatches(nil)
		c.armed = 0
	}
}

// eventKind says why a run ended.
type eventKind uint8

const (
	eventLimit     eventKind = iota // reached the limit
	eventStop                       // a breakpoint or a watchpoint, or both
	eventEnd                        // the next instruction ends the program
	eventInterrupt                  // intr
	eventError                      // our own failure: err
	eventCancel                     // cancel
	eventWait                       // the host's answer is still to come: err
	eventMany                       // of a scan: there are too many stops to look at each
)

// event is the end of a run.
type event struct {
	kind       eventKind
	breakpoint bool        // there is a breakpoint at the position reached
	hits       []WatchHit  // touched by the last instruction
	vm         wasmvm.Stop // eventEnd: how it ends
	err        error       // eventError
}

// run goes forward to limit, ignoring all stops.
func (c *cursor) run(limit uint64) event {
	c.disarm()
	return c.advance(limit)
}

// advance goes forward to limit, or to the first position after the present
// one that has an armed stop.
func (c *cursor) advance(limit uint64) event {
	start := c.m.Position()
	defer func() { c.replayed += c.m.Position() - start }()
	for {
		pos := c.m.Position()
		if pos >= limit {
			return event{}
		}
		if c.cancel.Load() {
			return event{kind: eventCancel}
		}
		if !c.deaf && c.intr.CompareAndSwap(true, false) {
			c.m.ClearInterrupt()
			return event{kind: eventInterrupt}
		}
		st, hits := c.runSome(c.pause(pos, min(limit, c.editAt)))
		moved := c.m.Position() > start
		arrived := moved && c.m.Position() == c.editAt
		if arrived {
			c.arrive()
		}
		if len(hits) > 0 {
			return event{kind: eventStop, hits: hits, breakpoint: c.atBreak()}
		}
		switch st.Reason {
		case wasmvm.StopLimit, wasmvm.StopBreakpoint, wasmvm.StopWatch, wasmvm.StopInterrupt:
			if moved && c.atBreak() {
				return event{kind: eventStop, breakpoint: true}
			}
			if moved && (c.fences[c.m.PC()] || arrived && c.fences != nil) {
				return event{}
			}
		case wasmvm.StopHost:
			if c.waits != nil && c.waits(st.Err) {
				return c.wait(st.Err)
			}
			return event{kind: eventEnd, vm: st}
		default:
			return event{kind: eventEnd, vm: st}
		}
	}
}

// wait is the end of a run at a call that the host has not answered yet. What
// it waited for may have been cut short by an interrupt.
func (c *cursor) wait(err error) event {
	if !c.deaf && c.intr.CompareAndSwap(true, false) {
		c.m.ClearInterrupt()
		return event{kind: eventInterrupt}
	}
	return event{kind: eventWait, err: err}
}

// pause is how far to run from pos at once on the way to limit, so that tick is
// called now and then.
func (c *cursor) pause(pos, limit uint64) uint64 {
	if c.tick == nil {
		return limit
	}
	if c.ticks++; c.ticks >= tickStops || pos >= c.tickAt || pos+c.tickEvery < c.tickAt {
		c.ticks, c.tickAt = 0, pos+c.tickEvery
		c.tick()
	}
	return min(limit, c.tickAt)
}

// atBreak reports whether a breakpoint is armed at the present position and
// counts.
func (c *cursor) atBreak() bool { return c.armed != 0 && c.stops.breaksAt(c.m) }

// runSome runs the machine once: one instruction if it may change a watched
// slot, else as far as it goes.
func (c *cursor) runSome(limit uint64) (wasmvm.Stop, []WatchHit) {
	c.runs++
	if c.armed == 0 {
		return c.m.Run(limit), nil
	}
	probe := c.stops.probes[c.m.PC()]
	if !probe && !c.stops.operands {
		st := c.m.Run(limit)
		return st, c.stops.hitsOf(st.Watches)
	}
	pos := c.m.Position()
	if probe {
		limit = pos + 1
	}
	c.samples = c.stops.look(c.m, c.samples[:0])
	st := c.m.Run(limit)
	if c.m.Position() == pos {
		return st, nil
	}
	hits := append(c.stops.hitsOf(st.Watches), c.stops.changed(c.m, c.samples, probe)...)
	return st, c.stops.sorted(hits)
}

package reverse

import (
	"errors"
	"fmt"
	"sync/atomic"

	"wrev/checkpoint"
	"wrev/wasmvm"
)

// DefaultBudget is the memory that checkpoints may take unless told, in bytes.
const DefaultBudget = 512 << 20

// Options configure a Timeline.
type Options struct {
	// Budget is the memory that checkpoints may take, in bytes; 0 means
	// DefaultBudget. The first checkpoint is kept even if it is larger.
	Budget int64
	// Cache, if not nil, is where checkpoints are kept: New takes over what is
	// there, and what is worth keeping is written when the end of history was
	// reached, and by Close.
	Cache *Cache
	// SpillDirs are the folders, in order of preference, for a temporary file
	// that pages of checkpoints are moved to before any is dropped; "" stands
	// for that of the system. None: there is no such file. SpillLimit is how
	// large it may get, in bytes; 0 means checkpoint.DefaultSpill.
	SpillDirs  []string
	SpillLimit int64
	// Warn, if not nil, is told of what goes wrong with files that are only
	// there to save time. It may be called on any goroutine.
	Warn func(error)
	// NewMachine makes another machine of the same module, with a host that
	// gives the same answers and may be called while the first machine's is.
	// With nil there is no scanning on several processors.
	NewMachine func() (*wasmvm.Machine, error)
	// Workers is how many machines look for a stop backwards at once, the
	// timeline's own included; 0 means GOMAXPROCS. Each takes as much memory
	// as the program, which counts against Budget; there are as few as it takes
	// for that to be at most half of it.
	Workers int
	// Progress, if not nil, is told how far an operation that takes long has
	// got, on the goroutine that called it, about every 20 ms, and in the end
	// once with ProgressDone if it was told anything before. It must not call
	// anything but Interrupt.
	Progress func(Progress)
	// EndOfLog is the error (by errors.Is) with which the host says that the
	// recording goes no further. Stops then have ReasonEnd; any other error of
	// the host is ReasonError.
	EndOfLog error
	// Book keeps the branches of history. With nil there are none, and nothing
	// can be edited.
	Book Book
	// Paused is the error (by errors.Is) with which the host says that it has
	// no answer yet: the call is not made, the stop has ReasonWaiting, and going
	// on asks again. With an interrupt pending it is an interrupt's stop.
	Paused error
	// OnInterrupt, if not nil, is called by Interrupt, on any goroutine, so that
	// a host that is waiting for something can return.
	OnInterrupt func()
}

// Timeline is one program's history and a place in it. Only Interrupt and
// ClearInterrupt may be called from other goroutines.
type Timeline struct {
	cur   *cursor
	hist  *history
	stops *stopSet
	opt   Options
	tune  tuning
	intr  atomic.Bool
	prog  progress

	helpers []*cursor // see workers
	visitor *cursor   // see VisitCall

	tried []PlacedEdit // applied to the machine, and not part of history yet

	saved    uint64    // the last position that the cache file has
	cacheMin uint64    // by how much history must be longer to write it again
	saving   *cacheJob // the cache file being written
	pace     pacer
	leftAt   uint64 // where the last checkpoint was left
	stored   uint64 // how many pages that had to store
	crowded  bool   // a single checkpoint does not fit the budget

	end     *wasmvm.Stop // how history ends, once seen
	endPos  uint64
	toldEnd bool // the trap at the end has been reported since now got there
}

// New makes a timeline of which m's present state is the start. The machine
// belongs to the timeline from then on.
func New(m *wasmvm.Machine, opt Options) (*Timeline, error) {
	if opt.Budget < 0 {
		return nil, fmt.Errorf("a checkpoint budget of %d bytes: give a positive number", opt.Budget)
	}
	if opt.Budget == 0 {
		opt.Budget = DefaultBudget
	}
	t := &Timeline{opt: opt, stops: newStopSet(m.Module())}
	// A quarter of the budget for pages as they are keeps what is near now
	// quick to restore, and lets a run go on while others are compressed.
	store := checkpoint.NewStore(checkpoint.Options{
		HotBytes: opt.Budget / 4,
		Spill:    checkpoint.Spill{Dirs: opt.SpillDirs, Limit: opt.SpillLimit, OnError: opt.Warn},
	})
	nodes, err := branchesOf(opt.Book)
	if err != nil {
		return nil, err
	}
	t.hist = &history{store: store, budget: opt.Budget, nodes: nodes, path: pathTo(nodes[0])}
	t.cur = &cursor{m: m, store: store, stops: t.stops, intr: &t.intr, warn: opt.Warn, waits: t.waits}
	t.cur.follow(t.hist.path)
	if opt.Progress != nil {
		t.prog = progress{hook: opt.Progress, calls: m.HostCalls, every: progressEvery}
		t.cur.tick = t.prog.tick
	}
	t.setTuning(defaultTuning)
	t.cur.disarm()
	t.leave()
	t.hist.list[0].bare = true
	t.cur.arrive()
	t.cacheMin = cacheWorth
	t.loadCache()
	return t, nil
}

// Now is the present position: the number of instructions completed.
func (t *Timeline) Now() uint64 { return t.cur.m.Position() }

// Machine is the program's state at Now, to look at. The caller must not run
// or change it.
func (t *Timeline) Machine() *wasmvm.Machine { return t.cur.m }

// Module is the program.
func (t *Timeline) Module() *wasmvm.Module { return t.stops.mod }

// End is the last position of history, once it has been seen: that of the
// instruction that ends the program, or that the recording ends at.
func (t *Timeline) End() (pos uint64, known bool) { return t.endPos, t.end != nil }

// Head is how far a program has run that runs live: going forwards from there has
// real effects. live is false for a recording, in a branch, and when the program
// has ended.
func (t *Timeline) Head() (pos uint64, live bool) {
	tip := t.hist.tip()
	return max(tip.Reached, t.Now()), tip.ID == 0 && t.end == nil && t.growing()
}

// Begin is the first position of history.
func (t *Timeline) Begin() uint64 { return t.hist.origin() }

// Checkpoints says how many there are and how much memory they take, in bytes.
func (t *Timeline) Checkpoints() (count int, bytes int64) {
	return t.hist.count(), t.hist.bytes()
}

// InsertBreakpoint sets a breakpoint at an instruction (an offset in the
// payload of the Code section; a function's body start is its entering).
// Setting it again changes nothing.
func (t *Timeline) InsertBreakpoint(pc uint32) error {
	if err := t.stops.addBreak(pc); err != nil {
		return err
	}
	if err := t.cur.try(pc); err != nil {
		t.stops.removeBreak(pc)
		return fmt.Errorf("breakpoint at code offset 0x%x: %w", pc, err)
	}
	return nil
}

// SetCondition makes the breakpoint at pc count only where cond is true, in
// both directions; nil makes it count always. It is called with a machine that
// is about to execute the instruction at pc, perhaps on several goroutines at
// once with a machine each, and more often than there are stops. It must only
// look, and its answer must depend on the machine's state alone. The condition
// goes with the breakpoint; without one it is forgotten at once.
func (t *Timeline) SetCondition(pc uint32, cond func(m *wasmvm.Machine) bool) {
	delete(t.stops.conds, pc)
	if cond != nil && t.stops.breaks[pc] {
		t.stops.conds[pc] = cond
	}
}

// RemoveBreakpoint takes it away. There may be none.
func (t *Timeline) RemoveBreakpoint(pc uint32) { t.stops.removeBreak(pc) }

// InsertWatch sets a watchpoint. Setting it again changes nothing.
func (t *Timeline) InsertWatch(w Watch) error { return t.stops.addWatch(w) }

// RemoveWatch takes it away. There may be none.
func (t *Timeline) RemoveWatch(w Watch) error { return t.stops.removeWatch(w) }

// Interrupt makes the operation that is running, or else the next one, end
// with ReasonInterrupt as soon as it can. Where now is then: forwards, where
// the run got to. In ReverseContinue, at the oldest position from which on
// there is known to be no stop; that is the position before the operation, if
// not even the newest stretch had been looked through. In ReverseStep and in a
// backward Seek, somewhere at or before the target.
func (t *Timeline) Interrupt() {
	t.intr.Store(true)
	t.cur.m.Interrupt()
	if t.opt.OnInterrupt != nil {
		t.opt.OnInterrupt()
	}
}

// ClearInterrupt forgets an Interrupt that has not taken effect yet.
func (t *Timeline) ClearInterrupt() {
	t.intr.Store(false)
	t.cur.m.ClearInterrupt()
}

// waits reports whether a host's error says that its answer is still to come.
func (t *Timeline) waits(err error) bool {
	return errors.Is(err, ErrInterrupted) || t.opt.Paused != nil && errors.Is(err, t.opt.Paused)
}

// stop is a plain stop at the present position.
func (t *Timeline) stop(r Reason) Stop {
	t.note()
	return Stop{Reason: r, Position: t.Now(), Breakpoint: t.stops.breaksAt(t.cur.m)}
}

// hit is a stop at the present position with everything that was hit.
func (t *Timeline) hit(hits []WatchHit) Stop {
	s := t.stop(ReasonBreakpoint)
	if s.Watches = hits; len(hits) > 0 {
		s.Reason, s.Watch = ReasonWatch, hits[0]
	}
	return s
}

func (t *Timeline) fail(err error) Stop {
	s := t.stop(ReasonError)
	s.Err = err
	return s
}

// outcome is the stop for how a run ended, a run to the limit being a step.
func (t *Timeline) outcome(ev event) Stop {
	switch ev.kind {
	case eventStop:
		return t.hit(ev.hits)
	case eventEnd:
		return t.ended(ev.vm)
	case eventInterrupt:
		return t.stop(ReasonInterrupt)
	case eventError:
		return t.fail(ev.err)
	case eventWait:
		s := t.stop(ReasonWaiting)
		s.Err = ev.err
		return s
	}
	return t.stop(ReasonStep)
}

// ended notes that the present position is the end of history, and is the stop
// there.
func (t *Timeline) ended(vm wasmvm.Stop) Stop {
	failed := vm.Reason == wasmvm.StopHost && (t.opt.EndOfLog == nil || !errors.Is(vm.Err, t.opt.EndOfLog))
	if failed && t.growing() { // it may do better the next time
		return t.fail(vm.Err)
	}
	if t.end == nil {
		defer t.reachedEnd()
	}
	t.end, t.endPos = &vm, t.Now()
	t.hist.horizon = max(t.hist.horizon, t.endPos)
	s := t.stop(ReasonEnd)
	s.Trap, s.ExitCode, s.Err = vm.Trap, vm.ExitCode, vm.Err
	switch {
	case vm.Reason == wasmvm.StopTrap && !t.toldEnd:
		s.Reason = ReasonTrap
	case failed:
		s.Reason = ReasonError
	}
	t.toldEnd = true
	return s
}

// reachedEnd keeps what the first run through history has left. The checkpoint
// at the end itself makes going there again free.
func (t *Timeline) reachedEnd() {
	if t.opt.Cache != nil && t.Branch() == 0 && t.endPos >= t.saved+t.cacheMin {
		t.leave()
		t.saveCache()
	}
}

// atEnd reports whether now is the known end of history.
func (t *Timeline) atEnd() bool { return t.end != nil && t.Now() == t.endPos }

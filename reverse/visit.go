package reverse

import (
	"errors"
	"fmt"
	"sort"
	"sync/atomic"

	"wrev/wasmvm"
)

// VisitCall shows look a machine that is about to make host call number n of
// the current path, counted from 0. It is another machine than the timeline's:
// now does not move and history does not change, and a host may use it while the
// timeline's machine waits in a host call. Calls visited in rising order cost
// the way between them. Interrupt makes it fail with ErrInterrupted, and stays
// pending.
func (t *Timeline) VisitCall(n uint64, look func(m *wasmvm.Machine) error) error {
	c, err := t.visiting()
	if err != nil {
		return err
	}
	m := c.m
	if c.path != t.hist.path || c.mem == nil || m.HostCalls() > n {
		if err := t.moveVisitor(n); err != nil {
			return err
		}
	} else if near := t.hist.atCall(n); near.pos > m.Position()+jumpWorth {
		if err := t.moveVisitor(n); err != nil {
			return err
		}
	}
	if err := t.runVisitor(n); err != nil {
		return fmt.Errorf("going to host call %d: %w", n, err)
	}
	return look(m)
}

// visiting is the cursor for visits, with a machine of its own.
func (t *Timeline) visiting() (*cursor, error) {
	if t.visitor != nil {
		return t.visitor, nil
	}
	if t.opt.NewMachine == nil {
		return nil, errors.New("there is no other machine to look at an earlier host call with")
	}
	m, err := t.opt.NewMachine()
	if err != nil {
		return nil, fmt.Errorf("another machine, to look at an earlier host call with: %w", err)
	}
	t.visitor = &cursor{m: m, store: t.cur.store, stops: newStopSet(m.Module()), intr: new(atomic.Bool), warn: t.opt.Warn}
	return t.visitor, nil
}

// atCall is the last checkpoint from before host call n is made.
func (h *history) atCall(n uint64) *snapshot { return h.list[h.callIndex(n)] }

func (h *history) callIndex(n uint64) int {
	return max(0, sort.Search(len(h.list), func(i int) bool { return h.list[i].calls > n })-1)
}

// moveVisitor takes the visitor to a checkpoint from before host call n. One
// that cannot be read back is passed over: history is not to change.
func (t *Timeline) moveVisitor(n uint64) (err error) {
	t.visitor.path = t.hist.path
	for i := t.hist.callIndex(n); i >= 0; i-- {
		if err = t.visitor.restore(t.hist.list[i]); err == nil {
			return nil
		}
	}
	t.visitor.path = nil
	return err
}

// visitPiece is how many instructions a visitor runs between looks at Interrupt:
// some milliseconds.
const visitPiece = 10_000_000

// runVisitor runs the visitor to host call n.
func (t *Timeline) runVisitor(n uint64) error {
	c := t.visitor
	c.m.StopAtCall(n)
	for {
		if t.intr.Load() {
			return ErrInterrupted
		}
		// A call that is being made, or waits, is at the last position known.
		known := max(t.hist.tip().Reached, t.hist.horizon, t.Now()) + 1
		to := min(c.m.Position()+visitPiece, known)
		switch ev := c.run(to); {
		case ev.kind == eventEnd && errors.Is(ev.vm.Err, wasmvm.ErrStopAtCall):
			return nil
		case ev.kind == eventEnd && ev.vm.Err != nil:
			return ev.vm.Err
		case ev.kind != eventLimit || to == known:
			return fmt.Errorf("history has %d of them so far", c.m.HostCalls())
		}
	}
}

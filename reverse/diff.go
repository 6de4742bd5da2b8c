package reverse

import (
	"errors"
	"fmt"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
)

// Difference is where two branches first differ, as far as both are known.
type Difference struct {
	A, B  int
	Parts uint64           // the first position at which the paths are of different branches
	Call  *CallDifference  // the first host call that differs, nil for none
	Write *WriteDifference // the first write to memory that differs, nil for none
}

// CallDifference is a host call in which two branches differ: in which function
// is called, in the arguments, in the bytes it reads, in the results or in what
// it writes. A side is nil where the program ended without the call.
type CallDifference struct {
	N          uint64 // its number, counted from 0 along both paths
	PosA, PosB uint64 // of the instruction that calls, or of the end
	A, B       *recording.HostCall
}

// WriteDifference is a write to memory in which two branches differ: the first
// of all that follow the fork that is not to the same address, or not of the
// same bytes. A side is nil where the program ended without such a write.
type WriteDifference struct{ A, B *MemoryWrite }

// MemoryWrite is a write by an instruction, or by the host in one.
type MemoryWrite struct {
	Position uint64 // of the instruction
	Addr     uint64
	Data     []byte // of long ones the part with the difference
}

// Diff finds the first host call and the first write to memory in which two
// branches differ. It goes through what follows the fork in both, write by
// write: with ErrInterrupted it has what was found until then. Now stays.
func (t *Timeline) Diff(a, b int) (Difference, error) {
	d := Difference{A: a, B: b}
	if _, err := t.Keep(); err != nil {
		return d, err
	}
	sides := [2]side{}
	for i, id := range []int{a, b} {
		n, err := t.hist.node(id)
		if err != nil {
			return d, err
		}
		sides[i] = side{n: n, path: pathTo(n), limit: n.Reached}
		if !t.grows(n) {
			sides[i].limit = forever // all of it can be run through
		}
	}
	if a == b {
		return d, fmt.Errorf("branch %d and itself do not differ", a)
	}
	defer t.prog.end()
	d.Parts = sides[0].path.parts(sides[1].path)
	df := &differ{t: t, sides: sides, from: d.Parts}
	err := df.away(func() (err error) {
		if d.Call, err = df.call(); err == nil {
			d.Write, err = df.write(d.Call)
		}
		return err
	})
	return d, err
}

// side is one of the branches that are compared.
type side struct {
	n     *node
	path  *path
	limit uint64    // the position up to which it is known
	state *snapshot // how far it was gone through; belongs to the differ
	done  bool      // nothing more is known
	ended bool      // because the program ended

	// What the last round found; the bytes of the writes lie in data.
	writes []MemoryWrite
	data   []byte
}

// differ compares two branches with the timeline's own machine.
type differ struct {
	t     *Timeline
	sides [2]side
	from  uint64
}

// away does something on other paths, and returns.
func (df *differ) away(do func() error) error {
	t := df.t
	now, back := t.Now(), t.hist.path
	t.leaveCheaply()
	err := do()
	t.cur.m.ClearStopAtCall()
	t.cur.disarm()
	t.cur.stops = t.stops
	for i := range df.sides {
		df.sides[i].keep(nil)
	}
	t.setPath(back)
	t.cur.deaf = true
	ev := t.travel(now)
	t.cur.deaf = false
	t.account()
	t.hist.trim(t.Now())
	if ev.kind != eventLimit {
		s := t.outcome(ev)
		err = errors.Join(err, fmt.Errorf("going back to position %d: %v: %w", now, s.Reason, s.Err))
	}
	return err
}

// keep replaces the state of a side.
func (s *side) keep(state *snapshot) {
	if s.state != nil {
		s.state.release()
	}
	s.state = state
}

// call finds the first host call that differs.
func (df *differ) call() (*CallDifference, error) {
	t := df.t
	a, b := &df.sides[0], &df.sides[1]
	calls := [2]uint64{t.opt.Book.Calls(a.n.ID), t.opt.Book.Calls(b.n.ID)}
	for n := df.firstCall(); n < max(calls[0], calls[1]); n++ {
		if t.intr.CompareAndSwap(true, false) {
			t.cur.m.ClearInterrupt()
			return nil, ErrInterrupted
		}
		d := &CallDifference{N: n}
		for i, to := range []**recording.HostCall{&d.A, &d.B} {
			s := &df.sides[i]
			if n >= calls[i] {
				if s.n.End == "" {
					return nil, nil // perhaps it makes the call when it goes on
				}
				continue
			}
			c, err := t.opt.Book.Call(s.n.ID, n)
			if err != nil {
				return nil, fmt.Errorf("host call %d of branch %d: %w", n, s.n.ID, err)
			}
			*to = c
		}
		if sameCall(d.A, d.B) {
			continue
		}
		var err error
		if d.PosA, err = df.positionOf(a, n, d.A != nil); err == nil {
			d.PosB, err = df.positionOf(b, n, d.B != nil)
		}
		return d, err
	}
	return nil, nil
}

// firstCall is the number of the first host call that may differ.
func (df *differ) firstCall() uint64 {
	k := df.sides[0].path.common(df.sides[1].path)
	first := forever
	for _, s := range df.sides {
		if k < len(s.path.nodes) && s.path.nodes[k].Fork == df.from {
			first = s.path.nodes[k].FirstCall
		}
	}
	return first
}

func sameCall(a, b *recording.HostCall) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Import == b.Import && a.Inputs == b.Inputs && a.NoReturn == b.NoReturn &&
		slices.Equal(a.Args, b.Args) && slices.Equal(a.Results, b.Results) &&
		slices.EqualFunc(a.Writes, b.Writes, func(x, y recording.MemWrite) bool {
			return x.Addr == y.Addr && slices.Equal(x.Data, y.Data)
		})
}

// positionOf is where host call n of a side is made, or if it is not, where the
// side ends.
func (df *differ) positionOf(s *side, n uint64, made bool) (uint64, error) {
	if !made {
		return s.n.Reached, nil
	}
	t := df.t
	t.setPath(s.path)
	if err := t.restore(t.hist.atCall(n).pos); err != nil {
		return 0, err
	}
	t.cur.m.StopAtCall(n)
	defer t.cur.m.ClearStopAtCall()
	ev := t.climb(nil, s.limitBehind())
	if ev.kind == eventEnd && errors.Is(ev.vm.Err, wasmvm.ErrStopAtCall) {
		return t.Now(), nil
	}
	return 0, df.failed(s, ev)
}

// limitBehind lets a call at the last known position be come upon.
func (s *side) limitBehind() uint64 {
	if s.limit == forever {
		return forever
	}
	return s.limit + 1
}

// failed is the error of a run that did not get where it should.
func (df *differ) failed(s *side, ev event) error {
	switch {
	case ev.kind == eventInterrupt:
		return ErrInterrupted
	case ev.err != nil:
		return fmt.Errorf("running through branch %d: %w", s.n.ID, ev.err)
	case ev.vm.Err != nil:
		return fmt.Errorf("running through branch %d: at position %d: %w", s.n.ID, df.t.Now(), ev.vm.Err)
	}
	return fmt.Errorf("branch %d ended at position %d, before its host call was made: its answers do not fit it", s.n.ID, df.t.Now())
}

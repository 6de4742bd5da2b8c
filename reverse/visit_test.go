package reverse

import (
	"errors"
	"math/rand/v2"
	"testing"

	"wrev/wasmvm"
)

// visited looks at a host call and checks that the machine is about to make it.
func visited(t testing.TB, tl *Timeline, book *fakeBook, p *program, branch int, n uint64) {
	t.Helper()
	err := tl.VisitCall(n, func(m *wasmvm.Machine) error {
		q := book.along(p, branch)
		plain := q.machine(t)
		q.edit(t, plain)
		if q.run(t, plain, m.Position()); plain.Digest() != m.Digest() || m.HostCalls() != n {
			t.Errorf("branch %d, call %d: the state at %d, after %d calls, is not that of a plain run", branch, n, m.Position(), m.HostCalls())
		}
		if q.run(t, plain, m.Position()+1); plain.HostCalls() != n+1 {
			t.Errorf("branch %d: no call is made at %d", branch, m.Position())
		}
		return nil
	})
	if err != nil {
		t.Errorf("branch %d, call %d: %v", branch, n, err)
	}
}

func TestVisitCall(t *testing.T) {
	p := asking(nil)
	tl, book := branching(t, p, false, Options{})
	tl.SeekEnd()
	for _, pos := range []uint64{400, 600} {
		tl.Seek(pos)
		if _, err := tl.Edit(poke(100, 77)); err != nil {
			t.Fatal(err)
		}
		tl.Seek(pos + 300)
	}
	r := rand.New(rand.NewPCG(1, 5))
	for range 30 {
		id := r.IntN(3)
		s, err := tl.Switch(id)
		gone(t, s, err)
		now := tl.Now()
		before, _ := tl.Checkpoints()
		for range 3 {
			visited(t, tl, book, p, id, r.Uint64N(tl.Machine().HostCalls()))
		}
		if after, _ := tl.Checkpoints(); after != before || tl.Now() != now {
			t.Errorf("history has changed: %d checkpoints, %d before; now %d, %d before", after, before, tl.Now(), now)
		}
		at(t, tl, book, p, id, now)
		tl.Seek(now - 1)
	}
	s, err := tl.Switch(2)
	gone(t, s, err)
	if err := tl.VisitCall(1000, func(*wasmvm.Machine) error { t.Error("shown"); return nil }); err == nil {
		t.Error("a host call that was never made is shown")
	}
	enough := errors.New("enough")
	if err := tl.VisitCall(3, func(*wasmvm.Machine) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	tl.Interrupt()
	if err := tl.VisitCall(4, func(*wasmvm.Machine) error { return nil }); !errors.Is(err, ErrInterrupted) {
		t.Errorf("%v", err)
	}
	if s := tl.Continue(); s.Reason != ReasonInterrupt {
		t.Errorf("%v: the interrupt is lost", s.Reason)
	}
}

// TestVisitsDoNotRunTwice visits calls in rising order: all together cost one run.
func TestVisitsDoNotRunTwice(t *testing.T) {
	p := asking(nil)
	tl, _ := branching(t, p, false, Options{})
	tl.setTuning(tuning{interval: 1 << 30, micro: 1 << 30, maxCount: 400})
	end := tl.SeekEnd().Position
	for n := range uint64(60) {
		if err := tl.VisitCall(n, func(*wasmvm.Machine) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if ran := tl.visitor.replayed; ran > end {
		t.Errorf("%d instructions for a history of %d", ran, end)
	}
}

// TestVisitsFromAHost looks at earlier calls, and at the present one, while the
// timeline's machine is in it.
func TestVisitsFromAHost(t *testing.T) {
	p := asking(nil)
	tl, h, book := waiting(t, Options{})
	tl.opt.NewMachine = p.another(tl.Machine())
	h.waiting = func() {
		for _, n := range []uint64{0, 7, 20, 3, 19} {
			visited(t, tl, book, p, 0, n)
		}
		if err := tl.VisitCall(21, func(*wasmvm.Machine) error { return nil }); err == nil {
			t.Error("a call that is still to come is shown")
		}
	}
	s := tl.Continue()
	at(t, tl, book, p, 0, s.Position)
	// An interrupt while the host looks ends the run, not history.
	h.waiting = nil
	tl.opt.Paused = nil
	h.Host = hostFunc(func(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
		tl.Interrupt()
		return tl.VisitCall(5, func(*wasmvm.Machine) error { return nil })
	})
	h.open = true
	if s := tl.Continue(); s.Reason != ReasonInterrupt {
		t.Errorf("%v: %v", s.Reason, s.Err)
	}
}

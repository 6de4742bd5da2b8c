package reverse

import (
	"sync/atomic"
	"testing"

	"wrev/wasmvm"
)

// interrupter is a host that interrupts the timeline at some of its calls.
type interrupter struct {
	wasmvm.Host
	tl *Timeline
	at map[uint64]int // call number -> how often still
}

func (h *interrupter) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	if n := m.HostCalls(); h.tl != nil && h.at[n] > 0 {
		h.at[n]--
		h.tl.Interrupt()
	}
	return h.Host.HostCall(m, fn, args, results)
}

// interruptible is the program "asking" under a timeline whose host interrupts.
func interruptible(t *testing.T) (*Timeline, *interrupter, *program) {
	t.Helper()
	p := asking(nil)
	h := &interrupter{Host: p.host(), at: map[uint64]int{}}
	with := *p
	with.host = func() wasmvm.Host { return h }
	tl, err := New(with.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tl.setTuning(tuning{interval: 150, micro: 8, maxCount: 40, manyHits: 5})
	h.tl = tl
	return tl, h, p
}

// sane checks that the present state is that of a plain run.
func sane(t *testing.T, p *program, tl *Timeline) {
	t.Helper()
	m := p.machine(t)
	m.Run(tl.Now())
	if m.Position() != tl.Now() || m.Digest() != tl.Machine().Digest() {
		t.Fatalf("the state at %d is not that of a plain run", tl.Now())
	}
}

func TestInterruptForwards(t *testing.T) {
	for _, watched := range []bool{false, true} {
		tl, h, p := interruptible(t)
		if watched {
			if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 60000, Len: 4}); err != nil {
				t.Fatal(err)
			}
		}
		h.at[20] = 1
		s := tl.Continue()
		if s.Reason != ReasonInterrupt || tl.Machine().HostCalls() < 20 || s.Position != tl.Now() {
			t.Fatalf("%v at %d after %d host calls, want an interrupt near call 20", s.Reason, s.Position, tl.Machine().HostCalls())
		}
		sane(t, p, tl)
		if s := tl.Continue(); s.Reason != ReasonEnd {
			t.Fatalf("%v, want the end: one interrupt stops one run", s.Reason)
		}
		h.at[40] = 1
		if s := tl.Seek(tl.Now() - 1); s.Reason != ReasonStep && s.Reason != ReasonInterrupt {
			t.Fatalf("%v in a backward seek", s.Reason)
		}
		sane(t, p, tl)
	}
}

func TestInterruptBackwards(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		interruptBackwards(t, workers)
	}
}

func interruptBackwards(t *testing.T, workers int) {
	count := func(interrupts bool) (stops []uint64, interrupted int) {
		tl, h, p := interruptible(t)
		tl.tune.unit = 200
		tl.opt.Workers = workers
		var calls atomic.Int64 // of the helpers
		tl.opt.NewMachine = func() (*wasmvm.Machine, error) {
			answer := p.host()
			return wasmvm.New(tl.Module(), wasmvm.Config{Host: hostFunc(func(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
				if interrupts && calls.Add(1)%31 == 0 {
					tl.Interrupt()
				}
				return answer.HostCall(m, fn, args, results)
			})})
		}
		tl.SeekEnd()
		if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 16 + 30, Len: 4}); err != nil {
			t.Fatal(err)
		}
		if interrupts {
			for n := range uint64(60) {
				h.at[n] = 2
			}
		}
		for {
			before := tl.Now()
			s := tl.ReverseContinue()
			if s.Position != tl.Now() {
				t.Fatalf("the stop says %d, now is %d", s.Position, tl.Now())
			}
			sane(t, p, tl)
			switch s.Reason {
			case ReasonInterrupt:
				if interrupted++; s.Position > before {
					t.Fatalf("an interrupt moved from %d ahead to %d", before, s.Position)
				}
			case ReasonWatch:
				stops = append(stops, s.Position)
			case ReasonBegin:
				return stops, interrupted
			default:
				t.Fatalf("%v on the way back", s.Reason)
			}
		}
	}
	want, _ := count(false)
	got, n := count(true)
	if n == 0 || len(want) == 0 {
		t.Fatalf("%d interrupts, %d stops: the test tests nothing", n, len(want))
	}
	if len(got) != len(want) {
		t.Fatalf("with interrupts the stops are %v, without %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("with interrupts the stops are %v, without %v", got, want)
		}
	}
}

func TestInterruptFromAnotherGoroutine(t *testing.T) {
	p := forLoop()
	tl, err := New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	run := func(move func() Stop) {
		t.Helper()
		done := make(chan Stop)
		go func() { done <- move() }()
		tl.Interrupt() // before or while it runs, both must do
		if s := <-done; s.Reason != ReasonInterrupt {
			t.Fatalf("%v, want an interrupt", s.Reason)
		}
	}
	run(tl.Continue)
	run(func() Stop { return tl.Seek(1 << 60) })
	run(func() Stop { return tl.StepRange(0, ^uint32(0)) })
	if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 8, Len: 1}); err != nil {
		t.Fatal(err)
	}
	run(tl.Continue)
	tl.Interrupt()
	tl.ClearInterrupt()
	if s := tl.Step(); s.Reason != ReasonStep {
		t.Fatalf("%v after a cleared interrupt", s.Reason)
	}
}

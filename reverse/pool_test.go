package reverse

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"wrev/wasmvm"
)

// backwards is the positions of all stops from the end back to the start.
func backwards(t *testing.T, tl *Timeline) []uint64 {
	t.Helper()
	tl.SeekEnd()
	var stops []uint64
	for {
		switch s := tl.ReverseContinue(); s.Reason {
		case ReasonBegin:
			return stops
		case ReasonWatch, ReasonBreakpoint:
			stops = append(stops, s.Position)
		default:
			t.Fatalf("%v at %d: %v", s.Reason, s.Position, s.Err)
		}
	}
}

// scanning is a timeline over p that scans with several machines.
func scanning(t *testing.T, p *program, workers int, another func(*wasmvm.Module) (*wasmvm.Machine, error)) *Timeline {
	t.Helper()
	m := p.machine(t)
	opt := Options{Workers: workers}
	if another != nil {
		opt.NewMachine = func() (*wasmvm.Machine, error) { return another(m.Module()) }
	}
	tl, err := New(m, opt)
	if err != nil {
		t.Fatal(err)
	}
	tl.setTuning(tuning{interval: 150, micro: 8, maxCount: 400, manyHits: 50, unit: 200, tick: 50})
	if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 16 + 28, Len: 8}); err != nil {
		t.Fatal(err)
	}
	return tl
}

// TestHelpersThatFail has helpers whose machines cannot be made, or whose hosts
// fail: the timeline's own machine has to do it all.
func TestHelpersThatFail(t *testing.T) {
	p := asking(nil)
	want := backwards(t, scanning(t, p, 1, nil))
	if len(want) == 0 {
		t.Fatal("no stops: the test tests nothing")
	}
	for name, another := range map[string]func(*wasmvm.Module) (*wasmvm.Machine, error){
		"sound":   p.instance,
		"none":    func(*wasmvm.Module) (*wasmvm.Machine, error) { return nil, errors.New("no more machines") },
		"foreign": func(*wasmvm.Module) (*wasmvm.Machine, error) { return p.machine(t), nil },
	} {
		if got := backwards(t, scanning(t, p, 3, another)); !slices.Equal(got, want) {
			t.Errorf("%s helpers: the stops are %v, want %v", name, got, want)
		}
	}
}

// TestHelperWhoseHostFails makes the timeline's own machine wait until a helper
// has failed. There is a stop in the oldest segment only.
func TestHelperWhoseHostFails(t *testing.T) {
	p := asking(nil)
	answer := p.host()
	var made atomic.Bool
	failed := make(chan struct{})
	p.host = func() wasmvm.Host {
		return hostFunc(func(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
			if made.Load() {
				<-failed
			}
			return answer.HostCall(m, fn, args, results)
		})
	}
	tl := scanning(t, p, 2, func(mod *wasmvm.Module) (*wasmvm.Machine, error) {
		made.Store(true)
		var once sync.Once
		return wasmvm.New(mod, wasmvm.Config{Host: hostFunc(func(*wasmvm.Machine, uint32, []uint64, []uint64) error {
			once.Do(func() { close(failed) })
			return errors.New("no answer")
		})})
	})
	if err := tl.RemoveWatch(tl.stops.watches[0]); err != nil {
		t.Fatal(err)
	}
	body := tl.Module().Funcs[0].CodeStart
	if err := tl.InsertBreakpoint(body); err != nil {
		t.Fatal(err)
	}
	tl.SeekEnd()
	if s := tl.ReverseContinue(); s.Reason != ReasonBreakpoint || s.Position != 1 || !made.Load() {
		t.Errorf("%v at %d, want the breakpoint at 1", s.Reason, s.Position)
	}
}

// TestErrorsOfAScan has a host that begins to fail once the end was seen: the
// scan must end with the failure nearest to now, whoever met it.
func TestErrorsOfAScan(t *testing.T) {
	var broken atomic.Bool
	failure := errors.New("diverged")
	p := asking(nil)
	answer := p.host()
	p.host = func() wasmvm.Host {
		return hostFunc(func(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
			if n := m.HostCalls(); broken.Load() && (n == 11 || n == 33) {
				return failure
			}
			return answer.HostCall(m, fn, args, results)
		})
	}
	var first Stop
	for workers := 1; workers <= 3; workers++ {
		broken.Store(false)
		tl := scanning(t, p, workers, p.instance)
		tl.SeekEnd()
		for _, w := range slices.Clone(tl.stops.watches) {
			if err := tl.RemoveWatch(w); err != nil {
				t.Fatal(err)
			}
		}
		if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 50_000, Len: 1}); err != nil {
			t.Fatal(err)
		}
		broken.Store(true)
		s := tl.ReverseContinue()
		if s.Reason != ReasonError || !errors.Is(s.Err, failure) || tl.Machine().HostCalls() != 33 {
			t.Fatalf("%d workers: %v (%v) at host call %d, want the failure of call 33", workers, s.Reason, s.Err, tl.Machine().HostCalls())
		}
		if workers == 1 {
			first = s
		}
		if s.Position != first.Position {
			t.Errorf("%d workers: the failure is at %d, with one at %d", workers, s.Position, first.Position)
		}
	}
}

// TestHelpersFitTheBudget: helpers take at most half of it.
func TestHelpersFitTheBudget(t *testing.T) {
	p := loops(2000, 1<<16)
	for _, c := range []struct {
		budget  int64
		helpers int
	}{{100 << 10, 0}, {450 << 10, 1}, {1 << 20, 3}} {
		m := p.machine(t)
		tl, err := New(m, Options{Budget: c.budget, Workers: 4, NewMachine: p.another(m)})
		if err != nil {
			t.Fatal(err)
		}
		tl.setTuning(tuning{interval: 1500, micro: 50, maxCount: 100, manyHits: 50, unit: 1000, tick: 1000})
		if err := tl.InsertBreakpoint(tl.Module().Funcs[0].BodyEnd - 1); err != nil {
			t.Fatal(err)
		}
		tl.SeekEnd()
		if s := tl.ReverseContinue(); s.Reason != ReasonBegin {
			t.Fatalf("%v, want the begin", s.Reason)
		}
		if len(tl.helpers) > c.helpers {
			t.Errorf("budget %d: %d helpers of %d bytes", c.budget, len(tl.helpers), tl.cur.bytes())
		}
		if n, bytes := tl.Checkpoints(); n > 1 && bytes > c.budget {
			t.Errorf("budget %d: %d checkpoints and %d helpers take %d", c.budget, n, len(tl.helpers), bytes)
		}
		if c.helpers > 0 && len(tl.helpers) == 0 {
			t.Errorf("budget %d: no helper", c.budget)
		}
	}
}

func TestProgressIsTold(t *testing.T) {
	p := loops(3000, 1<<12)
	m := p.machine(t)
	var told []Progress
	tl, err := New(m, Options{Workers: 2, NewMachine: p.another(m), Progress: func(pr Progress) { told = append(told, pr) }})
	if err != nil {
		t.Fatal(err)
	}
	tl.setTuning(tuning{interval: 1500, micro: 50, maxCount: 100, manyHits: 50, unit: 1000, tick: 300})
	tl.prog.every = 0
	check := func(kind ProgressKind, total uint64, move func()) {
		t.Helper()
		told = told[:0]
		move()
		if len(told) < 3 || told[len(told)-1] != (Progress{}) {
			t.Fatalf("told %v, want progress and that it is done", told)
		}
		before, seen := uint64(0), 0
		for _, pr := range told[:len(told)-1] {
			if pr.Kind != kind {
				continue
			}
			if seen++; pr.Done < before || pr.Total != total || total > 0 && pr.Done > total {
				t.Errorf("after %d: %+v, want a total of %d", before, pr, total)
			}
			before = pr.Done
		}
		if seen == 0 {
			t.Errorf("told %v, want kind %d", told, kind)
		}
	}
	check(ProgressForward, 0, func() { tl.SeekEnd() })
	end := tl.Now()
	if err := tl.InsertBreakpoint(tl.Module().Funcs[0].BodyEnd - 1); err != nil {
		t.Fatal(err)
	}
	tl.Seek(end - 1)
	check(ProgressScan, end-1, func() { tl.ReverseContinue() })
	tl.Seek(1000)
	check(ProgressForward, end, func() { tl.Continue() })
	tl.Seek(0)
	tl.hist.maxCount = 1
	tl.hist.trim(0)
	check(ProgressSeek, 50_000, func() { tl.Seek(50_000) })
	told = nil
	tl.Step()
	if len(told) != 0 {
		t.Errorf("a step told %v", told)
	}
}

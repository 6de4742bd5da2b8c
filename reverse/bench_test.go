package reverse

import (
	"errors"
	"testing"
	"time"

	"wrev/wasmvm"
)

// billion is a history of a bit over 1e9 instructions over 1 MiB of memory. It
// ends just before the next checkpoint is due: the worst case for a step back.
func billion() *program { return loops(1_049_000_000/roundLength, 1<<20) }

// roundLength is the number of instructions in one round of loops.
const roundLength = 20

// BenchmarkStepBack steps back from the end of a history of 1e9 instructions.
func BenchmarkStepBack(b *testing.B) {
	tl, err := New(billion().machine(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	tl.SeekEnd()
	forward := time.Since(start)
	start = time.Now()
	tl.ReverseStep()
	first := time.Since(start)
	b.ResetTimer()
	for range b.N {
		if s := tl.ReverseStep(); s.Reason != ReasonStep {
			b.Fatal(s.Reason)
		}
	}
	b.StopTimer()
	b.ReportMetric(forward.Seconds()*1e3, "ms-forward")
	b.ReportMetric(first.Seconds()*1e3, "ms-first-step")
	n, bytes := tl.Checkpoints()
	b.ReportMetric(float64(n), "checkpoints")
	b.ReportMetric(float64(bytes)/1e6, "MB")
}

// BenchmarkStepBackWatched steps back as gdb does with a watchpoint and a
// breakpoint: it sets them before each step and takes them away after it.
func BenchmarkStepBackWatched(b *testing.B) {
	tl, err := New(loops(200_000, 1<<20).machine(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	tl.SeekEnd()
	w := Watch{Kind: wasmvm.WatchWrite, Addr: 1<<20 + 5000, Len: 4}
	pc := tl.Module().Funcs[0].BodyStart
	for range b.N {
		if err := errors.Join(tl.InsertWatch(w), tl.InsertBreakpoint(pc)); err != nil {
			b.Fatal(err)
		}
		if s := tl.ReverseStep(); s.Reason != ReasonStep {
			b.Fatal(s.Reason)
		}
		if err := tl.RemoveWatch(w); err != nil {
			b.Fatal(err)
		}
		tl.RemoveBreakpoint(pc)
	}
}

// BenchmarkForward compares a forward run that leaves checkpoints with a plain one.
func BenchmarkForward(b *testing.B) {
	const length = 500_000_000
	for range b.N {
		m := billion().machine(b)
		start := time.Now()
		m.Run(length)
		plain := time.Since(start)
		tl, err := New(billion().machine(b), Options{})
		if err != nil {
			b.Fatal(err)
		}
		tl.stops.breaks[tl.Module().Funcs[0].BodyStart] = true // entered once, before
		start = time.Now()
		for tl.Now() < length {
			if ev := tl.cur.advance(min(length, tl.due())); ev.kind != eventLimit {
				b.Fatal(ev)
			}
			tl.leave()
		}
		with := time.Since(start)
		b.ReportMetric(with.Seconds()/plain.Seconds(), "with/without")
		b.ReportMetric(plain.Seconds()*1e9/length, "ns/instr")
	}
}

// BenchmarkReverseContinue looks through 1e9 instructions for a stop that is
// not there: once with a breakpoint, once with a watchpoint.
func BenchmarkReverseContinue(b *testing.B) {
	onBreak := func(tl *Timeline) error { return tl.InsertBreakpoint(tl.Module().Funcs[0].BodyEnd - 1) }
	onWatch := func(tl *Timeline) error {
		return tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 1<<20 + 5000, Len: 2})
	}
	for _, c := range []struct {
		name    string
		set     func(tl *Timeline) error
		workers int
	}{
		{"break/1", onBreak, 1}, {"break/2", onBreak, 2}, {"watch/1", onWatch, 1}, {"watch/2", onWatch, 2},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := billion()
			m := p.machine(b)
			tl, err := New(m, Options{NewMachine: p.another(m), Workers: c.workers})
			if err != nil {
				b.Fatal(err)
			}
			if err := c.set(tl); err != nil {
				b.Fatal(err)
			}
			for range b.N {
				b.StopTimer()
				tl.SeekEnd()
				n := tl.Now()
				b.StartTimer()
				start := time.Now()
				s := tl.ReverseContinue()
				if s.Reason != ReasonBegin {
					b.Fatalf("%v at %d", s.Reason, s.Position)
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(n-s.Position), "ns/instr")
			}
		})
	}
}

// BenchmarkReverseContinueHot goes back to a breakpoint in a loop, again and
// again: the way a condition that is rarely true is looked for.
func BenchmarkReverseContinueHot(b *testing.B) {
	tl, err := New(billion().machine(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	tl.SeekEnd()
	f := &tl.Module().Funcs[0]
	l, err := tl.Module().Layout(f)
	if err != nil {
		b.Fatal(err)
	}
	if err := tl.InsertBreakpoint(l.PCs[len(l.PCs)/2]); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if s := tl.ReverseContinue(); s.Reason != ReasonBreakpoint {
		b.Fatal(s.Reason)
	}
	first := time.Since(start)
	for b.Loop() {
		if s := tl.ReverseContinue(); s.Reason != ReasonBreakpoint {
			b.Fatal(s.Reason)
		}
	}
	b.ReportMetric(first.Seconds()*1e3, "ms-first")
}

// BenchmarkFalseCondition runs over a breakpoint whose condition is never true,
// once in each round of 20 instructions.
func BenchmarkFalseCondition(b *testing.B) {
	tl, err := New(loops(1_000_000, 1<<20).machine(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := tl.Module().Layout(&tl.Module().Funcs[0])
	if err != nil {
		b.Fatal(err)
	}
	pc, asked := l.PCs[len(l.PCs)/2], 0
	if err := tl.InsertBreakpoint(pc); err != nil {
		b.Fatal(err)
	}
	tl.SetCondition(pc, func(*wasmvm.Machine) bool { asked++; return false })
	var spent time.Duration
	for range b.N {
		tl.Seek(0)
		start := time.Now()
		if s := tl.Continue(); s.Reason != ReasonEnd {
			b.Fatal(s.Reason)
		}
		spent += time.Since(start)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(asked), "ns/false")
}

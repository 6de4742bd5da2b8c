package reverse

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// candidates are watchpoints that a walk may set.
func candidates(r *rand.Rand, mod *wasmvm.Module) []Watch {
	var ws []Watch
	add := func(w Watch) {
		if !slices.Contains(ws, w) {
			ws = append(ws, w)
		}
	}
	for range 4 {
		add(Watch{Kind: wasmvm.WatchKind(1 + r.IntN(3)), Addr: uint64(r.IntN(0x3000)), Len: uint64(1 + r.IntN(16))})
	}
	add(Watch{Kind: wasmvm.WatchWrite, Addr: uint64(r.IntN(2000)), Len: 300})
	for range 2 {
		if n := len(mod.Globals); n > 0 {
			add(Watch{Kind: wasmvm.WatchWrite, Space: SpaceGlobal, Addr: uint64(r.IntN(n))})
		}
		fn := &mod.Funcs[r.IntN(len(mod.Funcs))]
		if n := len(fn.Locals); n > 0 {
			add(Watch{Kind: wasmvm.WatchWrite, Space: SpaceLocal, Addr: uint64(r.IntN(n)), Func: fn.Index, Frame: r.IntN(4)})
		}
	}
	return ws
}

// walk is a random walk over a program's history.
type walk struct {
	t    testing.TB
	r    *rand.Rand
	tl   *Timeline
	mo   *model
	a    active
	told bool
	seen []visit
}

func randomTuning(r *rand.Rand) tuning {
	return tuning{
		interval: uint64(1 + r.IntN(3000)),
		micro:    uint64(1 + r.IntN(60)),
		maxCount: 1 + r.IntN(60),
		manyHits: 1 + r.IntN(20), fenceAfter: r.IntN(4),
		unit: uint64(1 + r.IntN(2000)),
	}
}

func newWalk(t testing.TB, seed uint64, p *program) *walk {
	r := rand.New(rand.NewPCG(seed, 77))
	m := p.machine(t)
	mo, ok := buildModel(t, p, candidates(r, m.Module()))
	if !ok {
		return nil
	}
	budget := []int64{1, 40_000, 400_000, DefaultBudget}[r.IntN(4)]
	opt := Options{Budget: budget, NewMachine: p.another(m), Workers: 1 + r.IntN(4)}
	if r.IntN(2) == 0 {
		opt.SpillDirs = []string{t.TempDir()}
	}
	if r.IntN(2) == 0 {
		opt.Cache = cached(t, p, randomTuning(r), r.IntN(2) == 0)
	}
	tl, err := New(m, opt)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	t.Cleanup(func() {
		if err := tl.Close(); err != nil {
			t.Error(err)
		}
	})
	tl.setTuning(randomTuning(r))
	tl.hist.trim(tl.Now())
	return &walk{t: t, r: r, tl: tl, mo: mo, a: active{map[uint32]bool{}, map[uint32]uint64{}, map[Watch]bool{}}}
}

// toggle sets or removes a stop.
func (w *walk) toggle() {
	if w.r.IntN(2) == 0 {
		pc := w.mo.pcs[w.r.IntN(len(w.mo.pcs))]
		if w.a.breaks[pc] && w.r.IntN(2) == 0 {
			w.condition(pc)
			return
		}
		if w.a.breaks[pc] {
			delete(w.a.breaks, pc)
			delete(w.a.conds, pc)
			w.tl.RemoveBreakpoint(pc)
			return
		}
		if err := w.tl.InsertBreakpoint(pc); err != nil {
			w.t.Fatal(err)
		}
		w.a.breaks[pc] = true
		return
	}
	x := w.mo.watches[w.r.IntN(len(w.mo.watches))]
	var err error
	if w.a.watches[x] {
		delete(w.a.watches, x)
		err = w.tl.RemoveWatch(x)
	} else {
		w.a.watches[x] = true
		err = w.tl.InsertWatch(x)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// condition gives the breakpoint at pc a condition, or takes it away.
func (w *walk) condition(pc uint32) {
	if w.r.IntN(4) == 0 {
		delete(w.a.conds, pc)
		w.tl.SetCondition(pc, nil)
		return
	}
	every := uint64(2 + w.r.IntN(40))
	w.a.conds[pc] = every
	w.tl.SetCondition(pc, func(m *wasmvm.Machine) bool { return m.Position()%every == 0 })
}

// ordered puts expected hits in the order in which the walk inserted the watchpoints.
func (w *walk) ordered(e expected) expected {
	e.hits = w.tl.stops.sorted(slices.Clone(e.hits))
	return e
}

func (w *walk) move() {
	now := w.tl.Now()
	var got Stop
	var want expected
	var what string
	switch k := w.r.IntN(14); {
	case k < 2:
		what, got, want = "Step", w.tl.Step(), w.mo.step(&w.a, now, w.told)
	case k < 5:
		what, got, want = "ReverseStep", w.tl.ReverseStep(), w.mo.reverseStep(&w.a, now)
	case k < 7:
		what, got, want = "Continue", w.tl.Continue(), w.mo.proceed(&w.a, now, w.told, func(uint32) bool { return true })
	case k < 10:
		what, got, want = "ReverseContinue", w.tl.ReverseContinue(), w.mo.reverseContinue(&w.a, now)
	case k == 10:
		pc := w.tl.Machine().PC()
		lo, hi := pc-min(pc, uint32(w.r.IntN(2)*w.r.IntN(60))), pc+uint32(1+w.r.IntN(30))
		if fn := w.tl.Module().FuncAt(pc); w.r.IntN(2) == 0 { // most ranges are part of a function
			lo, hi = max(lo, fn.BodyStart), min(hi, fn.BodyEnd)
		}
		in := func(pc uint32) bool { return pc >= lo && pc < hi }
		what, got, want = "StepRange", w.tl.StepRange(lo, hi), w.mo.proceed(&w.a, now, w.told, in)
	case k == 11 && w.r.IntN(4) == 0:
		what, got, want = "SeekEnd", w.tl.SeekEnd(), expected{w.mo.endReason(w.told && now == w.mo.end()), w.mo.end(), nil}
	default:
		to := uint64(w.r.Int64N(int64(w.mo.end()) + 1))
		if w.r.IntN(3) == 0 { // near now
			to = min(w.mo.end(), max(0, now+uint64(w.r.IntN(200))-min(now, 100)))
		}
		what, got, want = fmt.Sprintf("Seek(%d)", to), w.tl.Seek(to), expected{ReasonStep, to, nil}
	}
	w.mo.check(w.t, fmt.Sprintf("%s from %d", what, now), &w.a, got, w.ordered(want))
	w.told = want.pos == w.mo.end() && (want.reason == ReasonEnd || want.reason == ReasonTrap || want.reason == ReasonError || w.told && now == want.pos)
	m := w.tl.Machine()
	w.seen = append(w.seen, visit{m.Position(), m.Digest(), m.HostCalls()})
	w.limits()
}

// limits checks that the history keeps to its count and its budget.
func (w *walk) limits() {
	n, bytes := w.tl.Checkpoints()
	if n > max(1, w.tl.tune.maxCount) {
		w.t.Fatalf("%s: %d checkpoints, at most %d are allowed", w.mo.p.name, n, w.tl.tune.maxCount)
	}
	if bytes > w.tl.opt.Budget && n > 1 {
		w.t.Fatalf("%s: %d checkpoints take %d bytes, the budget is %d", w.mo.p.name, n, bytes, w.tl.opt.Budget)
	}
}

func (w *walk) run(moves int) {
	for range moves {
		for w.r.IntN(3) == 0 {
			w.toggle()
		}
		w.move()
	}
	w.mo.verify(w.t, []wasmvm.Tier{wasmvm.TierPrecise, wasmvm.TierAuto}[w.r.IntN(2)], w.seen)
}

func TestWalksOverRandomPrograms(t *testing.T) {
	for seed := range uint64(25) {
		p := random(seed, randmod.Options{Fuel: 60})
		if w := newWalk(t, seed, p); w != nil {
			w.run(60)
		}
	}
}

func TestWalksOverHandmadePrograms(t *testing.T) {
	programs := []*program{
		deep(40), growing(), loops(300, 1<<14), asking(nil),
		asking(&wasmvm.ExitError{Code: 7}), asking(errLog), deep(200),
	}
	for i, p := range programs {
		for seed := range uint64(2) {
			w := newWalk(t, seed+uint64(i)*100, p)
			if w == nil {
				t.Fatalf("%s runs for more than %d instructions", p.name, maxModel)
			}
			w.run(80)
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(uint64(1), []byte("a seed"))
	f.Add(uint64(2), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		p := fromGenerator("fuzzed", randmod.FromBytes(data, randmod.Options{Fuel: 40}))
		if w := newWalk(t, seed, p); w != nil {
			w.run(40)
		}
	})
}

func TestEndsOfHistory(t *testing.T) {
	failed := errors.New("diverged")
	for _, c := range []struct {
		name        string
		p           *program
		first, then Reason
		exit        uint32
		trap        wasmvm.TrapCode
		err         error
	}{
		{"return", asking(nil), ReasonEnd, ReasonEnd, 0, 0, nil},
		{"exit", asking(&wasmvm.ExitError{Code: 7}), ReasonEnd, ReasonEnd, 7, 0, nil},
		{"trap", growing(), ReasonTrap, ReasonEnd, 0, wasmvm.TrapMemory, nil},
		{"log", asking(fmt.Errorf("call 60: %w", errLog)), ReasonEnd, ReasonEnd, 0, 0, errLog},
		{"error", asking(failed), ReasonError, ReasonError, 0, 0, failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl, err := New(c.p.machine(t), Options{EndOfLog: errLog})
			if err != nil {
				t.Fatal(err)
			}
			tl.setTuning(tuning{interval: 100, micro: 8, maxCount: 20, manyHits: 5})
			if _, known := tl.End(); known {
				t.Error("the end is known before it was seen")
			}
			check := func(s Stop, want Reason, pos uint64) {
				t.Helper()
				if s.Reason != want || s.Position != pos || tl.Now() != pos {
					t.Fatalf("%v at %d, now at %d; want %v at %d", s.Reason, s.Position, tl.Now(), want, pos)
				}
				if want == ReasonStep || want == ReasonBegin {
					return
				}
				if s.ExitCode != c.exit || !errors.Is(s.Err, c.err) || (s.Trap != nil) != (c.trap != 0) || s.Trap != nil && s.Trap.Code != c.trap {
					t.Fatalf("told as %+v", s)
				}
			}
			first := tl.Continue()
			n := tl.Now()
			check(first, c.first, n)
			if pos, known := tl.End(); !known || pos != n {
				t.Errorf("the end is %d, %v; want %d", pos, known, n)
			}
			check(tl.Continue(), c.then, n)
			check(tl.Step(), c.then, n)
			check(tl.StepRange(0, ^uint32(0)), c.then, n)
			check(tl.SeekEnd(), c.then, n)
			check(tl.ReverseStep(), ReasonStep, n-1)
			check(tl.Step(), ReasonStep, n)
			check(tl.Step(), c.first, n)
			check(tl.Step(), c.then, n)
			check(tl.ReverseContinue(), ReasonBegin, 0)
			check(tl.ReverseStep(), ReasonBegin, 0)
			check(tl.ReverseContinue(), ReasonBegin, 0)
			check(tl.SeekEnd(), c.first, n)
			check(tl.Seek(n), ReasonStep, n)
			check(tl.Seek(3), ReasonStep, 3)
			check(tl.Seek(n+1000), c.first, n)
			if m := tl.Machine(); m.Depth() == 0 {
				t.Error("no frame is left to look at")
			}
		})
	}
}

func TestSeekPastAnUnknownEnd(t *testing.T) {
	tl, err := New(growing().machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := tl.Seek(1 << 40); s.Reason != ReasonTrap {
		t.Errorf("%v, want a trap", s.Reason)
	}
}

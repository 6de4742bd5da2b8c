package reverse

import (
	"slices"
	"testing"

	"wrev/wasmvm"
)

// model is what a plain forward run in the precise tier shows, instruction by
// instruction: the naive truth that a timeline must agree with.
type model struct {
	p       *program
	pcs     []uint32     // by position; the last is the end
	hits    [][]WatchHit // of the candidates, by position of the instruction
	watches []Watch      // candidates
	last    wasmvm.Stop
}

// maxModel bounds the length of a history in tests.
const maxModel = 60_000

// buildModel runs p with candidate watchpoints. ok is false if p runs too long.
func buildModel(t testing.TB, p *program, watches []Watch) (mo *model, ok bool) {
	t.Helper()
	m := p.machine(t)
	m.SetTier(wasmvm.TierPrecise)
	set := newStopSet(m.Module())
	for _, w := range watches {
		if err := set.addWatch(w); err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
	}
	m.SetWatches(set.memory)
	mo = &model{p: p, watches: watches}
	p.edit(t, m)
	for before := slotsOf(m, watches); ; {
		mo.pcs = append(mo.pcs, m.PC())
		pos := m.Position()
		st := m.Run(pos + 1)
		if m.Position() == pos {
			mo.last = st
			return mo, true
		}
		// What the machine says of globals is what is to be checked.
		hits := slices.DeleteFunc(set.hitsOf(st.Watches), func(h WatchHit) bool { return h.Watch.Space == SpaceGlobal })
		after := slotsOf(m, watches)
		for i, b := range after {
			if b.ok && before[i].ok && b.v != before[i].v {
				hits = append(hits, WatchHit{Watch: watches[i], Kind: wasmvm.WatchWrite})
			}
		}
		mo.hits = append(mo.hits, set.sorted(hits))
		if before = after; p.edit(t, m) {
			before = slotsOf(m, watches)
		}
		if len(mo.pcs) > maxModel {
			return nil, false
		}
	}
}

type slotValue struct {
	ok bool
	v  uint64
}

// slotsOf reads the watched locals and globals in the most direct way.
func slotsOf(m *wasmvm.Machine, watches []Watch) []slotValue {
	out := make([]slotValue, len(watches))
	depth := m.Depth()
	for i, w := range watches {
		switch w.Space {
		case SpaceGlobal:
			out[i] = slotValue{true, m.Global(int(w.Addr))}
		case SpaceLocal:
			for k, f := range m.Frames() {
				if depth-1-k == w.Frame && f.Func().Index == w.Func {
					out[i] = slotValue{true, f.Local(int(w.Addr))}
				}
			}
		}
	}
	return out
}

func (mo *model) end() uint64 { return uint64(len(mo.pcs) - 1) }

// active is the breakpoints and watchpoints of a walk.
type active struct {
	breaks  map[uint32]bool
	conds   map[uint32]uint64 // a breakpoint counts at multiples of this position only
	watches map[Watch]bool
}

// breaksAt reports whether there is a breakpoint at pos that counts.
func (a *active) breaksAt(mo *model, pos uint64) bool {
	pc := mo.pcs[pos]
	every := max(1, a.conds[pc])
	return a.breaks[pc] && pos%every == 0
}

// hitsAt is the active watchpoints that the instruction at pos touches.
func (mo *model) hitsAt(a *active, pos uint64) []WatchHit {
	var out []WatchHit
	for _, h := range mo.hits[pos] {
		if a.watches[h.Watch] {
			out = append(out, h)
		}
	}
	return out
}

// endReason is the reason of a stop at the end. again: it was told already.
func (mo *model) endReason(again bool) Reason {
	switch {
	case mo.last.Reason == wasmvm.StopTrap && !again:
		return ReasonTrap
	case mo.last.Reason == wasmvm.StopHost:
		return ReasonError
	}
	return ReasonEnd
}

// expected is a stop as the model predicts it.
type expected struct {
	reason Reason
	pos    uint64
	hits   []WatchHit
}

// hit is the stop of a movement that got to pos with these hits.
func (mo *model) hit(a *active, pos uint64, hits []WatchHit, otherwise Reason) expected {
	switch {
	case len(hits) > 0:
		return expected{ReasonWatch, pos, hits}
	case a.breaksAt(mo, pos) && otherwise != ReasonStep:
		return expected{ReasonBreakpoint, pos, nil}
	}
	return expected{otherwise, pos, nil}
}

func (mo *model) step(a *active, now uint64, told bool) expected {
	if now == mo.end() {
		return expected{mo.endReason(told), now, nil}
	}
	return mo.hit(a, now+1, mo.hitsAt(a, now), ReasonStep)
}

func (mo *model) reverseStep(a *active, now uint64) expected {
	if now == 0 {
		return expected{ReasonBegin, 0, nil}
	}
	return mo.hit(a, now-1, mo.hitsAt(a, now-1), ReasonStep)
}

// proceed is Continue, or with a range StepRange.
func (mo *model) proceed(a *active, now uint64, told bool, inRange func(pc uint32) bool) expected {
	if now == mo.end() {
		return expected{mo.endReason(told), now, nil}
	}
	for pos := now + 1; pos <= mo.end(); pos++ {
		if e := mo.hit(a, pos, mo.hitsAt(a, pos-1), ReasonError); e.reason != ReasonError {
			return e
		}
		if !inRange(mo.pcs[pos]) {
			return expected{ReasonStep, pos, nil}
		}
	}
	return expected{mo.endReason(false), mo.end(), nil}
}

func (mo *model) reverseContinue(a *active, now uint64) expected {
	for pos := now; pos > 0; {
		pos--
		if e := mo.hit(a, pos, mo.hitsAt(a, pos), ReasonError); e.reason != ReasonError {
			return e
		}
	}
	return expected{ReasonBegin, 0, nil}
}

// check compares a stop with the prediction.
func (mo *model) check(t testing.TB, what string, a *active, got Stop, want expected) {
	t.Helper()
	same := slices.EqualFunc(got.Watches, want.hits, func(x, y WatchHit) bool { return x == y })
	if got.Reason != want.reason || got.Position != want.pos || !same {
		t.Fatalf("%s: %s gave %v at %d with %v; want %v at %d with %v",
			mo.p.name, what, got.Reason, got.Position, got.Watches, want.reason, want.pos, want.hits)
	}
	if len(got.Watches) > 0 && got.Watch != got.Watches[0] {
		t.Fatalf("%s: %s: Watch is %v, the first of Watches %v", mo.p.name, what, got.Watch, got.Watches[0])
	}
	if b := a.breaksAt(mo, want.pos); got.Breakpoint != b {
		t.Fatalf("%s: %s: Breakpoint is %v at %d, want %v", mo.p.name, what, got.Breakpoint, want.pos, b)
	}
	if r := got.Reason; r == ReasonEnd || r == ReasonTrap || r == ReasonError {
		if got.ExitCode != mo.last.ExitCode || (got.Trap == nil) != (mo.last.Trap == nil) || (got.Err == nil) != (mo.last.Err == nil) {
			t.Fatalf("%s: %s: the end is told as %+v, want %+v", mo.p.name, what, got, mo.last)
		}
	}
}

// visit is a state seen on a walk.
type visit struct {
	pos    uint64
	digest [32]byte
	core   uint64 // host calls
}

// verify compares the states seen with those of a plain forward run.
func (mo *model) verify(t testing.TB, tier wasmvm.Tier, seen []visit) {
	t.Helper()
	slices.SortFunc(seen, func(a, b visit) int { return int(a.pos) - int(b.pos) })
	m := mo.p.machine(t)
	m.SetTier(tier)
	mo.p.edit(t, m)
	var have [32]byte
	for i, v := range seen {
		if i == 0 || seen[i-1].pos != v.pos {
			mo.p.run(t, m, v.pos)
			have = m.Digest()
		}
		if m.Position() != v.pos || have != v.digest || m.HostCalls() != v.core {
			t.Fatalf("%s: the state at %d (%d host calls) is not that of a plain run, at %d (%d host calls)",
				mo.p.name, v.pos, v.core, m.Position(), m.HostCalls())
		}
	}
}

package reverse

// forever is a position that no run gets to.
const forever = ^uint64(0)

// Step completes one instruction. A watchpoint it touches is reported; a
// breakpoint it arrives at is only noted in the stop.
func (t *Timeline) Step() Stop {
	if s, ok := t.begin(); !ok {
		return s
	}
	if t.atEnd() {
		return t.ended(*t.end)
	}
	if err := t.cur.arm(); err != nil {
		return t.fail(err)
	}
	s := t.outcome(t.cur.advance(t.Now() + 1))
	if s.Reason == ReasonBreakpoint {
		s.Reason = ReasonStep
	}
	return s
}

// StepRange completes instructions while the next one is in [lo, hi), one at
// least: a call leaves the range, a branch back to its start does not. It also
// ends at every stop that Continue ends at.
func (t *Timeline) StepRange(lo, hi uint32) Stop {
	if s, ok := t.begin(); !ok {
		return s
	}
	if t.atEnd() {
		return t.ended(*t.end)
	}
	if err := t.cur.arm(); err != nil {
		return t.fail(err)
	}
	defer t.prog.end()
	defer t.prog.begin(ProgressForward, t.endPos, t.Now)()
	defer t.cur.unfence()
	due := t.due()
	for n := 0; ; n++ {
		to := t.Now() + 1
		if n == max(1, t.tune.fenceAfter) {
			if err := t.fenceRange(lo, hi); err != nil {
				return t.fail(err)
			}
		}
		if len(t.cur.fences) > 0 && !t.cur.fences[t.cur.m.PC()] {
			to = max(to, due)
		}
		if ev := t.cur.advance(to); ev.kind != eventLimit {
			return t.outcome(ev)
		}
		if pc := t.cur.m.PC(); pc < lo || pc >= hi {
			return t.stop(ReasonStep)
		}
		if t.Now() >= due {
			t.leave()
			due = t.due()
		}
	}
}

// fenceRange makes a run end where it may leave [lo, hi), if that can be told.
func (t *Timeline) fenceRange(lo, hi uint32) error {
	exits, ok := t.Module().RangeExits(lo, hi)
	if !ok {
		return nil
	}
	return t.cur.fence(exits)
}

// Continue runs to the next breakpoint, to behind the next instruction that
// touches a watchpoint, or to the end of history. A breakpoint at the present
// position does not count.
func (t *Timeline) Continue() Stop {
	if s, ok := t.begin(); !ok {
		return s
	}
	if t.atEnd() {
		return t.ended(*t.end)
	}
	if t.stops.empty() {
		return t.SeekEnd()
	}
	if err := t.cur.arm(); err != nil {
		return t.fail(err)
	}
	defer t.prog.end()
	return t.forward(t.cur.advance)
}

// forward runs on, leaving checkpoints, until something else happens.
func (t *Timeline) forward(run func(limit uint64) event) Stop {
	defer t.prog.begin(ProgressForward, t.endPos, t.Now)()
	for {
		ev := t.timed(run, t.due())
		if ev.kind != eventLimit {
			return t.outcome(ev)
		}
		t.leave()
	}
}

package reverse

// ReverseStep goes back by one instruction. A watchpoint that this instruction
// touches is reported.
func (t *Timeline) ReverseStep() Stop {
	if s, ok := t.begin(); !ok {
		return s
	}
	defer t.prog.end()
	now := t.Now()
	if now == t.hist.origin() {
		return t.stop(ReasonBegin)
	}
	if ev := t.goTo(now - 1); ev.kind != eventLimit {
		return t.outcome(ev)
	}
	if len(t.stops.watches) == 0 {
		return t.stop(ReasonStep)
	}
	hits, ev := t.peek()
	if ev.kind != eventLimit {
		return t.outcome(ev)
	}
	if len(hits) == 0 {
		return t.stop(ReasonStep)
	}
	return t.hit(hits)
}

// peek is the watchpoints that the instruction at now touches.
func (t *Timeline) peek() ([]WatchHit, event) {
	now := t.Now()
	if err := t.cur.arm(); err != nil {
		return nil, event{kind: eventError, err: err}
	}
	t.cur.deaf = true
	hits := t.cur.advance(now + 1).hits
	t.cur.deaf = false
	return hits, t.settle(now)
}

// ReverseContinue goes back to the latest position before now that has a
// breakpoint or whose instruction touches a watchpoint, or else to the start
// of history.
func (t *Timeline) ReverseContinue() Stop {
	if s, ok := t.begin(); !ok {
		return s
	}
	defer t.prog.end()
	now, origin := t.Now(), t.hist.origin()
	if t.stops.empty() || now == origin {
		if ev := t.goTo(origin); ev.kind != eventLimit {
			return t.outcome(ev)
		}
		return t.stop(ReasonBegin)
	}
	hi := now
	defer t.prog.begin(ProgressScan, now-origin, func() uint64 { return now - hi })()
	for hi > origin {
		if now-t.hist.before(hi).pos >= t.tune.unit { // what is nearer takes no time
			return t.scanAtOnce(now, hi)
		}
		s, lo, done := t.lookAt(hi)
		if done {
			return s
		}
		hi = lo
	}
	return t.backTo(origin, ReasonBegin)
}

// scanAtOnce is the rest of a ReverseContinue that began at now and has found
// nothing at or behind hi: it scans what is before hi with several cursors.
func (t *Timeline) scanAtOnce(now, hi uint64) Stop {
	segs := t.segments(hi)
	cursors := t.workers(len(segs))
	t.hist.trim(t.Now())
	segs = t.segments(hi) // making room may have dropped some
	p := newPool(segs, t.patience(0))
	defer t.prog.begin(ProgressScan, now-t.hist.origin(), func() uint64 { return now - hi + p.scanned.Load() })()
	t.toldEnd = false
	p.run(cursors, func() bool { return t.intr.CompareAndSwap(true, false) }, t.prog.tick)
	t.account()
	for i, r := range p.results {
		switch {
		case r.done && r.ev.kind == eventLimit && !r.last.found: // nothing is there
		case p.interrupted:
			return t.backTo(segs[i].hi, ReasonInterrupt)
		case r.done && r.ev.kind == eventLimit:
			return t.found(r.last)
		default:
			// Many stops or a failure: see for ourselves, so that it ends as
			// without other cursors.
			for hi, lo := segs[i].hi, segs[i].from.pos; hi > lo; {
				s, next, done := t.lookAt(hi)
				if done {
					return s
				}
				hi = next
			}
		}
	}
	return t.backTo(t.hist.origin(), ReasonBegin)
}

// segments cuts what is before hi into segments that are long enough to be
// given to a cursor, newest first.
func (t *Timeline) segments(hi uint64) []segment {
	var segs []segment
	for i := t.hist.after(hi-1) - 1; i >= 0; i-- {
		s := t.hist.list[i]
		if i > 0 && hi-s.pos < t.tune.unit {
			continue
		}
		segs = append(segs, segment{s, hi})
		hi = s.pos
	}
	return segs
}

// lookAt looks through what is between hi and the last checkpoint in front of
// it. If done, that is how the whole operation ends; else there is no stop at or
// behind lo.
func (t *Timeline) lookAt(hi uint64) (s Stop, lo uint64, done bool) {
	switch last, lo, ev := t.scan(hi, 0); {
	case ev.kind == eventInterrupt:
		return t.backTo(hi, ReasonInterrupt), lo, true
	case ev.kind != eventLimit:
		return t.outcome(ev), lo, true
	case last.found:
		return t.found(last), lo, true
	default:
		return Stop{}, lo, false
	}
}

// found settles at the stop that was looked for.
func (t *Timeline) found(last lastHit) Stop {
	if ev := t.settle(last.pos); ev.kind != eventLimit {
		return t.outcome(ev)
	}
	return t.hit(last.hits)
}

// backTo settles at a position to report a reason there.
func (t *Timeline) backTo(pos uint64, r Reason) Stop {
	if ev := t.settle(pos); ev.kind != eventLimit {
		return t.outcome(ev)
	}
	return t.stop(r)
}

package reverse

// ReverseStep goes back by one instruction. A watchpoint that this instruction
// touches is reported.
func (t *Timeline) ReverseStep() Stop {
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
	now, origin := t.Now(), t.hist.origin()
	if t.stops.empty() || now == origin {
		if ev := t.goTo(origin); ev.kind != eventLimit {
			return t.outcome(ev)
		}
		return t.stop(ReasonBegin)
	}
	for hi := now; hi > origin; {
		from := t.hist.before(hi)
		lo := from.pos
		last, ev := t.scan(from, hi, 0)
		switch {
		case ev.kind == eventInterrupt:
			return t.backTo(hi, ReasonInterrupt)
		case ev.kind != eventLimit:
			return t.outcome(ev)
		case last.found:
			if ev := t.goTo(last.pos); ev.kind != eventLimit {
				return t.outcome(ev)
			}
			return t.hit(last.hits)
		}
		hi = lo
	}
	return t.backTo(origin, ReasonBegin)
}

// backTo settles at a position to report a reason there.
func (t *Timeline) backTo(pos uint64, r Reason) Stop {
	if ev := t.settle(pos); ev.kind != eventLimit {
		return t.outcome(ev)
	}
	return t.stop(r)
}

// lastHit is the latest stop of a stretch of history.
type lastHit struct {
	found bool
	pos   uint64     // of the instruction with the breakpoint or with the access
	hits  []WatchHit // touched by that instruction
}

// note takes up what happened on the way to the present position, of which
// nothing at or behind hi counts.
func (l *lastHit) note(ev event, now, hi uint64) {
	if len(ev.hits) > 0 {
		*l = lastHit{true, now - 1, ev.hits}
	}
	if ev.breakpoint && now < hi {
		*l = lastHit{true, now, nil}
	}
}

// maxNarrowing bounds how often scan looks at the newest part first.
const maxNarrowing = 16

// scan runs from a checkpoint to hi and finds the last stop of [from, hi). It
// ends with eventLimit, or with what kept it from getting through.
func (t *Timeline) scan(from *snapshot, hi uint64, narrowed int) (lastHit, event) {
	var last lastHit
	if err := t.restore(from); err != nil {
		return last, event{kind: eventError, err: err}
	}
	if err := t.cur.arm(); err != nil {
		return last, event{kind: eventError, err: err}
	}
	last.note(event{breakpoint: t.cur.atBreak()}, t.Now(), hi)
	for n := 0; t.Now() < hi; n++ {
		ev := t.cur.advance(hi)
		if ev.kind != eventLimit && ev.kind != eventStop {
			return last, ev
		}
		last.note(ev, t.Now(), hi)
		if n >= t.tune.manyHits && narrowed < maxNarrowing && hi-t.Now() > 8*t.tune.micro {
			return t.narrow(last, hi, narrowed+1)
		}
	}
	return last, event{}
}

// narrow finds the last stop before hi where stops are frequent: it runs on
// without looking, leaves checkpoints, and looks at the newest stretches first.
// If there is none behind now, then the last one is what was found so far.
func (t *Timeline) narrow(soFar lastHit, hi uint64, narrowed int) (lastHit, event) {
	start := t.Now()
	t.leave()
	if ev := t.runTo(hi); ev.kind != eventLimit {
		return soFar, ev
	}
	for hi > start {
		from := t.hist.before(hi)
		lo := from.pos
		last, ev := t.scan(from, hi, narrowed)
		if ev.kind != eventLimit {
			return soFar, ev
		}
		if last.found {
			return last, ev
		}
		hi = lo
	}
	return soFar, event{}
}

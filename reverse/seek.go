package reverse

// tuning is the distances, in instructions, that decide where checkpoints are
// left. The tests use small ones.
type tuning struct {
	// interval is the distance between checkpoints of a forward run. It bounds
	// what the first step back from anywhere has to replay.
	interval uint64
	// perPage lengthens the interval where checkpoints are dear: so many
	// instructions for each page that the last one had to store, up to four
	// times the interval. Beyond that steps back would get slow, so it gets
	// longer only with an eighth of that.
	perPage uint64
	// micro is the distance between the densest checkpoints, right behind now.
	// A step back replays half of it on average.
	micro uint64
	// maxCount bounds the number of checkpoints; dropping one looks at all.
	maxCount int
	// manyHits is when to stop looking at every hit of a stretch one goes back
	// over, and to look at its newest part first.
	manyHits int
	// unit is the shortest segment worth giving to another processor.
	unit uint64
	// tick is how many instructions run between looks at the clock.
	tick uint64
}

// At 0.3 to 0.5 ns an instruction, 5e7 take 15 to 25 ms. A page costs about
// 2 µs to copy, hash and compress, the time of 5e3 instructions; 1e5 a page
// keep that at 5 % of the run, or 40 % at worst. Going through 1024 instructions one by one takes
// about as long as restoring a checkpoint (1 µs).
var defaultTuning = tuning{interval: 5e7, perPage: 1e5, micro: 1024, maxCount: 2048, manyHits: 1000, unit: 2_000_000, tick: 10_000_000}

func (t *Timeline) setTuning(tune tuning) {
	t.tune = tune
	t.interval = tune.interval
	t.cur.tickEvery = tune.tick
	t.hist.maxCount, t.hist.near = tune.maxCount, tune.micro
}

// leave makes a checkpoint of the present state, unless there is one.
func (t *Timeline) leave() {
	now := t.Now()
	if t.hist.has(now) {
		return
	}
	s := t.cur.save()
	t.hist.add(s)
	t.leftAt = now
	t.account()
	dear := t.tune.perPage * uint64(s.stored)
	t.interval = max(t.tune.interval, min(dear, 4*t.tune.interval), dear/8)
	t.hist.trim(now)
	// The cursor's own images can be too much too: then the next checkpoint
	// has to look at the whole state again, and none is left without need.
	if t.crowded = t.hist.bytes() > t.hist.budget; t.crowded {
		t.cur.forget()
	}
}

// due is where a forward run leaves its next checkpoint; it may be now.
func (t *Timeline) due() uint64 {
	now, list := t.Now(), t.hist.list
	i := t.hist.after(now)
	last := list[i-1].pos
	if t.leftAt <= now { // it counts even if it was dropped at once
		last = max(last, t.leftAt)
	}
	due := last + t.interval
	for ; i < len(list) && list[i].pos <= due+t.interval/2; i++ {
		due = list[i].pos + t.interval
	}
	return max(due, now)
}

// rung is the next position to stop at on the way from now to target: a
// checkpoint half way, half way of what is left, and so on, so that going back
// from target finds checkpoints the denser the nearer they are. Where they are
// dear there are fewer, each leaving an eighth of the way.
func (t *Timeline) rung(target uint64) uint64 {
	now := t.Now()
	left := target - now
	next := min(t.due(), target)
	if left > 2*t.tune.micro && !t.crowded {
		rest := left / 2
		if t.interval > t.tune.interval {
			rest = left / 8
		}
		next = min(next, target-rest)
	}
	return next
}

// runTo runs forward to target, past all stops, leaving checkpoints.
func (t *Timeline) runTo(target uint64) event {
	start := t.Now()
	defer t.prog.begin(ProgressSeek, target-start, func() uint64 { return t.Now() - start })()
	for t.Now() < target {
		next := t.rung(target)
		if ev := t.cur.run(next); ev.kind != eventLimit {
			return ev
		}
		if next < target {
			t.leave()
		}
	}
	return event{}
}

// restore moves now to a checkpoint.
func (t *Timeline) restore(s *snapshot) error {
	t.toldEnd = false
	return t.cur.restore(s)
}

// jumpWorth is how many instructions a restore must save to be preferred to
// running on.
const jumpWorth = 50_000

// goTo makes target the present position.
func (t *Timeline) goTo(target uint64) event {
	now := t.Now()
	if near := t.hist.atOrBefore(target); target < now || near.pos > now+jumpWorth {
		if err := t.restore(near); err != nil {
			return event{kind: eventError, err: err}
		}
	}
	return t.runTo(target)
}

// settle is goTo that does not let itself be interrupted.
func (t *Timeline) settle(target uint64) event {
	t.cur.deaf = true
	defer func() { t.cur.deaf = false }()
	return t.goTo(target)
}

// Seek goes to a position, past all stops. Before the start of history it goes
// to the start (ReasonBegin), past the end to the end, which it reports as
// SeekEnd does; else the reason is ReasonStep.
func (t *Timeline) Seek(pos uint64) Stop {
	defer t.prog.end()
	if t.end != nil && pos > t.endPos {
		return t.SeekEnd()
	}
	if pos < t.hist.origin() {
		if s := t.outcome(t.goTo(t.hist.origin())); s.Reason != ReasonStep {
			return s
		}
		return t.stop(ReasonBegin)
	}
	return t.outcome(t.goTo(pos))
}

// SeekEnd goes to the end of history, past all stops. It reports it as a
// forward run does that gets there.
func (t *Timeline) SeekEnd() Stop {
	defer t.prog.end()
	if t.end == nil {
		if near := t.hist.atOrBefore(forever); near.pos > t.Now() {
			if err := t.restore(near); err != nil {
				return t.fail(err)
			}
		}
		return t.forward(t.cur.run)
	}
	if ev := t.goTo(t.endPos); ev.kind != eventLimit {
		return t.outcome(ev)
	}
	return t.ended(*t.end)
}

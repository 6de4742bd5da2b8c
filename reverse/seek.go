package reverse

import (
	"errors"
	"fmt"
	"time"

	"wrev/checkpoint"
)

// tuning is the distances, in instructions, that decide where checkpoints are
// left. The tests use small ones.
type tuning struct {
	// interval is the distance between checkpoints of a forward run, until the
	// program's speed is known. See pacer.
	interval uint64
	// span is how long, at most, running from one checkpoint to the next should
	// take. With 0 interval stays as it is.
	span time.Duration
	// micro is the distance between the densest checkpoints, right behind now.
	// A step back replays half of it on average.
	micro uint64
	// maxCount bounds the number of checkpoints; dropping one looks at all.
	maxCount int
	// manyHits is when to stop looking at every hit of a stretch one goes back
	// over, and to look at its newest part first.
	manyHits int
	// fenceAfter is how many instructions of a range StepRange completes one by
	// one before it looks for the ways out of it. That takes about as long as
	// 100 of them, and most lines of a program are shorter than this.
	fenceAfter int
	// unit is the shortest segment worth giving to another processor.
	unit uint64
	// tick is how many instructions run between looks at the clock.
	tick uint64
}

// At 0.3 to 0.5 ns an instruction, 5e7 take 15 to 25 ms. Going through 1024
// instructions one by one takes about as long as restoring a checkpoint (1 µs).
var defaultTuning = tuning{interval: 5e7, span: paceSpan, micro: 1024, maxCount: 2048, manyHits: 1000, fenceAfter: 64, unit: 2_000_000, tick: 10_000_000}

func (t *Timeline) setTuning(tune tuning) {
	t.tune = tune
	t.pace = newPacer(tune.interval, tune.span)
	t.cur.tickEvery = tune.tick
	t.hist.maxCount, t.hist.near = tune.maxCount, tune.micro
}

// leave makes a checkpoint of the present state, unless there is one.
func (t *Timeline) leave() {
	now := t.Now()
	if t.hist.has(now) {
		return
	}
	start := time.Now()
	s := t.cur.save()
	whole := now >= t.leftAt+t.pace.interval
	t.stored = uint64(s.stored)
	t.hist.add(s)
	t.leftAt = now
	t.account()
	t.hist.trim(now)
	// The cursor's own images can be too much too: then the next checkpoint
	// has to look at the whole state again, and none is left without need.
	if t.crowded = t.hist.bytes() > t.hist.budget; t.crowded {
		t.cur.forget()
	}
	if whole {
		t.pace.saved(time.Since(start), s.stored)
	}
}

// cheapPages is how many pages may be saved where a checkpoint is only good for
// coming back: 3 ms at most. Without, that takes as long as any seek.
const cheapPages = 4096

// leaveCheaply is leave, unless much was changed since the last checkpoint.
func (t *Timeline) leaveCheaply() {
	if t.cur.unsaved() <= cheapPages {
		t.leave()
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
	due := last + t.pace.interval
	for ; i < len(list) && list[i].pos <= due+t.pace.interval/2; i++ {
		due = list[i].pos + t.pace.interval
	}
	return max(due, now)
}

// A run to a target leaves checkpoints on the last part of the way, each at
// so much of what is left: going back from the target finds them the denser the
// nearer they are. That a step goes back over one of them happens the more
// rarely the further away it is, so few do: they cost what the program writes
// between them. Where that is much, there are fewer.
const (
	rungShare     = 8
	dearRungShare = 64
	// rungPage is how many instructions run in the time in which one page is
	// saved, about 0.7 µs.
	rungPage = 2000
)

// ladder is the checkpoints that a run leaves on its way to a target.
type ladder struct {
	share uint64 // of what is left, the next one is left at a share-th
	last  uint64 // where the last one was left
}

// next is the next position to stop at on the way from now to target.
func (l *ladder) next(t *Timeline, target uint64) uint64 {
	now := t.Now()
	left := target - now
	next := min(t.due(), target)
	if l != nil && left > 2*t.tune.micro && !t.crowded {
		next = min(next, target-max(left/l.share, t.tune.micro))
	}
	return next
}

// left looks at what the checkpoint at the present position has cost.
func (l *ladder) left(t *Timeline) {
	if l == nil {
		return
	}
	now := t.Now()
	if t.stored*rungPage > (now-l.last)/4 {
		l.share = dearRungShare
	}
	l.last = now
}

// dear reports whether checkpoints take long to make even at the distance of
// those of a forward run.
func (t *Timeline) dear() bool { return t.pace.stored*rungPage > t.pace.interval/4 }

// runTo runs forward to target, past all stops, leaving checkpoints.
func (t *Timeline) runTo(target uint64) event {
	l := ladder{share: rungShare, last: t.Now()}
	if t.dear() {
		l.share = dearRungShare
	}
	return t.climb(&l, target)
}

// climb is runTo with a ladder, or if that is nil without.
func (t *Timeline) climb(l *ladder, target uint64) event {
	start := t.Now()
	defer t.prog.begin(ProgressSeek, target-start, func() uint64 { return t.Now() - start })()
	for t.Now() < target {
		next := l.next(t, target)
		if ev := t.timed(t.cur.run, next); ev.kind != eventLimit {
			return ev
		}
		if next < target {
			t.leave()
			l.left(t)
		}
	}
	return event{}
}

// restore moves now to the last checkpoint that is not behind pos. One that
// cannot be read back is dropped, and the one before it used: what was lost is
// run through again.
func (t *Timeline) restore(pos uint64) error {
	t.toldEnd = false
	for {
		i := max(t.hist.after(pos)-1, 0)
		err := t.cur.restore(t.hist.list[i])
		if !t.lost(err, i) {
			return err
		}
	}
}

// lost drops checkpoint i if that is what err is about, and there is another.
func (t *Timeline) lost(err error, i int) bool {
	if i == 0 || !errors.Is(err, checkpoint.ErrLost) {
		return false
	}
	t.warn(fmt.Errorf("the checkpoint is made again: %w", err))
	t.hist.drop(i)
	return true
}

// jumpWorth is how many instructions a restore must save to be preferred to
// running on.
const jumpWorth = 50_000

// jump moves now to a checkpoint from which target can be run to, if that is
// better than running on.
func (t *Timeline) jump(target uint64) error {
	now := t.Now()
	if within := t.pace.dense(); max(now, target)-min(now, target) > within {
		t.hist.thin(target, within)
	}
	if near := t.hist.atOrBefore(target); target < now || near.pos > now+jumpWorth {
		return t.restore(target)
	}
	return nil
}

// goTo makes target the present position.
func (t *Timeline) goTo(target uint64) event {
	if err := t.jump(target); err != nil {
		return event{kind: eventError, err: err}
	}
	return t.runTo(target)
}

// visit is goTo for when nobody is known to want to go back from there: it leaves
// no checkpoints just for that. The first step back, if there is one, does.
func (t *Timeline) visit(target uint64) event {
	if err := t.jump(target); err != nil {
		return event{kind: eventError, err: err}
	}
	return t.climb(nil, target)
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
	if s, ok := t.begin(); !ok {
		return s
	}
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
	return t.outcome(t.visit(pos))
}

// SeekEnd goes to the end of history, past all stops. It reports it as a
// forward run does that gets there.
func (t *Timeline) SeekEnd() Stop {
	if s, ok := t.begin(); !ok {
		return s
	}
	defer t.prog.end()
	if t.end == nil {
		if near := t.hist.atOrBefore(forever); near.pos > t.Now() {
			if err := t.restore(forever); err != nil {
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

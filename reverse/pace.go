package reverse

import "time"

// How far apart the checkpoints of a forward run are is a matter of time, not
// of instructions: a program may take 0.3 ns for one or, with many host calls,
// 100. Two things are wanted:
//
//   - Any position can be got at within a tenth of a second: restoring 64 MB
//     takes up to 30 ms, and running up to paceSpan the rest of the way.
//   - Checkpoints cost at most a tenth of the run. Where they are dear, they
//     are further apart, but no more than twice as far: then the first matters
//     more.
const (
	paceSpan = 40 * time.Millisecond
	// paceShare is how many times as long as saving a checkpoint the run
	// between two of them takes.
	paceShare = 12
	// paceSample is the shortest run, in instructions, that tells how fast the
	// program is: about a millisecond.
	paceSample = 2_000_000
	// The interval stays within these bounds of the one to begin with, whatever
	// a busy machine makes of the clock.
	paceShortest, paceLongest = 256, 8
)

// pacer finds the distance between checkpoints.
type pacer struct {
	span     time.Duration // 0: the interval does not change
	first    uint64
	interval uint64        // in instructions
	perInstr float64       // ns, lately; 0 if not known yet
	cost     time.Duration // of saving a checkpoint that is an interval from the last
	stored   uint64        // pages that were stored for it
}

func newPacer(interval uint64, span time.Duration) pacer {
	return pacer{span: span, first: interval, interval: interval}
}

// ran notes that n instructions took so long.
func (p *pacer) ran(n uint64, took time.Duration) {
	if n < paceSample || p.span == 0 {
		return
	}
	ns := float64(took) / float64(n)
	if p.perInstr > 0 {
		ns = (ns + p.perInstr) / 2
	}
	p.perInstr = ns
	p.adapt()
}

// saved notes what the checkpoint after a whole interval has cost.
func (p *pacer) saved(took time.Duration, pages int) {
	p.cost, p.stored = took, uint64(pages)
	p.adapt()
}

func (p *pacer) adapt() {
	if p.perInstr == 0 {
		return
	}
	span := min(max(p.span, p.cost*paceShare), 2*p.span)
	n := uint64(float64(span) / p.perInstr)
	p.interval = min(max(n, p.first/paceShortest), p.first*paceLongest)
}

// timed runs on to limit and notes how long that took.
func (t *Timeline) timed(run func(limit uint64) event, limit uint64) event {
	from := t.Now()
	if limit-from < paceSample {
		return run(limit)
	}
	start := time.Now()
	ev := run(limit)
	t.pace.ran(t.Now()-from, time.Since(start))
	return ev
}

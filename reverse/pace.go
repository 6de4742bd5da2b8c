package reverse

import "time"

// How far apart the checkpoints of a forward run are is a matter of time, not
// of instructions: a program may take 0.3 ns for one or, with many host calls,
// 100. Two things are wanted:
//
//   - Any position can be got at within a tenth of a second: restoring 64 MB
//     takes up to 30 ms, and running up to paceSpan the rest of the way.
//   - Checkpoints cost at most a tenth of the run. Where they are dear, because
//     the program writes much of its memory from one to the next, they are
//     further apart, up to paceMost: a run that takes a tenth longer is felt
//     each time, a far seek that takes a second now and then.
//
// What a checkpoint costs is all the time that the run waits for it: copying,
// and what compressing and moving to the disk could not be done meanwhile on
// another processor.
const (
	paceSpan = 40 * time.Millisecond
	paceMost = 50 * paceSpan
	// paceShare is how many times as long as leaving a checkpoint the run
	// between two of them takes. A tenth of the run would be 10.
	paceShare = 12
	// paceSample is the shortest run, in instructions, that tells how fast the
	// program is: about a millisecond.
	paceSample = 2_000_000
	// The interval stays within these bounds of the one to begin with, whatever
	// a busy machine makes of the clock.
	paceShortest, paceLongest = 256, 64
	// paceForget is which share of a new figure goes into the mean: one
	// checkpoint in ten that costs ten times as much counts as two each time.
	paceForget = 8
	// paceSlower is how much slower than so far the program seems at most from
	// one sample to the next, as a share: what else the machine does for a
	// moment is no reason for more checkpoints, which would make it worse.
	paceSlower = 16
)

// pacer finds the distance between checkpoints.
type pacer struct {
	span     time.Duration // 0: the interval does not change
	first    uint64
	interval uint64        // in instructions
	perInstr float64       // ns, undisturbed; 0 if not known yet
	lately   float64       // ns per instruction, the mean of the last samples
	cost     time.Duration // of a checkpoint of a forward run, the mean of the last ones
	stored   uint64        // pages that were stored for the last one
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
	if p.perInstr == 0 {
		p.perInstr, p.lately = ns, ns
	}
	p.perInstr = min(ns, p.perInstr*(1+1./paceSlower))
	p.lately += (ns - p.lately) / paceForget
	p.adapt()
}

// saved notes what the checkpoint after a whole interval has cost.
func (p *pacer) saved(took time.Duration, pages int) {
	p.cost += (took - p.cost) / paceForget
	p.stored = uint64(pages)
	p.adapt()
}

func (p *pacer) adapt() {
	if p.perInstr == 0 {
		return
	}
	// What disturbs the run disturbs its checkpoints as much.
	n := max(float64(p.span)/p.perInstr, float64(p.cost*paceShare)/p.lately)
	n = min(n, float64(paceMost)/p.perInstr)
	p.interval = min(max(uint64(n), p.first/paceShortest), p.first*paceLongest)
}

// dense is a distance at which checkpoints are certainly close to one another,
// whatever the interval was when they were left.
func (p *pacer) dense() uint64 {
	if p.perInstr == 0 {
		return p.interval / 2
	}
	return min(p.interval, uint64(float64(p.span)/p.perInstr)) / 2
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

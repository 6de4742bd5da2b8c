package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"wrev/checkpoint/recording"
	"wrev/reverse"
)

const (
	// progressDelay keeps work that is soon done silent.
	progressDelay = 500 * time.Millisecond
	// progressEvery is how often the line changes: often enough to be seen moving, seldom enough to be read.
	progressEvery = 100 * time.Millisecond
	// longestEstimate is how far an extrapolation is taken seriously.
	longestEstimate = 1000 * time.Hour
	// eraseLine goes to the beginning of the line and clears it (ECMA-48 EL).
	eraseLine = "\r\x1b[K"
)

// progressLine shows on a terminal what takes long, how far it is, and how long
// it will still take: one line, which is gone when the work is done. Whoever
// else writes to that terminal has to write through it. It is for use by several
// goroutines.
type progressLine struct {
	mu       sync.Mutex
	terminal io.Writer
	now      func() time.Time

	work  work
	start time.Time // of the work
	base  uint64    // done at that time
	drawn time.Time
	shown bool
}

// work is something that takes long. total is 0 if nobody knows it.
type work struct {
	what        string // "verifying"
	unit        string // "instructions"; empty for work of which only the share is of interest
	done, total uint64
	// likely, if not 0, is how long the whole may take, for as long as total is unknown.
	likely time.Duration
}

// newProgress is nil, which is silent, if w is not a terminal that can erase a
// line.
func newProgress(w io.Writer) *progressLine {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &progressLine{terminal: w, now: time.Now}
}

// show tells how far a piece of work is. It returns at once, mostly without doing anything.
func (p *progressLine) show(w work) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.start.IsZero() || w.what != p.work.what || w.done < p.work.done {
		p.start, p.base = now, w.done
	}
	p.work = w
	if now.Sub(p.start) < progressDelay || now.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn, p.shown = now, true
	fmt.Fprint(p.terminal, eraseLine+"wrev: "+w.text(now.Sub(p.start), w.done-p.base))
}

// done takes the line away: the work is finished.
func (p *progressLine) done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.start = time.Time{}
}

func (p *progressLine) erase() {
	if p.shown {
		fmt.Fprint(p.terminal, eraseLine)
		p.shown = false
	}
}

// writer is w with the line out of the way of what is written.
func (p *progressLine) writer(w io.Writer) io.Writer {
	if p == nil {
		return w
	}
	return &aroundProgress{p, w}
}

type aroundProgress struct {
	line *progressLine
	w    io.Writer
}

func (a *aroundProgress) Write(b []byte) (int, error) {
	a.line.mu.Lock()
	defer a.line.mu.Unlock()
	a.line.erase()
	return a.w.Write(b)
}

// text is the line. elapsed and progress are since the work began to be watched.
func (w work) text(elapsed time.Duration, progress uint64) string {
	text := w.what
	if w.unit != "" {
		text += ": " + grouped(w.done)
		if w.total != 0 {
			text += " of " + grouped(w.total)
		}
		text += " " + w.unit
	}
	if w.total != 0 {
		text += fmt.Sprintf(" (%d %%)", percent(w.done, w.total))
	}
	left, ok := w.left(elapsed, progress)
	if !ok {
		return text
	}
	return text + ", about " + roughly(left) + " left"
}

// left is how long the work will still take, at the speed it had so far.
func (w work) left(elapsed time.Duration, progress uint64) (time.Duration, bool) {
	switch {
	case w.total > w.done && progress > 0:
		left := float64(elapsed) * float64(w.total-w.done) / float64(progress)
		return time.Duration(left), left < float64(longestEstimate)
	case w.total == 0 && w.likely > elapsed:
		return w.likely - elapsed, true
	}
	return 0, false
}

// percent is below 100 until all is done.
func percent(done, total uint64) int {
	return int(min(float64(done)/float64(total), 1) * 100)
}

// roughly is a duration as one says it.
func roughly(d time.Duration) string {
	switch s := int64(d.Round(time.Second) / time.Second); {
	case s < 1:
		return "1 s"
	case s < 100:
		return fmt.Sprintf("%d s", s)
	case s < 100*60:
		return fmt.Sprintf("%d min", (s+30)/60)
	default:
		return fmt.Sprintf("%d h", (s+1800)/3600)
	}
}

const (
	// tellingCalls is how many host calls make a good measure of how far a replay is.
	tellingCalls = 100
	// replaySlowdown is how much longer a replay takes than the recorded run, as
	// a rule (docs/benchmarks.md): 3 to 12 times, less for a program that waits.
	replaySlowdown = 6
)

// firstPass is the replay of a recording whose last position nobody knows yet.
// How far it is the host calls tell, or else the time that the program took.
func firstPass(what string, rec *recording.Reader, position, call uint64) work {
	if calls := rec.NumCalls(); calls >= tellingCalls {
		return work{what: what, unit: "host calls", done: call, total: calls}
	}
	elapsed, _ := rec.Elapsed()
	return work{what: what, unit: "instructions", done: position, likely: elapsed * replaySlowdown}
}

// timeline shows what a timeline of the recording is doing.
func (p *progressLine) timeline(rec *recording.Reader, t reverse.Progress) {
	w := work{done: t.Done, total: t.Total, unit: "instructions"}
	switch t.Kind {
	case reverse.ProgressDone:
		p.done()
		return
	case reverse.ProgressForward:
		if w.what = "running forwards"; t.Total == 0 {
			w = firstPass(w.what, rec, t.Done, t.Calls)
		}
	case reverse.ProgressSeek:
		w.what = "going there"
	case reverse.ProgressScan:
		w.what = "searching backwards"
	case reverse.ProgressSave:
		w.what, w.unit = "saving checkpoints", "bytes"
	}
	p.show(w)
}

// live shows what the timeline of a live program is doing, unless it runs: how
// long that will be nobody knows, and the line would be in the way of its output.
func (p *progressLine) live(t reverse.Progress) {
	if t.Kind != reverse.ProgressForward || t.Total != 0 {
		p.timeline(nil, t)
	}
}

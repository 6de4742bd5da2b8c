package reverse

import "time"

// ProgressKind says what takes long.
type ProgressKind uint8

// The kinds.
const (
	ProgressDone    ProgressKind = iota // the operation has ended; nothing else is told
	ProgressForward                     // running towards the next stop or the end
	ProgressSeek                        // running to a position from a checkpoint
	ProgressScan                        // looking for a stop backwards
	ProgressSave                        // writing the cache file; Done and Total are checkpoints
)

// Progress is how far an operation has got.
type Progress struct {
	Kind ProgressKind
	// Done and Total are instructions: of a forward run the position and that
	// of the end, of a seek and a scan how many there are to go through. Total
	// is 0 if nobody knows yet.
	Done, Total uint64
	Calls       uint64 // host calls completed at the place where the operation is
}

// progressEvery is how often progress is told. The first time is that long
// after an operation began, so short ones say nothing.
const progressEvery = 20 * time.Millisecond

// tickStops is how many stops of the machine are between looks at the clock,
// where it stops often.
const tickStops = 4096

// progress tells Options.Progress how the present operation is getting on.
type progress struct {
	hook  func(Progress)
	calls func() uint64
	every time.Duration
	last  time.Time // when something was told, or the operation began
	told  bool

	kind  ProgressKind
	total uint64
	done  func() uint64
}

// begin starts a part of an operation. The one it returns to is resumed by what
// begin returns.
func (p *progress) begin(kind ProgressKind, total uint64, done func() uint64) (resume func()) {
	if p.hook == nil {
		return func() {}
	}
	outer := *p
	if outer.done == nil {
		p.last = time.Now()
	}
	p.kind, p.total, p.done = kind, total, done
	return func() { p.kind, p.total, p.done = outer.kind, outer.total, outer.done }
}

// tick tells the hook how things are, if it is time to.
func (p *progress) tick() {
	if p.hook == nil || p.done == nil {
		return
	}
	if now := time.Now(); now.Sub(p.last) >= p.every {
		p.last, p.told = now, true
		p.hook(Progress{Kind: p.kind, Done: p.done(), Total: p.total, Calls: p.calls()})
	}
}

// end ends the operation.
func (p *progress) end() {
	p.done = nil
	if p.told {
		p.told = false
		p.hook(Progress{Kind: ProgressDone})
	}
}

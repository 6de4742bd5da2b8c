package gdbstub

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// outputChunk is how much output in bytes goes into one packet.
	outputChunk = 2048
	// outputDelay is how long output may wait for more.
	outputDelay = 50 * time.Millisecond
	// outputKept is how many bytes of output are kept to be shown later.
	outputKept = 16 << 20
)

// Output passes on what the program prints to the user of the debugger. Replaying
// prints again each time a stretch of history is run, and prints nothing where the
// target jumps to a checkpoint. So Output keeps what it gets, and shows each host
// call once: when the user first moves forwards over it.
type Output struct {
	mu     sync.Mutex
	kept   []printed         // by call
	size   int               // bytes in kept
	next   uint64            // calls before it have been shown, or are not to be
	before uint64            // calls before it are forgotten
	sink   func(text []byte) // nil while the user is not moving forwards
	buf    []byte
	timer  *time.Timer

	path  []OutputBranch    // whose calls kept has, from the trunk on; nil is the trunk alone
	aside map[int][]printed // what branches printed that is not in kept, by branch
	shown map[int]uint64    // of branches: what next was when another was switched to
}

// OutputBranch is a branch on a path through history, and the number of the first
// host call that is its own.
type OutputBranch struct {
	Branch int
	First  uint64
}

// printed is what one host call printed.
type printed struct {
	call uint64
	text []byte
}

// Write takes what host call number call of the program printed on fd, all of it
// in one call. It may be called from any goroutine.
func (o *Output) Write(call uint64, fd uint32, p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep(call, p)
	if o.sink != nil && call >= o.next {
		o.show(call + 1)
	}
}

// keep remembers what a call printed. When it is too much the oldest quarter is
// forgotten.
func (o *Output) keep(call uint64, p []byte) {
	i, found := o.find(call)
	if found || call < o.before {
		return
	}
	o.kept = slices.Insert(o.kept, i, printed{call, slices.Clone(p)})
	o.size += len(p)
	if o.size <= outputKept {
		return
	}
	drop := 0
	for ; o.size > outputKept/4*3 && drop < len(o.kept)-1; drop++ {
		o.size -= len(o.kept[drop].text)
	}
	o.before = o.kept[drop].call
	o.kept = slices.Delete(o.kept, 0, drop)
}

// find returns where in kept the first call from call on is.
func (o *Output) find(call uint64) (int, bool) {
	return slices.BinarySearchFunc(o.kept, call, func(p printed, call uint64) int { return cmp.Compare(p.call, call) })
}

// show shows what the calls before end printed, unless it has been.
func (o *Output) show(end uint64) {
	for i, _ := o.find(o.next); i < len(o.kept) && o.kept[i].call < end; i++ {
		o.write(o.kept[i].text)
	}
	o.next = max(o.next, end)
}

// write sends text in packets that are not too small or too large.
func (o *Output) write(text []byte) {
	for len(text) > 0 {
		n := min(len(text), outputChunk-len(o.buf))
		o.buf = append(o.buf, text[:n]...)
		text = text[n:]
		if len(o.buf) == outputChunk {
			o.flush()
		}
	}
	if len(o.buf) > 0 && o.timer == nil {
		o.timer = time.AfterFunc(outputDelay, o.flushLater)
	}
}

// begin starts a move forwards from where completed host calls are over: what
// they printed is not shown by it. sink gets the output, until end.
func (o *Output) begin(completed uint64, sink func(text []byte)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = max(o.next, completed)
	o.sink = sink
}

// end is called when the move has come to where completed host calls are over.
func (o *Output) end(completed uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.show(completed)
	o.flush()
	o.sink = nil
}

// restart makes everything be shown again, because the user runs the program
// again from its start.
func (o *Output) restart() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = 0
	clear(o.shown)
}

// Switch is called when the calls along another path are made or repeated from
// now on. What either path printed alone is kept apart, and what this one printed
// is shown when the user first moves over it.
func (o *Output) Switch(path []OutputBranch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.path) == 0 {
		o.path = []OutputBranch{{}}
	}
	o.setAside()
	o.path = slices.Clone(path)
	for i, b := range path {
		if o.next >= b.First {
			o.next = max(b.First, o.shown[b.Branch])
		}
		o.next = min(o.next, lastOf(path, i))
		for _, p := range o.aside[b.Branch] {
			if p.call < lastOf(path, i) {
				o.keep(p.call, p.text)
			}
		}
	}
}

// setAside gives what is kept to the branches whose calls printed it.
func (o *Output) setAside() {
	if o.aside == nil {
		o.aside, o.shown = make(map[int][]printed), make(map[int]uint64)
	}
	path := o.path
	for i, b := range path {
		if o.next > b.First {
			o.shown[b.Branch] = max(o.shown[b.Branch], min(o.next, lastOf(path, i)))
		}
		from, _ := o.find(b.First)
		to, _ := o.find(lastOf(path, i))
		rest := slices.DeleteFunc(o.aside[b.Branch], func(p printed) bool { return p.call < lastOf(path, i) })
		o.aside[b.Branch] = slices.Concat(o.kept[from:max(from, to)], rest)
	}
	o.kept, o.size = nil, 0
}

// lastOf is the number of the first call after those of branch i on the path.
func lastOf(path []OutputBranch, i int) uint64 {
	if i+1 < len(path) {
		return path[i+1].First
	}
	return ^uint64(0)
}

func (o *Output) flushLater() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
}

func (o *Output) flush() {
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
	if len(o.buf) > 0 && o.sink != nil {
		o.sink(o.buf)
	}
	o.buf = o.buf[:0]
}

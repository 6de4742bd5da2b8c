package gdbstub

import (
	"sync"
	"time"
)

const (
	// outputChunk is how much output in bytes goes into one packet.
	outputChunk = 2048
	// outputDelay is how long output may wait for more.
	outputDelay = 50 * time.Millisecond
)

// Output passes on what the program prints to the user of the debugger. Replaying
// prints everything again each time a stretch of history is run, so Output shows
// each host call once, when the user first moves forwards over it.
type Output struct {
	mu    sync.Mutex
	next  uint64            // the first host call that has not been shown
	sink  func(text []byte) // nil while the user is not moving forwards
	buf   []byte
	timer *time.Timer
}

// Write takes what host call number call of the program printed on fd, all of it
// in one call. It may be called from any goroutine.
func (o *Output) Write(call uint64, fd uint32, p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sink == nil || call < o.next {
		return
	}
	o.next = call + 1
	for len(p) > 0 {
		n := min(len(p), outputChunk-len(o.buf))
		o.buf = append(o.buf, p[:n]...)
		p = p[n:]
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

// end shows what is left and stops listening.
func (o *Output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
	o.sink = nil
}

// restart makes everything be shown again, because the user runs the program
// again from its start.
func (o *Output) restart() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = 0
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

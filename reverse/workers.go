package reverse

import (
	"runtime"
	"sync/atomic"
)

// workers gives cursors for a scan of so many segments, the timeline's own
// first: as many as were asked for, as there are processors and segments, and
// as the budget allows. Machines are kept for the next time.
func (t *Timeline) workers(segments int) []*cursor {
	want := t.opt.Workers
	if want == 0 {
		want = runtime.GOMAXPROCS(0)
	}
	if each := t.cur.bytes(); each > 0 {
		want = int(min(int64(want), 1+t.opt.Budget/2/each))
	}
	t.dismiss(want - 1)
	for len(t.helpers) < min(want, segments)-1 && t.opt.NewMachine != nil {
		m, err := t.opt.NewMachine()
		if err != nil {
			t.opt.NewMachine = nil // one machine does it, too
			break
		}
		t.helpers = append(t.helpers, &cursor{m: m, store: t.cur.store, stops: t.stops, intr: new(atomic.Bool)})
	}
	t.account()
	n := max(0, min(len(t.helpers), segments-1))
	for _, c := range t.helpers[:n] {
		c.path, c.warn = t.cur.path, t.cur.warn
	}
	return append([]*cursor{t.cur}, t.helpers[:n]...)
}

// dismiss gives up all but n of the helpers.
func (t *Timeline) dismiss(n int) {
	if n >= len(t.helpers) {
		return
	}
	for _, c := range t.helpers[n:] {
		c.forget()
	}
	clear(t.helpers[n:])
	t.helpers = t.helpers[:n]
}

// account tells the history what the cursors need beside the checkpoints. The
// memory of the timeline's own machine is there with or without them. A helper
// may get as large as that.
func (t *Timeline) account() {
	t.hist.working = 0
	for _, c := range t.helpers {
		t.hist.working += max(c.bytes(), t.cur.bytes())
	}
	if t.visitor != nil {
		t.hist.working += t.visitor.bytes()
	}
}

// bytes is about what a cursor with a machine of its own takes.
func (c *cursor) bytes() int64 {
	return int64(len(c.m.Memory())) + int64(len(c.m.StackBytes()))
}

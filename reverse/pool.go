package reverse

import (
	"sync"
	"sync/atomic"
	"time"
)

// A pool scans segments of history with several cursors at once. Each takes the
// newest segment that nobody has taken. Once a segment turns out to have a
// stop, the older ones cannot matter: nobody takes them any more, and who is at
// one gives up. What comes out is what going through the segments one after the
// other, newest first, would have found.
type pool struct {
	segs []segment // newest first
	p    patience

	mu      sync.Mutex
	next    int // the first segment that nobody has taken
	useful  int // segments from this one on do not matter
	results []result
	busy    map[*cursor]int // the segment that each cursor is at

	scanned     atomic.Uint64 // instructions gone through
	interrupted bool          // somebody wants no more of it; only the first cursor's goroutine looks
}

// result is what a cursor found in a segment. The zero value is that nobody got
// through it.
type result struct {
	last lastHit
	ev   event
	done bool
}

func newPool(segs []segment, p patience) *pool {
	return &pool{segs: segs, p: p, useful: len(segs), results: make([]result, len(segs)), busy: map[*cursor]int{}}
}

// take gives c the next segment, if there is one to look at.
func (p *pool) take(c *cursor) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next >= p.useful {
		delete(p.busy, c)
		return 0, false
	}
	i := p.next
	p.next++
	p.busy[c] = i
	c.cancel.Store(false)
	return i, true
}

// limit makes segments from i on useless.
func (p *pool) limit(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.useful = min(p.useful, i)
	for c, at := range p.busy {
		if at >= i {
			c.cancel.Store(true)
			c.m.Interrupt()
		}
	}
}

// work scans segments until there are no more to look at.
func (p *pool) work(c *cursor) {
	for {
		i, ok := p.take(c)
		if !ok {
			return
		}
		before := c.replayed
		last, ev := c.scan(p.segs[i], p.p, func() { p.limit(i + 1) })
		p.scanned.Add(c.replayed - before)
		switch ev.kind {
		case eventCancel:
			continue
		case eventInterrupt: // only the timeline's own cursor hears of it
			p.interrupted = true
			p.limit(0)
			continue
		case eventLimit:
		default: // it ends here, one way or other
			p.limit(i + 1)
		}
		p.mu.Lock()
		p.results[i] = result{last, ev, true}
		p.mu.Unlock()
	}
}

// run scans with all cursors, the first of them on this goroutine. While it
// waits for the others it looks at interrupted and calls tick; it does so before
// and after, too, because the others may leave nothing for the first cursor.
func (p *pool) run(cursors []*cursor, interrupted func() bool, tick func()) {
	tick()
	defer tick()
	var wg sync.WaitGroup
	for _, c := range cursors[1:] {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.work(c)
		}()
	}
	p.work(cursors[0])
	cursors[0].cancel.Store(false)
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	// An interrupt is noticed, and progress told, at this pace.
	pace := time.NewTicker(progressEvery / 2)
	defer pace.Stop()
	for {
		select {
		case <-done:
			return
		case <-pace.C:
			if interrupted() {
				p.interrupted = true
				p.limit(0)
			}
			tick()
		}
	}
}

package reverse

// segment is a stretch of history that begins at a checkpoint.
type segment struct {
	from *snapshot
	hi   uint64
}

// lastHit is the latest stop of a stretch of history.
type lastHit struct {
	found bool
	pos   uint64     // of the instruction with the breakpoint or with the access
	hits  []WatchHit // touched by that instruction
}

// note takes up what happened on the way to the present position, of which
// nothing at or behind hi counts.
func (l *lastHit) note(ev event, now, hi uint64) {
	if len(ev.hits) > 0 {
		*l = lastHit{true, now - 1, ev.hits}
	}
	if ev.breakpoint && now < hi {
		*l = lastHit{true, now, nil}
	}
}

// patience says when a scan gives up looking at every stop: after so many, if
// there is still so far to go. The zero value is endless patience.
type patience struct {
	stops int
	room  uint64
}

func (p patience) over(stops int, left uint64) bool {
	return p.stops > 0 && stops >= p.stops && left > p.room
}

// scan runs over a segment and finds its last stop. It ends with eventLimit;
// with eventMany where patience is over; or with what else kept it from getting
// through. found, if not nil, is called at the first stop.
func (c *cursor) scan(seg segment, p patience, found func()) (lastHit, event) {
	var last lastHit
	if err := c.restore(seg.from); err != nil {
		return last, event{kind: eventError, err: err}
	}
	if err := c.arm(); err != nil {
		return last, event{kind: eventError, err: err}
	}
	last.note(event{breakpoint: c.atBreak()}, seg.from.pos, seg.hi)
	for n := 0; ; n++ {
		if last.found && found != nil {
			found()
			found = nil
		}
		now := c.m.Position()
		if now >= seg.hi {
			return last, event{}
		}
		if p.over(n, seg.hi-now) {
			return last, event{kind: eventMany}
		}
		ev := c.advance(seg.hi)
		if ev.kind != eventLimit && ev.kind != eventStop {
			return last, ev
		}
		last.note(ev, c.m.Position(), seg.hi)
	}
}

// maxNarrowing bounds how often scan looks at the newest part first.
const maxNarrowing = 16

func (t *Timeline) patience(narrowed int) patience {
	if narrowed >= maxNarrowing {
		return patience{}
	}
	return patience{stops: t.tune.manyHits, room: 8 * t.tune.micro}
}

// scan finds the last stop in front of hi and not in front of the last
// checkpoint there, whose position lo is. It ends with eventLimit, or with what
// kept it from getting through.
func (t *Timeline) scan(hi uint64, narrowed int) (last lastHit, lo uint64, ev event) {
	t.toldEnd = false
	for {
		i := max(t.hist.after(hi-1)-1, 0)
		seg := segment{t.hist.list[i], hi}
		lo = seg.from.pos
		last, ev = t.cur.scan(seg, t.patience(narrowed), nil)
		if ev.kind != eventError || !t.lost(ev.err, i) {
			break
		}
	}
	if ev.kind == eventMany {
		last, ev = t.narrow(last, hi, narrowed+1)
	}
	return last, lo, ev
}

// narrow finds the last stop before hi where stops are frequent: it runs on
// without looking, leaves checkpoints, and looks at the newest stretches first.
// If there is none behind now, then the last one is what was found so far.
func (t *Timeline) narrow(soFar lastHit, hi uint64, narrowed int) (lastHit, event) {
	start := t.Now()
	t.leave()
	if ev := t.runTo(hi); ev.kind != eventLimit {
		return soFar, ev
	}
	for hi > start {
		last, lo, ev := t.scan(hi, narrowed)
		if ev.kind != eventLimit {
			return soFar, ev
		}
		if last.found {
			return last, ev
		}
		hi = lo
	}
	return soFar, event{}
}

package reverse

import (
	"bytes"
	"fmt"
	"slices"

	"wrev/wasmvm"
)

// How many writes of one branch are gone through before the other is: few at
// first, because the difference is most often near the fork, then many, because
// changing over costs some microseconds. The bytes that they wrote are kept
// until then, and more than so many end the round.
const (
	firstRound = 64
	longRound  = 1 << 14
	roundBytes = 16 << 20
)

// everyWrite is a watchpoint on all of memory.
var everyWrite = Watch{Kind: wasmvm.WatchWrite, Len: 1 << 32}

// write finds the first write that differs. Both branches are gone through in
// turns, from one write to the next.
func (df *differ) write() (*WriteDifference, error) {
	t := df.t
	stops := newStopSet(t.Module())
	if err := stops.addWatch(everyWrite); err != nil {
		return nil, err
	}
	t.cur.disarm()
	t.cur.stops = stops
	start := t.cur.replayed
	defer t.prog.begin(ProgressScan, df.total(), func() uint64 { return t.cur.replayed - start })()
	for n := firstRound; ; n = min(2*n, longRound) {
		var lists [2][]MemoryWrite
		for i := range df.sides {
			var err error
			if lists[i], err = df.round(&df.sides[i], n); err != nil {
				return nil, err
			}
		}
		a, b := lists[0], lists[1]
		for k := range min(len(a), len(b)) {
			if x, y := &a[k], &b[k]; x.Addr != y.Addr || !bytes.Equal(x.Data, y.Data) {
				return differing(x, y), nil
			}
		}
		common := min(len(a), len(b))
		switch {
		case len(a) > common && df.sides[1].ended:
			return differing(&a[common], nil), nil
		case len(b) > common && df.sides[0].ended:
			return differing(nil, &b[common]), nil
		case len(a) != len(b) || df.sides[0].done:
			return nil, nil
		}
	}
}

// total is how many instructions there are to go through, 0 if nobody knows.
func (df *differ) total() (n uint64) {
	for _, s := range df.sides {
		if s.limit == forever {
			return 0
		}
		n += s.limit - min(s.limit, df.from)
	}
	return n
}

// round goes through the next n writes of a side, or as many as there are.
func (df *differ) round(s *side, n int) ([]MemoryWrite, error) {
	t := df.t
	t.setPath(s.path)
	if s.state == nil {
		if ev := t.travel(df.from); ev.kind != eventLimit {
			return nil, df.failed(s, ev)
		}
	} else if err := t.cur.restore(s.state); err != nil {
		return nil, err
	}
	if err := t.cur.arm(); err != nil {
		return nil, err
	}
	var list []MemoryWrite
	calls := t.cur.m.HostCalls()
	for size := 0; len(list) < n && size < roundBytes; {
		ev := t.cur.advance(s.limit)
		switch ev.kind {
		case eventStop:
			before := len(list)
			var err error
			if list, err = df.writes(list, s, calls, ev.hits); err != nil {
				return nil, err
			}
			for _, w := range list[before:] {
				size += len(w.Data)
			}
			calls = t.cur.m.HostCalls()
			continue
		case eventLimit:
			s.done, s.ended = true, s.n.End != ""
		case eventEnd:
			s.done, s.ended = true, ev.vm.Reason != wasmvm.StopHost
		case eventWait:
			s.done = true
		default:
			return nil, df.failed(s, ev)
		}
		break
	}
	s.keep(t.cur.save())
	return list, nil
}

// writes appends what the last instruction wrote. calls is how many host calls
// were completed when it was asked last.
func (df *differ) writes(list []MemoryWrite, s *side, calls uint64, hits []WatchHit) ([]MemoryWrite, error) {
	m := df.t.cur.m
	pos := m.Position() - 1
	if now := m.HostCalls(); now > calls {
		c, err := df.t.opt.Book.Call(s.n.ID, now-1)
		if err != nil {
			return nil, fmt.Errorf("host call %d of branch %d: %w", now-1, s.n.ID, err)
		}
		before := len(list)
		for _, w := range c.Writes {
			if len(w.Data) > 0 {
				list = append(list, MemoryWrite{pos, uint64(w.Addr), slices.Clone(w.Data)})
			}
		}
		if len(list) > before { // else it was a call before the last instruction
			return list, nil
		}
	}
	for _, h := range hits {
		list = append(list, MemoryWrite{pos, h.Addr, slices.Clone(m.Memory()[h.Addr : h.Addr+h.Len])})
	}
	return list, nil
}

// shownWrite is how much of a long write is told: what is there to see beyond
// the first byte that differs is not worth more.
const shownWrite = 16

// differing is the difference between two writes. Of long ones that begin alike
// it has the part that does not.
func differing(a, b *MemoryWrite) *WriteDifference {
	skip := 0
	if a != nil && b != nil && a.Addr == b.Addr {
		for skip+shownWrite < max(len(a.Data), len(b.Data)) && skip < min(len(a.Data), len(b.Data)) && a.Data[skip] == b.Data[skip] {
			skip++
		}
	}
	cut := func(w *MemoryWrite) *MemoryWrite {
		if w == nil {
			return nil
		}
		end := min(len(w.Data), skip+shownWrite)
		return &MemoryWrite{w.Position, w.Addr + uint64(skip), slices.Clone(w.Data[skip:end])}
	}
	return &WriteDifference{cut(a), cut(b)}
}

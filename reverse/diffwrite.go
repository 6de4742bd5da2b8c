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
// turns, from one write to the next, once they can differ at all.
func (df *differ) write(call *CallDifference) (*WriteDifference, error) {
	t := df.t
	start := t.cur.replayed
	defer t.prog.begin(ProgressScan, df.total(), func() uint64 { return t.cur.replayed - start })()
	if err := df.skip(call); err != nil {
		return nil, err
	}
	if err := df.watch(everyWrite); err != nil {
		return nil, err
	}
	for n := firstRound; ; n = min(2*n, longRound) {
		for i := range df.sides {
			if err := df.round(&df.sides[i], n); err != nil {
				return nil, err
			}
		}
		a, b := df.sides[0].writes, df.sides[1].writes
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

// watch makes these the stops of the machine.
func (df *differ) watch(ws ...Watch) error {
	t := df.t
	t.cur.disarm()
	t.cur.stops = newStopSet(t.Module())
	for _, w := range ws {
		if err := t.cur.stops.addWatch(w); err != nil {
			return err
		}
	}
	return nil
}

// skip passes over what is the same in both branches for certain: where nothing
// but memory was edited, all until the first of them looks at what was, makes a
// host call that differs, or is edited again.
func (df *differ) skip(call *CallDifference) error {
	t := df.t
	a, b := &df.sides[0], &df.sides[1]
	limit := min(a.limit, b.limit)
	if call != nil {
		limit = min(limit, call.PosA, call.PosB)
	}
	var edited []Watch
	for _, s := range df.sides {
		for _, n := range s.path.nodes[a.path.common(b.path):] {
			for _, e := range n.Edits {
				if e.Position == df.from && e.Edit.Kind != wasmvm.EditMemory {
					return nil
				}
				if e.Position == df.from {
					edited = append(edited, Watch{Kind: wasmvm.WatchWrite | wasmvm.WatchRead, Addr: e.Edit.Addr, Len: uint64(len(e.Edit.Data))})
				}
			}
		}
		if i := s.path.editedAfter(df.from); i < len(s.path.edits) {
			limit = min(limit, s.path.edits[i].Position)
		}
	}
	if err := df.watch(edited...); err != nil {
		return err
	}
	t.setPath(a.path)
	if ev := t.travel(df.from); ev.kind != eventLimit {
		return df.failed(a, ev)
	}
	if err := t.cur.arm(); err != nil {
		return err
	}
	switch ev := t.cur.advance(limit); ev.kind {
	case eventStop:
		df.from = t.Now() - 1
	case eventLimit, eventEnd:
		df.from = t.Now()
	default:
		return df.failed(a, ev)
	}
	return nil
}

// round goes through the next n writes of a side, or as many as there are.
func (df *differ) round(s *side, n int) error {
	t := df.t
	t.setPath(s.path)
	if s.state == nil {
		if ev := t.travel(df.from); ev.kind != eventLimit {
			return df.failed(s, ev)
		}
	} else if err := t.cur.restore(s.state); err != nil {
		return err
	}
	if err := t.cur.arm(); err != nil {
		return err
	}
	s.writes, s.data = s.writes[:0], s.data[:0]
	calls := t.cur.m.HostCalls()
	for len(s.writes) < n && len(s.data) < roundBytes {
		ev := t.cur.advance(s.limit)
		switch ev.kind {
		case eventStop:
			if err := df.note(s, calls, ev.hits); err != nil {
				return err
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
			return df.failed(s, ev)
		}
		break
	}
	s.keep(t.cur.save())
	return nil
}

// wrote adds a write to those of the round.
func (s *side) wrote(pos, addr uint64, data []byte) {
	at := len(s.data)
	s.data = append(s.data, data...)
	s.writes = append(s.writes, MemoryWrite{pos, addr, s.data[at:]})
}

// note adds what the last instruction wrote. calls is how many host calls were
// completed when it was asked last.
func (df *differ) note(s *side, calls uint64, hits []WatchHit) error {
	m := df.t.cur.m
	pos, before := m.Position()-1, len(s.writes)
	if now := m.HostCalls(); now > calls {
		c, err := df.t.opt.Book.Call(s.n.ID, now-1)
		if err != nil {
			return fmt.Errorf("host call %d of branch %d: %w", now-1, s.n.ID, err)
		}
		for _, w := range c.Writes {
			if len(w.Data) > 0 {
				s.wrote(pos, uint64(w.Addr), w.Data)
			}
		}
	}
	if len(s.writes) > before {
		return nil // else it was a call before the last instruction
	}
	for _, h := range hits {
		s.wrote(pos, h.Addr, m.Memory()[h.Addr:h.Addr+h.Len])
	}
	return nil
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

package gdbstub

import (
	"fmt"
	"slices"
	"strings"

	"wrev/gdbstub/gdbview"
	"wrev/reverse"
	"wrev/wasmvm"
)

// points are the breakpoints and watchpoints of a session. gdb removes all of
// them at every stop and inserts them again before it goes on, so what is removed
// is taken from the target only when that is about to run.
type points struct {
	s       *server
	breaks  map[uint32]breakpoint // by pc
	watches []*watchpoint
}

type breakpoint struct {
	word   string     // in stop replies
	cond   *condition // nil if it always stops
	wanted bool       // false if the client has removed it
}

type watchpoint struct {
	key    watchKey
	word   string // in stop replies
	watch  reverse.Watch
	wanted bool // false if the client has removed it
}

// maxWatches bounds how many watchpoints a client can have.
const maxWatches = 256

// watchKey is what the client names a watchpoint by.
type watchKey struct {
	kind         byte // '2' write, '3' read, '4' both
	addr, length uint64
}

func newPoints(s *server) points {
	return points{s: s, breaks: map[uint32]breakpoint{}}
}

// pointPacket answers Z (insert) and z (remove): kind,address,length.
func (s *session) pointPacket(insert bool, args string) {
	kind, rest, _ := strings.Cut(args, ",")
	rest, options, _ := strings.Cut(rest, ";")
	addr, length, ok := hexPair(rest, ',')
	if len(kind) != 1 || !ok || addr > 0xffffffff || length > 0xffffffff {
		s.fail(errBad, "breakpoint packet %q is not KIND,ADDRESS,LENGTH", args)
		return
	}
	var err error
	switch {
	case kind == "0":
		err = s.setBreak(uint32(addr), "swbreak", insert, options)
	case kind == "1":
		err = s.setBreak(uint32(addr), "hwbreak", insert, options)
	case kind >= "2" && kind <= "4":
		target, ok := s.target.(WatchTarget)
		if !ok {
			return
		}
		err = s.points.setWatch(target, watchKey{kind[0], addr, length}, insert)
	default:
		return
	}
	if err != nil {
		s.fail(errBad, "%v", err)
		return
	}
	s.ok()
}

// setBreak inserts or removes a breakpoint. Both may be repeated; the conditions
// are those of the last time. To the target what gdb calls software and hardware
// breakpoints are the same.
func (s *session) setBreak(addr uint32, word string, insert bool, options string) error {
	pc, ok := gdbview.PC(addr)
	if !ok {
		return fmt.Errorf("0x%x is not code", addr)
	}
	p := &s.points
	bp, present := p.breaks[pc]
	if !insert {
		if present {
			bp.wanted = false
			p.breaks[pc] = bp
		}
		return nil
	}
	if !present {
		if err := s.target.InsertBreakpoint(pc); err != nil {
			return err
		}
	}
	if err := s.setCondition(pc, &bp, options); err != nil {
		if !present {
			s.target.RemoveBreakpoint(pc)
		}
		return err
	}
	bp.word, bp.wanted = word, true
	p.breaks[pc] = bp
	return nil
}

// setCondition gives a breakpoint its conditions, none if there are no options.
// gdb sends the same ones each time the program goes on.
func (s *session) setCondition(pc uint32, bp *breakpoint, options string) error {
	target, ok := s.target.(ConditionTarget)
	if !ok || bp.cond.sent() == options {
		return nil
	}
	cond, err := s.newCondition(pc, options)
	if err != nil {
		return err
	}
	if cond.conditional() {
		target.SetCondition(pc, cond.holds)
	} else if bp.cond.conditional() {
		target.SetCondition(pc, nil)
	}
	bp.cond = cond
	return nil
}

// stopsHere reports whether m is at a breakpoint at which it would stop.
func (p *points) stopsHere(m *wasmvm.Machine) bool {
	bp, ok := p.breaks[m.PC()]
	return ok && bp.wanted && bp.cond.holds(m)
}

// breakReason is the part of a stop reply that tells of the breakpoint at pc.
func (p *points) breakReason(pc uint32) string {
	if bp := p.breaks[pc]; bp.wanted {
		return bp.word + ":;"
	}
	return ""
}

// setWatch inserts or removes a watchpoint. Both may be repeated.
func (p *points) setWatch(target WatchTarget, key watchKey, insert bool) error {
	i := slices.IndexFunc(p.watches, func(w *watchpoint) bool { return w.key == key })
	if !insert {
		if i >= 0 {
			p.watches[i].wanted = false
		}
		return nil
	}
	fresh, err := newWatchpoint(key, p.s.view)
	if err != nil {
		return err
	}
	if i >= 0 {
		if p.watches[i].watch == fresh.watch {
			p.watches[i].wanted = true
			return nil
		}
		// The address stands for something else by now.
		if err := target.RemoveWatch(p.watches[i].watch); err != nil {
			return err
		}
		p.watches = slices.Delete(p.watches, i, i+1)
	}
	if len(p.watches) == maxWatches {
		return fmt.Errorf("there are %d watchpoints already; delete one first", maxWatches)
	}
	if err := target.InsertWatch(fresh.watch); err != nil {
		return err
	}
	p.watches = append(p.watches, fresh)
	return nil
}

// newWatchpoint translates what the client names into what the target watches.
func newWatchpoint(key watchKey, view *gdbview.View) (*watchpoint, error) {
	w := &watchpoint{key: key, wanted: true}
	switch key.kind {
	case '2':
		w.word, w.watch.Kind = "watch", wasmvm.WatchWrite
	case '3':
		w.word, w.watch.Kind = "rwatch", wasmvm.WatchRead
	default:
		w.word, w.watch.Kind = "awatch", wasmvm.WatchWrite|wasmvm.WatchRead
	}
	if key.length == 0 {
		return nil, fmt.Errorf("a watchpoint on 0x%x has no length", key.addr)
	}
	place, ok := view.Place(uint32(key.addr))
	if !ok {
		return nil, fmt.Errorf("there is nothing at 0x%x to watch", key.addr)
	}
	switch {
	case place.Region == gdbview.RegionMemory:
		w.watch.Space, w.watch.Addr, w.watch.Len = reverse.SpaceMemory, key.addr, key.length
	case place.Region == gdbview.RegionGlobals:
		w.watch.Space, w.watch.Addr = reverse.SpaceGlobal, uint64(place.Index)
	case place.Region == gdbview.RegionStack && place.Kind == gdbview.SlotLocal:
		w.watch.Space, w.watch.Addr = reverse.SpaceLocal, uint64(place.Index)
	case place.Region == gdbview.RegionStack && place.Kind == gdbview.SlotOperand:
		w.watch.Space, w.watch.Addr = reverse.SpaceOperand, uint64(place.Index)
	default:
		return nil, fmt.Errorf("what is at 0x%x never changes", key.addr)
	}
	if place.Func != nil {
		w.watch.Frame, w.watch.Func = place.Frame, place.Func.Index
	}
	return w, nil
}

// apply takes from the target what the client has removed.
func (p *points) apply() {
	for pc, bp := range p.breaks {
		if !bp.wanted {
			if bp.cond.conditional() {
				p.s.target.(ConditionTarget).SetCondition(pc, nil)
			}
			p.s.target.RemoveBreakpoint(pc)
			delete(p.breaks, pc)
		}
	}
	p.watches = slices.DeleteFunc(p.watches, func(w *watchpoint) bool {
		if w.wanted {
			return false
		}
		if err := p.s.target.(WatchTarget).RemoveWatch(w.watch); err != nil {
			p.s.log("watchpoint at 0x%x: %v", w.key.addr, err)
		}
		return true
	})
}

// removeAll leaves the target without any.
func (p *points) removeAll() {
	for pc, bp := range p.breaks {
		bp.wanted = false
		p.breaks[pc] = bp
	}
	for _, w := range p.watches {
		w.wanted = false
	}
	p.apply()
}

// watchReason is the part of a stop reply that names the watchpoint that was
// hit. gdb goes by an address, and looks at all watchpoints that it lies in; so it
// is the one among the beginnings of those hit that most of them cover.
func (p *points) watchReason(stop reverse.Stop) string {
	var hit []*watchpoint
	for _, h := range stop.Watches {
		for _, w := range p.watches {
			if w.watch == h.Watch {
				hit = append(hit, w)
			}
		}
	}
	var best *watchpoint
	most := 0
	for _, w := range hit {
		covered := 0
		for _, other := range hit {
			if w.key.addr-other.key.addr < other.key.length {
				covered++
			}
		}
		if covered > most {
			best, most = w, covered
		}
	}
	if best == nil {
		return ""
	}
	return fmt.Sprintf("%s:%x;", best.word, best.key.addr)
}

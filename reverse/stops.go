package reverse

import (
	"errors"
	"fmt"
	"slices"

	"wrev/wasmvm"
)

// stopSet is the breakpoints and watchpoints that are set, and what follows
// from them for a machine. Cursors read it; only the Timeline changes it.
type stopSet struct {
	mod     *wasmvm.Module
	breaks  map[uint32]bool
	conds   map[uint32]func(m *wasmvm.Machine) bool // of some of the breakpoints
	watches []Watch

	// Derived by update:
	gen      uint64          // changes whenever the set does; 0 is "nothing armed"
	memory   []wasmvm.Watch  // the watches of memory and globals, for the machine
	memOf    []int           // index in watches of each
	slots    []int           // indexes in watches of all others
	probes   map[uint32]bool // instructions that may change a watched slot
	operands bool            // an operand is watched
}

func newStopSet(mod *wasmvm.Module) *stopSet {
	return &stopSet{mod: mod, breaks: map[uint32]bool{}, conds: map[uint32]func(*wasmvm.Machine) bool{}, gen: 1}
}

// breaksAt reports whether m is at a breakpoint that counts: one without a
// condition, or whose condition is true now.
func (s *stopSet) breaksAt(m *wasmvm.Machine) bool {
	pc := m.PC()
	if !s.breaks[pc] {
		return false
	}
	cond := s.conds[pc]
	return cond == nil || cond(m)
}

func (s *stopSet) empty() bool { return len(s.breaks) == 0 && len(s.watches) == 0 }

func (s *stopSet) addBreak(pc uint32) error {
	fn := s.mod.FuncAt(pc)
	if fn == nil {
		return fmt.Errorf("no function at code offset 0x%x: give the offset of an instruction", pc)
	}
	l, err := s.mod.Layout(fn)
	if err != nil {
		return fmt.Errorf("breakpoint at code offset 0x%x: %w", pc, err)
	}
	if _, ok := l.Index(pc); !ok {
		return fmt.Errorf("code offset 0x%x is inside an instruction: give the offset of its first byte", pc)
	}
	if !s.breaks[pc] {
		s.breaks[pc] = true
		s.gen++
	}
	return nil
}

func (s *stopSet) removeBreak(pc uint32) {
	if s.breaks[pc] {
		delete(s.breaks, pc)
		delete(s.conds, pc)
		s.gen++
	}
}

func (s *stopSet) addWatch(w Watch) error {
	if err := s.check(w); err != nil {
		return err
	}
	if slices.Contains(s.watches, w) {
		return nil
	}
	s.watches = append(s.watches, w)
	if err := s.update(); err != nil {
		s.watches = s.watches[:len(s.watches)-1]
		return errors.Join(err, s.update())
	}
	return nil
}

func (s *stopSet) removeWatch(w Watch) error {
	i := slices.Index(s.watches, w)
	if i < 0 {
		return nil
	}
	s.watches = slices.Delete(s.watches, i, i+1)
	return s.update()
}

// check refuses watchpoints that make no sense.
func (s *stopSet) check(w Watch) error {
	if w.Kind == 0 || w.Kind&^(wasmvm.WatchWrite|wasmvm.WatchRead) != 0 {
		return fmt.Errorf("a watchpoint of kind %d: want write, read or both", w.Kind)
	}
	if w.Space == SpaceMemory {
		if w.Len == 0 || w.Addr+w.Len < w.Addr {
			return fmt.Errorf("a watchpoint on %d bytes at 0x%x: want at least one byte of the address space", w.Len, w.Addr)
		}
		return nil
	}
	if w.Kind != wasmvm.WatchWrite {
		return fmt.Errorf("only writes can be watched outside linear memory")
	}
	if w.Space == SpaceGlobal {
		if w.Addr >= uint64(len(s.mod.Globals)) {
			return fmt.Errorf("no global %d: the module has %d", w.Addr, len(s.mod.Globals))
		}
		return nil
	}
	return s.checkSlot(w)
}

func (s *stopSet) checkSlot(w Watch) error {
	fn, err := s.function(w.Func)
	if err != nil {
		return err
	}
	if w.Frame < 0 {
		return fmt.Errorf("no activation %d: they are counted from 0, the outermost", w.Frame)
	}
	switch w.Space {
	case SpaceLocal:
		if w.Addr >= uint64(len(fn.Locals)) {
			return fmt.Errorf("no local %d: function %d has %d", w.Addr, w.Func, len(fn.Locals))
		}
	case SpaceOperand:
		l, err := s.mod.Layout(fn)
		if err != nil {
			return fmt.Errorf("watchpoint in function %d: %w", w.Func, err)
		}
		if w.Addr >= uint64(l.MaxStack) {
			return fmt.Errorf("no operand %d: the stack of function %d has at most %d", w.Addr, w.Func, l.MaxStack)
		}
	default:
		return fmt.Errorf("a watchpoint in space %d: no such space", w.Space)
	}
	return nil
}

func (s *stopSet) function(index uint32) (*wasmvm.Func, error) {
	i := int(index) - s.mod.NumImportedFuncs
	if i < 0 || i >= len(s.mod.Funcs) {
		return nil, fmt.Errorf("no function %d is defined in the module", index)
	}
	return &s.mod.Funcs[i], nil
}

// update derives what the machine has to be told.
func (s *stopSet) update() error {
	s.gen++
	s.memory, s.memOf, s.slots = nil, nil, nil
	s.probes, s.operands = map[uint32]bool{}, false
	for i, w := range s.watches {
		switch w.Space {
		case SpaceMemory:
			s.memory = append(s.memory, wasmvm.Watch{Kind: w.Kind, Addr: w.Addr, Len: w.Len})
			s.memOf = append(s.memOf, i)
			continue
		case SpaceGlobal:
			s.memory = append(s.memory, wasmvm.Watch{Kind: wasmvm.WatchGlobal, Addr: w.Addr})
			s.memOf = append(s.memOf, i)
			continue
		case SpaceOperand, SpaceLocal:
			s.operands = s.operands || w.Space == SpaceOperand
			if err := s.addProbes(w); err != nil {
				return err
			}
		}
		s.slots = append(s.slots, i)
	}
	return nil
}

// hitsOf translates the machine's watch hits.
func (s *stopSet) hitsOf(hits []wasmvm.WatchHit) []WatchHit {
	var out []WatchHit
	for _, h := range hits {
		switch {
		case h.Index < 0 || h.Index >= len(s.memOf):
		case h.Kind == wasmvm.WatchGlobal:
			out = append(out, WatchHit{Watch: s.watches[s.memOf[h.Index]], Kind: wasmvm.WatchWrite})
		default:
			out = append(out, WatchHit{Watch: s.watches[s.memOf[h.Index]], Kind: h.Kind, Addr: h.Addr, Len: h.Len})
		}
	}
	return out
}

// sorted puts hits in the order their watchpoints were inserted.
func (s *stopSet) sorted(hits []WatchHit) []WatchHit {
	slices.SortStableFunc(hits, func(a, b WatchHit) int {
		return slices.Index(s.watches, a.Watch) - slices.Index(s.watches, b.Watch)
	})
	return hits
}

package wasmvm

import (
	"fmt"
	"slices"
)

// breakpoints are the machine's breakpoints and what they have patched. A breakpoint replaces the operation of its word in the precise code, and that of
// the first word of its group in the fast code, so code without breakpoints does not pay for them. Fast words before that one, with operations that are
// fused with it, get back their own.
type breakpoints struct {
	at     map[int][]int // instructions by defined function
	groups map[int]int   // breakpoints in a group, by its first fast word
	sets   map[int]bool  // fast words that set a watched global
	ops    map[int]irOp  // what the fast words had that have another operation now
}

func newBreakpoints() breakpoints {
	return breakpoints{at: map[int][]int{}, groups: map[int]int{}, sets: map[int]bool{}, ops: map[int]irOp{}}
}

// SetBreakpoint makes Run stop before the instruction at pc, which is the start of a body (entering a function) or of an opcode.
func (m *Machine) SetBreakpoint(pc uint32) error {
	index, idx, err := m.instruction(pc)
	if err != nil || slices.Contains(m.breaks.at[index], idx) {
		return err
	}
	m.breaks.at[index] = append(m.breaks.at[index], idx)
	if f := m.lowered[index]; f != nil {
		m.patchFast(f, idx)
	}
	m.precise[index] = nil // made again when it is needed, once for many breakpoints
	return nil
}

// instruction finds the defined function and the instruction at pc.
func (m *Machine) instruction(pc uint32) (index, idx int, err error) {
	fn := m.mod.FuncAt(pc)
	if fn == nil {
		return 0, 0, fmt.Errorf("no function has code at %#x", pc)
	}
	l, err := m.mod.Layout(fn)
	if err != nil {
		return 0, 0, err
	}
	idx, ok := l.Index(pc)
	if !ok {
		return 0, 0, fmt.Errorf("no instruction begins at %#x", pc)
	}
	return int(fn.Index) - m.mod.NumImportedFuncs, idx, nil
}

// ClearBreakpoint removes the breakpoint at pc, if there is one.
func (m *Machine) ClearBreakpoint(pc uint32) {
	index, idx, err := m.instruction(pc)
	at := m.breaks.at[index]
	i := slices.Index(at, idx)
	if err != nil || i < 0 {
		return
	}
	m.breaks.at[index] = slices.Delete(at, i, i+1)
	if f := m.lowered[index]; f != nil {
		m.unpatchFast(f, idx)
	}
	if w := m.precise[index]; w != nil {
		w[idx].op = m.preciseOp(m.lowered[index], idx)
	}
}

// ClearBreakpoints removes all breakpoints.
func (m *Machine) ClearBreakpoints() {
	for index, at := range m.breaks.at {
		if m.lowered[index] == nil {
			continue
		}
		for _, idx := range at {
			m.unpatchFast(m.lowered[index], idx)
		}
		m.precise[index] = nil
	}
	clear(m.breaks.at)
}

// patchFunc patches the breakpoints and watches of a function whose fast code has just come.
func (m *Machine) patchFunc(f *loweredFunc) {
	m.patchSets(f)
	for _, idx := range m.breaks.at[f.index] {
		m.patchFast(f, idx)
	}
}

func (m *Machine) patchFast(f *loweredFunc, idx int) {
	if word, ok := f.group(idx); ok {
		m.breaks.groups[word]++
		m.patchWords(f, word)
	}
}

func (m *Machine) unpatchFast(f *loweredFunc, idx int) {
	word, ok := f.group(idx)
	if !ok {
		return
	}
	if m.breaks.groups[word]--; m.breaks.groups[word] == 0 {
		delete(m.breaks.groups, word)
	}
	m.patchWords(f, word)
}

// patchWords sets the operations of a word, whose breakpoints have changed, and of those before it that may be fused with it.
func (m *Machine) patchWords(f *loweredFunc, word int) {
	b := &m.breaks
	for at := max(f.begin, word-maxFused+1); at <= word; at++ {
		own, changed := b.ops[at]
		if !changed {
			own = m.words[at].op
		}
		op := own
		for k := range fusedLen(own) {
			switch {
			case b.groups[at+k] == 0 && !b.sets[at+k]:
			case k == 0 && b.groups[at] == 0:
				op = irWatchedSet
			case k == 0:
				op = irBreak
			case op == own:
				op = fusedBase[own]
			}
		}
		if m.words[at].op = op; op == own {
			delete(b.ops, at)
		} else {
			b.ops[at] = own
		}
	}
}

// patchPrecise patches all breakpoints and watches of globals of a function into a copy of its precise code.
func (m *Machine) patchPrecise(index int) {
	at, f := m.breaks.at[index], m.lowered[index]
	if len(at) == 0 && m.watched == nil {
		return
	}
	w := slices.Clone(f.precise)
	for idx := range f.size {
		w[idx].op = m.preciseOp(f, idx)
	}
	for _, idx := range at {
		w[idx].op = irBreak
	}
	m.precise[index] = w
}

// preciseOp is the operation of an instruction's precise word without a breakpoint.
func (m *Machine) preciseOp(f *loweredFunc, idx int) irOp {
	if w := &f.precise[idx]; !m.setsWatched(w) {
		return w.op
	}
	return irWatchedSet
}

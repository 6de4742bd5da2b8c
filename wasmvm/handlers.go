package wasmvm

import "slices"

// wazero's compiler has a list of active try_tables. Which ones are active should follow from the instruction that a frame is at, and for nearly all
// modules it does; those do without a list here. In others some are taken off the list where they are still active, or stay on it for good. What wazero
// does then is what a recording holds, so a machine of such a module keeps the same list:
//
//   - Entering a try_table with clauses puts it on the list, with a copy of the stack.
//   - Its end takes the last one off, and so does a branch, return or tail call for each try_table that it leaves. A try_table without clauses
//     counts too, though it has put nothing there; a branch to the label of a try_table, a br_table with one label and the branch
//     of a catch clause take nothing off.
//   - An exception goes to the last one that catches it, and brings back the stack as it was there. Those behind it are taken off, too.
//
// A branch to the label of a try_table lands on its end, which then takes an entry off; so such a branch puts one there that catches nothing.

// handler is the last entry of a list. It never changes, so saved states share it.
type handler struct {
	outer  *handler
	cur    int // defined function
	idx    int // the try_table
	frame  int
	stack  []uint64 // up to the operands before the try_table; nil if the entry catches nothing
	edited []int    // of the frames in it
	held   int      // slots that this entry and those before it hold
	saved  bool     // a saved state has it, so that no other one has to count it
}

// handlerSlots is about what an entry takes besides its stack.
const handlerSlots = 10

// newHandler is the entry for the try_table at the current instruction, or one that catches nothing. wazero lets the list grow without bound, with
// larger entries; here it may hold what the stack may.
func (m *Machine) newHandler(outer *handler, catches bool) (*handler, error) {
	h := &handler{outer: outer, held: handlerSlots}
	if outer != nil {
		h.held += outer.held
	}
	if catches {
		h.cur, h.idx, h.frame, h.edited = m.cur, m.idx, m.frame, m.edited
		h.held += m.top()
	}
	if h.held > m.cfg.MaxStackSlots {
		return nil, &Trap{Code: TrapStackOverflow}
	}
	if catches {
		h.stack = slices.Clone(m.stack[:m.top()])
	}
	return h, nil
}

// enterTry enters the try_table at the current instruction.
func (m *Machine) enterTry() error {
	f := m.lowered[m.cur]
	if !f.listed {
		m.saveLocals(f.layout.tryAt(m.idx), m.frame)
		return nil
	}
	h, err := m.newHandler(m.handlers, true)
	if err == nil {
		m.handlers = h
	}
	return err
}

// tryExit is what an instruction does to the list if it goes one of its ways.
type tryExit struct {
	pops  int
	lands bool // on the end of a try_table
}

// leaveTries executes an instruction that has exits.
func (m *Machine) leaveTries() error {
	f, before := m.lowered[m.cur], m.handlers
	in, exits := &f.bare[m.idx], f.exits[m.idx]
	if way := m.way(in, len(exits)); way >= 0 {
		h := before
		for n := exits[way].pops; n > 0 && h != nil; n-- {
			h = h.outer
		}
		if exits[way].lands {
			var err error
			if h, err = m.newHandler(h, false); err != nil {
				return err
			}
		}
		m.handlers = h
	}
	if in.op != irDriver {
		m.preciseLoop(f.bare, 1)
		return nil
	}
	err := m.execute(in)
	if err != nil && err != errUnwound {
		m.handlers = before
	}
	return err
}

// way says which of its n ways an instruction will go, given its precise word; -1 means on to the next instruction.
func (m *Machine) way(in *ins, n int) int {
	taken := true
	switch in.op {
	case irStepBrIf:
		taken = uint32(m.stack[m.frame+int(in.e)]) != 0
	case irStepBrNull:
		taken = m.stack[m.frame+int(in.e)] == 0
	case irStepBrNonNull:
		taken = m.stack[m.frame+int(in.e)] != 0
	case irStepBrTable:
		return int(min(uint32(m.stack[m.frame+int(in.a)]), uint32(n-1)))
	}
	if taken {
		return 0
	}
	return -1
}

// throwListed goes to the last entry that catches an exception, if there is one.
func (m *Machine) throwListed(x exception, ref uint64) bool {
	for h := m.handlers; h != nil; h = h.outer {
		if h.stack == nil {
			continue
		}
		t := m.lowered[h.cur].layout.tryAt(h.idx)
		c := m.clauseFor(t, x.tag)
		if c == nil {
			continue
		}
		next := h.outer
		if c.lands {
			var err error
			if next, err = m.newHandler(next, false); err != nil {
				return false
			}
		}
		f := m.lowered[h.cur]
		m.handlers, m.mark = next, mark{}
		m.edited, m.above = h.edited, mark{}
		m.holdStack(max(len(h.stack), h.frame+f.frame))
		copy(m.stack, h.stack)
		m.catch(&Frame{m: m, f: f, at: h.frame}, c, x, ref)
		return true
	}
	return false
}

// dropHandlers takes the entries for frames at a slot and above off the list.
func (m *Machine) dropHandlers(at int) {
	for m.handlers != nil && (m.handlers.stack == nil || m.handlers.frame >= at) {
		m.handlers = m.handlers.outer
	}
}

package wasmvm

import "fmt"

// LowerBackwards lowers all functions that can be, the last first, so that nothing of a module's register code lies where running it would put it.
func LowerBackwards(mod *Module) {
	for i := len(mod.Funcs) - 1; i >= 0; i-- {
		if _, err := mod.program().lower(i); err != nil {
			continue // running it would say so
		}
	}
}

// Strays says whether machines of the module keep a list of try_tables.
func (m *Module) Strays() bool { return m.program().strays }

// InvokeInPieces is Invoke, but runs to each of the positions that next returns, in the tier that it returns for the way there.
func (m *Machine) InvokeInPieces(next func(position uint64) (uint64, Tier), fn uint32, args ...uint64) (results []uint64, err error) {
	if !m.growStack(len(args) + slotsOf(m.mod.FuncType(fn).Results) + 1) {
		return nil, &Trap{Code: TrapStackOverflow}
	}
	copy(m.stack, args)
	if m.mod.FuncByIndex(fn) == nil {
		return m.Invoke(fn, args...)
	}
	if err := m.enter(fn, 0); err != nil {
		return nil, err
	}
	m.nested++
	defer func() { m.nested--; m.done, m.cur, m.tier = false, -1, TierAuto }()
	for {
		limit, tier := next(m.pos)
		m.tier = tier
		switch s := m.run(limit); {
		case s.Reason == StopLimit:
		case s.Reason == StopExit && m.done:
			return append(results, m.stack[:slotsOf(m.mod.FuncType(fn).Results)]...), nil
		case s.Reason == StopTrap:
			return nil, s.Trap
		default:
			return nil, fmt.Errorf("function %d stopped: %v, %w", fn, s.Reason, s.Err)
		}
	}
}

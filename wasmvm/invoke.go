package wasmvm

import "fmt"

// maxNested bounds Invokes within Invokes, which use the Go stack.
const maxNested = 200

// Invoke runs a function to completion, for tests and for calls between linked machines. It may be called while the machine does not run, or by its
// host while it answers a call; afterwards the machine is where it was, except that the position has counted on. args and results are raw bits. A trap
// is a *Trap error, any other stop an error that says which.
func (m *Machine) Invoke(fn uint32, args ...uint64) ([]uint64, error) {
	t := m.mod.FuncType(fn)
	if t == nil || len(args) != slotsOf(t.Params) {
		return nil, fmt.Errorf("invoke function %d: it does not exist or does not take %d arguments", fn, len(args))
	}
	if m.nested >= maxNested {
		return nil, &Trap{Code: TrapStackOverflow}
	}
	at := 0
	if m.cur >= 0 {
		at = m.frame + m.lowered[m.cur].frame
	}
	n := slotsOf(t.Results)
	if !m.growStack(at + max(len(args), n) + 1) {
		return nil, &Trap{Code: TrapStackOverflow}
	}
	copy(m.stack[at:], args)
	cur, idx, frame, hits, handlers := m.cur, m.idx, m.frame, m.hits, m.handlers
	defer func() { m.cur, m.idx, m.frame, m.hits, m.handlers = cur, idx, frame, hits, handlers }()
	m.hits = nil
	var err error
	if m.mod.FuncByIndex(fn) == nil {
		m.cur = -1
		err = m.callImport(fn, at, false)
	} else {
		err = m.runNested(fn, at)
	}
	if err != nil {
		return nil, err
	}
	return append([]uint64(nil), m.stack[at:at+n]...), nil
}

func (m *Machine) runNested(fn uint32, at int) error {
	if err := m.enter(fn, at); err != nil {
		return err
	}
	m.nested++
	defer func() { m.nested--; m.done = false }()
	s := m.run(maxPosition)
	switch {
	case s.Reason == StopExit && m.done:
		return nil
	case s.Reason == StopTrap:
		return s.Trap
	case s.Reason == StopExit:
		return &ExitError{Code: s.ExitCode}
	case s.Err != nil:
		return s.Err
	}
	return fmt.Errorf("function %d stopped: %v", fn, s.Reason)
}

package wasmvm

// LeavesTry returns the program counter of the first branch after which wazero leaves a try_table active that it should have ended: one to the label of the
// try_table itself, or out of it by a br_table with one label.
func (m *Module) LeavesTry() (pc uint32, ok bool) {
	if len(m.Tags) == 0 {
		return 0, false
	}
	for i := range m.Funcs {
		// What cannot be followed is somebody else's to report.
		_ = m.eachInstr(&m.Funcs[i], func(_ int, at uint32, in *instr, t *typer) error {
			if !t.dead && t.leavesTry(in) {
				pc, ok = at, true
				return errStop
			}
			return nil
		})
		if ok {
			return pc, ok
		}
	}
	return 0, false
}

func (t *typer) leavesTry(in *instr) bool {
	switch in.op {
	case OpBr, OpBrIf, OpBrOnNull, OpBrOnNonNull:
		return t.isTry(in.a)
	case OpBrTable:
		for _, label := range in.targets {
			if t.isTry(label) {
				return true
			}
		}
		for label := uint32(0); len(in.targets) == 1 && label < min(in.targets[0], uint32(len(t.ctrl))); label++ {
			if t.isTry(label) {
				return true
			}
		}
	}
	return false
}

// isTry says whether a label is that of a try_table with clauses.
func (t *typer) isTry(label uint32) bool {
	c, err := t.label(label)
	return err == nil && c.catches
}

package wasmvm

// straysFromTries says whether wazero's list of active try_tables may differ from the try_tables around the instruction: see handlers.go. It looks at dead
// code too, which costs speed at most.
func (m *Module) straysFromTries() bool {
	if len(m.Tags) == 0 {
		return false
	}
	for i := range m.Funcs {
		if m.Funcs[i].strays(m) {
			return true
		}
	}
	return false
}

func (fn *Func) strays(m *Module) bool {
	r := instrReader{reader: reader{b: m.code()[:fn.BodyEnd], pos: int(fn.CodeStart)}}
	open := []bool{false} // for each label, whether it is that of a try_table
	var in instr
	for len(open) > 0 {
		// What cannot be read is somebody else's to report.
		if r.next(&in); r.err != nil || straysFrom(open, &in) {
			return r.err == nil
		}
		switch in.op {
		case OpBlock, OpLoop, OpIf:
			open = append(open, false)
		case OpTryTable:
			open = append(open, true)
		case OpEnd:
			open = open[:len(open)-1]
		}
	}
	return false
}

// straysFrom says whether an instruction does something else to the list than to the try_tables around it.
func straysFrom(open []bool, in *instr) bool {
	is := func(label uint32) bool {
		return int64(label) < int64(len(open)) && open[len(open)-1-int(label)]
	}
	leaves := func(label uint32) bool {
		for i := range min(label, uint32(len(open))) {
			if is(i) {
				return true
			}
		}
		return false
	}
	switch in.op {
	case OpTryTable:
		for _, c := range in.catches {
			if is(c.label) || leaves(c.label) {
				return true
			}
		}
		return len(in.catches) == 0
	case OpBr, OpBrIf, OpBrOnNull, OpBrOnNonNull:
		return is(in.a)
	case OpBrTable:
		for _, label := range in.targets {
			if is(label) || len(in.targets) == 1 && leaves(label) {
				return true
			}
		}
	}
	return false
}

package wasmvm

import "errors"

// errLastReturn says that the current instruction returns from the last entry function, which is not completed.
var errLastReturn = errors.New("the program has returned")

func trapError(code TrapCode) error {
	if code == 0 {
		return nil
	}
	return &Trap{Code: code}
}

// execute executes a driver operation at the current instruction, from canonical state, and completes it. On an error nothing has changed.
func (m *Machine) execute(in *ins) error {
	at := m.frame + int(in.a)
	var err error
	switch in.b {
	case drvCall:
		return m.call(uint32(in.d), at)
	case drvCallIndirect, drvCallRef:
		return m.callIndirect(in, at)
	case drvReturn:
		return m.ret(at, int(in.c))
	case drvHost:
		return m.callImport(uint32(in.d), at, false)
	case drvTailCall:
		return m.tailCall(uint32(in.d), at)
	case drvTailIndirect, drvTailRef:
		return m.tailIndirect(in, at)
	case drvTailHost:
		return m.tailImport(uint32(in.d), at)
	case drvThrow, drvThrowRef:
		return m.executeThrow(in, at)
	case drvTry:
		err = m.enterTry()
	case drvLeaveTries:
		return m.leaveTries()
	case drvAtomic:
		err = m.atomicOp(in, m.stack[at:])
	case drvMemoryGrow, drvMemoryInit, drvDataDrop, drvMemoryCopy, drvMemoryFill:
		err = trapError(m.memoryOp(in, m.stack[at:]))
	default:
		err = trapError(m.tableOp(in, m.stack[at:]))
	}
	if err == nil {
		m.advance()
	}
	return err
}

func (m *Machine) memoryOp(in *ins, s []uint64) TrapCode {
	mem := m.mem0
	switch in.b {
	case drvMemoryGrow:
		old, ok := mem.grow(uint32(s[0]))
		if !ok {
			old = 0xFFFFFFFF
		} else {
			m.flagWatches()
		}
		s[0] = uint64(old)
	case drvDataDrop:
		m.dropData[in.d] = true
		m.drops.changed()
	case drvMemoryFill:
		to, n := s[0], s[2]
		if !mem.holds(to, n) {
			return TrapMemory
		}
		m.write(to, n)
		fill(mem.data[to:to+n], byte(s[1]))
	case drvMemoryCopy:
		to, from, n := s[0], s[1], s[2]
		if !mem.holds(to, n) || !mem.holds(from, n) {
			return TrapMemory
		}
		m.read(from, n)
		m.write(to, n)
		copy(mem.data[to:to+n], mem.data[from:from+n])
	case drvMemoryInit:
		to, from, n := s[0], s[1], s[2]
		var data []byte
		if !m.dropData[in.d] {
			data = m.mod.data[in.d].data
		}
		if !mem.holds(to, n) || from+n > uint64(len(data)) {
			return TrapMemory
		}
		m.write(to, n)
		copy(mem.data[to:to+n], data[from:from+n])
	}
	return 0
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

func (m *Machine) tableOp(in *ins, s []uint64) TrapCode {
	if in.b == drvElemDrop {
		m.dropElem[in.d] = true
		m.drops.changed()
		return 0
	}
	if in.b == drvTableInit {
		return m.tableInit(uint32(s[0]), uint32(s[1]), uint32(s[2]), uint32(in.c), uint32(in.d))
	}
	t := m.tabs[in.d]
	i := uint32(s[0])
	switch in.b {
	case drvTableGet:
		if !t.holds(i, 1) {
			return TrapTable
		}
		s[0] = t.elems[i]
	case drvTableSet:
		if !t.holds(i, 1) {
			return TrapTable
		}
		t.elems[i] = s[1]
		t.changed()
	case drvTableCopy:
		from, n := uint32(s[1]), uint32(s[2])
		src := m.tabs[in.c]
		if !t.holds(i, n) || !src.holds(from, n) {
			return TrapTable
		}
		copy(t.elems[i:uint64(i)+uint64(n)], src.elems[from:])
		t.changed()
	case drvTableFill:
		n := uint32(s[2])
		if !t.holds(i, n) {
			return TrapTable
		}
		for k := range n {
			t.elems[i+k] = s[1]
		}
		t.changed()
	case drvTableSize:
		s[0] = uint64(len(t.elems))
	case drvTableGrow:
		s[0] = uint64(t.grow(uint32(s[1]), s[0]))
	}
	return 0
}

// tableInit copies n references from an element segment.
func (m *Machine) tableInit(to, from, n, tab, elem uint32) TrapCode {
	var refs []uint64
	if !m.dropElem[elem] {
		refs = m.elemRefs[elem]
	}
	t := m.tabs[tab]
	if !t.holds(to, n) || uint64(from)+uint64(n) > uint64(len(refs)) {
		return TrapTable
	}
	copy(t.elems[to:], refs[from:uint64(from)+uint64(n)])
	t.changed()
	return 0
}

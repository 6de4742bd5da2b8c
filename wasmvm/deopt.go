package wasmvm

import "unsafe"

// alias is an operand that fast code has not put into its slot at the beginning of a group.
type alias struct {
	slot    uint16
	isConst bool
	wide    bool   // a copy of both slots
	local   uint16 // slot of the local it is a copy of
	val     uint64
}

// aliases are the operands of the symbolic stack that are not in their slots.
func (l *fastLowerer) aliases() []alias {
	var as []alias
	for _, o := range l.stack {
		if o.kind != inSlot {
			as = append(as, alias{slot: o.slot, isConst: o.kind == isConst, wide: o.wide, local: o.local, val: o.val})
		}
	}
	return as
}

// aliasesAt are the operands that are not in their slots before instruction idx, where a group begins. They are found by lowering the function again, once.
func (f *loweredFunc) aliasesAt(m *Module, idx int) []alias {
	f.aliasOnce.Do(func() {
		l := newFastLowerer(m, f)
		l.record = map[uint32][]alias{}
		if f.aliasErr = l.run(); f.aliasErr == nil {
			f.aliases = l.record
		}
	})
	return f.aliases[uint32(idx)]
}

// deopt makes the state canonical at the beginning of the group of a word, which has not been executed.
func (m *Machine) deopt(word, frame int) {
	f := funcOfWord(m.order, word)
	idx := int(f.starts[word-f.begin])
	m.leaveFast(f, idx, frame)
	for _, a := range f.aliasesAt(m.mod, idx) {
		switch to, from := m.stack[frame+int(a.slot):], m.stack[frame+int(a.local):]; {
		case a.isConst:
			to[0] = a.val
		case a.wide:
			to[0], to[1] = from[0], from[1]
		default:
			to[0] = from[0]
		}
	}
}

// leaveFast sets the canonical place to an instruction of a function.
func (m *Machine) leaveFast(f *loweredFunc, idx, frame int) {
	m.cur, m.idx, m.frame = f.index, idx, frame
	m.pos = uint64(m.acc + int64(idx-f.size))
}

// wordAt is the number of the fast word at pc.
func (m *Machine) wordAt(pc unsafe.Pointer) int { return int(uintptr(pc)-m.codeBase) / insSize }

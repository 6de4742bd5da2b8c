package wasmvm

import "iter"

// Frame is an activation of a function. It is valid until the machine runs or is restored.
type Frame struct {
	m      *Machine
	f      *loweredFunc
	at     int // first slot
	idx    int // next instruction
	called int // operand slots kept by a frame that waits for a call; -1 in the innermost frame
}

// Func is the function.
func (f Frame) Func() *Func { return f.f.fn }

// Base is where the frame begins on the machine's stack, in slots. A callee's frame begins behind its caller's, so no two have the same.
func (f Frame) Base() int { return f.at }

// Index is the index of the next instruction in the function's Layout.
func (f Frame) Index() int { return f.idx }

// PC is the next instruction; in a frame that waits for a call, the one behind the call.
func (f Frame) PC() uint32 { return f.f.layout.PCs[f.idx] }

// CallPC is the call that the frame waits for, and PC in the innermost frame.
func (f Frame) CallPC() uint32 {
	if f.called < 0 {
		return f.PC()
	}
	return f.f.layout.PCs[f.idx-1]
}

// Local returns the raw bits of a local or parameter; of a v128 the lower half.
func (f Frame) Local(i int) uint64 { return f.m.stack[f.at+f.f.fn.localSlot(i)] }

// LocalBits returns the raw bits of a local or parameter, the lower half first. Only a v128 has an upper half.
func (f Frame) LocalBits(i int) [2]uint64 {
	return f.bits(f.at+f.f.fn.localSlot(i), f.f.fn.Locals[i])
}

// bits are those of a value of some type at a slot of the stack.
func (f Frame) bits(slot int, t ValType) (v [2]uint64) {
	copy(v[:], f.m.stack[slot:slot+t.Slots()])
	return v
}

// NumOperands is the number of operands on the frame's stack; the arguments of the call a frame waits for are not among them.
func (f Frame) NumOperands() int {
	if !f.f.layout.vectors {
		return f.operandSlots()
	}
	return len(f.operandTypes())
}

// Operand returns the raw bits of an operand, 0 being the bottom; of a v128 the lower half.
func (f Frame) Operand(j int) uint64 { return f.OperandBits(j)[0] }

// OperandBits returns the raw bits of an operand, 0 being the bottom, with the lower half first. Only a v128 has an upper half.
func (f Frame) OperandBits(j int) [2]uint64 {
	at := f.at + f.f.base
	if !f.f.layout.vectors {
		return [2]uint64{f.m.stack[at+j]}
	}
	ts := f.operandTypes()
	return f.bits(at+slotsOf(ts[:j]), ts[j])
}

// operandTypes are the types of the operands. They are found by following the function's body, so they are asked for only where they are
// needed to tell operands from slots.
func (f Frame) operandTypes() []ValType {
	if f.called < 0 {
		return f.m.mod.OperandTypes(f.f.fn, f.idx)
	}
	ts := f.m.mod.OperandTypes(f.f.fn, f.idx-1)
	for n, slots := 0, 0; n < len(ts); n++ {
		if slots >= f.called {
			return ts[:n]
		}
		slots += ts[n].Slots()
	}
	return ts
}

func (f Frame) operandSlots() int {
	if f.called >= 0 {
		return f.called
	}
	return f.f.operandSlots(f.idx)
}

// Frames goes through the activations, 0 being the innermost.
func (m *Machine) Frames() iter.Seq2[int, Frame] {
	return func(yield func(int, Frame) bool) {
		if m.cur < 0 {
			return
		}
		f := Frame{m: m, f: m.lowered[m.cur], at: m.frame, idx: m.idx, called: -1}
		for i := 0; yield(i, f); i++ {
			if !f.caller() {
				return
			}
		}
	}
}

// caller makes f its caller's frame; it returns false for an entry function.
func (f *Frame) caller() bool {
	link := f.m.stack[f.at+f.f.link]
	word, delta := int(link>>32)/insSize, int(uint32(link))
	if word == entryReturn {
		return false
	}
	site := &f.m.words[word-1]
	f.f = f.m.lowered[site.bc()]
	f.idx = f.f.returnIndex(site)
	f.at -= delta
	f.called = delta - f.f.base
	return true
}

// FrameAt is an activation that Frames shows in the machine's present state: fn is its function's index in the module's Funcs, base its Base and pc its PC.
// inner is the Base of the activation that it waits for, -1 if it is the innermost. For those who remember these four of each and would go through
// all that are inside it to find it again.
func (m *Machine) FrameAt(fn, base int, pc uint32, inner int) Frame {
	f := Frame{m: m, f: m.lowered[fn], at: base, called: -1}
	f.idx, _ = f.f.layout.Index(pc)
	if inner >= 0 {
		f.called = inner - base - f.f.base
	}
	return f
}

// Depth is the number of frames.
func (m *Machine) Depth() int {
	n := 0
	for range m.Frames() {
		n++
	}
	return n
}

// DeadSlot is the slot just above the live operands of the innermost frame. Right after a function without results has returned it still holds the
// callee's first parameter. It is no part of the state that Digest covers.
func (m *Machine) DeadSlot() uint64 {
	if t := m.top(); t < len(m.stack) {
		return m.stack[t]
	}
	return 0
}

package agentexpr

// frameRegisters are gdb's numbers of the i386 registers that hold, or that on
// the virtual stack follow from, the address of the innermost frame: ecx, ebx,
// ebp, esi, edi. See gdbview.Windows.
const frameRegisters = 1<<1 | 1<<3 | 1<<5 | 1<<6 | 1<<7

// nearFrame is the operand of a load whose address is derived from the frame's.
const nearFrame = 1

// addressBits is how many bits an address has.
const addressBits = 32

// Relative reports whether the value is the same wherever the innermost frame
// lies, as long as everything that is loaded by an address derived from it is in
// that frame. Then the frame's address need not be known to evaluate.
func (e *Expr) Relative() bool { return e.relative }

// relative follows through the code which values on the stack are derived from
// the frame's address, and reports whether they are used for nothing but adding
// to them and loading. gdb emits forward jumps only, which keeps it to one pass:
// what else there is counts as not relative. Loads by such addresses are marked.
func relative(code []instr) bool {
	var now taints
	reached := true
	pending := map[int]taints{} // at the targets of jumps
	for pc := range code {
		in := &code[pc]
		if t, ok := pending[pc]; ok {
			if reached && t != now {
				return false
			}
			now, reached = t, true
		}
		if !reached {
			continue
		}
		info := &ops[in.op]
		if now.n < int(info.pops) || now.n-int(info.pops)+int(info.pushes) > maxStack {
			return true // the evaluation ends here with an error, wherever the frame is
		}
		switch in.op {
		case OpEnd:
			if now.pop() {
				return false
			}
			reached = false
		case OpGoto, OpIfGoto:
			if in.op == OpIfGoto && now.pop() {
				return false
			}
			target := int(in.arg)
			if t, ok := pending[target]; target <= pc || ok && t != now {
				return false
			}
			pending[target] = now
			reached = in.op == OpIfGoto
		default:
			if !now.apply(in) {
				return false
			}
		}
	}
	return true
}

// taints is a stack of marks, one for each value: whether it is derived from the
// frame's address.
type taints struct {
	n     int
	marks [maxStack]bool
}

func (t *taints) push(mark bool) {
	t.marks[t.n] = mark
	t.n++
}

// pop also clears what is above the stack, so that equal stacks are equal.
func (t *taints) pop() bool {
	t.n--
	mark := t.marks[t.n]
	t.marks[t.n] = false
	return mark
}

// apply does to the marks what an operation does to the values. It returns false
// if it makes something of the address that depends on where the frame is.
func (t *taints) apply(in *instr) bool {
	top := t.n - 1
	switch in.op {
	case OpReg:
		t.push(in.arg < 32 && frameRegisters>>in.arg&1 != 0)
	case OpAdd:
		b, a := t.pop(), t.pop()
		t.push(a || b)
		return !a || !b
	case OpSub:
		b, a := t.pop(), t.pop()
		t.push(a)
		return !b
	case OpExt, OpZeroExt:
		return !t.marks[top] || in.arg >= addressBits
	case OpRef8, OpRef16, OpRef32, OpRef64:
		if t.pop() {
			in.arg = nearFrame
		}
		t.push(false)
	case OpDup:
		t.push(t.marks[top])
	case OpPop:
		t.pop()
	case OpSwap:
		t.marks[top], t.marks[top-1] = t.marks[top-1], t.marks[top]
	case OpPick:
		if in.arg < uint64(t.n) {
			t.push(t.marks[top-int(in.arg)])
			return true
		}
		t.push(false) // the evaluation ends here
	case OpRot:
		m := &t.marks
		m[top-2], m[top-1], m[top] = m[top], m[top-2], m[top-1]
	default:
		return t.plain(in.op)
	}
	return true
}

// plain is apply for operations on numbers.
func (t *taints) plain(op Op) bool {
	for range ops[op].pops {
		if t.pop() {
			return false
		}
	}
	for range ops[op].pushes {
		t.push(false)
	}
	return true
}

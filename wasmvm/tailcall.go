package wasmvm

import (
	"errors"
	"fmt"
)

// A tail call is one instruction and then the callee's entering, like a call; the caller's frame is gone with it. Of an imported function (or one
// of another machine) it is one instruction that lands, with the results as operands, on the caller's final end, which then returns.

// tailCall follows a tail call. Only the final end of the function can come after it, if the callee may be an imported function.
func (t *typer) tailCall(in *instr) error {
	ft, err := t.calleeType(in)
	if err != nil {
		return err
	}
	if slotsOf(ft.Results) != slotsOf(t.fn.Type.Results) {
		return fmt.Errorf("%v: the callee returns %v, the caller %v", in.op, ft.Results, t.fn.Type.Results)
	}
	if in.op != OpReturnCall || t.m.FuncByIndex(in.a) == nil {
		t.ctrl[0].targeted = true
	}
	t.dead = true
	return nil
}

// tailCall lowers a tail call. Its second word holds the callee's frame size in a, the link's slot in b and the slots of the arguments in c.
func (l *fastLowerer) tailCall(in *instr, t *typer) error {
	c, ft, err := l.callee(in)
	if err != nil {
		return err
	}
	n := len(l.stack) - len(ft.Params)
	if n < 0 {
		return errUnderflow
	}
	l.flush(0)
	l.reset(n)
	c.a, c.e = l.nextSlot(), int32(l.i+1-l.size)
	if c.op != irTailCallLazy {
		l.ctrl[0].landing = true
	}
	if c.op == irDriver {
		c.e = int32(l.i)
		l.emit(c)
	} else {
		l.emit(c)
		l.emit(ins{op: irData, b: uint16(l.shape.link), c: uint16(slotsOf(ft.Params))})
	}
	l.last = -1
	return nil
}

// callee begins the word of a tail call, and pops the operand that names the callee.
func (l *fastLowerer) callee(in *instr) (w ins, ft *FuncType, err error) {
	switch in.op {
	case OpReturnCall:
		if ft = l.m.FuncType(in.a); ft == nil {
			return w, nil, fmt.Errorf("function %d does not exist", in.a)
		}
		if l.m.FuncByIndex(in.a) == nil {
			return ins{op: irDriver, b: drvTailHost, d: int32(in.a)}, ft, nil
		}
		return ins{op: irTailCallLazy, d: int32(in.a) - int32(l.m.NumImportedFuncs)}, ft, nil
	}
	if ft, err = l.m.funcType(in.a); err != nil || len(l.stack) == 0 {
		return w, nil, errors.Join(err, errUnderflow)
	}
	w = ins{op: irTailCallIndirect, b: l.use(l.pop()), c: uint16(in.b), d: int32(ft.id)}
	if in.op == OpReturnCallRef {
		w.op = irTailCallRef
	}
	return w, ft, nil
}

func (l *preciseLowerer) tailCall(in *instr, t *typer) error {
	ft := l.m.FuncType(in.a)
	w := ins{op: irDriver, b: drvTailCall, d: int32(in.a)}
	operands := 0 // above the arguments
	switch {
	case in.op != OpReturnCall:
		ft, _ = l.m.funcType(in.a)
		if w.b, w.c, operands = drvTailIndirect, uint16(in.b), 1; in.op == OpReturnCallRef {
			w.b = drvTailRef
		}
	case l.m.FuncByIndex(in.a) == nil:
		w.b = drvTailHost
	}
	if ft == nil || len(t.stack) < len(ft.Params)+operands {
		return errUnderflow
	}
	w.a = l.slot(t, len(t.stack)-len(ft.Params)-operands)
	l.emit(w)
	return nil
}

// tailCall replaces the current frame by that of a defined function whose first argument is at a slot of the stack.
func (m *Machine) tailCall(fn uint32, at int) error {
	caller := m.lowered[m.cur]
	index := int(fn) - m.mod.NumImportedFuncs
	f, err := m.needFunc(index)
	if err != nil {
		return err
	}
	if !m.growStack(m.frame + f.frame) {
		return &Trap{Code: TrapStackOverflow}
	}
	link := m.stack[m.frame+caller.link]
	copy(m.stack[m.frame:], m.stack[at:at+f.params])
	clear(m.stack[m.frame+f.params : m.frame+f.link])
	m.stack[m.frame+f.link] = link
	m.cur, m.idx = index, 0
	m.pos++
	return nil
}

// tailIndirect is return_call_indirect or return_call_ref.
func (m *Machine) tailIndirect(in *ins, at int) error {
	want := &m.mod.Types[in.d]
	c, err := m.lookup(in, want, at)
	if err != nil {
		return err
	}
	if c.Machine == nil && m.mod.FuncByIndex(c.Index) != nil {
		return m.tailCall(c.Index, at)
	}
	if c.Machine == nil {
		return m.tailImport(c.Index, at)
	}
	return m.land(at, want, m.callForeign(c, want, at, true))
}

// tailImport is a tail call of an imported function.
func (m *Machine) tailImport(fn uint32, at int) error {
	return m.land(at, m.mod.FuncType(fn), m.callImport(fn, at, true))
}

// land goes to the final end of the current function with the results of a call that is completed.
func (m *Machine) land(at int, t *FuncType, err error) error {
	if err != nil {
		return err
	}
	f := m.lowered[m.cur]
	copy(m.stack[m.frame+f.base:], m.stack[at:at+slotsOf(t.Results)])
	m.idx = f.size - 1
	return nil
}

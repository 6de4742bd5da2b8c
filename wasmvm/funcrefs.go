package wasmvm

import "fmt"

// Typed function references: instructions on references that may be null, and calls through references.

// refOp follows what these instructions do to the stack.
func (t *typer) refOp(in *instr) error {
	if err := t.pop(1); err != nil {
		return err
	}
	ref := t.stack[:len(t.stack)+1][len(t.stack)] | nonNullable
	if !ref.IsRef() {
		return errWidth
	}
	switch in.op {
	case OpRefAsNonNull:
		t.push(ref)
		return nil
	case OpBrOnNull:
		if err := t.branch(in.a); err != nil {
			return err
		}
		t.push(ref)
		return nil
	}
	// br_on_non_null takes the reference along if it branches.
	t.push(ref)
	if err := t.branch(in.a); err != nil {
		return err
	}
	c, _ := t.label(in.a)
	if len(c.labelTypes()) == 0 {
		return errUnderflow
	}
	return t.pop(1)
}

// refOp lowers them for the fast tier.
func (l *fastLowerer) refOp(in *instr, t *typer) error {
	if in.op == OpBrOnNonNull {
		return l.brOnNonNull(in.a, t)
	}
	o := l.pop()
	slot := l.use(o)
	if o.kind == isConst {
		o.kind = inSlot
	}
	if in.op == OpRefAsNonNull {
		l.emit(ins{op: irRefNonNull, b: slot})
		l.last = -1
		l.push(o)
		return nil
	}
	err := l.branchIf(condition{base: irI64Eq, imm: true, x: slot}, in.a, t)
	l.push(o)
	return err
}

func (l *fastLowerer) brOnNonNull(label uint32, t *typer) error {
	l.settle(len(l.stack) - 1)
	err := l.branchIf(condition{base: irI64Eq, cc: 1, imm: true, x: l.stack[len(l.stack)-1].slot}, label, t)
	l.pop()
	return err
}

// refOp lowers them for the precise tier.
func (l *preciseLowerer) refOp(i int, in *instr, t *typer) error {
	h := len(t.stack)
	if h == 0 {
		return errUnderflow
	}
	ref := l.slot(t, h-1)
	var w ins
	var err error
	switch in.op {
	case OpRefAsNonNull:
		w = ins{op: irRefNonNull, b: ref}
	case OpBrOnNull:
		w = ins{op: irStepBrNull, e: int32(ref)}
		err = l.branch(&w, in.a, t, h-1, patch{i, i})
	case OpBrOnNonNull:
		w = ins{op: irStepBrNonNull, e: int32(ref)}
		err = l.branch(&w, in.a, t, h, patch{i, i})
	}
	l.emit(w)
	return err
}

// funcType is the function type with an index of the module.
func (m *Module) funcType(i uint32) (*FuncType, error) {
	if int64(i) >= int64(len(m.Types)) {
		return nil, fmt.Errorf("type %d does not exist", i)
	}
	return &m.Types[i], nil
}

// refCallee is the function that call_ref calls: of type want, with the reference above the arguments at a slot of the stack.
func (m *Machine) refCallee(want *FuncType, at int) (Extern, error) {
	ref := m.stack[at+slotsOf(want.Params)]
	if ref == 0 {
		return Extern{}, &Trap{Code: TrapNullReference}
	}
	return m.typedFunc(ref, want)
}

// typedFunc is the function of a reference, which must have type want.
func (m *Machine) typedFunc(ref uint64, want *FuncType) (Extern, error) {
	c, ok := m.funcOf(ref)
	if !ok {
		return c, &Trap{Code: TrapUndefinedElement}
	}
	o := m
	if c.Machine != nil {
		o = c.Machine
	}
	if o.mod.FuncType(c.Index).id != want.id {
		return c, &Trap{Code: TrapIndirectCallType}
	}
	return c, nil
}

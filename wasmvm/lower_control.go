package wasmvm

// block begins a block, loop or if.
func (l *fastLowerer) block(in *instr, t *typer) error {
	c := fastCtrl{op: in.op, dead: t.dead, ifWord: -1, idx: l.i}
	if t.dead {
		l.ctrl = append(l.ctrl, c)
		return nil
	}
	params, _, err := l.m.blockType(in.block)
	if err != nil {
		return err
	}
	var cond condition
	if in.op == OpIf {
		if len(l.stack) == 0 {
			return errUnderflow
		}
		cond = l.condition(l.pop())
	}
	if len(l.stack) < len(params) {
		return errUnderflow
	}
	c.height = len(l.stack) - len(params)
	switch in.op {
	case OpLoop:
		l.flushAhead()
		l.setLabel(l.i, true)
		c.word = len(l.code)
	case OpBlock:
		l.flush(0)
	case OpTryTable:
		if err := l.try(in, t); err != nil {
			return err
		}
	case OpIf:
		l.flush(0)
		c.ifWord = l.emit(cond.branch(true, false))
		l.last = -1
	}
	l.ctrl = append(l.ctrl, c)
	return nil
}

func (l *fastLowerer) elseOp(t *typer) error {
	c := &l.ctrl[len(l.ctrl)-1]
	if c.op != OpIf {
		return errNesting
	}
	c.op = OpElse
	if c.dead {
		return nil
	}
	if !t.dead {
		l.flush(0)
		at := l.emit(ins{op: irBr})
		c.ends = append(c.ends, fix{at, at, l.i})
	}
	l.setLabel(l.i+1, false)
	l.patch(fix{c.ifWord, c.ifWord, c.idx}, l.i+1)
	c.ifWord = -1
	l.reset(c.height, t.top().params...)
	return nil
}

func (l *fastLowerer) end(t *typer) error {
	c := l.ctrl[len(l.ctrl)-1]
	l.ctrl = l.ctrl[:len(l.ctrl)-1]
	if c.dead {
		return nil
	}
	falls := !t.dead && !t.revived
	if c.ifWord >= 0 {
		c.ends = append(c.ends, fix{c.ifWord, c.ifWord, c.idx})
	}
	if len(c.ends) > 0 || c.landing {
		if falls {
			l.flushAhead()
		}
		l.setLabel(l.i, falls)
		for _, f := range c.ends {
			l.patch(f, l.i)
		}
		l.reset(c.height, t.stack[c.height:]...)
	} else if !falls {
		l.reset(c.height)
	}
	if len(l.ctrl) == 0 && !t.dead {
		l.ret()
	}
	return nil
}

// flushAhead puts all operands into their slots before a label at the current instruction. The words for it must not begin a group there: those who
// come by a branch must not run them. If the instructions before have all been covered, the words join the group before, which ends here.
func (l *fastLowerer) flushAhead() {
	covered := l.next == uint32(l.i)
	if covered && len(l.starts) > 0 {
		l.next = l.starts[len(l.starts)-1]
	}
	n := len(l.code)
	l.flush(0)
	if covered || len(l.code) > n {
		l.next = uint32(l.i)
	}
}

// patch fills in a branch to the label just set, which is at instruction target.
func (l *fastLowerer) patch(f fix, target int) {
	l.code[f.at].d = int32((len(l.code) - f.from) * insSize)
	l.code[f.at].e = int32(f.idx + 1 - target)
}

// target fills in a branch of the current instruction to a label: now for loops, later for others.
func (l *fastLowerer) target(label uint32, at, from int) {
	c := &l.ctrl[len(l.ctrl)-1-int(label)]
	if c.op == OpLoop {
		l.code[at].d = int32((c.word - from) * insSize)
		l.code[at].e = int32(l.i + 1 - c.idx)
		return
	}
	c.ends = append(c.ends, fix{at, from, l.i})
}

// carry settles the operands a branch to a label takes along and says from where to where they have to move, and how many (0 if they are in place).
func (l *fastLowerer) carry(label uint32, t *typer) (w ins, err error) {
	c, err := t.label(label)
	if err != nil {
		return w, err
	}
	ts := c.labelTypes()
	n := len(ts)
	if len(l.stack)-n < c.height {
		return w, errUnderflow
	}
	l.flush(len(l.stack) - n)
	if n > 0 {
		w.a, w.b, w.c = l.stack[len(l.stack)-n].slot, l.stack[c.height].slot, uint16(slotsOf(ts))
		if w.a == w.b {
			w = ins{}
		}
	}
	return w, nil
}

func (l *fastLowerer) br(label uint32, t *typer) error {
	w, err := l.carry(label, t)
	if err != nil {
		return err
	}
	loop := l.ctrl[len(l.ctrl)-1-int(label)].op == OpLoop
	switch {
	case w.c == 0 && loop:
		w.op = irBrLoop
	case w.c == 0:
		w.op = irBr
	case loop:
		w.op = irBrMoveLoop
	default:
		w.op = irBrMove
	}
	at := l.emit(w)
	l.target(label, at, at)
	return nil
}

func (l *fastLowerer) brIf(label uint32, t *typer) error {
	return l.branchIf(l.condition(l.pop()), label, t)
}

// branchIf branches to a label, with the operands that it takes on top of the stack, if a condition holds.
func (l *fastLowerer) branchIf(cond condition, label uint32, t *typer) error {
	w, err := l.carry(label, t)
	if err != nil {
		return err
	}
	loop := l.ctrl[len(l.ctrl)-1-int(label)].op == OpLoop
	if w.c == 0 {
		at := l.emit(cond.branch(false, loop))
		l.target(label, at, at)
		l.last = -1
		return nil
	}
	// A branch over the branch that moves.
	skip := cond.branch(true, false)
	skip.d, skip.e = 2*int32(insSize), 0
	l.emit(skip)
	if w.op = irBrMove; loop {
		w.op = irBrMoveLoop
	}
	at := l.emit(w)
	l.target(label, at, at)
	l.last, l.label = -1, len(l.code)
	return nil
}

func (l *fastLowerer) brTable(in *instr, t *typer) error {
	index := l.use(l.pop())
	l.flush(0)
	at := l.emit(ins{op: irBrTable, a: index, d: int32(len(in.targets) - 1)})
	for _, label := range in.targets {
		w, err := l.carry(label, t)
		if err != nil {
			return err
		}
		w.op = irData
		entry := l.emit(w)
		l.target(label, entry, at)
	}
	l.last = -1
	return nil
}

// ret returns with the results on top of the stack.
func (l *fastLowerer) ret() {
	w := ins{b: uint16(l.shape.link), e: int32(l.i + 1 - l.size)}
	slots := slotsOf(l.fn.Type.Results)
	switch n := len(l.fn.Type.Results); {
	case n == 0:
		w.op = irRet0
	case slots == 1:
		w.op, w.a = irRet1, l.use(l.stack[len(l.stack)-1])
	case n == 1:
		w.op, w.a, w.c = irRetN, l.use(l.stack[len(l.stack)-1]), 2
	default:
		l.flush(len(l.stack) - n)
		w.op, w.a, w.c = irRetN, l.stack[len(l.stack)-n].slot, uint16(slots)
	}
	l.emit(w)
	l.last = -1
}

// call lowers a call whose arguments, of type ft, are on top of the stack; w lacks only the slot of the first.
func (l *fastLowerer) call(w ins, ft *FuncType, host bool) error {
	n := len(l.stack) - len(ft.Params)
	if n < 0 {
		return errUnderflow
	}
	l.flush(0)
	l.reset(n)
	w.a, w.e = l.nextSlot(), int32(l.i+1-l.size)
	if host {
		w.e = int32(l.i)
		l.emit(w)
	} else {
		l.emit(w)
		site := ins{op: irData}
		site.setBC(uint32(l.index))
		site.setK64(uint64(int64(l.i + 1 - l.size)))
		l.emit(site)
		l.returns = append(l.returns, returnSite{uint32(l.i), uint32(len(l.code))})
	}
	l.last = -1
	l.pushTypes(ft.Results)
	return nil
}

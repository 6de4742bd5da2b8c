package wasmvm

import (
	"errors"
	"fmt"
)

// plain lowers an opcode that can be reached and is no structure; the operands it pops are there.
func (l *fastLowerer) plain(in *instr, t *typer) error {
	if d, ok := driverOps[in.op]; ok {
		l.driver(d, in)
		return nil
	}
	switch in.op {
	case OpUnreachable:
		l.emit(ins{op: irUnreachable})
	case OpNop:
	case OpBr:
		return l.br(in.a, t)
	case OpBrIf:
		return l.brIf(in.a, t)
	case OpBrTable:
		return l.brTable(in, t)
	case OpReturn:
		if len(l.stack) < len(l.fn.Type.Results) {
			return errUnderflow
		}
		l.ret()
	case OpCall:
		ft := l.m.FuncType(in.a)
		if ft == nil {
			return fmt.Errorf("function %d does not exist", in.a)
		}
		if l.m.FuncByIndex(in.a) == nil {
			return l.call(ins{op: irDriver, b: drvHost, d: int32(in.a)}, ft, true)
		}
		return l.call(ins{op: irCallLazy, d: int32(in.a) - int32(l.m.NumImportedFuncs)}, ft, false)
	case OpThrow, OpThrowRef:
		return l.throw(in)
	case OpReturnCall, OpReturnCallIndirect, OpReturnCallRef:
		return l.tailCall(in, t)
	case OpCallIndirect, OpCallRef:
		ft, err := l.m.funcType(in.a)
		if err != nil || len(l.stack) == 0 {
			return errors.Join(err, errUnderflow)
		}
		w := ins{op: irCallIndirect, b: l.use(l.pop()), c: uint16(in.b), d: int32(ft.id)}
		if in.op == OpCallRef {
			w.op = irCallRef
		}
		return l.call(w, ft, false)
	case OpRefAsNonNull, OpBrOnNull, OpBrOnNonNull:
		return l.refOp(in, t)
	case OpDrop:
		l.pop()
	case OpLocalGet, OpLocalSet, OpLocalTee:
		if int64(in.a) >= int64(len(l.slots)) {
			return fmt.Errorf("local %d does not exist", in.a)
		}
		l.local(in.op, uint16(l.slots[in.a]), l.fn.Locals[in.a] == V128)
	default:
		return l.operation(in)
	}
	return nil
}

// driver leaves an opcode to the driver, which wants all operands in their slots.
func (l *fastLowerer) driver(d driverOp, in *instr) {
	l.flush(0)
	w := driverWord(d, in)
	l.reset(len(l.stack) - d.params)
	w.a, w.e = l.nextSlot(), int32(l.i)
	l.emit(w)
	l.last = -1
	for range d.results {
		l.push(operand{})
	}
}

// local lowers the access to a local. A value just made is made in the local instead.
func (l *fastLowerer) local(op Opcode, local uint16, wide bool) {
	if op == OpLocalGet {
		v, known := l.consts[local]
		l.push(operand{kind: inLocal, wide: wide, local: local, known: known, val: v})
		return
	}
	o := l.pop()
	if o.kind == inLocal && o.local == local {
		if op == OpLocalTee {
			l.push(o)
		}
		return
	}
	l.settleLocal(local)
	if v, ok := o.constant(); ok {
		l.consts[local] = v
	} else {
		delete(l.consts, local)
	}
	if w := l.made(o); w != nil {
		w.a = local
		l.touched = true
		o = operand{kind: inLocal, wide: wide, local: local}
	} else if o.kind == isConst {
		w := ins{op: irConst, a: local}
		w.setK64(o.val)
		l.emit(w)
	} else {
		l.emit(ins{op: movOf(wide), a: local, b: l.use(o)})
	}
	if op == OpLocalTee {
		l.push(o)
	}
}

// operation lowers what has operands and at most one result.
func (l *fastLowerer) operation(in *instr) error {
	switch in.op {
	case OpI32Const, OpI64Const, OpF32Const, OpF64Const:
		l.push(operand{kind: isConst, val: in.val})
	case OpRefNull:
		l.push(operand{kind: isConst})
	case OpRefFunc:
		l.result(ins{op: irRefFunc, d: int32(in.a)})
	case OpRefIsNull:
		l.result(ins{op: irRefIsNull, b: l.use(l.pop())})
	case OpSelect, OpSelectT:
		cond, y, x := l.pop(), l.pop(), l.pop()
		w := ins{op: irSelect, b: l.use(x), c: l.use(y), d: int32(l.use(cond))}
		if x.wide {
			w.op = irSelect2
		}
		l.resultOf(w, x.wide)
	case OpGlobalGet:
		w := ins{op: irGlobalGet, d: int32(in.a)}
		wide := l.m.Globals[in.a].Type == V128
		if wide {
			w.op = irGlobalGet2
		}
		l.resultOf(w, wide)
	case OpGlobalSet:
		o := l.pop()
		w := ins{op: irGlobalSet, a: l.use(o), d: int32(in.a)}
		if o.wide {
			w.op = irGlobalSet2
		}
		l.emit(w)
	case OpMemorySize:
		l.result(ins{op: irMemorySize})
	case opI64ExtendI32U, opI32ReinterpretF32, opI64ReinterpretF64, opF32ReinterpretI32, opF64ReinterpretI64:
		// An i32 is kept zero-extended and slots hold bits.
	case OpI32Eqz:
		l.eqz(irI32EqImm)
	case OpI64Eqz:
		l.eqz(irI64EqImm)
	default:
		return l.numeric(in)
	}
	return nil
}

// eqz inverts the comparison before it, or compares with 0.
func (l *fastLowerer) eqz(op irOp) {
	o := l.pop()
	if w := l.made(o); w != nil && op == irI32EqImm {
		if base, form, cc, ok := intCompare(w.op); ok && form <= formImm {
			w.op = base + form*numIntConds + inverse[cc]
			l.touched = true
			l.push(operand{})
			return
		}
	}
	l.result(ins{op: op, b: l.use(o)})
}

func (l *fastLowerer) numeric(in *instr) error {
	low := in.op.lowering()
	switch low.kind {
	case lowUn:
		l.result(ins{op: low.op, b: l.use(l.pop())})
	case lowBin:
		l.binary(low)
	case lowCmp:
		l.compare(low)
	case lowFloatCmp:
		y, x := l.pop(), l.pop()
		l.result(ins{op: low.op, b: l.use(x), c: l.use(y)})
	case lowLoad:
		w := l.address(low.op, l.pop(), uint32(in.val), true)
		l.result(w)
	case lowStore:
		l.store(low.op, uint32(in.val))
	case lowVectorLoad:
		l.resultOf(l.address(low.op, l.pop(), uint32(in.val), true), true)
	case lowVectorStore:
		v := l.pop()
		w := l.address(low.op, l.pop(), uint32(in.val), true)
		w.a = l.use(v)
		l.emit(w)
	default:
		if in.op>>16 == 0xFD {
			return l.vector(in, low)
		}
		return fmt.Errorf("%v is not supported", in.op)
	}
	return nil
}

func (l *fastLowerer) binary(low lowering) {
	y, x := l.pop(), l.pop()
	vx, okx := x.constant()
	val, ok := y.constant()
	if low.commutes && okx && !ok {
		x, y, val, ok = y, x, vx, true
	}
	if ok {
		imm := low.imm
		switch low.op {
		case irI32Sub:
			imm, val = irI32AddImm, uint64(-uint32(val))
		case irI64Sub:
			imm, val = irI64AddImm, -val
		}
		if imm != 0 {
			w := ins{op: imm, b: l.use(x)}
			w.setK64(val)
			l.result(w)
			return
		}
	}
	if low.op == irF64Add || low.op == irF64Sub {
		if l.mulAdd(low.op == irF64Sub, x, y) {
			return
		}
	}
	l.result(ins{op: low.op, b: l.use(x), c: l.use(y)})
}

// mulAdd joins an addition or subtraction with the multiplication that made one of its operands.
func (l *fastLowerer) mulAdd(sub bool, x, y operand) bool {
	op, other := irOp(irF64AddMul), x
	w := l.made(y)
	if w == nil || w.op != irF64Mul {
		// A constant would be put into a slot that the multiplication may read.
		if w = l.made(x); w == nil || w.op != irF64Mul || y.kind != inLocal {
			return false
		}
		op, other = irF64MulAdd, y
	}
	if sub {
		op++
	}
	mul := l.swallow()
	l.result(ins{op: op, b: mul.b, c: mul.c, d: int32(l.use(other))})
	return true
}

func (l *fastLowerer) compare(low lowering) {
	y, x := l.pop(), l.pop()
	op := low.op
	vx, okx := x.constant()
	val, ok := y.constant()
	if okx && !ok {
		base, _, cc, _ := intCompare(op)
		x, y, op, val, ok = y, x, base+swapped[cc], vx, true
	}
	if ok {
		w := ins{op: op + formImm*numIntConds, b: l.use(x)}
		w.setK64(val)
		l.result(w)
		return
	}
	l.result(ins{op: op, b: l.use(x), c: l.use(y)})
}

// The forms of a load or store follow its operation in the table.
const (
	formX = iota + 1 // slot + slot
	formK            // constant
	formP            // slot + constant
	formS            // slot + slot<<constant
	formI            // constant value
)

// address makes the word of a load or store from its address operand, popped, and offset. Unless fold is set an addition before it stays.
func (l *fastLowerer) address(op irOp, o operand, offset uint32, fold bool) ins {
	w := ins{op: op, d: int32(offset)}
	if v, ok := o.constant(); ok {
		if ea := uint64(uint32(v)) + uint64(offset); ea <= 0xFFFFFFFF {
			w.op, w.d = op+formK, int32(uint32(ea))
			return w
		}
	}
	if made := l.made(o); fold && made != nil {
		switch made.op {
		case irI32Add:
			return l.indexed(w)
		case irI32AddImm:
			sum := l.swallow()
			w.op, w.b, w.e = op+formP, sum.b, sum.d
			return w
		}
	}
	w.b = l.use(o)
	return w
}

// indexed makes the word of a load or store whose address the last word adds up, with the shift of the index before it if there is one.
func (l *fastLowerer) indexed(w ins) ins {
	shifted := l.last > l.label
	sum := l.swallow()
	w.b, w.c = sum.b, sum.c
	w.op += formX
	if !shifted {
		return w
	}
	shift := l.code[len(l.code)-1]
	if shift.op != irI32ShlImm || int(shift.a) < l.shape.base || sum.b == sum.c {
		return w
	}
	switch shift.a {
	case sum.b:
		w.b, w.c = sum.c, shift.b
	case sum.c:
		w.c = shift.b
	default:
		return w
	}
	l.last = len(l.code) - 1
	l.swallow()
	w.op += formS - formX
	w.e = shift.d
	return w
}

func (l *fastLowerer) store(op irOp, offset uint32) {
	v, o := l.pop(), l.pop()
	val, ok := v.constant()
	if _, abs := o.constant(); ok && !abs && (op != irStore64 || val == uint64(int64(int32(val)))) {
		l.emit(ins{op: op + formI, b: l.use(o), d: int32(offset), e: int32(uint32(val))})
		return
	}
	// A constant value would be put into a slot that the addition may read.
	fold := v.kind != isConst
	if v.kind == isConst {
		l.use(v)
		v.kind = inSlot
	}
	w := l.address(op, o, offset, fold)
	w.a = l.use(v)
	l.emit(w)
}

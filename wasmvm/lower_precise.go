package wasmvm

import (
	"errors"
	"fmt"
	"slices"
)

// preciseLowerer makes precise code: word i is instruction i of the function, and the words behind the last one are the entries of branch tables.
type preciseLowerer struct {
	m      *Module
	fn     *Func
	layout *Layout
	shape  shape
	slots  []int // of the locals
	code   []ins
	extra  []ins         // branch table entries
	ctrl   []preciseCtrl // parallel to the typer's
	exits  map[int][]tryExit
}

// preciseCtrl holds what has to be patched when the end of a block is known.
type preciseCtrl struct {
	loop   int // index of the loop opcode a branch leads to
	ends   []patch
	ifWord int // the word to patch at else, -1 if there is none
	try    bool
}

// patch is a displacement to fill in: of word at (negative: ^at is an extra word), relative to word from.
type patch struct{ at, from int }

func (f *loweredFunc) lowerPrecise(m *Module) error {
	fn := f.fn
	l := &preciseLowerer{m: m, fn: fn, layout: f.layout, shape: f.shape, slots: localSlots(fn), code: make([]ins, 1, fn.numInstrs+1)}
	if f.listed {
		l.exits = map[int][]tryExit{}
	}
	l.code[0] = ins{op: irNop}
	l.ctrl = append(l.ctrl, preciseCtrl{ifWord: -1})
	err := m.eachInstr(fn, func(i int, pc uint32, in *instr, t *typer) error {
		if t.dead && in.op != OpBlock && in.op != OpLoop && in.op != OpIf && in.op != OpTryTable && in.op != OpElse && in.op != OpEnd {
			l.code = append(l.code, ins{op: irInvalid})
			return nil
		}
		l.noteExits(i, in)
		return l.instr(i, in, t)
	})
	if err != nil {
		return err
	}
	n := len(l.code)
	l.code = append(l.code, l.extra...)
	for i := range n {
		if l.code[i].op == irStepBrTable {
			l.code[i].d = int32((n + int(l.code[i].d) - i) * insSize)
		}
	}
	f.precise, f.bare, f.exits = l.code, l.code, l.exits
	if len(f.exits) > 0 {
		f.bare = slices.Clone(l.code)
	}
	for i := range f.exits {
		f.precise[i] = ins{op: irDriver, b: drvLeaveTries}
	}
	return nil
}

// noteExits notes what an instruction does to the list of try_tables.
func (l *preciseLowerer) noteExits(i int, in *instr) {
	if l.exits == nil {
		return
	}
	all := uint32(len(l.ctrl))
	switch in.op {
	case OpEnd:
		if l.ctrl[all-1].try {
			l.exits[i] = []tryExit{{pops: 1}}
		}
	case OpReturn, OpReturnCall, OpReturnCallIndirect, OpReturnCallRef:
		l.exits[i] = []tryExit{l.exit(all)}
	case OpBr, OpBrIf, OpBrOnNull, OpBrOnNonNull:
		l.exits[i] = []tryExit{l.exit(in.a)}
	case OpBrTable:
		for _, label := range in.targets {
			l.exits[i] = append(l.exits[i], l.exit(label))
		}
		if len(in.targets) == 1 {
			l.exits[i][0].pops = 0
		}
	default:
		return
	}
	if !slices.ContainsFunc(l.exits[i], func(x tryExit) bool { return x != tryExit{} }) {
		delete(l.exits, i)
	}
}

// exit is what a branch to a label does to the list.
func (l *preciseLowerer) exit(label uint32) (x tryExit) {
	n := len(l.ctrl)
	for k := range min(int64(label), int64(n)) {
		if l.ctrl[n-1-int(k)].try {
			x.pops++
		}
	}
	x.lands = int64(label) < int64(n) && l.ctrl[n-1-int(label)].try
	return x
}

// localSlots is the slot of every local.
func localSlots(fn *Func) []int {
	s, n := make([]int, len(fn.Locals)), 0
	for i, t := range fn.Locals {
		s[i] = n
		n += t.Slots()
	}
	return s
}

// slot is the frame slot of operand j.
func (l *preciseLowerer) slot(t *typer, j int) uint16 {
	return uint16(l.shape.base + t.offset(j))
}

func (l *preciseLowerer) emit(w ins) { l.code = append(l.code, w) }

func (l *preciseLowerer) instr(i int, in *instr, t *typer) error {
	h := len(t.stack)
	switch in.op {
	case OpTryTable:
		l.ctrl = append(l.ctrl, preciseCtrl{loop: i, ifWord: -1, try: true})
		w := ins{op: irNop}
		if try := l.layout.tryAt(i); try != nil && (l.exits != nil || len(try.saves) > 0) {
			w = ins{op: irDriver, b: drvTry}
		}
		l.emit(w)
	case OpBlock, OpLoop:
		l.ctrl = append(l.ctrl, preciseCtrl{loop: i, ifWord: -1})
		l.emit(ins{op: irNop})
	case OpIf:
		l.ctrl = append(l.ctrl, preciseCtrl{ifWord: i})
		w := ins{op: irStepIf}
		if !t.dead {
			if h == 0 {
				return errUnderflow
			}
			w.a = l.slot(t, h-1)
		}
		l.emit(w)
	case OpElse:
		c := &l.ctrl[len(l.ctrl)-1]
		if c.ifWord < 0 {
			return errNesting
		}
		l.patch(patch{c.ifWord, c.ifWord}, i+1)
		c.ifWord = -1
		c.ends = append(c.ends, patch{i, i})
		l.emit(ins{op: irStepBr})
	case OpEnd:
		c := l.ctrl[len(l.ctrl)-1]
		l.ctrl = l.ctrl[:len(l.ctrl)-1]
		if c.ifWord >= 0 {
			c.ends = append(c.ends, patch{c.ifWord, c.ifWord})
		}
		l.emit(ins{op: irNop})
		for _, p := range c.ends {
			l.patch(p, i)
		}
		if len(l.ctrl) == 0 {
			l.code[i] = l.ret(t)
		}
	default:
		return l.plain(i, in, t)
	}
	return nil
}

func (l *preciseLowerer) patch(p patch, target int) {
	w := &l.extra
	at := ^p.at
	if p.at >= 0 {
		w, at = &l.code, p.at
	}
	(*w)[at].d = int32((target - p.from) * insSize)
}

// ret is the word of a return: it moves the results from the top of the stack.
func (l *preciseLowerer) ret(t *typer) ins {
	n := len(l.fn.Type.Results)
	if len(t.stack) < n {
		return ins{op: irInvalid} // an end that nothing reaches
	}
	return ins{op: irDriver, b: drvReturn, a: l.slot(t, len(t.stack)-n), c: uint16(slotsOf(l.fn.Type.Results))}
}

// branch fills in a branch to a label, with h operands on the stack: w's move fields, and its displacement now or later.
func (l *preciseLowerer) branch(w *ins, label uint32, t *typer, h int, p patch) error {
	c, err := t.label(label)
	if err != nil {
		return err
	}
	ts := c.labelTypes()
	if h-len(ts) < c.height {
		return errUnderflow
	}
	w.a, w.b, w.c = l.slot(t, h-len(ts)), l.slot(t, c.height), uint16(slotsOf(ts))
	if w.a == w.b {
		w.c = 0
	}
	pc := &l.ctrl[len(t.ctrl)-1-int(label)]
	if c.op == OpLoop {
		w.d = int32((pc.loop - p.from) * insSize)
	} else {
		pc.ends = append(pc.ends, p)
	}
	return nil
}

// plain lowers what is neither dead nor structure.
func (l *preciseLowerer) plain(i int, in *instr, t *typer) error {
	h := len(t.stack)
	need := func(n int) error {
		if h < n {
			return errUnderflow
		}
		return nil
	}
	top := func(k int) uint16 { return l.slot(t, h-k) } // the k-th operand from the top
	var w ins
	switch in.op {
	case OpBr:
		w.op = irStepBr
		if err := l.branch(&w, in.a, t, h, patch{i, i}); err != nil {
			return err
		}
	case OpBrIf:
		if err := need(1); err != nil {
			return err
		}
		w = ins{op: irStepBrIf, e: int32(top(1))}
		if err := l.branch(&w, in.a, t, h-1, patch{i, i}); err != nil {
			return err
		}
	case OpBrTable:
		if err := need(1); err != nil {
			return err
		}
		w = ins{op: irStepBrTable, a: top(1), d: int32(len(l.extra)), e: int32(len(in.targets) - 1)}
		for _, label := range in.targets {
			e := ins{op: irData}
			if err := l.branch(&e, label, t, h-1, patch{^len(l.extra), i}); err != nil {
				return err
			}
			l.extra = append(l.extra, e)
		}
	case OpReturn:
		w = l.ret(t)
	case OpCall:
		ft := l.m.FuncType(in.a)
		if ft == nil || h < len(ft.Params) {
			return fmt.Errorf("call of function %d: %w", in.a, errUnderflow)
		}
		w = ins{op: irDriver, b: drvCall, a: top(len(ft.Params)), d: int32(in.a)}
		if l.m.FuncByIndex(in.a) == nil {
			w.b = drvHost
		}
	case OpThrow, OpThrowRef:
		return l.throw(in, t)
	case OpReturnCall, OpReturnCallIndirect, OpReturnCallRef:
		return l.tailCall(in, t)
	case OpRefAsNonNull, OpBrOnNull, OpBrOnNonNull:
		return l.refOp(i, in, t)
	case OpCallIndirect, OpCallRef:
		ft, err := l.m.funcType(in.a)
		if err != nil || h < len(ft.Params)+1 {
			return errors.Join(err, errUnderflow)
		}
		w = ins{op: irDriver, b: drvCallIndirect, a: top(len(ft.Params) + 1), c: uint16(in.b), d: int32(in.a)}
		if in.op == OpCallRef {
			w.b = drvCallRef
		}
	default:
		return l.operation(in, t, top, need)
	}
	l.emit(w)
	return nil
}

// operation lowers what works on operands, locals and globals.
func (l *preciseLowerer) operation(in *instr, t *typer, top func(int) uint16, need func(int) error) error {
	var w ins
	params, push := 0, l.slot(t, len(t.stack))
	if d, ok := driverOps[in.op]; ok {
		if err := need(d.params); err != nil {
			return err
		}
		w = driverWord(d, in)
		w.a = top(d.params)
		l.emit(w)
		return nil
	}
	switch in.op {
	case OpUnreachable:
		w.op = irUnreachable
	case OpNop:
		w.op = irNop
	case OpDrop:
		w.op = irNop
	case OpSelect, OpSelectT:
		if params = 3; need(3) == nil {
			w = ins{op: irSelect, a: top(3), b: top(3), c: top(2), d: int32(top(1))}
			if t.stack[len(t.stack)-2] == V128 {
				w.op = irSelect2
			}
		}
	case OpLocalGet, OpLocalSet, OpLocalTee:
		if int64(in.a) >= int64(len(l.slots)) {
			return fmt.Errorf("local %d does not exist", in.a)
		}
		local := uint16(l.slots[in.a])
		if in.op == OpLocalGet {
			w = ins{op: movOf(l.fn.Locals[in.a] == V128), a: push, b: local}
		} else if params = 1; need(1) == nil {
			w = ins{op: movOf(l.fn.Locals[in.a] == V128), a: local, b: top(1)}
		}
	case OpGlobalGet:
		w = ins{op: irGlobalGet, a: push, d: int32(in.a)}
		if l.m.Globals[in.a].Type == V128 {
			w.op = irGlobalGet2
		}
	case OpGlobalSet:
		if params = 1; need(1) == nil {
			w = ins{op: irGlobalSet, a: top(1), d: int32(in.a)}
			if l.m.Globals[in.a].Type == V128 {
				w.op = irGlobalSet2
			}
		}
	case OpI32Const, OpI64Const, OpF32Const, OpF64Const:
		w = ins{op: irConst, a: push}
		w.setK64(in.val)
	case OpRefNull:
		w = ins{op: irConst, a: push}
	case OpRefFunc:
		w = ins{op: irRefFunc, a: push, d: int32(in.a)}
	case OpRefIsNull:
		if params = 1; need(1) == nil {
			w = ins{op: irRefIsNull, a: top(1), b: top(1)}
		}
	case OpMemorySize:
		w = ins{op: irMemorySize, a: push}
	default:
		if in.op>>16 == 0xFD {
			return l.vector(in, t)
		}
		return l.numeric(in, top, need)
	}
	if err := need(params); err != nil {
		return err
	}
	l.emit(w)
	return nil
}

// numeric lowers what the table of lowerings has.
func (l *preciseLowerer) numeric(in *instr, top func(int) uint16, need func(int) error) error {
	var w ins
	params := 1
	if in.def.sig != "" && in.def.sig[1] != ':' {
		params = 2
	}
	if err := need(params); err != nil {
		return err
	}
	low := in.op.lowering()
	switch low.kind {
	case lowUn:
		w = ins{op: low.op, a: top(1), b: top(1)}
	case lowBin, lowCmp, lowFloatCmp:
		w = ins{op: low.op, a: top(2), b: top(2), c: top(1)}
	case lowLoad:
		w = ins{op: low.op, a: top(1), b: top(1), d: int32(uint32(in.val))}
	case lowStore:
		w = ins{op: low.op, a: top(1), b: top(2), d: int32(uint32(in.val))}
	default:
		w, params = l.special(in, top)
		if params == 0 {
			return fmt.Errorf("%v is not supported", in.op)
		}
	}
	l.emit(w)
	return nil
}

// special lowers what needs no operation of its own: reinterpretations, because slots hold bits; i64.extend_i32_u, because an i32 is kept zero-extended;
// eqz, which compares with zero.
func (l *preciseLowerer) special(in *instr, top func(int) uint16) (w ins, params int) {
	switch in.op {
	case opI64ExtendI32U, opI32ReinterpretF32, opI64ReinterpretF64, opF32ReinterpretI32, opF64ReinterpretI64:
		return ins{op: irNop}, 1
	case OpI32Eqz:
		return ins{op: irI32EqImm, a: top(1), b: top(1)}, 1
	case OpI64Eqz:
		return ins{op: irI64EqImm, a: top(1), b: top(1)}, 1
	}
	return ins{}, 0
}

const (
	opI64ExtendI32U     Opcode = 0xAD
	opI32ReinterpretF32 Opcode = 0xBC
	opI64ReinterpretF64 Opcode = 0xBD
	opF32ReinterpretI32 Opcode = 0xBE
	opF64ReinterpretI64 Opcode = 0xBF
)

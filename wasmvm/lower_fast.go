package wasmvm

import "fmt"

// fastLowerer makes fast code in one pass. It follows the operand stack symbolically: constants and copies of locals emit nothing until something needs
// them in a slot, and an operation whose result goes straight to a local, an address or a branch is changed or swallowed instead of being followed
// by another word.
//
// Words are ordered in groups. A group belongs to a run of consecutive instructions, of which the last one made it; it begins where the one before it
// ended. Between groups the state in the slots is canonical but for the operands that are still constants or copies of locals, which deopt knows
// how to fill in. Two rules keep that true: only the last word of a group changes anything that is live at the group's beginning, and a word that
// may leave the loop does so before it has changed anything.
//
// Before a label, instructions that emitted nothing are covered by the word before them, because whoever executes them has just executed that. Where
// there is no such word (after another label or a call, which may come from anywhere) an irNop stands for them.
type fastLowerer struct {
	m      *Module
	fn     *Func
	layout *Layout
	index  int
	shape  shape
	size   int   // instructions, with entering
	slots  []int // of the locals

	code    []ins
	starts  []uint32 // first instruction of the group of each word
	returns []returnSite
	stack   []operand
	settled int // this many operands at the bottom are in their slots
	ctrl    []fastCtrl

	i       int      // the current instruction
	next    uint32   // first instruction that no word covers yet
	last    int      // word that may still be changed or swallowed, -1 if none
	label   int      // number of words when the last label was set
	labels  []uint32 // instructions, ascending
	err     error
	touched bool // the current instruction emitted or changed a word

	consts map[uint16]uint64 // locals that hold a constant since the last label, by slot

	record map[uint32][]alias // if not nil, filled with the operands that are not in their slots at the beginning of each group
}

// operand is an entry of the symbolic operand stack.
type operand struct {
	kind  operandKind
	wide  bool   // it takes two slots; never a constant
	slot  uint16 // where it belongs
	local uint16 // of inLocal: the local's slot
	known bool   // of inLocal: the local holds val
	val   uint64 // of isConst, and of known locals
}

type operandKind uint8

const (
	inSlot operandKind = iota
	inLocal
	isConst
)

// fastCtrl is a block being lowered.
type fastCtrl struct {
	op     Opcode
	dead   bool // it cannot be reached at all
	height int  // operands below the parameters
	word   int  // of a loop: where its code begins
	idx    int  // of a loop or if: its instruction
	ifWord int  // the branch to else or end, -1 if there is none
	ends   []fix

	landing bool // the driver goes to its end
}

// fix is a branch whose target is not known yet: displacement of word at, relative to word from, made by instruction idx.
type fix struct{ at, from, idx int }

// lowerFast appends the fast code of f to the program.
func (p *program) lowerFast(f *loweredFunc) error {
	l := newFastLowerer(p.mod, f)
	if err := l.run(); err != nil {
		return err
	}
	f.starts, f.labels = l.starts, l.labels
	for _, r := range l.returns {
		f.returns = append(f.returns, returnSite{r.idx, r.word + uint32(f.begin)})
	}
	fuse(l.code)
	p.code = append(p.code, l.code...)
	return nil
}

func newFastLowerer(m *Module, f *loweredFunc) *fastLowerer {
	return &fastLowerer{m: m, fn: f.fn, layout: f.layout, index: f.index, shape: f.shape, size: f.size, slots: localSlots(f.fn), last: -1, consts: map[uint16]uint64{}}
}

func (l *fastLowerer) run() error {
	l.ctrl = append(l.ctrl, fastCtrl{op: OpEnter, ifWord: -1})
	return l.m.eachInstr(l.fn, func(i int, _ uint32, in *instr, t *typer) error {
		l.i, l.touched = i, false
		if err := l.instr(in, t); err != nil {
			return err
		}
		if l.err != nil {
			return l.err
		}
		if l.touched {
			l.next = uint32(i + 1)
		}
		if l.record != nil && l.next == uint32(i+1) {
			l.record[l.next] = l.aliases()
		}
		return nil
	})
}

func (l *fastLowerer) instr(in *instr, t *typer) error {
	switch in.op {
	case OpBlock, OpLoop, OpIf, OpTryTable:
		return l.block(in, t)
	case OpElse:
		return l.elseOp(t)
	case OpEnd:
		return l.end(t)
	}
	if t.dead {
		return nil
	}
	if len(l.stack) != len(t.stack) {
		return fmt.Errorf("%w: %d operands instead of %d", errInternal, len(l.stack), len(t.stack))
	}
	if n := operandsNeeded(in); len(l.stack)-t.top().height < n {
		return errUnderflow
	}
	return l.plain(in, t)
}

// operandsNeeded is how many operands an opcode pops, 0 for those that are checked where they are lowered.
func operandsNeeded(in *instr) int {
	if d, ok := driverOps[in.op]; ok {
		return d.params
	}
	switch in.op {
	case OpBrIf, OpBrTable, OpDrop, OpLocalSet, OpLocalTee, OpGlobalSet, OpRefIsNull, OpRefAsNonNull, OpBrOnNull, OpBrOnNonNull:
		return 1
	case OpSelect, OpSelectT:
		return 3
	}
	n := 0
	for n < len(in.def.sig) && in.def.sig[n] != ':' {
		n++
	}
	return n
}

// emit appends a word to the current group.
func (l *fastLowerer) emit(w ins) int {
	l.code = append(l.code, w)
	l.starts = append(l.starts, l.next)
	l.last = len(l.code) - 1
	l.touched = true
	return l.last
}

// swallow takes back the last word, whose work the next one will do.
func (l *fastLowerer) swallow() ins {
	w := l.code[l.last]
	l.next = l.starts[l.last]
	l.code, l.starts, l.last = l.code[:l.last], l.starts[:l.last], -1
	return w
}

// made returns the last word if it is what made the operand.
func (l *fastLowerer) made(o operand) *ins {
	if l.last < 0 || o.kind != inSlot || !opHasDst[l.code[l.last].op] || l.code[l.last].a != o.slot {
		return nil
	}
	return &l.code[l.last]
}

// setLabel ends the group: instruction idx is reached from elsewhere, and from the word before if falls is set.
func (l *fastLowerer) setLabel(idx int, falls bool) {
	if falls && l.next < uint32(idx) && (len(l.code) == l.label || l.code[len(l.code)-1].op == irData) {
		l.emit(ins{op: irNop})
	}
	if n := len(l.starts); n > 0 && l.starts[n-1] == uint32(idx) {
		l.err = fmt.Errorf("%w: a group begins at instruction %d twice", errInternal, idx)
	}
	delete(l.record, uint32(idx)) // at a label all operands are in their slots
	clear(l.consts)
	l.touched = false
	l.next, l.last, l.label = uint32(idx), -1, len(l.code)
	l.labels = append(l.labels, l.next)
}

// constant returns the operand's value if it is known. Debug builds put every constant into a local first.
func (o operand) constant() (v uint64, ok bool) {
	return o.val, o.kind == isConst || o.kind == inLocal && o.known
}

// nextSlot is the slot of the operand to be pushed next.
func (l *fastLowerer) nextSlot() uint16 {
	if n := len(l.stack); n > 0 {
		return l.stack[n-1].slot + l.stack[n-1].slots()
	}
	return uint16(l.shape.base)
}

// slots is how many slots the operand takes.
func (o *operand) slots() uint16 {
	if o.wide {
		return 2
	}
	return 1
}

// pushTypes pushes operands of the given types that are in their slots.
func (l *fastLowerer) pushTypes(ts []ValType) {
	for _, t := range ts {
		l.push(operand{wide: t == V128})
	}
}

func (l *fastLowerer) push(o operand) {
	o.slot = l.nextSlot()
	l.stack = append(l.stack, o)
}

// result emits a word and pushes the operand it makes.
func (l *fastLowerer) result(w ins) { l.resultOf(w, false) }

// resultOf emits a word and pushes the operand of one or two slots that it makes.
func (l *fastLowerer) resultOf(w ins, wide bool) {
	w.a = l.nextSlot()
	l.emit(w)
	l.push(operand{wide: wide})
}

func (l *fastLowerer) pop() operand {
	o := l.stack[len(l.stack)-1]
	l.stack = l.stack[:len(l.stack)-1]
	l.settled = min(l.settled, len(l.stack))
	return o
}

// use returns a slot that holds the operand, which has been popped.
func (l *fastLowerer) use(o operand) uint16 {
	switch o.kind {
	case inLocal:
		return o.local
	case isConst:
		w := ins{op: irConst, a: o.slot}
		w.setK64(o.val)
		l.emit(w)
	}
	return o.slot
}

// flush puts the operands from the n-th on into their slots.
func (l *fastLowerer) flush(n int) {
	for i := max(n, l.settled); i < len(l.stack); i++ {
		l.settle(i)
	}
	if n <= l.settled {
		l.settled = len(l.stack)
	}
}

// settle puts operand i into its slot.
func (l *fastLowerer) settle(i int) {
	switch o := &l.stack[i]; o.kind {
	case inLocal:
		l.emit(ins{op: movOf(o.wide), a: o.slot, b: o.local})
		o.kind = inSlot
	case isConst:
		l.use(*o)
		o.kind = inSlot
	}
}

// settleLocal puts the operands that are copies of a local into their slots, because the local is about to change.
func (l *fastLowerer) settleLocal(local uint16) {
	for i := l.settled; i < len(l.stack); i++ {
		if l.stack[i].kind == inLocal && l.stack[i].local == local {
			l.settle(i)
		}
	}
}

// reset makes the stack hold its n lowest operands and others of the given types, all in their slots.
func (l *fastLowerer) reset(n int, ts ...ValType) {
	l.stack = l.stack[:n]
	l.settled = min(l.settled, n)
	l.pushTypes(ts)
	for ; l.settled < len(l.stack); l.settled++ {
		l.stack[l.settled].kind = inSlot
	}
}

// movOf is the operation that copies a value of one or two slots.
func movOf(wide bool) irOp {
	if wide {
		return irMov2
	}
	return irMov
}

package wasmvm

// wandersOff says whether neither the next instruction nor the target of a label comes after an opcode: a call, a return, what throws an exception.
func wandersOff(op Opcode) bool {
	const (
		throw, throwRef        Opcode = 0x08, 0x0A
		callRef, returnCallRef Opcode = 0x14, 0x15
	)
	switch op {
	case OpCall, OpCallIndirect, OpReturnCall, OpReturnCallIndirect, OpReturn, throw, throwRef, callRef, returnCallRef:
		return true
	}
	return false
}

// opensBlock says whether an opcode has an end of its own.
func opensBlock(op Opcode) bool {
	const tryTable Opcode = 0x1F
	return op == OpBlock || op == OpLoop || op == OpIf || op == tryTable
}

// RangeExits lists where a run has to be stopped that is to end when the program counter leaves [lo, hi): the instructions outside that branches and falling
// through lead to, and those inside that call, return or throw, after which one has to look. It reports false if the range
// is not part of one function.
func (m *Module) RangeExits(lo, hi uint32) (pcs []uint32, ok bool) {
	fn := m.FuncAt(lo)
	if fn == nil || hi <= lo || hi > fn.BodyEnd {
		return nil, false
	}
	l, err := m.Layout(fn)
	if err != nil {
		return nil, false
	}
	e := exitFinder{m: m, l: l, lo: lo, hi: hi, found: map[uint32]bool{}}
	e.push(OpEnter, 0)
	if e.inside(0) {
		e.target(1)
	}
	r := instrReader{reader: reader{b: m.code()[:fn.BodyEnd], pos: int(fn.CodeStart)}}
	var in instr
	for i := 1; i < len(l.PCs); i++ {
		if r.next(&in); r.err != nil {
			return nil, false
		}
		e.instr(i, &in)
	}
	for pc := range e.found {
		pcs = append(pcs, pc)
	}
	return pcs, true
}

// exitFinder follows the blocks of a function.
type exitFinder struct {
	m      *Module
	l      *Layout
	lo, hi uint32
	blocks []exitBlock
	found  map[uint32]bool
}

// exitBlock is a block that has been entered.
type exitBlock struct {
	op     Opcode
	at     int  // its instruction
	skips  bool // of an if inside the range without an else yet
	exited bool // its end is reached by a branch inside the range
}

func (e *exitFinder) inside(i int) bool { return e.l.PCs[i] >= e.lo && e.l.PCs[i] < e.hi }

// target notes that a run inside the range may go on at instruction i.
func (e *exitFinder) target(i int) {
	if i < len(e.l.PCs) && !e.inside(i) {
		e.found[e.l.PCs[i]] = true
	}
}

func (e *exitFinder) push(op Opcode, at int) { e.blocks = append(e.blocks, exitBlock{op: op, at: at}) }

// branch notes a branch inside the range to a label.
func (e *exitFinder) branch(label uint32) {
	if int64(label) >= int64(len(e.blocks)) {
		return
	}
	b := &e.blocks[len(e.blocks)-1-int(label)]
	if b.op == OpLoop {
		e.target(b.at)
	} else {
		b.exited = true
	}
}

func (e *exitFinder) instr(i int, in *instr) {
	inside := e.inside(i)
	if inside {
		e.target(i + 1)
	}
	top := &e.blocks[len(e.blocks)-1]
	switch {
	case opensBlock(in.op):
		e.push(in.op, i)
		e.blocks[len(e.blocks)-1].skips = in.op == OpIf && inside
	case in.op == OpElse:
		if top.skips {
			e.target(i + 1)
		}
		top.skips, top.exited = false, top.exited || inside
	case in.op == OpEnd:
		if top.skips || top.exited {
			e.target(i)
		}
		e.blocks = e.blocks[:len(e.blocks)-1]
		if len(e.blocks) == 0 {
			e.look(i)
		}
	case !inside:
	case in.def.imm == immBrTable:
		for _, label := range in.targets {
			e.branch(label)
		}
	case in.def.imm == immLabel:
		e.branch(in.a)
	case in.op == OpCall && e.m.FuncByIndex(in.a) == nil: // one instruction
	case wandersOff(in.op):
		e.look(i)
	}
}

// look notes an instruction inside the range after which one has to look where the run is.
func (e *exitFinder) look(i int) {
	if e.inside(i) {
		e.found[e.l.PCs[i]] = true
	}
}

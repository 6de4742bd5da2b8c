package randmod

import "slices"

// blockType emits a block type for ft, which is in the type section unless it has
// no parameters and at most one result.
func (b *body) blockType(params, results []ValType, index int) {
	switch {
	case index >= 0:
		b.S(int64(index))
	case len(params) == 0 && len(results) == 0:
		b.Op(0x40)
	default:
		valType(&b.code, results[0])
	}
}

// open starts a block; its parameters are on the stack.
func (b *body) open(op byte, params, results []ValType, index int) {
	b.Op(op)
	b.blockType(params, results, index)
	l := label{types: results}
	if op == opLoop {
		l = label{types: params, loop: true}
	}
	b.labels = append(b.labels, l)
}

func (b *body) close() {
	b.Op(opEnd)
	b.labels = b.labels[:len(b.labels)-1]
}

// blockExpr emits a block that leaves a value of type t, left early at times.
func (b *body) blockExpr(t ValType, depth int) {
	if ft := b.n(len(b.types)); hasResult(b.types[ft], t) {
		b.multiBlock(ft, depth)
		b.reduce(b.types[ft].Results, t, depth-1)
		return
	}
	b.open(opBlock, nil, []ValType{t}, -1)
	b.statements(depth - 1)
	if b.chance(2) {
		b.expr(t, depth-1)
		b.condition(depth - 1)
		b.OpU(opBrIf, 0)
		b.Op(opDrop)
	}
	b.expr(t, depth-1)
	if b.chance(4) {
		b.OpU(opBr, 0)
		b.deadCode(2)
		b.constant(&b.code, t)
	}
	b.close()
}

// multiBlock emits a block, if or fuelled loop of any function type and leaves its results.
func (b *body) multiBlock(ft, depth int) {
	f := b.types[ft]
	b.push(f.Params, depth-1)
	switch b.n(3) {
	case 0:
		b.open(opBlock, f.Params, f.Results, ft)
		b.consume(f.Params)
		b.statements(depth - 1)
		b.push(f.Results, depth-1)
	case 1:
		b.condition(depth - 1)
		b.open(opIf, f.Params, f.Results, ft)
		b.consume(f.Params)
		b.push(f.Results, depth-1)
		b.Op(opElse)
		b.consume(f.Params)
		b.statements(depth - 1)
		b.push(f.Results, depth-1)
	default:
		b.open(opLoop, f.Params, f.Results, ft)
		b.consume(f.Params)
		b.statements(depth - 1)
		b.push(f.Params, depth-1)
		b.condition(depth - 1)
		b.consumeFuel()
		b.Op(opI32And)
		b.OpU(opBrIf, 0)
		b.consume(f.Params)
		b.push(f.Results, depth-1)
	}
	b.close()
}

// condition pushes an i32; comparisons are likelier than in expr, since engines
// fuse them with branches.
func (b *body) condition(depth int) {
	b.left--
	if depth <= 0 || b.left <= 0 || b.chance(3) {
		b.expr(I32, depth)
		return
	}
	t := b.number()
	var fit []numOp
	for _, o := range opsByOut[I32] {
		if len(o.in) == 2 && o.in[0] == t && (o.op < 0x67 || o.op == opI32And) {
			fit = append(fit, o)
		}
	}
	o := fit[b.n(len(fit))]
	b.push(o.in, depth-1)
	emit(&b.code, o)
	switch b.n(8) {
	case 1:
		b.Op(opI32Eqz)
	case 2: // what compilers emit without optimisation
		b.Op(opI32Const, 1, opI32And)
	case 3:
		l := b.local(I32, true)
		b.OpU(opLocalSet, l)
		b.OpU(opLocalGet, l)
		b.Op(opI32Const, 1, opI32And)
	}
}

func (b *body) ifExpr(t ValType, depth int) {
	b.condition(depth - 1)
	b.open(opIf, nil, []ValType{t}, -1)
	if b.chance(2) {
		b.statements(depth - 2)
	}
	b.expr(t, depth-1)
	b.Op(opElse)
	b.expr(t, depth-1)
	b.close()
}

func (b *body) ifStatement(depth int) {
	b.condition(depth)
	b.open(opIf, nil, nil, -1)
	b.statements(depth - 1)
	if b.chance(2) {
		b.Op(opElse)
		b.statements(depth - 1)
	}
	b.close()
}

func (b *body) blockStatement(depth int) {
	if b.chance(2) {
		ft := b.n(len(b.types))
		b.multiBlock(ft, depth)
		b.consume(b.types[ft].Results)
		return
	}
	b.open(opBlock, nil, nil, -1)
	b.statements(depth - 1)
	b.close()
}

// loop emits a loop that goes on while fuel and a condition last.
func (b *body) loop(depth int) {
	b.open(opBlock, nil, nil, -1)
	b.open(opLoop, nil, nil, -1)
	if b.chance(2) {
		b.consumeFuel()
		b.Op(opI32Eqz)
		b.OpU(opBrIf, 1)
	}
	b.statements(depth - 1)
	b.condition(depth - 1)
	b.consumeFuel()
	b.Op(opI32And)
	b.OpU(opBrIf, 0)
	b.close()
	b.close()
}

// countedLoop emits a loop with a local counter and a constant trip count. Trip
// counts of nested ones multiply, so nesting is limited, and calls are bounded by fuel.
func (b *body) countedLoop(depth int) {
	if b.plain >= 2 {
		b.loop(depth)
		return
	}
	i := b.newLocal(I32)
	b.counter[i] = true
	b.plain++
	b.Op(opI32Const, 0)
	b.OpU(opLocalSet, i)
	b.open(opLoop, nil, nil, -1)
	b.statements(depth - 1)
	b.OpU(opLocalGet, i)
	b.Op(opI32Const, 1, opI32Add)
	b.OpU(opLocalTee, i)
	b.Op(opI32Const, byte(b.between(1, 20)), []byte{opI32LtS, opI32LtU}[b.n(2)])
	b.OpU(opBrIf, 0)
	b.close()
	b.plain--
}

// branch emits a conditional br, br_if, br_table or return to any enclosing label.
func (b *body) branch(depth int) {
	k := b.n(len(b.labels))
	l := b.labels[len(b.labels)-1-k]
	b.push(l.types[:len(l.types)/2], 0) // junk below what the branch carries
	junk := l.types[:len(l.types)/2]
	if b.chance(2) {
		b.push(l.types, depth-1)
		b.condition(depth - 1)
		b.guardLoop(l)
		b.OpU(opBrIf, k)
		b.consume(l.types)
		b.consume(junk)
		return
	}
	b.condition(depth - 1)
	b.guardLoop(l)
	b.open(opIf, nil, nil, -1)
	b.push(junk, 0)
	switch b.n(4) {
	case 0:
		b.push(l.types, depth-1)
		b.OpU(opBr, k+1)
	case 1:
		results := b.labels[0].types
		b.push(results, depth-1)
		b.Op(opReturn)
	case 2:
		if b.risky() {
			b.Op(opUnreachable)
			break
		}
		fallthrough
	default:
		b.brTable(l, depth)
	}
	b.deadCode(2)
	b.close()
	b.consume(junk)
}

// guardLoop adds "and fuel remains" to the condition of a branch to a loop.
func (b *body) guardLoop(l label) {
	if l.loop {
		b.consumeFuel()
		b.Op(opI32And)
	}
}

// brTable emits a br_table over all labels of l's kind, in a random order.
func (b *body) brTable(l label, depth int) {
	var fit []int
	for k := range b.labels {
		o := b.labels[len(b.labels)-1-k]
		if slices.Equal(o.types, l.types) && (!o.loop || l.loop) {
			fit = append(fit, k)
		}
	}
	b.push(l.types, depth-1)
	b.expr(I32, depth-1)
	if b.chance(2) {
		b.Op(opI32Const, 7, opI32And)
	}
	n := b.n(6)
	b.OpU(opBrTable, n)
	for range n + 1 {
		b.U(uint64(fit[b.n(len(fit))]))
	}
}

// deadCode emits code behind an unconditional branch, where the operand stack is
// polymorphic and nothing runs.
func (b *body) deadCode(n int) {
	for range b.n(n + 1) {
		switch b.n(6) {
		case 0:
			b.Op(opDrop)
		case 1:
			b.Op(opI32Add, opDrop)
		case 2:
			b.Op(opSelect, opDrop)
		case 3:
			b.Op(opUnreachable)
		case 4:
			b.Op(opBlock, 0x40, opBr, 0, opI32Const, 1, opBrIf, 0, opEnd)
		default:
			b.Op(opReturn)
		}
	}
}

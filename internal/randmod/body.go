package randmod

import "slices"

// body is a function body under construction. Every emitter leaves the operand
// stack as its comment says; blocks nest, so code is always valid.
type body struct {
	*gen
	code
	fn      int
	locals  []ValType // parameters, then declared ones
	counter []bool    // locals that count a loop without fuel: nobody else writes them
	labels  []label   // innermost last
	left    int       // generator steps that remain
	plain   int       // nesting of loops without fuel
	tries   int       // nesting of try_tables
}

// label is what a branch to a block needs.
type label struct {
	types []ValType
	loop  bool
}

// function emits the body of function fn, its locals included.
func (g *gen) function(fn int) code {
	if c, ok := g.fixed[fn]; ok {
		return c
	}
	t := g.typeOf(fn)
	b := &body{gen: g, fn: fn, left: g.between(1, g.o.MaxBody)}
	b.locals = slices.Clone(t.Params)
	for range g.n(5) {
		b.locals = append(b.locals, g.anyType())
	}
	if g.chance(20) { // a frame that needs two-byte local indexes
		for range g.between(64, 300) {
			b.locals = append(b.locals, g.anyType())
		}
	}
	b.counter = make([]bool, len(b.locals))
	b.labels = []label{{types: t.Results}}
	b.needFuel()
	entry := fn >= len(g.funcs)-2 && g.has(Exceptions) && !g.chance(8)
	if entry {
		b.openCatchAll()
	}
	if fn == len(g.funcs)-2 || g.chance(2) { // _start reaches most of the module
		b.left = max(b.left, g.o.MaxBody/2)
		b.calls()
	}
	b.statements(3)
	if entry {
		b.closeCatchAll()
	}
	b.push(t.Results, 2)
	b.Op(opEnd)
	return b.finish(len(t.Params))
}

// calls emits calls of several functions.
func (b *body) calls() {
	for range b.between(1, 4) {
		b.left = max(b.left, 10)
		b.callStatement(2)
	}
}

// finish puts the declarations of the locals before the code, and initialises
// those that have no default value.
func (b *body) finish(params int) code {
	var out code
	var runs []code
	declared := b.locals[params:]
	for i := 0; i < len(declared); {
		n := 1
		for i+n < len(declared) && declared[i+n] == declared[i] {
			n++
		}
		var run code
		run.U(uint64(n))
		valType(&run, declared[i])
		runs = append(runs, run)
		i += n
	}
	out.U(uint64(len(runs)))
	for _, r := range runs {
		out.Op(r...)
	}
	for i, t := range declared {
		if t.nonNull() {
			b.constant(&out, t)
			out.OpU(opLocalSet, params+i)
		}
	}
	out.Op(b.code...)
	return out
}

// consumeFuel pushes whether fuel remains (i32), after taking one unit.
func (b *body) consumeFuel() {
	b.Op(opGlobalGet, 0, opI32Const, 1, opI32Sub, opGlobalSet, 0)
	b.Op(opGlobalGet, 0, opI32Const, 0, opI32GtS)
}

// needFuel leaves the function with constant results unless fuel remains.
func (b *body) needFuel() {
	b.consumeFuel()
	b.Op(opI32Eqz, opIf, 0x40)
	for _, r := range b.labels[0].types {
		b.constant(&b.code, r)
	}
	b.Op(opReturn, opEnd)
}

// local returns a local of type t, or a new one. Locals that count loops are
// only returned for reading.
func (b *body) local(t ValType, write bool) int {
	var fit []int
	for i, l := range b.locals {
		if l == t && !(write && b.counter[i]) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 || len(b.locals) < 6 && b.chance(8) {
		return b.newLocal(t)
	}
	return fit[b.n(len(fit))]
}

func (b *body) newLocal(t ValType) int {
	b.locals = append(b.locals, t)
	b.counter = append(b.counter, false)
	return len(b.locals) - 1
}

// constant appends a constant of type t to c; it is a constant expression.
func (g *gen) constant(c *code, t ValType) {
	switch t {
	case I32:
		c.Op(opI32Const)
		switch g.n(3) {
		case 0:
			c.S(int64(SpecialI32[g.n(len(SpecialI32))]))
		case 1:
			c.S(int64(g.n(64)))
		default:
			c.S(int64(int32(g.bits(4))))
		}
	case I64:
		c.Op(opI64Const)
		switch g.n(3) {
		case 0:
			c.S(SpecialI64[g.n(len(SpecialI64))])
		case 1:
			c.S(int64(g.n(64)))
		default:
			c.S(int64(g.bits(8)))
		}
	case F32:
		v := SpecialF32[g.n(len(SpecialF32))]
		if g.chance(4) {
			v = uint32(g.bits(4))
		}
		c.Op(opF32Const, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	case F64:
		v := SpecialF64[g.n(len(SpecialF64))]
		if g.chance(4) {
			v = g.bits(8)
		}
		c.Op(opF64Const)
		for range 8 {
			c.Op(byte(v))
			v >>= 8
		}
	case V128:
		c.Prefixed(0xFD, 12)
		c.Op(g.vector()...)
	case FuncRef:
		if g.chance(4) {
			refNullOf(c, t)
		} else {
			c.OpU(opRefFunc, g.n(len(g.funcs)))
		}
	default:
		if t.nonNull() || t.typed() && !g.chance(4) {
			c.OpU(opRefFunc, g.funcOf(t.target()))
		} else {
			refNullOf(c, t)
		}
	}
}

// push emits one expression for each type.
func (b *body) push(ts []ValType, depth int) {
	for _, t := range ts {
		b.expr(t, depth)
	}
}

// consume takes values of the given types off the stack, last one first.
func (b *body) consume(ts []ValType) {
	for _, t := range slices.Backward(ts) {
		switch t = b.wider(t); {
		case b.chance(3):
			b.OpU(opLocalSet, b.local(t, true))
		case b.chance(3) && b.setGlobal(t):
		default:
			b.Op(opDrop)
		}
	}
}

// setGlobal pops a value into a global of its type, if there is one.
func (b *body) setGlobal(t ValType) bool {
	i := b.global(t, true)
	if i >= 0 {
		b.OpU(opGlobalSet, i)
	}
	return i >= 0
}

// reduce takes values of types ts off the stack and leaves one of type t.
func (b *body) reduce(ts []ValType, t ValType, depth int) {
	if len(ts) == 1 && ts[0] == t {
		return
	}
	at := slices.Index(ts, t)
	if at < 0 {
		b.consume(ts)
		b.expr(t, depth)
		return
	}
	b.consume(ts[at+1:])
	if at > 0 {
		l := b.local(t, true)
		b.OpU(opLocalSet, l)
		for range at {
			b.Op(opDrop)
		}
		b.OpU(opLocalGet, l)
	}
}

// global returns a global of type t or -1. The fuel and constants are never written.
func (b *body) global(t ValType, write bool) int {
	var fit []int
	for i, g := range b.globals {
		if g == t && !(write && (i == 0 || b.frozen[i])) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return -1
	}
	return fit[b.n(len(fit))]
}

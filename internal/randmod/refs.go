package randmod

import "slices"

// wider returns t or at times a type that t is a subtype of.
func (b *body) wider(t ValType) ValType {
	switch {
	case !t.typed() || b.chance(2):
		return t
	case t.nonNull() && b.chance(2):
		return refTo(t.target(), false)
	}
	return FuncRef
}

// notNull pushes a value of the non-null type t, from a value that may be null.
func (b *body) notNull(t ValType, depth int) {
	nullable := refTo(t.target(), false)
	if b.risky() {
		b.expr(nullable, depth-1)
		b.Op(opRefAsNonNull)
		return
	}
	b.open(opBlock, nil, []ValType{t}, -1)
	b.expr(nullable, depth-1)
	b.OpU(opBrOnNonNull, 0)
	b.OpU(opRefFunc, b.funcOf(t.target()))
	b.close()
}

// target pushes a reference to functions of fn's type, which is callable.
func (b *body) target(fn, depth int) {
	k := b.funcs[fn]
	switch {
	case b.risky():
		b.expr(refTo(k, false), depth-1)
	case b.chance(2):
		b.OpU(opRefFunc, fn)
	default:
		b.expr(refTo(k, true), depth-1)
	}
}

// nullBranch emits a br_on_null or a br_on_non_null with a value below the reference.
func (b *body) nullBranch(depth int) {
	if len(b.callable) == 0 {
		b.branch(depth)
		return
	}
	k := b.callable[b.n(len(b.callable))]
	t := b.value()
	if b.chance(2) {
		b.open(opBlock, nil, []ValType{t}, -1)
		b.expr(t, depth-1)
		b.expr(refTo(k, false), depth-1)
		b.OpU(opBrOnNull, 0)
		b.consume([]ValType{refTo(k, true)})
		b.consume([]ValType{t})
		b.statements(depth - 1)
		b.expr(t, depth-1)
		b.close()
		b.consume([]ValType{t})
		return
	}
	b.expr(t, depth-1)
	b.open(opBlock, nil, []ValType{refTo(k, false)}, -1)
	b.expr(refTo(k, false), depth-1)
	b.OpU(opBrOnNonNull, 0)
	b.expr(refTo(k, false), depth-1)
	b.close()
	b.consume([]ValType{t, refTo(k, false)})
}

// tailCall leaves the function by a call, if a condition holds, of some function
// that has the same results.
func (b *body) tailCall(depth int) {
	results := b.labels[0].types
	fn := -1
	for range 6 {
		if k := b.callee(); b.has(TailCalls) && slices.Equal(b.typeOf(k).Results, results) {
			fn = k
			break
		}
	}
	if fn < 0 {
		b.callStatement(depth)
		return
	}
	b.condition(depth - 1)
	b.open(opIf, nil, nil, -1)
	b.push(b.typeOf(fn).Params, depth-1)
	switch k := b.n(3); {
	case k == 1:
		b.OpU(opReturnCallIn, b.funcs[fn], b.pickEntry(fn, depth))
	case k == 2 && b.has(TypedRefs) && b.isCallable(b.funcs[fn]):
		b.target(fn, depth)
		b.OpU(opReturnCallRf, b.funcs[fn])
	default:
		b.OpU(opReturnCall, fn)
	}
	b.deadCode(2)
	b.close()
}

// deep nests statements in many blocks, which branches may leave all at once.
func (b *body) deep(depth int) {
	if !b.chance(6) {
		b.ifStatement(depth)
		return
	}
	n := b.between(10, 80)
	for range n {
		b.open(opBlock, nil, nil, -1)
	}
	b.statements(depth)
	for range n {
		b.close()
	}
}

package randmod

import "slices"

// tag is a kind of exception, with the indexes of the function types that it needs.
type tag struct {
	typ    int // takes the values
	values int // returns them: the type of a block that a catch clause branches to
	withRe int // returns them and the exception
}

// The kinds of catch clauses.
const (
	catchTag    = 0
	catchTagRef = 1
	catchAll    = 2
	catchAllRef = 3
)

func (g *gen) planTags() {
	if !g.has(Exceptions) {
		return
	}
	for range g.between(1, 3) {
		var last ValType // of the list, which is made from its end
		values := g.list(3, func() ValType {
			t := g.anyType()
			// wazero writes a vector over memory of its own unless a number follows.
			if t == ExnRef || t == V128 && (last == 0 || last.IsRef()) {
				t = I32
			}
			last = t
			return t
		})
		slices.Reverse(values)
		t := tag{len(g.types), len(g.types) + 1, len(g.types) + 2}
		g.types = append(g.types, FuncType{Params: values}, FuncType{Results: values},
			FuncType{Results: append(slices.Clone(values), ExnRef)})
		g.tags = append(g.tags, t)
	}
}

// clause is a catch clause: label counts from outside the try_table.
type clause struct {
	kind, tag, label int
	types            []ValType
	index            int // of the type of a block that takes types
}

func (b *body) randomClause() clause {
	c := clause{kind: b.n(4), tag: b.n(len(b.tags)), index: -1}
	t := b.tags[c.tag]
	switch c.kind {
	case catchTag:
		c.index = t.values
	case catchTagRef:
		c.index = t.withRe
	case catchAllRef:
		c.types = []ValType{ExnRef}
	}
	if c.index >= 0 {
		c.types = b.types[c.index].Results
	}
	return c
}

// enclosing returns the depth of a label outside that takes what the clause carries, or -1.
func (b *body) enclosing(c clause) int {
	for k := range b.labels {
		if slices.Equal(b.labels[len(b.labels)-1-k].types, c.types) && b.chance(2) {
			return k
		}
	}
	return -1
}

// tryTable emits a try_table that leaves values of the given types, at most one.
// Its clauses lead to blocks around it or to labels further out.
func (b *body) tryTable(results []ValType, depth int) {
	var clauses []clause // those that lead to blocks of their own, innermost first
	var all []clause
	for range b.n(4) {
		c := b.randomClause()
		if c.label = -1; b.chance(3) {
			c.label = b.enclosing(c)
		}
		if c.label < 0 {
			clauses = append(clauses, c)
		}
		all = append(all, c)
	}
	b.needFuel() // a clause may lead to a loop
	b.open(opBlock, nil, results, -1)
	for _, c := range slices.Backward(clauses) {
		b.open(opBlock, nil, c.types, c.index)
	}
	b.Op(opTryTable)
	b.blockType(nil, results, -1)
	b.U(uint64(len(all)))
	own := 0
	for _, c := range all {
		b.Op(byte(c.kind))
		if c.kind == catchTag || c.kind == catchTagRef {
			b.U(uint64(c.tag))
		}
		if c.label >= 0 {
			b.U(uint64(c.label + len(clauses) + 1))
		} else {
			b.U(uint64(own))
			own++
		}
	}
	b.labels = append(b.labels, label{types: results})
	b.tries++
	b.statements(depth - 1)
	if b.chance(2) {
		b.throw(depth - 1)
	}
	b.push(results, depth-1)
	b.close()
	b.tries--
	b.OpU(opBr, len(clauses))
	for i, c := range clauses {
		b.close()
		b.handle(c, depth)
		b.push(results, depth-2)
		if i < len(clauses)-1 {
			b.OpU(opBr, len(clauses)-1-i)
		}
	}
	b.close()
}

// handle takes what a clause carries off the stack and does something.
func (b *body) handle(c clause, depth int) {
	values := c.types
	if n := len(values) - 1; n >= 0 && values[n] == ExnRef && b.chance(2) {
		l := b.local(ExnRef, true)
		b.OpU(opLocalSet, l)
		b.condition(depth - 2)
		b.open(opIf, nil, nil, -1)
		b.OpU(opLocalGet, l)
		b.Op(opThrowRef)
		b.deadCode(2)
		b.close()
		values = values[:n]
	}
	b.consume(values)
	b.statements(depth - 2)
}

// tryStatement is tryTable as a statement; at times it throws instead.
func (b *body) tryStatement(depth int) {
	switch {
	case !b.has(Exceptions):
		b.blockStatement(depth)
	case b.chance(3):
		b.throw(depth)
	default:
		b.tryTable(nil, depth)
	}
}

// throw throws if a condition holds. Outside a try_table it is rarer, since nobody may catch it.
func (b *body) throw(depth int) {
	if b.tries == 0 && !b.chance(3) {
		b.Op(opNop)
		return
	}
	tag := b.n(len(b.tags))
	b.condition(depth)
	b.open(opIf, nil, nil, -1)
	switch {
	case b.risky():
		b.expr(ExnRef, depth-1)
		b.Op(opThrowRef)
	default:
		b.push(b.types[b.tags[tag].typ].Params, depth-1)
		b.OpU(opThrow, tag)
	}
	b.deadCode(2)
	b.close()
}

// openCatchAll begins a region out of which no exception gets; closeCatchAll ends it.
func (b *body) openCatchAll() {
	b.open(opBlock, nil, nil, -1)
	b.Op(opTryTable, 0x40, 1, catchAll, 0)
	b.labels = append(b.labels, label{})
	b.tries++
}

func (b *body) closeCatchAll() {
	b.tries--
	b.close()
	b.close()
}

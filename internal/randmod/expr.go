package randmod

// expr emits code that pushes one value of type t.
func (b *body) expr(t ValType, depth int) {
	b.left--
	if depth <= 0 || b.left <= 0 {
		b.leaf(t)
		return
	}
	if t.IsRef() {
		b.refExpr(t, depth)
		return
	}
	if t == V128 && b.chance(2) {
		b.vectorExpr(depth)
		return
	}
	switch b.n(16) {
	case 0, 1:
		b.leaf(t)
	case 2, 3, 4, 5, 6, 7:
		b.numeric(t, depth)
	case 8, 9:
		b.load(t, depth)
	case 10:
		b.call(t, depth)
	case 11:
		b.blockExpr(t, depth)
	case 12:
		b.ifExpr(t, depth)
	case 13:
		b.selectExpr(t, depth)
	case 14:
		b.expr(t, depth-1)
		b.OpU(opLocalTee, b.local(t, true))
	default:
		b.odd(t, depth)
	}
}

// leaf emits a constant or reads a variable.
func (b *body) leaf(t ValType) {
	switch b.n(4) {
	case 0:
		b.constant(&b.code, t)
	case 1:
		if i := b.global(t, false); i >= 0 {
			b.OpU(opGlobalGet, i)
			return
		}
		fallthrough
	default:
		b.OpU(opLocalGet, b.local(t, false))
	}
}

func (b *body) refExpr(t ValType, depth int) {
	i := b.table(t)
	switch {
	case t.nonNull() && b.chance(3):
		b.notNull(t, depth)
	case t == FuncRef && len(b.callable) > 0 && b.chance(3):
		b.expr(refTo(b.callable[b.n(len(b.callable))], b.chance(2)), depth-1)
	case t.typed() && !t.nonNull() && b.chance(3):
		b.expr(refTo(t.target(), true), depth-1)
	case i >= 0 && b.chance(2):
		b.tableIndex(i, depth-1)
		b.OpU(opTableGet, i)
	case (t == FuncRef || t == ExternRef) && b.chance(4): // wazero takes no select of an exnref, and misreads one of a type of two bytes
		b.expr(t, depth-1)
		b.expr(t, depth-1)
		b.expr(I32, depth-1)
		b.selectT(t)
	case b.chance(4):
		b.call(t, depth)
	default:
		b.leaf(t)
	}
}

// odd emits an instruction that has a result of one type only, if t is that type.
func (b *body) odd(t ValType, depth int) {
	if t != I32 {
		switch {
		case t != V128 && b.has(SIMD) && b.chance(2):
			b.fromVector(t, depth)
		case b.has(Exceptions) && b.chance(2):
			b.tryTable([]ValType{t}, depth)
		default:
			b.indirect(t, depth)
		}
		return
	}
	switch k := b.n(8); {
	case k == 6 && b.has(SIMD):
		b.fromVector(t, depth)
	case k == 7 && b.memory && b.has(Threads):
		b.waitOrNotify(depth)
	case k == 0 && b.memory:
		b.Op(opMemorySize, 0)
	case k == 1 && b.memory:
		b.Op(opI32Const, byte(b.n(3)), opMemoryGrow, 0)
	case k == 2:
		b.expr(b.reference(), depth-1)
		b.Op(opRefIsNull)
	case k == 3:
		b.FC(fcTableSize, b.n(len(b.tables)))
	case k == 4:
		i := b.n(len(b.tables))
		b.expr(b.tables[i], depth-1)
		b.Op(opI32Const, byte(b.n(3)))
		b.FC(fcTableGrow, i)
	default:
		b.indirect(t, depth)
	}
}

// risky says whether an unguarded access is emitted here.
func (b *body) risky() bool { return b.wild > 0 && b.chance(b.wild) }

func (b *body) numeric(t ValType, depth int) {
	if t == V128 {
		b.vectorExpr(depth)
		return
	}
	ops := opsByOut[t]
	o := ops[b.n(len(ops))]
	for b.o.NoFloats && (o.in[0] == F32 || o.in[0] == F64) {
		o = ops[(b.n(len(ops)))]
		if b.n(2) == 0 { // exhausted fuzz bytes give the same op forever
			o = numOp{opI32Eqz, []ValType{I32}, I32, safe, 0}
			if t == I64 {
				o = numOp{0x79, []ValType{I64}, I64, safe, 0} // i64.clz
			}
		}
	}
	if o.risk == truncs && !b.risky() {
		// The saturating twin: 0xA8..0xAB, 0xAE..0xB1 to 0xFC00..0xFC07.
		o.op = 0xFC00 + o.op - 0xA8
		if o.op > 0xFC03 {
			o.op -= 2
		}
	}
	b.push(o.in, depth-1)
	if o.risk == divides && !b.risky() {
		b.guardDivisor(o)
	}
	emit(&b.code, o)
}

// guardDivisor makes the divisor on the stack neither 0 nor -1, which overflows
// the division of the least integer.
func (b *body) guardDivisor(o numOp) {
	or := byte(opI32Or)
	if o.in[0] == I64 {
		or = opI64Or
		b.Op(opI64Const, 15, 0x83) // i64.and
		b.Op(opI64Const, 1, or)
		return
	}
	b.Op(opI32Const, 15, opI32And)
	b.Op(opI32Const, 1, or)
}

// address pushes an address that n bytes can be accessed at, and returns the
// offset immediate to use. Sums are frequent, since engines fold them into the access.
func (b *body) address(depth int) (offset int) {
	if b.risky() {
		b.expr(I32, depth-1)
		return b.n(1 << 18)
	}
	masked := func(depth int) {
		b.expr(I32, depth)
		b.Op(opI32Const)
		b.S(hotBytes/2 - 1) // a mask with holes: clusters addresses, keeps them in the first page
		b.Op(opI32And)
	}
	masked(depth - 1)
	switch b.n(4) {
	case 1:
		masked(0)
		b.Op(opI32Add)
	case 2: // two sums: the first one wraps around below zero
		k := int64(1 + b.n(1<<14))
		b.Op(opI32Const)
		b.S(-k)
		b.Op(opI32Add, opI32Const)
		b.S(k)
		b.Op(opI32Add)
	case 3: // a sum of two locals
		x, y := b.local(I32, true), b.newLocal(I32)
		b.OpU(opLocalSet, x)
		masked(0)
		b.OpU(opLocalSet, y)
		b.OpU(opLocalGet, x)
		b.OpU(opLocalGet, y)
		b.Op(opI32Add)
	}
	if b.chance(3) {
		return b.n(hotBytes)
	}
	return b.n(16)
}

func (b *body) load(t ValType, depth int) {
	switch {
	case !b.memory:
		b.leaf(t)
		return
	case t == V128:
		b.vectorLoad(depth)
		return
	case (t == I32 || t == I64) && b.has(Threads) && b.chance(3):
		b.atomic(t, depth)
		return
	}
	var fit []memOp
	for _, o := range loads {
		if o.typ == t {
			fit = append(fit, o)
		}
	}
	o := fit[b.n(len(fit))]
	off := b.address(depth)
	b.OpU(o.op, b.n(o.width+1), off)
}

func (b *body) selectExpr(t ValType, depth int) {
	b.expr(t, depth-1)
	b.expr(t, depth-1)
	b.expr(I32, depth-1)
	if b.chance(3) {
		b.selectT(t)
	} else {
		b.Op(opSelect)
	}
}

// selectT emits a select between values of type t that says so.
func (b *body) selectT(t ValType) {
	b.Op(opSelectT, 1)
	valType(&b.code, t)
}

// call emits a direct call of a function that has a result of type t.
func (b *body) call(t ValType, depth int) {
	fn := -1
	for range 4 {
		if k := b.callee(); hasResult(b.typeOf(k), t) {
			fn = k
			break
		}
	}
	if fn < 0 {
		b.leaf(t)
		return
	}
	b.push(b.typeOf(fn).Params, depth-1)
	b.OpU(opCall, fn)
	b.reduce(b.typeOf(fn).Results, t, depth-1)
}

// callee picks any function; fuel bounds recursion. _start is rarely called.
func (b *body) callee() int {
	fn := b.n(len(b.funcs))
	if fn == len(b.funcs)-2 && !b.chance(8) {
		fn = len(b.funcs) - 1
	}
	return fn
}

func hasResult(f FuncType, t ValType) bool {
	for _, r := range f.Results {
		if r == t {
			return true
		}
	}
	return false
}

// indirect emits a call through the table with a result of type t.
func (b *body) indirect(t ValType, depth int) {
	fn := b.callee()
	for try := 0; !hasResult(b.typeOf(fn), t); try++ {
		if try == 4 {
			b.leaf(t)
			return
		}
		fn = b.callee()
	}
	b.indirectCall(fn, depth)
	b.reduce(b.typeOf(fn).Results, t, depth-1)
}

// indirectCall calls fn through a table or a reference and leaves its results. Where the module
// is wild it calls whatever lies at a random index instead, expecting fn's type.
func (b *body) indirectCall(fn, depth int) {
	if b.has(TypedRefs) && b.isCallable(b.funcs[fn]) && b.chance(2) {
		b.push(b.typeOf(fn).Params, depth-1)
		b.target(fn, depth)
		b.OpU(opCallRef, b.funcs[fn])
		return
	}
	b.push(b.typeOf(fn).Params, depth-1)
	b.OpU(opCallIndirect, b.funcs[fn], b.pickEntry(fn, depth))
}

// pickEntry pushes the index of a table entry that holds fn, or where the module is
// wild any entry, and returns the table.
func (b *body) pickEntry(fn, depth int) (table int) {
	var fit []int
	for i, e := range b.tables {
		if e == FuncRef { // wazero takes no table of typed references here
			fit = append(fit, i)
		}
	}
	table = fit[b.n(len(fit))]
	if b.risky() {
		b.tableIndex(table, depth-1)
		return table
	}
	entry := byte(b.n(4)) // every table has at least four entries
	b.Op(opI32Const, entry)
	b.OpU(opRefFunc, fn)
	b.OpU(opTableSet, table)
	b.Op(opI32Const, entry)
	return table
}

// table returns a table of type t or -1.
func (b *body) table(t ValType) int {
	for i, e := range b.tables {
		if e == t && (i == len(b.tables)-1 || b.chance(2)) {
			return i
		}
	}
	return -1
}

// tableIndex pushes an index into table i, in range unless something wild is due.
func (b *body) tableIndex(i, depth int) {
	b.expr(I32, depth)
	if !b.risky() {
		b.Op(opI32Const, 3, opI32And)
	}
}

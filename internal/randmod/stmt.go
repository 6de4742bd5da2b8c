package randmod

// statements emits code that leaves the stack as it was.
func (b *body) statements(depth int) {
	for range b.between(1, 6) {
		if b.left <= 0 {
			return
		}
		b.statement(depth)
	}
}

func (b *body) statement(depth int) {
	b.left--
	t := b.anyType()
	switch b.n(24) {
	case 20:
		b.tailCall(depth)
	case 21:
		b.tryStatement(depth)
	case 22:
		b.nullBranch(depth)
	case 23:
		b.deep(depth)
	case 0:
		b.Op(opNop)
	case 1, 2, 3, 4:
		b.expr(t, depth)
		b.OpU(opLocalSet, b.local(t, true))
	case 5:
		b.expr(t, depth)
		if !b.setGlobal(t) {
			b.Op(opDrop)
		}
	case 6, 7, 8:
		b.store(depth)
	case 9, 10:
		b.callStatement(depth)
	case 11:
		b.blockStatement(depth)
	case 12, 13:
		b.loop(depth)
	case 14:
		b.countedLoop(depth)
	case 15:
		b.ifStatement(depth)
	case 16, 17:
		b.branch(depth)
	case 18:
		b.bulk(depth)
	default:
		b.expr(t, depth)
		b.Op(opDrop)
	}
}

func (b *body) store(depth int) {
	if !b.memory {
		b.Op(opNop)
		return
	}
	if b.has(SIMD) && b.chance(4) {
		b.vectorStore(depth)
		return
	}
	if b.has(Threads) && b.chance(4) {
		b.atomicStore(depth)
		return
	}
	o := stores[b.n(len(stores))]
	for b.o.NoFloats && (o.typ == F32 || o.typ == F64) {
		o = stores[0]
	}
	off := b.address(depth)
	b.expr(o.typ, depth-1)
	b.OpU(o.op, b.n(o.width+1), off)
}

// callStatement calls some function, directly or through the table.
func (b *body) callStatement(depth int) {
	fn := b.callee()
	if b.chance(3) {
		b.indirectCall(fn, depth)
		b.consume(b.typeOf(fn).Results)
		return
	}
	b.push(b.typeOf(fn).Params, depth-1)
	b.OpU(opCall, fn)
	b.consume(b.typeOf(fn).Results)
}

// bulk emits a memory or table instruction on ranges.
func (b *body) bulk(depth int) {
	if b.memory && b.chance(2) {
		b.bulkMemory(depth)
		return
	}
	i := b.n(len(b.tables))
	small := func() { b.Op(opI32Const, byte(b.n(3))) }
	switch b.n(5) {
	case 0:
		b.tableIndex(i, depth-1)
		b.expr(b.tables[i], depth-1)
		b.OpU(opTableSet, i)
	case 1:
		b.Op(opI32Const, byte(b.n(2)))
		b.expr(b.tables[i], depth-1)
		small()
		b.FC(fcTableFill, i)
	case 2:
		small()
		small()
		b.Op(opI32Const, byte(b.n(2)))
		b.FC(fcTableCopy, i, b.same(i))
	case 3:
		b.tableInit(i)
	default:
		b.FC(fcElemDrop, b.n(len(b.elems)))
	}
}

// same returns a table of the same type as table i.
func (b *body) same(i int) int {
	if k := b.n(len(b.tables)); b.tables[k] == b.tables[i] {
		return k
	}
	return i
}

func (b *body) tableInit(i int) {
	e := b.n(len(b.elems))
	if b.elems[e].typ != b.tables[i] {
		b.FC(fcElemDrop, e)
		return
	}
	n := 0 // an active or dropped segment is empty: only length 0 does not trap
	if b.risky() {
		n = 1 + b.n(2)
	}
	b.Op(opI32Const, byte(b.n(3)), opI32Const, 0, opI32Const, byte(n))
	b.FC(fcTableInit, e, i)
}

func (b *body) bulkMemory(depth int) {
	length := func() {
		b.expr(I32, depth-1)
		if !b.risky() {
			b.Op(opI32Const, 0xFF, 0x00, opI32And) // 127
		}
	}
	switch k := b.n(4); {
	case k == 0:
		b.address(depth)
		b.address(depth)
		length()
		b.FC(fcMemoryCopy, 0, 0)
	case k == 1 && len(b.data) > 0:
		s := b.n(len(b.data))
		n := 0
		if b.data[s].passive && b.risky() {
			n = 1 + b.n(b.data[s].size)
		}
		b.address(depth)
		b.Op(opI32Const, 0, opI32Const, byte(n))
		b.FC(fcMemoryInit, s, 0)
	case k == 2 && len(b.data) > 0 && b.chance(2):
		b.FC(fcDataDrop, b.n(len(b.data)))
	default:
		b.address(depth)
		b.expr(I32, depth-1)
		length()
		b.FC(fcMemoryFill, 0)
	}
}

package randmod

// Atomic instructions that are not loads, stores or read-modify-writes.
const (
	feNotify = 0
	feWait32 = 1
	feWait64 = 2
	feFence  = 3
)

// atomicForms are the types and widths (log2) of the seven forms of each atomic
// access, in the order of their opcodes.
var atomicForms = []memOp{{0, I32, 2}, {1, I64, 3}, {2, I32, 0}, {3, I32, 1}, {4, I64, 0}, {5, I64, 1}, {6, I64, 2}}

// The first opcodes of each group of seven.
const (
	feLoad    = 0x10
	feStore   = 0x17
	feRMW     = 0x1E // six groups: add, sub, and, or, xor, xchg
	feCmpxchg = 0x48
)

// aligned pushes an address of a multiple of 1<<width and returns an offset that is
// one too, unless something wild is due.
func (b *body) aligned(width, depth int) (offset int) {
	if b.risky() {
		return b.address(depth)
	}
	b.expr(I32, depth-1)
	b.Op(opI32Const)
	b.S((hotBytes/2 - 1) &^ (1<<width - 1))
	b.Op(opI32And)
	return b.n(64) << width
}

func (b *body) atomicForm(t ValType) memOp {
	for {
		if f := atomicForms[b.n(len(atomicForms))]; f.typ == t {
			return f
		}
		if b.bits(1) == 0 { // exhausted fuzz bytes give the same form forever
			if t == I64 {
				return atomicForms[1]
			}
			return atomicForms[0]
		}
	}
}

// atomic pushes a value of type t that was loaded or exchanged.
func (b *body) atomic(t ValType, depth int) {
	f := b.atomicForm(t)
	off := b.aligned(f.width, depth)
	op := feLoad
	switch b.n(3) {
	case 1:
		b.expr(t, depth-1)
		op = feRMW + 7*b.n(6)
	case 2:
		b.expr(t, depth-1)
		b.expr(t, depth-1)
		op = feCmpxchg
	}
	b.Prefixed(0xFE, op+int(f.op), f.width, off)
}

func (b *body) atomicStore(depth int) {
	if b.chance(8) {
		b.Prefixed(0xFE, feFence, 0)
		return
	}
	f := atomicForms[b.n(len(atomicForms))]
	off := b.aligned(f.width, depth)
	b.expr(f.typ, depth-1)
	b.Prefixed(0xFE, feStore+int(f.op), f.width, off)
}

// waitOrNotify pushes the result (i32) of a notify that wakes nobody, or of a wait
// that ends at once, since it may last for no time.
func (b *body) waitOrNotify(depth int) {
	if b.chance(2) || !b.shared && !b.risky() {
		off := b.aligned(2, depth)
		b.expr(I32, depth-1)
		b.Prefixed(0xFE, feNotify, 2, off)
		return
	}
	t, width := I32, 2
	if b.chance(2) {
		t, width = I64, 3
	}
	off := b.aligned(width, depth)
	b.expr(t, depth-1)
	b.Op(opI64Const, 0)
	b.Prefixed(0xFE, feWait32+width-2, width, off)
}

package wasmvm

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"wrev/wasmvm/internal/simd"
)

// constPool holds the constants of two slots that a module's code names by number. It only grows, so code may run while more is lowered.
type constPool struct {
	mu    sync.Mutex
	list  [][2]uint64
	index map[[2]uint64]int32
	first atomic.Pointer[[2]uint64]
}

// add returns the number of a constant.
func (p *constPool) add(v [2]uint64) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := p.index[v]
	if ok {
		return i
	}
	if p.index == nil {
		p.index = map[[2]uint64]int32{}
	}
	i = int32(len(p.list))
	p.index[v] = i
	p.list = append(p.list, v)
	p.first.Store(unsafe.SliceData(p.list))
	return i
}

// vectorWord begins the word of an opcode on vectors: all but the slots.
func (m *Module) vectorWord(in *instr, low lowering) ins {
	w := ins{op: low.op}
	switch {
	case in.op == OpV128Const:
		w.op, w.d = irVConst, m.program().consts.add(in.vec)
	case low.kind == lowNone:
		w.op, w.d = irVector, int32(in.op&0xFF)
		if in.op == OpI8x16Shuffle {
			w.e = m.program().consts.add(in.vec)
		}
	case low.kind != lowVector:
		w.d = int32(uint32(in.val))
	}
	if low.lane != 0 {
		w.e = int32(in.b) * int32(low.lane)
	}
	return w
}

// vectorParams is how many operands an opcode on vectors takes, and whether its result takes two slots.
func vectorParams(in *instr) (n int, wide bool) {
	sig := in.def.sig
	for sig[n] != ':' {
		n++
	}
	return n, sig[len(sig)-1] == 'v'
}

// vector lowers an opcode on vectors.
func (l *fastLowerer) vector(in *instr, low lowering) error {
	n, wide := vectorParams(in)
	var os [3]operand
	for k := n - 1; k >= 0; k-- {
		os[k] = l.pop()
	}
	w := l.m.vectorWord(in, low)
	if n > 0 {
		w.b = l.use(os[0])
	}
	if low.kind == lowVectorStoreLane {
		w.a = l.use(os[1])
		l.emit(w)
		return nil
	}
	if n > 1 {
		w.c = l.use(os[1])
	}
	if n > 2 {
		w.d = int32(l.use(os[2]))
	}
	l.resultOf(w, wide)
	return nil
}

// vector lowers an opcode on vectors.
func (l *preciseLowerer) vector(in *instr, t *typer) error {
	low := in.op.lowering()
	n, _ := vectorParams(in)
	first := len(t.stack) - n
	if first < 0 {
		return errUnderflow
	}
	w := l.m.vectorWord(in, low)
	w.a = l.slot(t, first)
	if low.kind == lowVectorStore || low.kind == lowVectorStoreLane {
		w.a, w.b = l.slot(t, first+1), w.a
		l.emit(w)
		return nil
	}
	if n > 0 {
		w.b = w.a
	}
	if n > 1 {
		w.c = l.slot(t, first+1)
	}
	if n > 2 {
		w.d = int32(l.slot(t, first+2))
	}
	l.emit(w)
	return nil
}

// vector executes an operation on vectors that is a function: one the loops leave to it, or one of theirs whose result has a NaN. An operation on one
// operand names slot 0 as the second, and does not look at it.
func (m *Machine) vector(in *ins, frame int) {
	s := m.stack[frame:]
	x, y := vectorAt(s, in.b), vectorAt(s, in.c)
	var r simd.V
	switch {
	case in.op != irVector:
		r = simd.Funcs[opVector[in.op]](m.cfg.NaN, x, y)
	case Opcode(in.d) == OpI8x16Shuffle&0xFF:
		mask := *(*[2]uint64)(unsafe.Add(m.consts, int(in.e)*16))
		r = simd.Shuffle(x, y, simd.V{Lo: mask[0], Hi: mask[1]})
	default:
		r = simd.Funcs[uint8(in.d)](m.cfg.NaN, x, y)
	}
	s[in.a], s[in.a+1] = r.Lo, r.Hi
}

func vectorAt(s []uint64, slot uint16) simd.V { return simd.V{Lo: s[slot], Hi: s[int(slot)+1]} }

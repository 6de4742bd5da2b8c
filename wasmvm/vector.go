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
	case low.kind != lowVector:
		w.d = int32(uint32(in.val))
	}
	if low.lane != 0 {
		w.e = int32(in.b) * int32(low.lane)
	}
	return w
}

// shuffle chooses the quickest operation for a shuffle whose operands are known: of halves, of lanes of 32 bits, or of bytes.
func (m *Module) shuffle(w ins, mask [2]uint64) ins {
	var words [4]uint64 // where the lanes of 32 bits lie in the frame, in bytes
	for k := range words {
		lane := mask[k/2] >> (k % 2 * 32) & 0xFFFFFFFF
		first := lane & 31
		if first%4 != 0 || lane != first*0x01010101+0x03020100 {
			w.op, w.d, w.e = irVector, int32(OpI8x16Shuffle&0xFF), m.program().consts.add(mask)
			return w
		}
		if words[k] = uint64(w.b)*8 + first; first >= 16 {
			words[k] = uint64(w.c)*8 + first - 16
		}
	}
	if words[0]%8 == 0 && words[1] == words[0]+4 && words[2]%8 == 0 && words[3] == words[2]+4 {
		return ins{op: irVHalves, a: w.a, b: uint16(words[0] / 8), c: uint16(words[2] / 8)}
	}
	return ins{op: irVShuffle32, a: w.a, d: m.program().consts.add([2]uint64{words[0] | words[1]<<32, words[2] | words[3]<<32})}
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
	if in.op == OpI8x16Shuffle {
		w = l.m.shuffle(w, in.vec)
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
	if in.op == OpI8x16Shuffle {
		w = l.m.shuffle(w, in.vec)
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
	switch op := in.base(); {
	case op != irVector:
		r = simd.Funcs[opVector[op]](m.cfg.NaN, x, y)
	case Opcode(in.d) == OpI8x16Shuffle&0xFF:
		mask := *(*[2]uint64)(unsafe.Add(m.consts, int(in.e)*16))
		r = simd.Shuffle(x, y, simd.V{Lo: mask[0], Hi: mask[1]})
	default:
		r = simd.Funcs[uint8(in.d)](m.cfg.NaN, x, y)
	}
	s[in.a], s[in.a+1] = r.Lo, r.Hi
}

func vectorAt(s []uint64, slot uint16) simd.V { return simd.V{Lo: s[slot], Hi: s[int(slot)+1]} }

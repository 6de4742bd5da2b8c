package randmod

import "encoding/binary"

// Vector instructions that are not in vectorOps, for their immediates.
const (
	fdLoad         = 0
	fdLoad8x8S     = 1 // to 6: loads that widen half a vector
	fdLoad8Splat   = 7 // to 10
	fdStore        = 11
	fdShuffle      = 13
	fdLoad8Lane    = 84 // to 87
	fdStore8Lane   = 88 // to 91
	fdLoad32Zero   = 92
	fdLoad64Zero   = 93
	vectorLaneSize = 16
)

var (
	vectorOps      = allVectorOps()
	vectorOpsByOut = func() map[ValType][]numOp {
		m := map[ValType][]numOp{}
		for _, o := range vectorOps {
			m[o.out] = append(m[o.out], o)
		}
		return m
	}()
)

// vectorLoads are the loads of a vector by opcode, with the log2 of their width.
var vectorLoads = []memOp{
	{fdLoad, V128, 4}, {fdLoad8x8S, V128, 3}, {2, V128, 3}, {3, V128, 3}, {4, V128, 3}, {5, V128, 3}, {6, V128, 3},
	{fdLoad8Splat, V128, 0}, {8, V128, 1}, {9, V128, 2}, {10, V128, 3}, {fdLoad32Zero, V128, 2}, {fdLoad64Zero, V128, 3},
}

// VectorOps lists every vector instruction that works on operands only, once for
// the first and once for the last lane where it names one.
func VectorOps() []NumericOp {
	var list []NumericOp
	for _, o := range vectorOps {
		var c code
		emit(&c, o)
		op := NumericOp{Code: c, Params: o.in, Result: o.out}
		if o.lanes > 0 {
			op.Code = append(c[:len(c):len(c)], 0)
			list = append(list, op)
			op.Code = append(c[:len(c):len(c)], byte(o.lanes-1))
		}
		list = append(list, op)
	}
	return list
}

// isFloatOp says whether a vector instruction computes with floating point.
func isFloatOp(o numOp) bool {
	op := o.op - 0xFD00
	switch {
	case op >= 65 && op <= 76, op >= 103 && op <= 106, op >= 224, op == 19, op == 20, op >= 31 && op <= 34:
		return true
	}
	return op == 94 || op == 95 || op == 116 || op == 117 || op == 122 || op == 148
}

func allVectorOps() []numOp {
	var list []numOp
	lanes := 0
	add := func(out ValType, in []ValType, ranges ...int) {
		for i := 0; i < len(ranges); i += 2 {
			for op := ranges[i]; op <= ranges[i+1]; op++ {
				list = append(list, numOp{0xFD00 + op, in, out, safe, lanes})
			}
		}
	}
	v := func(more ...ValType) []ValType { return append([]ValType{V128}, more...) }
	add(V128, v(), 77, 77, 94, 98, 103, 106, 116, 117, 122, 122, 124, 129, 135, 138, 148, 148, 160, 161, 167, 170,
		192, 193, 199, 202, 224, 225, 227, 227, 236, 237, 239, 239, 248, 255)
	add(V128, v(V128), 14, 14, 35, 76, 78, 81, 101, 102, 110, 115, 118, 121, 123, 123, 130, 130, 133, 134, 142, 147,
		149, 153, 155, 159, 174, 174, 177, 177, 181, 186, 188, 191, 206, 206, 209, 209, 213, 223, 228, 235, 240, 247)
	add(V128, v(V128, V128), 82, 82)                             // bitselect
	add(I32, v(), 83, 83, 99, 100, 131, 132, 163, 164, 195, 196) // any_true, all_true, bitmask
	add(V128, v(I32), 107, 109, 139, 141, 171, 173, 203, 205)    // shifts
	for i, t := range []ValType{I32, I32, I32, I64, F32, F64} {  // splats
		add(V128, []ValType{t}, 15+i, 15+i)
	}
	shapes := []struct {
		lanes   int
		t       ValType
		extract int
		last    int
	}{{16, I32, 21, 22}, {8, I32, 24, 25}, {4, I32, 27, 27}, {2, I64, 29, 29}, {4, F32, 31, 31}, {2, F64, 33, 33}}
	for _, s := range shapes {
		lanes = s.lanes
		add(s.t, v(), s.extract, s.last)
		add(V128, v(s.t), s.last+1, s.last+1) // replace_lane
	}
	return list
}

// vector returns the bytes of a vector constant: of corner values of one shape, or any.
func (g *gen) vector() []byte {
	b := make([]byte, 0, 16)
	shape := g.n(6)
	for len(b) < 16 {
		switch {
		case shape == 1 || g.o.NoFloats && shape > 3:
			b = binary.LittleEndian.AppendUint32(b, uint32(SpecialI32[g.n(len(SpecialI32))]))
		case shape == 2:
			b = binary.LittleEndian.AppendUint64(b, uint64(SpecialI64[g.n(len(SpecialI64))]))
		case shape == 3:
			b = append(b, []byte{0, 1, 0x7F, 0x80, 0x81, 0xFF, 15, 16}[g.n(8)])
		case shape == 4:
			b = binary.LittleEndian.AppendUint32(b, SpecialF32[g.n(len(SpecialF32))])
		case shape == 5:
			b = binary.LittleEndian.AppendUint64(b, SpecialF64[g.n(len(SpecialF64))])
		default:
			b = binary.LittleEndian.AppendUint64(b, g.bits(8))
		}
	}
	return b
}

// vectorExpr pushes a vector computed by some instruction.
func (b *body) vectorExpr(depth int) {
	if b.chance(12) {
		b.push([]ValType{V128, V128}, depth-1)
		b.Prefixed(0xFD, fdShuffle)
		for range 16 {
			b.Op(byte(b.n(2 * vectorLaneSize)))
		}
		return
	}
	ops := vectorOpsByOut[V128]
	o := ops[b.n(len(ops))]
	if b.o.NoFloats && isFloatOp(o) {
		o = numOp{0xFD00 + 77, []ValType{V128}, V128, safe, 0} // v128.not
	}
	b.vectorOp(o, depth)
}

// fromVector pushes a number computed from a vector.
func (b *body) fromVector(t ValType, depth int) {
	ops := vectorOpsByOut[t]
	b.vectorOp(ops[b.n(len(ops))], depth)
}

func (b *body) vectorOp(o numOp, depth int) {
	b.push(o.in, depth-1)
	emit(&b.code, o)
	if o.lanes > 0 {
		b.Op(byte(b.n(o.lanes)))
	}
}

func (b *body) vectorLoad(depth int) {
	if b.chance(4) { // into a lane
		width := b.n(4)
		off := b.address(depth)
		b.expr(V128, depth-1)
		b.Prefixed(0xFD, fdLoad8Lane+width, b.n(width+1), off, b.n(vectorLaneSize>>width))
		return
	}
	o := vectorLoads[b.n(len(vectorLoads))]
	off := b.address(depth)
	b.Prefixed(0xFD, int(o.op), b.n(o.width+1), off)
}

func (b *body) vectorStore(depth int) {
	off := b.address(depth)
	b.expr(V128, depth-1)
	if width := b.n(8); width < 4 {
		b.Prefixed(0xFD, fdStore8Lane+width, b.n(width+1), off, b.n(vectorLaneSize>>width))
		return
	}
	b.Prefixed(0xFD, fdStore, b.n(5), off)
}

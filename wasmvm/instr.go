package wasmvm

import (
	"errors"
	"fmt"
	"math"
)

// instr is one decoded instruction.
type instr struct {
	op      Opcode
	def     *opDef
	block   int64     // block type, see blockType
	a, b    uint32    // indices in the order of the text format; for memory access a = alignment, b = lane
	val     uint64    // constant as raw bits, or memory offset
	vec     [2]uint64 // constant of two slots, or what a shuffle picks
	targets []uint32  // labels of br_table, the default last; valid until the next read
	types   []ValType
	catches []clause // of try_table; valid until the next read
}

const (
	blockEmpty = -64
	blockValue = -1 << 40 // below it: value types
)

// instrReader reads instructions one after another.
type instrReader struct {
	reader
	targets []uint32
}

// next reads one instruction into in; the error sticks in r.err.
func (r *instrReader) next(in *instr) {
	start := r.pos
	in.op = Opcode(r.byte())
	if in.op == 0xFC || in.op == 0xFD || in.op == 0xFE {
		in.op = in.op<<16 | Opcode(min(r.u32(), 0xFFFF))
	}
	in.def = in.op.lookup()
	if r.err != nil {
		return
	}
	if in.def == nil {
		r.fail(fmt.Errorf("%v is not supported", in.op))
		r.pos = start
		return
	}
	switch in.def.imm {
	case immNone:
	case immBlock:
		in.block = r.blockType()
	case immTryTable:
		in.block = r.blockType()
		r.catches(in)
	case immLabel, immFunc, immType, immTag, immLocal, immGlobal, immTable, immData, immElem:
		in.a = r.u32()
	case immBrTable:
		r.brTable(in)
	case immCallIndirect, immMemInit, immTableInit, immTableCopy:
		in.a = r.u32()
		in.b = r.u32()
	case immMem:
		in.a = r.u32()
		in.val = uint64(r.u32())
	case immMemIndex, immZero:
		in.a = r.u32()
	case immMemCopy:
		in.a, in.b = r.u32(), r.u32()
	case immI32:
		in.val = uint64(uint32(r.sleb(32)))
	case immI64:
		in.val = uint64(r.sleb(64))
	case immF32:
		in.val = uint64(r.u32le())
	case immF64:
		in.val = r.u64le()
	case immV128:
		in.vec = [2]uint64{r.u64le(), r.u64le()}
	case immShuffle:
		in.vec = [2]uint64{r.u64le(), r.u64le()}
		if (in.vec[0]|in.vec[1])&0xE0E0E0E0E0E0E0E0 != 0 {
			r.fail(errors.New("shuffle of a byte beyond 32"))
		}
	case immLane:
		r.lane(in)
	case immMemLane:
		in.a = r.u32()
		in.val = uint64(r.u32())
		r.lane(in)
	case immRefType:
		in.types = append(in.types[:0], r.nullType())
	case immSelectTypes:
		n, _ := r.count()
		if n != 1 && r.err == nil {
			r.fail(fmt.Errorf("select with %d result types", n))
		}
		in.types = append(in.types[:0], r.valType())
	}
}

// lane reads the number of a lane, which must be in the vector.
func (r *instrReader) lane(in *instr) {
	in.b = uint32(r.byte())
	if size := uint32(in.op.lowering().lane); r.err == nil && (in.b+1)*size > 16 {
		r.fail(fmt.Errorf("%v of lane %d, which does not exist", in.op, in.b))
	}
}

func (r *instrReader) brTable(in *instr) {
	n, c := r.count()
	if uint64(n) > uint64(c) || n == math.MaxUint32 {
		r.fail(errShort)
		return
	}
	r.targets = r.targets[:0]
	for range n + 1 {
		r.targets = append(r.targets, r.u32())
	}
	in.targets = r.targets
}

// blockType reads the type of a block, loop or if: blockEmpty, a type index, or blockValue and a value type subtracted from it.
func (r *reader) blockType() int64 {
	bt := r.sleb(33)
	switch {
	case bt >= 0 || bt == blockEmpty:
		return bt
	case bt == refNull-0x80 || bt == refNonNull-0x80:
		return blockValue - int64(r.heapType(ValType(bt&0x7F)))
	case bt < -64:
		r.fail(fmt.Errorf("unknown block type %d", bt))
		return blockEmpty
	}
	r.pos-- // the number was one byte
	return blockValue - int64(r.valType())
}

// blockType resolves the type of a block, loop or if.
func (m *Module) blockType(bt int64) (params, results []ValType, err error) {
	switch {
	case bt == blockEmpty:
		return nil, nil, nil
	case bt <= blockValue:
		t := ValType(blockValue - bt)
		if t == t.kind() {
			return nil, oneType[t : t+1], nil
		}
		return nil, []ValType{t}, nil
	}
	if bt < 0 || bt >= int64(len(m.Types)) {
		return nil, nil, fmt.Errorf("unknown block type %d", bt)
	}
	return m.Types[bt].Params, m.Types[bt].Results, nil
}

// oneType holds every type of one byte at its place.
var oneType = func() (ts [128]ValType) {
	for i := range ts {
		ts[i] = ValType(i)
	}
	return ts
}()

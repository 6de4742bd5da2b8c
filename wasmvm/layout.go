package wasmvm

import (
	"errors"
	"fmt"
	"slices"
)

// Layout lists the instructions of a function in order; instruction i of the function is at index i everywhere in this package.
type Layout struct {
	PCs      []uint32 // PCs[0] is entering the function (BodyStart), PCs[1] the first opcode, ascending
	Ops      []Opcode // Ops[0] is OpEnter
	MaxStack int      // highest operand stack, in operands

	tries   []tryTable // in the order of their beginnings
	hidden  int        // slots of copies of locals
	heights []int32    // slots of the operands before each instruction, or unreachable
	slots   int        // highest operand stack, in frame slots
	vectors bool       // some operand takes two slots
}

const unreachable = -1

// Index returns the index of the instruction at pc.
func (l *Layout) Index(pc uint32) (int, bool) { return slices.BinarySearch(l.PCs, pc) }

// eachInstr calls f for every instruction of the body with its index (from 1) and its pc. The typer stands before the instruction.
func (m *Module) eachInstr(fn *Func, f func(i int, pc uint32, in *instr, t *typer) error) error {
	r := instrReader{reader: reader{b: m.code()[:fn.BodyEnd], pos: int(fn.CodeStart)}}
	t := newTyper(m, fn)
	var in instr
	for i := 1; len(t.ctrl) > 0; i++ {
		pc := uint32(r.pos)
		r.next(&in)
		if r.err != nil {
			return r.err
		}
		t.before(&in)
		if err := f(i, pc, &in, t); err != nil {
			if err == errStop {
				return nil
			}
			return fmt.Errorf("%v at code offset %#x: %w", in.op, pc, err)
		}
		if err := t.apply(&in); err != nil {
			return fmt.Errorf("%v at code offset %#x: %w", in.op, pc, err)
		}
	}
	return nil
}

// errStop ends eachInstr early without an error.
var errStop = errors.New("stop")

func computeLayout(m *Module, fn *Func) (*Layout, error) {
	n := fn.numInstrs + 1
	l := &Layout{PCs: make([]uint32, 1, n), Ops: make([]Opcode, 1, n), heights: make([]int32, 1, n)}
	l.PCs[0], l.Ops[0] = fn.BodyStart, OpEnter
	err := m.eachInstr(fn, func(_ int, pc uint32, in *instr, t *typer) error {
		slots := t.offset(len(t.stack))
		l.MaxStack = max(l.MaxStack, len(t.stack))
		l.slots = max(l.slots, slots)
		h := int32(unreachable)
		if !t.dead {
			h = int32(slots)
			l.vectors = l.vectors || slots != len(t.stack)
		}
		l.PCs = append(l.PCs, pc)
		l.Ops = append(l.Ops, in.op)
		l.heights = append(l.heights, h)
		return nil
	})
	if err == nil && slices.Contains(l.Ops, OpTryTable) {
		l.tries, l.hidden, err = m.tryTables(fn)
	}
	if err != nil {
		return nil, err
	}
	l.MaxStack = max(l.MaxStack, len(fn.Type.Results))
	l.slots = max(l.slots, slotsOf(fn.Type.Results))
	return l, nil
}

// EachOpcode calls f for every instruction of the body, without what Layout adds to that; nothing is kept.
func (m *Module) EachOpcode(fn *Func, f func(pc uint32, op Opcode)) error {
	r := instrReader{reader: reader{b: m.code()[:fn.BodyEnd], pos: int(fn.CodeStart)}}
	var in instr
	for r.left() > 0 {
		pc := uint32(r.pos)
		if r.next(&in); r.err != nil {
			return fmt.Errorf("code offset %#x: %w", pc, r.err)
		}
		f(pc, in.op)
	}
	return nil
}

func slotsOf(ts []ValType) int {
	n := 0
	for _, t := range ts {
		n += t.Slots()
	}
	return n
}

// OperandTypes returns the types of the operand stack, bottom first, before instruction i of fn. It is nil where that instruction cannot be reached.
func (m *Module) OperandTypes(fn *Func, i int) []ValType {
	if i == 0 {
		return []ValType{}
	}
	var ts []ValType
	err := m.eachInstr(fn, func(k int, _ uint32, _ *instr, t *typer) error {
		if k < i {
			return nil
		}
		if !t.dead {
			ts = append([]ValType{}, t.stack...)
		}
		return errStop
	})
	if err != nil {
		return nil
	}
	return ts
}

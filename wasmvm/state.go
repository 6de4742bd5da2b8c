package wasmvm

import (
	"errors"
	"fmt"
	"slices"
)

// StateVersion changes whenever a state encoded before would mean something else or cannot be read any more: when what counts as a position, the
// layout of frames or the encoding itself changes. Encoded states carry it.
const StateVersion = 2

// An encoded state is a sequence of unsigned LEB128 numbers. Nothing in it depends on how or in which order functions were lowered:
//
//	StateVersion
//	frames, outermost first: 2*index+1 for one that waits for a call, 2*index+2 for the innermost, 0 where no frame is
//	  (index of the defined function); the instruction it goes on at; the slots of its locals; the slots of its operands
//	the dead slot, if there is a frame
//	position, completed host calls, number of entry functions still to be called, pages of memory
//	globals, slot by slot
//	tables: 0 for one that is as New made it, else its size+1 and its elements
//	dropped data segments, then dropped element segments: a number 0 or 1 each
//	number of entries in the table of exceptions; each 0, or its tag + 1 and its values
//	number of frames that must run precise code (see exactly.go); each by its number, the outermost being 0, ascending
//	if there is a list of try_tables: the number of its entries; from the last one on, the frames of each, a dead slot and which must run precise code, or 0 if it catches nothing
//
// Frames come first, so that two states with the same outer frames have the same bytes there and can share their storage.

var (
	errLinkedState = errors.New("a machine that shares things with other machines has no portable state")
	errStateStack  = errors.New("the stack's bytes do not belong to the state")
	errStatePlace  = errors.New("no activation can be at that instruction")
)

// place is what a frame holds before an instruction.
type place struct {
	operands []ValType // without the arguments of the call it waits for
	slots    int       // that they take
	results  []ValType // of the call it waits for
}

// placeKey names an instruction; waits is set if the frame waits for the call before it.
type placeKey struct {
	idx   int
	waits bool
}

// place returns what a frame of f holds at an instruction, or an error if it cannot be there.
func (f *loweredFunc) place(m *Module, idx int, waits bool) (*place, error) {
	f.placesMu.Lock()
	defer f.placesMu.Unlock()
	key := placeKey{idx, waits}
	if p := f.places[key]; p != nil {
		return p, nil
	}
	p, err := m.findPlace(f, idx, waits)
	if err != nil {
		return nil, fmt.Errorf("function %d, instruction %d: %w", f.fn.Index, idx, err)
	}
	if f.places == nil {
		f.places = map[placeKey]*place{}
	}
	f.places[key] = p
	return p, nil
}

func (m *Module) findPlace(f *loweredFunc, idx int, waits bool) (*place, error) {
	if idx == 0 && !waits {
		return &place{}, nil
	}
	at := idx
	if waits {
		at = idx - 1
		if _, ok := f.returnWord(at); !ok {
			return nil, errStatePlace
		}
	}
	var p *place
	err := m.eachInstr(f.fn, func(i int, _ uint32, in *instr, t *typer) error {
		if i < at {
			return nil
		}
		if t.dead {
			return errStop
		}
		n := len(t.stack)
		p = &place{}
		if waits {
			ft, index := m.called(in)
			if ft == nil || n < len(ft.Params)+index {
				p = nil
				return errStop
			}
			n -= len(ft.Params) + index
			p.results = ft.Results
		}
		p.operands, p.slots = slices.Clone(t.stack[:n]), t.offset(n)
		return errStop
	})
	if err == nil && p == nil {
		err = errStatePlace
	}
	return p, err
}

// called is the type of the function that a call calls, and how many operands it takes behind the arguments. It is nil for what is no call.
func (m *Module) called(in *instr) (ft *FuncType, index int) {
	switch in.op {
	case OpCall:
		return m.FuncType(in.a), 0
	case OpCallIndirect, OpCallRef:
		if int64(in.a) < int64(len(m.Types)) {
			return &m.Types[in.a], 1
		}
	}
	return nil, 0
}

// checkValue says whether the slots of a value can hold it: code relies on what the type promises.
func (m *Machine) checkValue(t ValType, slots []uint64) error {
	v := slots[0]
	switch t.kind() { // a local may be null though its type is not, and call_ref looks at the function's type itself
	case I32, F32:
		if v>>32 != 0 {
			return fmt.Errorf("%#x is no %v", v, t)
		}
	case I64, F64, V128, ExternRef, ExnRef: // throw_ref looks whether there is such an exception
	case FuncRef:
		if v != 0 && v-m.refBase >= m.numFuncs {
			return fmt.Errorf("there is no function of reference %d", v)
		}
	default:
		return fmt.Errorf("values of type %v cannot be checked", t)
	}
	return nil
}

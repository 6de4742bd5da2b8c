package wasmvm

import (
	"errors"
	"fmt"
)

// maxFrame bounds the slots of a frame, because operations name slots with 16 bits.
const maxFrame = 65000

// shape is where things are in the frames of a function, in slots from the frame's first: parameters, other locals, link, operands.
type shape struct {
	params int // slots of the parameters
	link   int // slot of the link, = slots of the locals and their copies
	base   int // slot of the first operand
	frame  int // slots of the whole frame
}

var errFrame = errors.New("locals and operands take more frame slots than supported")

func (m *Module) shape(fn *Func) (shape, error) {
	l, err := m.Layout(fn)
	if err != nil {
		return shape{}, err
	}
	s := shape{params: slotsOf(fn.Type.Params), link: slotsOf(fn.Locals) + l.hidden}
	s.base = s.link + 1
	s.frame = s.base + l.slots
	if s.frame > maxFrame {
		return s, fmt.Errorf("function %d: %w (%d, at most %d)", fn.Index, errFrame, s.frame, maxFrame)
	}
	return s, nil
}

// localSlot is the slot of a local. It is not the local's index once a v128 stands before it.
func (fn *Func) localSlot(i int) int { return slotsOf(fn.Locals[:i]) }

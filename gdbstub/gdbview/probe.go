package gdbview

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"wrev/gdbstub/agentexpr"
	"wrev/wasmvm"
)

// Probe evaluates conditions at one instruction, on any machine that runs the
// module and stands there. It is safe for concurrent use on different machines.
//
// A condition is evaluated each time the program comes by, millions of times, so
// the call stack is not laid out for it: most conditions use the frame's address
// only to read what is in the frame (agentexpr's Relative). They are evaluated
// with the frame at an arbitrary place. Where that turns out not to be enough,
// and for all others, the evaluation is done again on a View.
type Probe struct {
	mod   *wasmvm.Module
	pc    uint32
	fn    *wasmvm.Func
	sp    int
	frame FrameMap
	views sync.Pool // of *View
}

// NewProbe returns the probe at pc, which has to be an instruction of the
// module that v shows.
func (v *View) NewProbe(pc uint32) (*Probe, error) {
	fn := v.mod.FuncAt(pc)
	if fn == nil {
		return nil, fmt.Errorf("no function has code at offset 0x%x", pc)
	}
	layout, err := v.mod.Layout(fn)
	if err != nil {
		return nil, err
	}
	p := &Probe{mod: v.mod, pc: pc, fn: fn, sp: v.sp}
	var ok bool
	if p.frame, ok = NewFrameMap(StackTop, len(fn.Locals), layout.MaxStack); !ok {
		p.frame, _ = NewFrameMap(StackTop, 0, 0)
	}
	// What must not be shared is made anew for each view, what is costly is
	// not: the image of the code, and what the debug info says.
	mod, sp, code, info, aggregate := v.mod, v.sp, v.code, v.info, v.aggregate
	p.views.New = func() any {
		return &View{mod: mod, sp: sp, code: code, info: info, aggregate: aggregate, stack: stack{mod: mod}}
	}
	return p, nil
}

// Eval returns the value of an expression on a machine that stands at the
// probe's instruction.
func (p *Probe) Eval(e *agentexpr.Expr, m *wasmvm.Machine) (uint64, error) {
	if m.PC() != p.pc || m.Func() != p.fn {
		return 0, fmt.Errorf("the program is at code offset 0x%x and not at 0x%x", m.PC(), p.pc)
	}
	if e.Relative() {
		x, err := agentexpr.Eval[*wasmvm.Machine](e, (*quickAccess)(p), m)
		if !errors.Is(err, errUnplaced) {
			return x, err
		}
	}
	v := p.views.Get().(*View)
	defer p.views.Put(v)
	v.m = m
	v.Invalidate()
	x, err := agentexpr.Eval[*View](e, exactAccess{}, v)
	v.m, v.stack.m = nil, nil
	return x, err
}

// errUnplaced says that the true place of the frame is needed.
var errUnplaced = errors.New("the frame's address is not known")

func errRegister(n int) error { return fmt.Errorf("register %d cannot be read", n) }

func errLoad(addr uint32, size int) error {
	return fmt.Errorf("cannot read %d bytes at 0x%x", size, addr)
}

// quickAccess reads a machine with the innermost frame at the probe's place.
type quickAccess Probe

// Register implements agentexpr.Access.
func (q *quickAccess) Register(m *wasmvm.Machine, n int) (uint64, error) {
	switch n {
	case RegEBP:
		return uint64(q.frame.EBP), nil
	case RegESP:
		if q.sp < 0 {
			return 0, nil
		}
		return uint64(uint32(m.Global(q.sp))), nil
	case RegEIP:
		return uint64(CodeAddr(q.pc)), nil
	}
	for _, w := range Windows {
		if int(w.Register) == n {
			return uint64(q.frame.EBP - uint32(w.Offset)), nil
		}
	}
	return 0, errUnplaced
}

// Load implements agentexpr.Access.
func (q *quickAccess) Load(m *wasmvm.Machine, addr uint64, size int, near bool) (uint64, error) {
	at := uint32(addr)
	if near {
		return q.loadSlot(m, at, size)
	}
	mem := m.Memory()
	if at >= GlobalBase || uint64(at)+uint64(size) > uint64(len(mem)) {
		return 0, errUnplaced // or nothing is there: the View knows
	}
	return number(mem[at:], size), nil
}

// loadSlot reads from a slot of the innermost frame.
func (q *quickAccess) loadSlot(m *wasmvm.Machine, addr uint32, size int) (uint64, error) {
	slot, ok := q.frame.SlotAt(addr)
	if !ok || slot.Offset+uint32(size) > SlotSize {
		return 0, errUnplaced
	}
	var value [SlotSize]byte
	for _, f := range m.Frames() {
		switch {
		case slot.Kind == SlotLocal:
			putValue(&value, f.LocalBits(slot.Index))
		case slot.Kind == SlotLink:
			return 0, errUnplaced
		case slot.Index < f.NumOperands():
			putValue(&value, f.OperandBits(slot.Index))
		}
		break
	}
	return number(value[slot.Offset:], size), nil
}

// exactAccess reads a View.
type exactAccess struct{}

// Register implements agentexpr.Access.
func (exactAccess) Register(v *View, n int) (uint64, error) {
	if n < 0 || n >= NumRegisters || n >= RegST0 && n < regFctrl {
		return 0, errRegister(n) // there is none, or it does not fit
	}
	return uint64(v.register(n)), nil
}

// Load implements agentexpr.Access.
func (exactAccess) Load(v *View, addr uint64, size int, _ bool) (uint64, error) {
	buf := make([]byte, 8)
	if n := v.ReadMemory(uint32(addr), buf[:size]); n < size {
		return 0, errLoad(uint32(addr), size)
	}
	return number(buf, size), nil
}

// number reads a little-endian number of 1, 2, 4 or 8 bytes.
func number(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

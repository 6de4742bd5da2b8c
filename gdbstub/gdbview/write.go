package gdbview

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"wrev/wasmvm"
)

// WriteMemory returns the edits of the machine that writing data at addr stands
// for. An error says why there are none.
func (v *View) WriteMemory(addr uint32, data []byte) ([]wasmvm.Edit, error) {
	region, avail := v.extent().Region(addr)
	if region != RegionNone && uint64(len(data)) > uint64(avail) {
		return nil, fmt.Errorf("%d bytes at %#x reach over the end of what is there", len(data), addr)
	}
	switch region {
	case RegionMemory:
		return []wasmvm.Edit{{Kind: wasmvm.EditMemory, Addr: uint64(addr), Data: append([]byte(nil), data...)}}, nil
	case RegionCode:
		return nil, errors.New("code cannot be changed")
	case RegionNone:
		return nil, fmt.Errorf("there is nothing at %#x", addr)
	}
	var edits []wasmvm.Edit
	for len(data) > 0 {
		e, off, err := v.slotEdit(addr)
		if err != nil {
			return nil, err
		}
		var slot [SlotSize]byte
		putValue(&slot, e.Bits)
		n := copy(slot[off:], data)
		e.Bits = [2]uint64{binary.LittleEndian.Uint64(slot[:]), binary.LittleEndian.Uint64(slot[8:])}
		edits = append(edits, e)
		data, addr = data[n:], addr+uint32(n)
	}
	return edits, nil
}

// slotEdit returns an edit that leaves the global, local or operand at addr as it
// is, and where in its slot addr is.
func (v *View) slotEdit(addr uint32) (e wasmvm.Edit, off uint32, err error) {
	if g, off, ok := GlobalAt(addr); ok {
		return wasmvm.Edit{Kind: wasmvm.EditGlobal, Index: uint32(g), Bits: v.m.GlobalBits(g)}, off, nil
	}
	level, ok := v.stack.find(addr)
	if !ok {
		return e, 0, fmt.Errorf("there is no frame at %#x", addr)
	}
	slot, _ := v.stack.frameMap(level).SlotAt(addr)
	f := v.stack.vmFrame(level)
	e = wasmvm.Edit{Frame: level, Func: f.Func().Index, Index: uint32(slot.Index)}
	switch {
	case slot.Kind == SlotLocal:
		e.Kind, e.Bits = wasmvm.EditLocal, f.LocalBits(slot.Index)
	case slot.Kind == SlotOperand && slot.Index < f.NumOperands():
		e.Kind, e.Bits = wasmvm.EditOperand, f.OperandBits(slot.Index)
	case slot.Kind == SlotOperand:
		return e, 0, fmt.Errorf("the operand stack is not that high")
	default:
		return e, 0, errFollows
	}
	return e, slot.Offset, nil
}

var errFollows = errors.New("it follows from the call stack")

// WriteResult returns the edit that writing eax, edx or st0 stands for: they are
// what is on top of the operand stack, a function's result just after it has
// returned.
func (v *View) WriteResult(reg int, data []byte) (wasmvm.Edit, error) {
	level := len(v.stack.frames) - 1
	if level < 0 {
		return wasmvm.Edit{}, errNoProgram
	}
	f := v.stack.vmFrame(level)
	n := f.NumOperands()
	if c, ok := v.lastCall(); n == 0 || ok && (len(c.typ.Results) == 0 || v.returnsAggregate(c)) {
		return wasmvm.Edit{}, errors.New("there is no operand or result that it stands for")
	}
	e := wasmvm.Edit{Kind: wasmvm.EditOperand, Frame: level, Func: f.Func().Index, Index: uint32(n - 1), Bits: f.OperandBits(n - 1)}
	switch typ := v.topType(); reg {
	case RegST0:
		if len(data) < 10 {
			return e, errShortRegister
		}
		if e.Bits[0] = narrowed([10]byte(data)); typ == wasmvm.F32 {
			e.Bits[0] = uint64(math.Float32bits(float32(math.Float64frombits(e.Bits[0]))))
		}
	case RegEDX:
		if len(data) < 4 {
			return e, errShortRegister
		}
		if typ == wasmvm.I32 || typ == wasmvm.F32 {
			return e, fmt.Errorf("the operand that it would be half of is an %v", typ)
		}
		e.Bits[0] = e.Bits[0]&math.MaxUint32 | uint64(binary.LittleEndian.Uint32(data))<<32
	default:
		if len(data) < 4 {
			return e, errShortRegister
		}
		e.Bits[0] = e.Bits[0]&^math.MaxUint32 | uint64(binary.LittleEndian.Uint32(data))
	}
	return e, nil
}

var (
	errNoProgram     = errors.New("the program is not being run")
	errShortRegister = errors.New("the register has more bytes")
)

// narrowed is the double nearest to an x87 80-bit number, the opposite of extended.
func narrowed(x [10]byte) uint64 {
	mantissa, top := binary.LittleEndian.Uint64(x[:]), binary.LittleEndian.Uint16(x[8:])
	sign, exp := uint64(top>>15)<<63, int(top&0x7fff)
	switch {
	case exp == 0x7fff:
		return sign | 0x7ff<<52 | mantissa<<1>>12
	case mantissa == 0:
		return sign
	}
	// A conversion to float64 rounds to the nearest; Ldexp only scales, unless the
	// result is too small to have all bits.
	return sign | math.Float64bits(math.Ldexp(float64(mantissa), exp-16383-63))
}

// SetPC returns the edit that makes the program go on at an address.
func (v *View) SetPC(addr uint32) (wasmvm.Edit, error) {
	fn := v.m.Func()
	pc, ok := PC(addr)
	if fn == nil {
		return wasmvm.Edit{}, errNoProgram
	}
	if !ok || pc < fn.BodyStart || pc >= fn.BodyEnd {
		if to := v.mod.FuncAt(pc); ok && to != nil && to.BodyStart == pc {
			return wasmvm.Edit{}, ErrCall
		}
		return wasmvm.Edit{}, fmt.Errorf("%#x is not in the function that runs; to leave it use \"return\"", addr)
	}
	return wasmvm.Edit{Kind: wasmvm.EditPC, Frame: len(v.stack.frames) - 1, Func: fn.Index, PC: pc}, nil
}

// ErrCall says that the debugger tried to call a function of the program.
var ErrCall = errors.New("functions of the program cannot be called")

// FrameAt returns the level of the frame whose ebp it is, 0 being the outermost.
func (v *View) FrameAt(ebp uint32) (level int, ok bool) {
	level, ok = v.stack.find(ebp)
	return level, ok && v.stack.frameMap(level).EBP == ebp
}

// CFAOffset is how far above a frame's ebp its caller's part of an i386 stack would
// begin: what gdb takes for the stack pointer when the frame has returned.
const CFAOffset = 8

// BelowEBP is how far a register is below ebp in every frame, 0 for ebp itself.
func BelowEBP(reg int) uint32 {
	for _, w := range Windows {
		if int(w.Register) == reg {
			return uint32(w.Offset)
		}
	}
	return 0
}

// IsFloatControl says whether a register tells of the state of the floating-point
// registers, which nothing here depends on.
func IsFloatControl(reg int) bool { return reg >= regFctrl && reg < NumRegisters }

// ReturnTo returns the edits that leave all frames inside of frame level as if the
// outermost of them had returned 0, with the C stack as it was before the call.
// eip is where that frame would go on.
func (v *View) ReturnTo(level int, eip uint32) ([]wasmvm.Edit, error) {
	if level < 0 || level+1 >= len(v.stack.frames) || CodeAddr(v.stack.frames[level].pc) != eip {
		return nil, fmt.Errorf("no frame goes on at %#x", eip)
	}
	fn := v.stack.vmFrame(level + 1).Func()
	slots := 0
	for _, t := range fn.Type.Results {
		slots += t.Slots()
	}
	edits := []wasmvm.Edit{{Kind: wasmvm.EditReturn, Frame: level + 1, Func: fn.Index, Values: make([]uint64, slots)}}
	if v.sp < 0 {
		return edits, nil
	}
	if sp := v.enteredWith(level + 1); sp != v.ESP() {
		edits = append(edits, wasmvm.Edit{Kind: wasmvm.EditGlobal, Index: uint32(v.sp), Bits: [2]uint64{uint64(sp)}})
	}
	return edits, nil
}

// SetSP returns the edit that sets the C stack pointer.
func (v *View) SetSP(sp uint32) (wasmvm.Edit, error) {
	if v.sp < 0 {
		return wasmvm.Edit{}, errors.New("the program has no stack pointer")
	}
	return wasmvm.Edit{Kind: wasmvm.EditGlobal, Index: uint32(v.sp), Bits: [2]uint64{uint64(sp)}}, nil
}

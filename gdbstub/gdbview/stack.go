package gdbview

import (
	"encoding/binary"
	"slices"
	"sort"

	"wrev/wasmvm"
)

// stack is the machine's call stack laid out on the virtual stack.
//
// gdb asks for frames by address and identifies them by it, so the address of a
// frame must follow from the activations below it alone. It is the sum of their
// sizes, which means visiting all of them; with thousands of frames that is too
// slow for every one of the single steps that gdb goes backwards by. One
// instruction leaves all frames but the two innermost as they were, so a stack
// that is one position away from the last one is updated, not built anew.
//
// Where a frame does not fit above StackBottom any more, the layout starts again
// at StackTop and gdb sees that frame as the outermost one. What is further out
// has no address until the program returns there.
type stack struct {
	mod    *wasmvm.Module
	m      *wasmvm.Machine
	frames []frame // outermost first
	first  int     // the outermost frame that has an address
	valid  bool
	pos    uint64

	// vm holds the machine's frames, innermost first: all of them, or the
	// innermost only, as far as they have been asked for at this position.
	vm       []wasmvm.Frame
	maxStack []int32 // of functions by index, plus one; 0 is not known yet
}

// frame is one activation. There can be very many.
type frame struct {
	fn   uint32 // which of the module's Funcs
	base uint32 // where it begins on the machine's stack
	pc   uint32 // where it goes on
	top  uint32 // end of its part of the virtual stack
}

// cut reports whether the frame is laid out as if it had no caller.
func (f *frame) cut() bool { return f.top == StackTop }

func (s *stack) reset() { s.valid = false }

// update brings the layout to the machine's present position.
func (s *stack) update(m *wasmvm.Machine) {
	s.m, s.vm = m, s.vm[:0]
	pos := m.Position()
	keep := 0
	if s.valid && (pos == s.pos || pos == s.pos+1 || pos+1 == s.pos) {
		// The innermost frame may have been replaced.
		keep = max(0, len(s.frames)-1)
	}
	fresh := s.frames[len(s.frames):]
	for _, f := range m.Frames() {
		base := uint32(f.Base())
		for keep > 0 && s.frames[keep-1].base > base {
			keep--
		}
		if keep > 0 && s.frames[keep-1].base == base {
			// It goes on elsewhere if it is the innermost one now.
			s.frames[keep-1].pc = f.PC()
			break
		}
		fresh = append(fresh, frame{fn: f.Func().Index - uint32(s.mod.NumImportedFuncs), base: base, pc: f.PC()})
	}
	if len(fresh) == 0 && m.Func() == nil {
		keep = 0
	}
	slices.Reverse(fresh)
	s.frames = append(s.frames[:keep], fresh...)
	for level := keep; level < len(s.frames); level++ {
		s.layOut(level)
	}
	s.first = s.lastCut(keep)
	s.valid, s.pos = true, pos
}

// lastCut returns the innermost frame that was laid out at StackTop. What is
// further out than keep is as it was.
func (s *stack) lastCut(keep int) int {
	for level := len(s.frames) - 1; level > 0; level-- {
		if level < keep && s.first < keep {
			return s.first
		}
		if s.frames[level].cut() {
			return level
		}
	}
	return 0
}

// layOut gives a frame its place, below its caller.
func (s *stack) layOut(level int) {
	f := &s.frames[level]
	f.top = StackTop
	if level == 0 {
		return
	}
	below := s.frameMap(level - 1).Bottom()
	if _, ok := NewFrameMap(below, s.locals(f.fn), s.operands(f.fn)); ok {
		f.top = below
	}
}

// frameMap returns where the parts of a frame lie.
func (s *stack) frameMap(level int) FrameMap {
	f := &s.frames[level]
	m, ok := NewFrameMap(f.top, s.locals(f.fn), s.operands(f.fn))
	if !ok {
		// No virtual stack holds this one frame: show it without slots.
		m, _ = NewFrameMap(f.top, 0, 0)
	}
	return m
}

// locals returns how many locals a function has.
func (s *stack) locals(fn uint32) int { return len(s.mod.Funcs[fn].Locals) }

// operands returns how many operands a function has at most.
func (s *stack) operands(fn uint32) int {
	if s.maxStack == nil {
		s.maxStack = make([]int32, len(s.mod.Funcs))
	}
	n := &s.maxStack[fn]
	if *n == 0 {
		*n = 1
		if layout, err := s.mod.Layout(&s.mod.Funcs[fn]); err == nil {
			*n += int32(layout.MaxStack)
		}
	}
	return int(*n) - 1
}

// vmFrame returns the machine's frame behind frames[level].
func (s *stack) vmFrame(level int) wasmvm.Frame {
	k := len(s.frames) - 1 - level
	if k >= len(s.vm) {
		s.vm = s.vm[:0]
		for _, f := range s.m.Frames() {
			s.vm = append(s.vm, f)
			if k == 0 {
				break
			}
		}
	}
	return s.vm[k]
}

// find returns the level of the frame that addr lies in.
func (s *stack) find(addr uint32) (int, bool) {
	shown := s.frames[s.first:]
	// The last one that ends above addr.
	level := s.first + sort.Search(len(shown), func(i int) bool { return shown[i].top <= addr }) - 1
	if level < s.first || addr < s.frameMap(level).Bottom() {
		return 0, false
	}
	return level, true
}

// read fills buf from addr, which lies in the range of the stack, and returns
// how many bytes it could read.
func (s *stack) read(addr uint32, buf []byte) int {
	level, ok := s.find(addr)
	if !ok {
		return 0
	}
	n := 0
	for ; level >= s.first && n < len(buf); level-- {
		f := s.frameMap(level)
		part := buf[n:]
		if avail := f.Top - addr; uint64(len(part)) > uint64(avail) {
			part = part[:avail]
		}
		base := f.Bottom()
		c := readSlots(addr-base, part, func(i uint32, slot *[SlotSize]byte) {
			at, _ := f.SlotAt(base + i*SlotSize)
			s.fill(level, at, slot)
		})
		n += c
		addr += uint32(c)
	}
	return n
}

// fill gives the contents of a slot of frames[level].
func (s *stack) fill(level int, at Slot, slot *[SlotSize]byte) {
	switch at.Kind {
	case SlotLocal:
		putValue(slot, s.vmFrame(level).Local(at.Index))
	case SlotOperand:
		if vf := s.vmFrame(level); at.Index < vf.NumOperands() {
			putValue(slot, vf.Operand(at.Index))
		}
	case SlotLink:
		if !s.frames[level].cut() {
			binary.LittleEndian.PutUint32(slot[0:], s.frameMap(level-1).EBP)
			binary.LittleEndian.PutUint32(slot[4:], CodeAddr(s.frames[level-1].pc))
		}
	}
}

// putValue stores a value's raw bits in a slot. The machine extends 32-bit
// values with zeros.
func putValue(slot *[SlotSize]byte, bits uint64) {
	binary.LittleEndian.PutUint64(slot[:], bits)
}

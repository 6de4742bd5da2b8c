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
// slow for every one of the single steps that gdb goes backwards by, and for each
// of the returns that it looks at to finish the outermost of as many activations.
// One instruction leaves all frames but the two innermost as they were, and the
// machine knows which ones it has not gone back to since the last look, so the
// stack is updated and not built anew.
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
	noted  int        // since the machine's frames were looked at
	sizes  []funcSize // of the module's Funcs
}

// funcSize is how much room a function's frames take.
type funcSize struct {
	bytes    int64 // FrameSize, 0 if it has not been computed yet
	operands int
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
	pos := m.Position()
	keep := s.kept(m, pos)
	s.m = m
	fresh := s.frames[len(s.frames):]
	if keep == 0 {
		fresh = make([]frame, 0, m.Depth())
	}
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
	s.layOut(keep)
	s.valid, s.pos, s.noted = true, pos, m.NoteFrames()
}

// kept returns how many frames are still as they were, but for where the last of
// them goes on.
func (s *stack) kept(m *wasmvm.Machine, pos uint64) int {
	if !s.valid {
		return 0
	}
	keep := 0
	if pos == s.pos || pos == s.pos+1 || pos+1 == s.pos {
		// The innermost frame may have been replaced.
		keep = max(0, len(s.frames)-1)
	}
	if s.m == m {
		below := m.FramesKept(s.noted)
		keep = max(keep, sort.Search(len(s.frames), func(i int) bool { return int64(s.frames[i].base) >= int64(below) }))
	}
	return keep
}

// layOut gives the frames from level on their places, below those further out.
func (s *stack) layOut(level int) {
	if s.first >= level {
		s.first = max(0, level-1)
		for s.first > 0 && !s.frames[s.first].cut() {
			s.first--
		}
	}
	bottom := StackTop
	if level > 0 {
		bottom = s.frameMap(level - 1).Bottom()
	}
	for ; level < len(s.frames); level++ {
		f := &s.frames[level]
		size := s.size(f.fn).bytes
		if level == 0 || size > int64(bottom-StackBottom) {
			f.top, s.first = StackTop, level
		} else {
			f.top = bottom
		}
		if size > int64(f.top-StackBottom) {
			size = FrameSize(0, 0)
		}
		bottom = f.top - uint32(size)
	}
}

// frameMap returns where the parts of a frame lie.
func (s *stack) frameMap(level int) FrameMap {
	f := &s.frames[level]
	m, ok := NewFrameMap(f.top, len(s.mod.Funcs[f.fn].Locals), s.size(f.fn).operands)
	if !ok {
		// No virtual stack holds this one frame: show it without slots.
		m, _ = NewFrameMap(f.top, 0, 0)
	}
	return m
}

// size returns how much room the frames of a function take.
func (s *stack) size(fn uint32) funcSize {
	if s.sizes == nil {
		s.sizes = make([]funcSize, len(s.mod.Funcs))
	}
	if size := s.sizes[fn]; size.bytes != 0 {
		return size
	}
	var size funcSize
	if layout, err := s.mod.Layout(&s.mod.Funcs[fn]); err == nil {
		size.operands = layout.MaxStack
	}
	size.bytes = FrameSize(len(s.mod.Funcs[fn].Locals), size.operands)
	s.sizes[fn] = size
	return size
}

// vmFrame returns the machine's frame behind frames[level].
func (s *stack) vmFrame(level int) wasmvm.Frame {
	f, inner := &s.frames[level], -1
	if level+1 < len(s.frames) {
		inner = int(s.frames[level+1].base)
	}
	return s.m.FrameAt(int(f.fn), int(f.base), f.pc, inner)
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
//
// gdb's cache of the stack reads lines, and the one that the innermost frame ends in
// begins below it. As on a real stack something can be read there: zeros, if
// the read reaches the frame.
func (s *stack) read(addr uint32, buf []byte) int {
	n := 0
	if inner := len(s.frames) - 1; inner >= 0 {
		if bottom := s.frameMap(inner).Bottom(); addr < bottom && uint64(bottom-addr) < uint64(len(buf)) {
			n = int(bottom - addr)
			clear(buf[:n])
			addr = bottom
		}
	}
	level, ok := s.find(addr)
	if !ok {
		return 0
	}
	for ; level >= s.first && n < len(buf); level-- {
		f := s.frameMap(level)
		part := buf[n:]
		if avail := f.Top - addr; uint64(len(part)) > uint64(avail) {
			part = part[:avail]
		}
		base, act := f.Bottom(), activation{level: level, vm: s.vmFrame(level), operands: -1}
		c := readSlots(addr-base, part, func(i uint32, slot *[SlotSize]byte) {
			at, _ := f.SlotAt(base + i*SlotSize)
			s.fill(&act, at, slot)
		})
		n += c
		addr += uint32(c)
	}
	return n
}

// activation is a frame that is being read.
type activation struct {
	level    int
	vm       wasmvm.Frame
	operands int // -1 as long as nobody asked: counting vectors walks the function
}

// fill gives the contents of a slot.
func (s *stack) fill(act *activation, at Slot, slot *[SlotSize]byte) {
	switch at.Kind {
	case SlotLocal:
		putValue(slot, act.vm.LocalBits(at.Index))
	case SlotOperand:
		if act.operands < 0 {
			act.operands = act.vm.NumOperands()
		}
		if at.Index < act.operands {
			putValue(slot, act.vm.OperandBits(at.Index))
		}
	case SlotLink:
		if outer := act.level - 1; !s.frames[act.level].cut() {
			binary.LittleEndian.PutUint32(slot[0:], s.frameMap(outer).EBP)
			binary.LittleEndian.PutUint32(slot[4:], CodeAddr(s.frames[outer].pc))
		}
	}
}

// putValue stores a value's raw bits in a slot. The machine extends 32-bit
// values with zeros; only vectors have an upper half.
func putValue(slot *[SlotSize]byte, bits [2]uint64) {
	binary.LittleEndian.PutUint64(slot[:], bits[0])
	binary.LittleEndian.PutUint64(slot[8:], bits[1])
}

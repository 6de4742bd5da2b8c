package wasmvm

import (
	"math"
	"unsafe"
)

// The low-water mark of the stack says below which slot nothing has changed since ResetDirty or NoteFrames, so that a checkpoint of a deep stack, and
// a look at it, cost what has changed.
//
// The running function writes only to its own frame and above. So the mark is the first slot of the outermost frame that has run since, and it
// has to move when that frame returns. Testing for it at each return would cost every program a little for the sake of few. Instead the mark's
// frame gets another link while the fast loop runs, one that leads to a word before which the count is so large that the return meets the limit
// (see entryReturn): the driver then moves the mark outwards, puts the link right and goes on. Outside the fast loop there is no such link
// on the stack, and every change of frame goes past the driver, which looks at the mark at each step.

// markStride is by how many slots the mark moves at least, so that unwinding many frames leaves the loop seldom: half a page of a checkpoint, which costs
// hardly more than the frame that has to be kept.
const markStride = 256

// mark is a place on the stack.
type mark struct {
	at   int // first slot of a frame, or 0
	link int // slot of its link; it means nothing if at is 0
	from int // what at was when the mark was last moved inwards
}

// Two ask for it, each since a time of its own: who makes checkpoints, and who shows the frames. Both begin by moving the one mark to the innermost
// frame, so where it was before is kept for each.
type lowest struct {
	dirty  int // since ResetDirty, up to when the mark was last moved inwards; never above the mark's first place
	frames int // since NoteFrames, likewise
	noted  int // how often NoteFrames was called
}

// StackDirtyFrom is an offset in StackBytes: the bytes before it are as they were at the last ResetDirty. After RestoreCore it is 0 until
// ResetDirty is called.
func (m *Machine) StackDirtyFrom() int {
	if m.cur < 0 {
		return 0
	}
	return 8 * min(m.lowest.dirty, m.lowMark())
}

// NoteFrames begins a new period for FramesKept, which has to be given the result.
func (m *Machine) NoteFrames() int {
	m.resetMark()
	m.lowest.frames = math.MaxInt
	m.lowest.noted++
	return m.lowest.noted
}

// FramesKept is a slot of the stack: the frames whose Base is below it are the same activations as at the NoteFrames that returned since, and wait for
// the same calls. It is 0 if NoteFrames or RestoreCore was called after that.
func (m *Machine) FramesKept(since int) int {
	if m.cur < 0 || since != m.lowest.noted {
		return 0
	}
	return min(m.lowest.frames, m.lowMark())
}

// lowMark is the low-water mark since it was last moved inwards.
func (m *Machine) lowMark() int { return min(m.mark.at, m.frame) }

// resetMark moves the mark to the innermost frame.
func (m *Machine) resetMark() {
	low := m.lowMark()
	m.lowest.dirty = min(m.lowest.dirty, low)
	m.lowest.frames = min(m.lowest.frames, low)
	m.mark = mark{}
	if m.cur >= 0 {
		m.mark = mark{at: m.frame, link: m.frame + m.lowered[m.cur].link, from: m.frame}
	}
}

// touchFrame moves the mark to a frame of f, if it is further out.
func (m *Machine) touchFrame(f *loweredFunc, at int) {
	if at <= m.mark.at {
		m.mark.at, m.mark.link = at, at+f.link
	}
}

// barReturn makes the return of the mark's frame leave the fast loop, or that of a frame further in which returns to an edited one. Nothing lies below slot 0.
func (m *Machine) barReturn() {
	m.barOf = &m.mark
	if m.above.at > m.mark.at {
		m.barOf = &m.above // comes first
	}
	if m.barrier = 0; m.barOf.at == 0 {
		return
	}
	link := &m.stack[m.barOf.link]
	m.barred = *link
	*link = barrierReturn*uint64(insSize)<<32 | uint64(uint32(*link))
	m.barrier = uintptr(unsafe.Pointer(link))
}

// unbarReturn puts the link right. Tail calls may have moved it.
func (m *Machine) unbarReturn() {
	if m.barrier == 0 {
		return
	}
	link := int(m.barrier-uintptr(unsafe.Pointer(unsafe.SliceData(m.stack)))) / 8
	m.stack[link] = m.barred
	if m.barOf.link = link; m.above.at == m.mark.at {
		m.above.link, m.mark.link = link, link
	}
}

// returnsPastMark says whether a word returns from the mark's frame, and moves the mark outwards if so: the further the more has changed already.
func (m *Machine) returnsPastMark(in *ins, frame int) bool {
	if m.barrier == 0 || m.barOf != &m.mark || !isReturn(in.op) || frame+int(in.b) != m.mark.link {
		return false
	}
	goal := m.mark.at - max(markStride, (m.mark.from-m.mark.at)/4)
	for m.mark.at > 0 {
		link := m.stack[m.mark.link]
		f := m.lowered[m.words[int(link>>32)/insSize-1].bc()]
		m.mark.at -= int(uint32(link))
		m.mark.link = m.mark.at + f.link
		if m.mark.at <= goal {
			break
		}
	}
	return true
}

func isReturn(op irOp) bool { return op == irRet0 || op == irRet1 || op == irRetN }

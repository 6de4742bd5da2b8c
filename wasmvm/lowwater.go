package wasmvm

import "unsafe"

// The low-water mark of the stack says below which slot nothing has changed since ResetDirty, so that a checkpoint of a deep stack costs what has changed.
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
	from int // what at was at ResetDirty
}

// StackDirtyFrom is an offset in StackBytes: the bytes before it are as they were at the last ResetDirty. After RestoreCore it is 0 until
// ResetDirty is called.
func (m *Machine) StackDirtyFrom() int {
	if m.cur < 0 {
		return 0
	}
	return 8 * min(m.mark.at, m.frame)
}

// resetMark moves the mark to the innermost frame.
func (m *Machine) resetMark() {
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

// barReturn makes the return of the mark's frame leave the fast loop. Nothing lies below slot 0.
func (m *Machine) barReturn() {
	if m.barrier = 0; m.mark.at == 0 {
		return
	}
	link := &m.stack[m.mark.link]
	m.barred = *link
	*link = barrierReturn*uint64(insSize)<<32 | uint64(uint32(*link))
	m.barrier = uintptr(unsafe.Pointer(link))
}

// unbarReturn puts the link right. Tail calls may have moved it.
func (m *Machine) unbarReturn() {
	if m.barrier == 0 {
		return
	}
	m.mark.link = int(m.barrier-uintptr(unsafe.Pointer(unsafe.SliceData(m.stack)))) / 8
	m.stack[m.mark.link] = m.barred
}

// returnsPastMark says whether a word returns from the mark's frame, and moves the mark outwards if so: the further the more has changed already.
func (m *Machine) returnsPastMark(in *ins, frame int) bool {
	if m.barrier == 0 || !isReturn(in.op) || frame+int(in.b) != m.mark.link {
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

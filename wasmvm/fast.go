package wasmvm

import "unsafe"

// fastEntry returns the word at which fast code can take over from the canonical state.
func (r *runner) fastEntry(f *loweredFunc) (word int, ok bool) {
	if r.tier != TierAuto || r.lastMile || r.stepOver || f.listed || r.tooNear(f) {
		return 0, false
	}
	word, ok = f.head(r.idx)
	return word, ok && r.words[word].op != irBreak
}

// tooNear says whether fast code could pass the limit before its first test, or nearly so.
func (r *runner) tooNear(f *loweredFunc) bool {
	return r.pos+uint64(f.size-r.idx)+fastWorth > r.limit
}

// fastWorth is how many instructions must be certain to run for fast code to be worth the change.
const fastWorth = 64

// fast runs fast code from a word until something needs canonical state. It returns false when the run has ended.
//
// Fast code counts with vm.acc: the position is acc + i - n, where i is the index of the instruction in its function and n the function's number of
// instructions. Running straight on changes the position as it changes i, so only taken branches, calls and returns have to count. And acc is the
// position that is reached at most before the function branches backwards, calls or returns. Those test acc against the limit, so fast code never
// passes the limit.
func (r *runner) fast(f *loweredFunc, word int) bool {
	m, v := r.Machine, &r.vm
	frame := m.frame
	v.acc = int64(m.pos) + int64(f.size-m.idx)
	m.closer = m.readWatch
	for {
		m.enterVM()
		v.pc, v.fp = unsafe.Add(v.code, word*insSize), m.slotAt(frame)
		v.limit = min(int64(r.limit), v.acc+chunk+int64(m.maxLen)) // a test may add a function's size
		m.barReturn()
		code := m.runLoop()
		m.unbarReturn()
		word, frame = m.wordAt(v.pc), m.slotOf(v.fp)
		in := &m.words[word]
		switch code {
		case exitNaN:
			m.slowNaN(in, frame)
			word++
			continue
		case exitVector:
			for ok := true; ok; ok = m.words[word].op == irVector { // they often come together
				m.vector(&m.words[word], frame)
				word++
			}
			continue
		case exitGlobal:
			if m.setWatched(in, frame, false) {
				word++
				continue
			}
		case exitLazy:
			if m.resolveCall(word, frame) {
				continue
			}
		case exitStack:
			if m.growStack(m.calleeEnd(word, frame)) {
				continue
			}
		case exitLimit:
			v.acc -= v.undo
			if m.returnsToEdited(in, frame) {
				break
			}
			if m.returnsPastMark(in, frame) {
				continue
			}
			if v.limit < int64(r.limit) && !m.interrupt.Load() && !m.leaves(in, frame) {
				m.closer = m.readWatch
				continue
			}
			m.deopt(word, frame)
			r.lastMile = v.limit == int64(r.limit)
			r.stepOver = true
			return true
		case exitDriver:
			m.leaveFast(funcOfWord(m.order, word), int(in.e), frame)
			return r.driver(in)
		}
		m.deopt(word, frame)
		r.stepOver = true
		return true
	}
}

// runLoop is runFast or runWatch, but accesses to pages that are clean or partly watched are performed and do not end it: nothing of what was prepared for
// the loop has changed. A watch may share its page with what is written most; then the loop that looks closer takes over, until the next look at the
// interrupt flag.
func (m *Machine) runLoop() int {
	v := &m.vm
	for {
		code := 0
		if m.closer {
			code = v.runWatch()
		} else {
			code = v.runFast()
		}
		if code != exitMemory || !m.slowAccess((*ins)(v.pc), m.slotOf(v.fp), false) {
			return code
		}
		v.pc = unsafe.Add(v.pc, insSize)
	}
}

// leaves says whether a word returns from an entry function.
func (m *Machine) leaves(in *ins, frame int) bool {
	return isReturn(in.op) && m.stack[frame+int(in.b)]>>32 == entryReturn*uint64(insSize)
}

// callee is the defined function that an indirect call would call, or a negative number.
func (m *Machine) callee(in *ins, frame int) int {
	ref := m.stack[frame+int(in.b)]
	if in.op == irCallIndirect || in.op == irTailCallIndirect {
		ref = m.tabs[in.c].elems[uint32(ref)]
	}
	return int(ref-m.refBase) - m.mod.NumImportedFuncs
}

// resolveCall lowers the function that a word is about to call; it returns false if that has to be left to the precise tier.
func (m *Machine) resolveCall(word, frame int) bool {
	if in := &m.words[word]; in.op != irCallLazy && in.op != irTailCallLazy {
		index := m.callee(in, frame)
		if index < 0 {
			return false
		}
		_, err := m.needFunc(index)
		return err == nil
	}
	f, err := m.needFunc(int(m.words[word].d))
	if err != nil {
		return false
	}
	in := &m.words[word] // needFunc may have moved the words
	if in.op == irTailCallLazy {
		in.op = irTailCall
	} else {
		in.op = irCall
	}
	in.b, in.c, in.d = uint16(f.link), uint16(f.link-f.params), int32((f.begin-word)*insSize)
	in.e += int32(f.size)
	m.words[word+1].a = uint16(f.frame)
	return true
}

// calleeEnd is where the frame of the function that a word is about to call would end.
func (m *Machine) calleeEnd(word, frame int) int {
	in := &m.words[word]
	at, size := frame, int(m.words[word+1].a)
	switch in.op {
	case irCall, irCallIndirect, irCallRef:
		at += int(in.a)
	}
	switch in.op {
	case irCallIndirect, irCallRef, irTailCallIndirect, irTailCallRef:
		size = int(m.recs[m.mod.NumImportedFuncs+m.callee(in, frame)].frame)
	}
	return at + size
}

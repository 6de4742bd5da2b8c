package wasmvm

import (
	"errors"
	"unsafe"
)

// maxPosition is where the fast tier's arithmetic would end; no run gets there.
const maxPosition = 1 << 61

// chunk is how many instructions run between looks at the interrupt flag.
const chunk = 500_000

// Run runs until Position is limit or until something else stops it; the reasons are tried in this order at each position: a watch that the last
// instruction touched, the limit, Interrupt, the breakpoint of the next instruction (not at the position Run begins at), the way the next instruction
// ends the program. The state is canonical whenever Run returns: it does not depend on the tier or on earlier stops.
func (m *Machine) Run(limit uint64) Stop {
	m.hits = m.hits[:0]
	if m.cur < 0 && len(m.entries) > 0 {
		return Stop{Reason: StopHost, Err: errStartImp}
	}
	return m.run(min(limit, maxPosition))
}

// runner is one call of Run.
type runner struct {
	*Machine
	limit    uint64
	begin    uint64 // position at which a breakpoint does not stop
	lastMile bool   // too near the limit for fast code
	stepOver bool   // run precise code up to the next head before fast code is tried again
	stop     Stop
}

func (m *Machine) run(limit uint64) Stop {
	r := runner{Machine: m, limit: limit, begin: m.pos}
	for r.step() {
	}
	return r.stop
}

// end stops the run.
func (r *runner) end(s Stop) bool {
	r.stop = s
	return false
}

// step runs some instructions; it returns false when the run has ended.
func (r *runner) step() bool {
	switch {
	case len(r.hits) > 0:
		s := Stop{Reason: StopWatch, Watches: append([]WatchHit(nil), r.hits...)}
		r.hits = r.hits[:0]
		return r.end(s)
	case r.done:
		return r.end(Stop{Reason: StopExit})
	case r.pos >= r.limit:
		return r.end(Stop{Reason: StopLimit})
	case r.cur < 0:
		return r.end(Stop{Reason: StopExit})
	case r.interrupt.Load():
		r.interrupt.Store(false)
		return r.end(Stop{Reason: StopInterrupt})
	}
	f := r.lowered[r.cur]
	r.touchFrame(f, r.frame)
	edited := len(r.edited) > 0 && r.mustBeExact(f)
	if word, ok := r.fastEntry(f); ok && !edited {
		return r.fast(f, word)
	}
	n := min(r.limit-r.pos, chunk)
	switch {
	case edited:
		n = 1 // the next instruction may be a label
	case r.tier != TierAuto || r.lastMile || f.listed:
	case r.tooNear(f):
		n = min(n, 1000) // a smaller function may come before the limit
	default:
		n = min(n, uint64(f.nextHead(r.idx)-r.idx))
	}
	r.stepOver = false
	return r.exact(n)
}

// exact runs up to n instructions of precise code.
func (r *runner) exact(n uint64) bool {
	m := r.Machine
	words, err := m.preciseWords(m.cur)
	if err != nil {
		return r.end(Stop{Reason: StopHost, Err: err})
	}
	code := m.preciseLoop(words, n)
	if code == exitBreak {
		if m.pos != r.begin {
			return r.end(Stop{Reason: StopBreakpoint})
		}
		words = m.lowered[m.cur].precise // without breakpoints
		if code = exitGlobal; !m.setsWatched(&words[m.idx]) {
			code = m.preciseLoop(words, 1)
		}
	}
	return r.handle(code, words)
}

// preciseLoop runs up to n instructions of the current function from the given words, and returns why it ended.
func (m *Machine) preciseLoop(words []ins, n uint64) int {
	m.enterVM()
	v := &m.vm
	base := unsafe.Pointer(unsafe.SliceData(words))
	v.pc = unsafe.Add(base, m.idx*insSize)
	v.fp = m.slotAt(m.frame)
	v.left = n
	code := v.runPrecise()
	m.idx = int(uintptr(v.pc)-uintptr(base)) / insSize
	m.pos += n - v.left
	return code
}

// handle does what the precise loop left to the driver at the current instruction.
func (r *runner) handle(code int, words []ins) bool {
	m := r.Machine
	in := &words[m.idx]
	switch {
	case code == exitDone:
	case code == exitNaN:
		m.slowNaN(in, m.frame)
		m.advance()
	case code == exitVector:
		m.vector(in, m.frame)
		m.advance()
	case code == exitGlobal:
		m.setWatched(in, m.frame, true)
		m.advance()
	case code == exitMemory:
		m.slowAccess(in, m.frame, true)
		m.advance()
	case code == exitDriver:
		return r.driver(in)
	case code < exitLimit:
		return r.trap(TrapCode(code))
	default:
		return r.end(Stop{Reason: StopHost, Err: errInternal})
	}
	return true
}

var errInternal = errors.New("the virtual machine met code it cannot run: the module is not valid, or this is a bug of the virtual machine")

// advance completes the current instruction.
func (m *Machine) advance() {
	m.idx++
	m.pos++
}

func (r *runner) trap(code TrapCode) bool {
	f := r.lowered[r.cur]
	return r.end(Stop{Reason: StopTrap, Trap: &Trap{Code: code, Func: f.fn.Index, PC: f.layout.PCs[r.idx]}})
}

// driver executes an operation of the driver at the current instruction.
func (r *runner) driver(in *ins) bool {
	err := r.execute(in)
	var trap *Trap
	var exit *ExitError
	switch {
	case err == nil || err == errUnwound:
		return true
	case err == errLastReturn:
		return r.end(Stop{Reason: StopExit})
	case errors.As(err, &trap):
		if trap.PC == 0 {
			r.trap(trap.Code)
			r.stop.Trap.exn = trap.exn
			return false
		}
		return r.end(Stop{Reason: StopTrap, Trap: trap})
	case errors.As(err, &exit):
		return r.end(Stop{Reason: StopExit, ExitCode: exit.Code})
	}
	return r.end(Stop{Reason: StopHost, Err: err})
}

package wasmvm

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"wrev/wasmvm/internal/nan"
)

// NaNRule says which bits an operation's NaN has. They depend on the processor that made the recording; wazero's compiler uses its instructions.
type NaNRule = nan.Rule

// The rules that are known.
const (
	NaNAMD64 = nan.AMD64 // the first NaN operand, made quiet; else the NaN with the sign set
	NaNARM64 = nan.ARM64 // the first signalling, else the first quiet operand, made quiet; else the NaN with the sign clear
)

// Host answers calls of imported functions.
type Host interface {
	// HostCall answers one call of imported function fn. args are raw bits, i32 and f32 zero-extended; they and results, which it fills in, are valid
	// until it returns. It reads m.Memory and writes with m.WriteMemory. The machine's position is the call's, which is not completed
	// yet. An *ExitError ends the program there, a *Trap makes the call trap, any other error is passed on in the Stop.
	HostCall(m *Machine, fn uint32, args, results []uint64) error
}

// Config says how a machine is made. The zero value is usable for a module without imports.
type Config struct {
	MaxMemoryPages uint32  // bounds the linear memory below the module's own maximum; 0 does not
	NaN            NaNRule // of the recording
	MaxStackSlots  int     // slots of 8 bytes of all frames together; 0 means DefaultStackSlots. Past it a call traps.
	Host           Host    // answers calls of imported functions

	// Once LateCalls host calls are completed the stack has at most LateStackSlots, if that is not 0. It ends an endless recursion
	// early without forbidding the depth at which a host call is known to have been made.
	LateCalls      uint64
	LateStackSlots int

	// Resolve links an import to something another machine owns, for tests with several modules. Nil or false leaves functions to Host; other imports
	// must be resolved. Memories, tables and globals are shared. A call of a function of another machine runs its Invoke.
	Resolve func(imp *Import) (Extern, bool)
}

// Extern is a function, table, memory or global of another machine, by its index space there.
type Extern struct {
	Machine *Machine
	Kind    ExternKind
	Index   uint32
}

// DefaultStackSlots is how much stack a machine may use unless its Config says otherwise: 1 GiB.
const DefaultStackSlots = 1 << 27

const firstStackSlots = 1 << 10

// Tier chooses how Run executes.
type Tier uint8

// The tiers.
const (
	TierAuto    Tier = iota // fast code, and precise code where it has to stop exactly
	TierPrecise             // precise code only
)

// Machine is an instance of a module with all of its state. Only Interrupt may be called from another goroutine.
type Machine struct {
	vm
	mod  *Module
	cfg  Config
	prog *program
	tier Tier

	// What code runs: private copies, with breakpoints and callees patched in.
	words   []ins
	lowered []*loweredFunc // by defined function, nil if not yet copied
	order   []*loweredFunc
	precise [][]ins // by defined function; the shared code unless it has breakpoints
	recs    []funcRec
	maxLen  int // instructions of the longest lowered function
	widest  int // slots of the widest frame of a lowered function

	// The canonical state. cur < 0: there is no frame.
	cur, idx int // defined function, instruction
	frame    int // first slot of the innermost frame
	mark     mark
	lowest   lowest
	edited   []int  // first slots of the frames that must run precise code, outermost first; see exactly.go
	above    mark   // the frame called by the innermost of them, if that waits; at is 0 while it is not known
	barred   uint64 // the link that barReturn has replaced
	barOf    *mark  // whose it is
	pos      uint64
	calls    uint64 // completed host calls
	stack    []uint64
	mem0     *memory
	tabs     []*table
	globs    []*globalCell
	dropData []bool
	dropElem []bool
	entries  []uint32 // entry functions still to be called, the running one first
	drops    version  // of dropData and dropElem

	globPtrs  []unsafe.Pointer
	tabViews  []tableView
	externs   []Extern // of imported functions; Machine is nil for the host's
	elemRefs  [][]uint64
	breaks    breakpoints
	watches   []Watch
	watched   []bool // by global; nil if none is
	readWatch bool   // some range is watched for reads
	closer    bool   // the watch loop runs fast code
	hits      []WatchHit
	interrupt atomic.Bool
	args      []uint64 // scratch for host calls
	nested    int      // running Invokes
	done      bool     // the innermost Invoke has returned
	stopCall  uint64   // see StopAtCall: the number of the host call and one; 0 for none
	lastCore  *Core

	handlers  *handler // the list of try_tables, if the module's has to be kept
	tags      []*tag   // those of the module, then those of exceptions from other machines
	exns      []exception
	exnFree   int  // all entries before it are used
	exnShared bool // saved states have the table too
}

// globalCell holds one global; only a v128 takes both words.
type globalCell struct {
	typ GlobalType
	v   [2]uint64
}

// Module is the module the machine runs.
func (m *Machine) Module() *Module { return m.mod }

// Position is the number of instructions completed.
func (m *Machine) Position() uint64 { return m.pos }

// HostCalls is the number of host calls completed, which is the index of the next one in a log.
func (m *Machine) HostCalls() uint64 { return m.calls }

// Interrupt makes the running or else the next Run return StopInterrupt. It may be called from any goroutine.
func (m *Machine) Interrupt() { m.interrupt.Store(true) }

// Interrupted reports whether there was an Interrupt that no Run has seen yet. A host that was woken asks it what for.
func (m *Machine) Interrupted() bool { return m.interrupt.Load() }

// ClearInterrupt takes back an Interrupt that no Run has seen yet.
func (m *Machine) ClearInterrupt() { m.interrupt.Store(false) }

// SetTier chooses how Run executes; it makes no difference to the results.
func (m *Machine) SetTier(t Tier) { m.tier = t }

// Global returns the raw bits of a global, by the index space that begins with the imported ones; of a v128 the lower half.
func (m *Machine) Global(i int) uint64 { return m.globs[i].v[0] }

// GlobalBits returns the raw bits of a global, the lower half first. Only a v128 has an upper half.
func (m *Machine) GlobalBits(i int) [2]uint64 { return m.globs[i].v }

// PC is the program counter of the next instruction, 0 if there is no frame.
func (m *Machine) PC() uint32 {
	if m.cur < 0 {
		return 0
	}
	return m.lowered[m.cur].layout.PCs[m.idx]
}

// Func is the function of the next instruction, nil if there is no frame.
func (m *Machine) Func() *Func {
	if m.cur < 0 {
		return nil
	}
	return m.lowered[m.cur].fn
}

// top is the first slot above the live operands of the innermost frame.
func (m *Machine) top() int {
	if m.cur < 0 {
		return 0
	}
	f := m.lowered[m.cur]
	return m.frame + f.base + f.operandSlots(m.idx)
}

// operandSlots is how many slots the operand stack takes before an instruction that can be reached.
func (f *loweredFunc) operandSlots(idx int) int { return max(0, int(f.layout.heights[idx])) }

var (
	errNoHost    = errors.New("there is no host to answer calls of imported functions")
	errStartImp  = errors.New("the start function is an imported function, which cannot be run as a program")
	errBigEndian = errors.New("the virtual machine runs on little-endian processors only")
)

// needFunc makes function index ready to run: lowered and copied.
func (m *Machine) needFunc(index int) (*loweredFunc, error) {
	if f := m.lowered[index]; f != nil {
		return f, nil
	}
	f, err := m.prog.lower(index)
	if err != nil {
		return nil, err
	}
	m.syncCode()
	return f, nil
}

// syncCode copies what has been lowered since the last time, by this machine or another one of the module.
func (m *Machine) syncCode() {
	m.prog.mu.Lock()
	old := len(m.words)
	m.words = append(m.words, m.prog.code[old:]...)
	fresh := m.prog.order[len(m.order):]
	m.order = append(m.order, fresh...)
	m.prog.mu.Unlock()
	for _, f := range fresh {
		m.lowered[f.index] = f
		m.maxLen, m.widest = max(m.maxLen, f.size), max(m.widest, f.frame)
		r := &m.recs[m.mod.NumImportedFuncs+f.index]
		r.entry, r.frame, r.link, r.clear = uint32(f.begin*insSize), uint16(f.frame), uint16(f.link), uint16(f.link-f.params)
		r.size = uint32(f.size)
		m.patchFunc(f)
	}
}

// preciseWords is the precise code of a function with the machine's breakpoints in it.
func (m *Machine) preciseWords(index int) ([]ins, error) {
	if w := m.precise[index]; w != nil {
		return w, nil
	}
	f, err := m.needFunc(index)
	if err != nil {
		return nil, err
	}
	w, err := f.preciseCode(m.mod)
	if err != nil {
		return nil, err
	}
	m.precise[index] = w
	m.patchPrecise(index)
	return m.precise[index], nil
}

// stackLimit is how many slots the stack may have now. It depends on the state only, so that going back and forth changes nothing.
func (m *Machine) stackLimit() int {
	if late := m.cfg.LateStackSlots; late > 0 && m.calls >= m.cfg.LateCalls {
		return min(late, m.cfg.MaxStackSlots)
	}
	return m.cfg.MaxStackSlots
}

// growStack makes the stack hold n slots, and reports whether it may.
func (m *Machine) growStack(n int) bool {
	if n > m.stackLimit() {
		return false
	}
	m.holdStack(n)
	return true
}

// holdStack makes the stack hold n slots, however many it may have.
func (m *Machine) holdStack(n int) {
	if n > len(m.stack) {
		s := make([]uint64, max(n, min(max(2*len(m.stack), firstStackSlots), m.cfg.MaxStackSlots)))
		copy(s, m.stack)
		m.stack = s
	}
}

// enterVM sets what the loops read from the machine's parts, which may have moved.
func (m *Machine) enterVM() {
	v := &m.vm
	v.code = unsafe.Pointer(unsafe.SliceData(m.words))
	v.codeBase = uintptr(v.code)
	base := unsafe.Pointer(unsafe.SliceData(m.stack))
	v.stackEnd = uintptr(base) + uintptr(min(len(m.stack), m.stackLimit())*8)
	if m.mem0 != nil {
		v.mem, v.msize = unsafe.Pointer(unsafe.SliceData(m.mem0.data)), uint64(len(m.mem0.data))
		v.flags = unsafe.Pointer(unsafe.SliceData(m.mem0.flags))
	}
	v.consts = unsafe.Pointer(m.prog.consts.first.Load())
	for i, t := range m.tabs {
		m.tabViews[i] = tableView{unsafe.Pointer(unsafe.SliceData(t.elems)), uintptr(len(t.elems))}
	}
}

func (m *Machine) slotAt(slot int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(m.stack)), slot*8)
}

// slotOf is the slot number of a frame pointer.
func (m *Machine) slotOf(fp unsafe.Pointer) int {
	return int(uintptr(fp)-uintptr(unsafe.Pointer(unsafe.SliceData(m.stack)))) / 8
}

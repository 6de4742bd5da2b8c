package gdbview

import (
	"sync"

	"wrev/wasmvm"
	"wrev/wasmvm/debuginfo"
)

// View answers what gdb reads of a stopped machine: memory and registers of the
// i386 program that the machine's WebAssembly program is shown as.
//
// A View caches what it has found out about the call stack. After the machine
// has moved along its history, Refresh has to be called before the next read;
// after anything else that changes its state, Invalidate as well. A View serves
// one goroutine.
type View struct {
	mod       *wasmvm.Module
	m         *wasmvm.Machine
	sp        int // index of the global __stack_pointer, -1 if there is none
	code      func() []byte
	info      *debuginfo.Info
	aggregate func(fn uint32) bool
	stack     stack
	topTypes  map[uint32]wasmvm.ValType // by pc: finding one walks its function
	indirect  map[string]bool           // by type and table: whether such calls return aggregates
}

// NewView returns the view of a machine that runs mod. aggregate reports the
// functions whose result is an aggregate in C's eyes and a scalar in wasm's (see
// Image.AggregateReturn); nil means that there are none.
func NewView(mod *wasmvm.Module, m *wasmvm.Machine, aggregate func(fn uint32) bool) *View {
	v := &View{
		mod:       mod,
		sp:        stackPointer(mod),
		code:      sync.OnceValue(func() []byte { return CodeImage(mod) }),
		info:      debuginfo.New(mod),
		aggregate: aggregate,
	}
	if aggregate == nil {
		v.aggregate = func(uint32) bool { return false }
	}
	v.stack.mod = mod
	v.Refresh(m)
	return v
}

// Refresh tells the view that the machine has moved to another position of the
// history that it was in at the last Refresh. m is the machine to read now.
func (v *View) Refresh(m *wasmvm.Machine) {
	v.m = m
	v.stack.update(m)
}

// Invalidate drops everything cached, because the machine's past is another one.
func (v *View) Invalidate() {
	v.stack.reset()
	v.stack.update(v.m)
}

// ReadMemory fills buf with what gdb sees at addr and returns how many bytes it
// could read: all, a prefix if what lies at addr ends earlier, or none.
func (v *View) ReadMemory(addr uint32, buf []byte) int {
	region, avail := v.extent().Region(addr)
	if uint64(len(buf)) > uint64(avail) {
		buf = buf[:avail]
	}
	switch region {
	case RegionMemory:
		return copy(buf, v.m.Memory()[addr:])
	case RegionGlobals:
		return readSlots(addr-GlobalBase, buf, func(g uint32, slot *[SlotSize]byte) {
			putValue(slot, v.m.GlobalBits(int(g)))
		})
	case RegionCode:
		return copy(buf, v.code()[addr-CodeBase:])
	case RegionStack:
		return v.stack.read(addr, buf)
	}
	return 0
}

// Describe says in words where the program is, "" if nowhere.
func (v *View) Describe() string {
	if v.m.Func() == nil {
		return ""
	}
	return v.info.Describe(v.m.PC())
}

// Place is what an address of the program stands for.
type Place struct {
	Region Region
	Index  int          // of the global, local or operand
	Frame  int          // of a local or operand: its activation, counted from the outermost, 0
	Func   *wasmvm.Func // of a local or operand: its function
	Kind   SlotKind     // of an address on the call stack
}

// Place returns what lies at addr.
func (v *View) Place(addr uint32) (Place, bool) {
	region, _ := v.extent().Region(addr)
	p := Place{Region: region}
	switch region {
	case RegionNone:
		return Place{}, false
	case RegionGlobals:
		p.Index, _, _ = GlobalAt(addr)
	case RegionStack:
		level, ok := v.stack.find(addr)
		if !ok {
			return Place{}, false
		}
		slot, _ := v.stack.frameMap(level).SlotAt(addr)
		p.Kind, p.Index, p.Frame, p.Func = slot.Kind, slot.Index, level, &v.mod.Funcs[v.stack.frames[level].fn]
	}
	return p, true
}

func (v *View) extent() Extent {
	return Extent{
		Memory:  uint64(len(v.m.Memory())),
		Globals: len(v.mod.Globals),
		Code:    v.mod.CodeSize,
	}
}

// readSlots fills buf from offset off of a run of slots whose contents fill
// provides.
func readSlots(off uint32, buf []byte, fill func(index uint32, slot *[SlotSize]byte)) int {
	n := 0
	for n < len(buf) {
		var slot [SlotSize]byte
		fill(off/SlotSize, &slot)
		c := copy(buf[n:], slot[off%SlotSize:])
		n += c
		off += uint32(c)
	}
	return n
}

// stackPointer finds the global that C's stack grows down by, -1 if there is
// none. It has no name that survives linking unless it is exported, but wasm-ld
// always makes it the first global that the module itself defines.
func stackPointer(mod *wasmvm.Module) int {
	for i := range mod.Exports {
		e := &mod.Exports[i]
		if e.Name == "__stack_pointer" && e.Kind == wasmvm.ExternGlobal {
			return int(e.Index)
		}
	}
	first := 0
	for i := range mod.Imports {
		imp := &mod.Imports[i]
		if imp.Kind != wasmvm.ExternGlobal {
			continue
		}
		if imp.Name == "__stack_pointer" {
			return first
		}
		first++
	}
	if first < len(mod.Globals) {
		if g := mod.Globals[first]; g.Mutable && g.Type == wasmvm.I32 {
			return first
		}
	}
	return -1
}

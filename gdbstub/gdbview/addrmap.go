package gdbview

// The one 32-bit address space that gdb sees:
//
//	0 .. memory size                  linear memory, at its own addresses
//	GlobalBase + 16*g                 wasm global g (8 valid bytes, or 16 for v128)
//	CodeBase + pc                     the Code section's payload; pc is also the DWARF address
//	StackBottom .. StackTop           the virtual call stack, growing down
//
// Linear memory keeps its addresses so that pointers in the program mean to gdb
// what they mean to the program. What lies above GlobalBase in a memory of more
// than 3.25 GiB cannot be seen.
const (
	// GlobalBase is the address of wasm global 0.
	GlobalBase uint32 = 0xD0000000
	// CodeBase is the address of the first byte of the Code section's payload.
	CodeBase uint32 = 0xE0000000
	// StackBottom is the lowest address of the virtual call stack.
	StackBottom uint32 = 0xF0000000
	// StackTop is one past the highest address of the virtual call stack. The
	// outermost frame ends here.
	StackTop uint32 = 0xFFFE0000
	// SlotSize is the bytes that each local, operand and global takes. All
	// are alike, whatever their type, so that translating a location needs
	// to know nothing about the function it is in.
	SlotSize = 16
	// frameLinkSize is the bytes from ebp up to the first operand: the
	// caller's ebp, the return address, and 8 unused bytes.
	frameLinkSize = 16
	// MaxCodeSize is the largest Code section payload, in bytes, that fits
	// between CodeBase and StackBottom.
	MaxCodeSize = StackBottom - CodeBase
	// MaxGlobals is how many globals fit between GlobalBase and CodeBase.
	MaxGlobals = int((CodeBase - GlobalBase) / SlotSize)
)

// Windows are the distances from ebp down to where ecx, ebx, esi and edi point
// in every frame. i386 location expressions reach 64 bytes around a register in
// the two bytes that a DW_OP_WASM_location leaves room for; with ebp and these
// four they reach the first 36 locals.
var Windows = [4]Window{
	{Register: dwarfECX, Offset: 128},
	{Register: dwarfEBX, Offset: 256},
	{Register: dwarfESI, Offset: 384},
	{Register: dwarfEDI, Offset: 512},
}

// Window is a register that points Offset bytes below ebp in every frame.
type Window struct {
	Register byte // DWARF (and gdb) number of the register on i386
	Offset   int32
}

// DWARF register numbers of i386.
const (
	dwarfECX byte = 1
	dwarfEBX byte = 3
	dwarfEBP byte = 5
	dwarfESI byte = 6
	dwarfEDI byte = 7
	dwarfEIP byte = 8
)

// Region is a kind of address.
type Region uint8

// The regions of the address space.
const (
	RegionNone    Region = iota // nothing lives here
	RegionMemory                // linear memory
	RegionGlobals               // wasm globals
	RegionCode                  // the Code section
	RegionStack                 // the virtual call stack
)

// Extent says how much of the fixed ranges one program uses.
type Extent struct {
	Memory  uint64 // bytes of linear memory
	Globals int    // number of globals, imported ones included
	Code    uint32 // bytes of the Code section's payload
}

// Region returns what lies at addr and how many bytes from addr on, at least
// one, belong to the same region. For RegionNone the length is 0. Of the stack
// it knows only the range, not how much of it the present frames cover.
func (e Extent) Region(addr uint32) (Region, uint32) {
	switch {
	case addr < GlobalBase:
		end := min(e.Memory, uint64(GlobalBase))
		if uint64(addr) < end {
			return RegionMemory, uint32(end - uint64(addr))
		}
	case addr < CodeBase:
		end := uint32(min(e.Globals, MaxGlobals)) * SlotSize
		if off := addr - GlobalBase; off < end {
			return RegionGlobals, end - off
		}
	case addr < StackBottom:
		end := min(e.Code, MaxCodeSize)
		if off := addr - CodeBase; off < end {
			return RegionCode, end - off
		}
	case addr < StackTop:
		return RegionStack, StackTop - addr
	}
	return RegionNone, 0
}

// CodeAddr returns the address of pc, an offset in the Code section's payload.
func CodeAddr(pc uint32) uint32 { return CodeBase + pc }

// PC returns the offset in the Code section's payload that addr stands for, if
// addr lies in the code range. It does not know where the payload ends.
func PC(addr uint32) (uint32, bool) {
	if addr < CodeBase || addr >= StackBottom {
		return 0, false
	}
	return addr - CodeBase, true
}

// GlobalAddr returns the address of wasm global g, which is below MaxGlobals.
func GlobalAddr(g int) uint32 { return GlobalBase + SlotSize*uint32(g) }

// GlobalAt returns the index of the global whose slot addr lies in, and the
// offset of addr in that slot.
func GlobalAt(addr uint32) (g int, off uint32, ok bool) {
	if addr < GlobalBase || addr >= CodeBase {
		return 0, 0, false
	}
	d := addr - GlobalBase
	return int(d / SlotSize), d % SlotSize, true
}

// FrameMap is where one wasm frame lies on the virtual stack. From high to low
// addresses:
//
//	Top                          end of the frame: the caller's lowest local
//	EBP + 16 + 16*j              operand j of the operand stack, from the bottom
//	EBP + 4                      return address (0 in the outermost frame)
//	EBP                          the caller's EBP (0 in the outermost frame)
//	EBP - 16*(i+1)               local i, parameters included
//
// There is always room for MaxStack operands, so EBP stays where it is while
// the function runs; gdb tells frames apart by it.
type FrameMap struct {
	Top      uint32
	EBP      uint32
	Locals   int
	MaxStack int
}

// NewFrameMap lays out the frame of a function with that many locals and that
// highest operand stack, directly below top. It reports false if the frame does
// not fit above StackBottom.
func NewFrameMap(top uint32, locals, maxStack int) (FrameMap, bool) {
	size := FrameSize(locals, maxStack)
	if top > StackTop || top < StackBottom || size > int64(top-StackBottom) {
		return FrameMap{}, false
	}
	ebp := top - frameLinkSize - SlotSize*uint32(maxStack)
	return FrameMap{Top: top, EBP: ebp, Locals: locals, MaxStack: maxStack}, true
}

// FrameSize returns the bytes that a frame takes on the virtual stack.
func FrameSize(locals, maxStack int) int64 {
	return SlotSize*(int64(locals)+int64(maxStack)) + frameLinkSize
}

// Bottom returns the frame's lowest address, which is the Top of its callee.
func (f FrameMap) Bottom() uint32 { return f.EBP - SlotSize*uint32(f.Locals) }

// LocalAddr returns the address of local i, which is below Locals.
func (f FrameMap) LocalAddr(i int) uint32 { return f.EBP - SlotSize*uint32(i+1) }

// OperandAddr returns the address of operand j, counted from the bottom of the
// operand stack. j is below MaxStack.
func (f FrameMap) OperandAddr(j int) uint32 {
	return f.EBP + frameLinkSize + SlotSize*uint32(j)
}

// SlotKind says what a slot of a frame holds.
type SlotKind uint8

// The kinds of slots in a frame.
const (
	SlotLocal   SlotKind = iota // a local
	SlotOperand                 // an operand
	SlotLink                    // caller's ebp, return address, 8 unused bytes
)

// Slot is a place in a frame.
type Slot struct {
	Kind   SlotKind
	Index  int    // of the local or the operand
	Offset uint32 // bytes into the slot
}

// SlotAt returns the slot of the frame that addr lies in.
func (f FrameMap) SlotAt(addr uint32) (Slot, bool) {
	switch {
	case addr < f.Bottom() || addr >= f.Top:
		return Slot{}, false
	case addr < f.EBP:
		i := (f.EBP - 1 - addr) / SlotSize
		return Slot{SlotLocal, int(i), addr - (f.EBP - SlotSize*(i+1))}, true
	case addr < f.EBP+frameLinkSize:
		return Slot{SlotLink, 0, addr - f.EBP}, true
	default:
		d := addr - f.EBP - frameLinkSize
		return Slot{SlotOperand, int(d / SlotSize), d % SlotSize}, true
	}
}

package gdbview

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"wrev/wasmvm"
)

// gdb's numbers of the i386 registers that mean something here.
const (
	RegEAX = 0
	RegECX = 1
	RegEDX = 2
	RegEBX = 3
	RegESP = 4
	RegEBP = 5
	RegESI = 6
	RegEDI = 7
	RegEIP = 8

	regEflags = 9
	RegST0    = 16
	regFctrl  = 24
	regFtag   = 26

	// NumRegisters is how many registers there are: 16 integer ones of 32
	// bits, 8 floating-point ones of 80 bits, 8 control ones of 32 bits.
	NumRegisters = 32
	// RegistersSize is the bytes that all of them take.
	RegistersSize = 16*4 + 8*10 + 8*4
)

// What registers hold that a real processor would never be without.
const (
	eflagsAlways = 2      // bit 1 always reads as one
	fctrlDefault = 0x37f  // the control word after finit
	ftagEmpty    = 0xffff // all floating-point registers empty
)

// AppendRegisters appends all registers in gdb's order, little endian.
func (v *View) AppendRegisters(dst []byte) []byte {
	for n := range NumRegisters {
		dst, _ = v.AppendRegister(dst, n)
	}
	return dst
}

// AppendRegister appends register n, little endian. It reports false if there is
// no such register.
//
// eip is the next instruction, esp the program's stack in linear memory, ebp the
// frame on the virtual stack, ecx, ebx, esi and edi are fixed distances below it.
// eax, edx and st0 hold the top of the operand stack, where the result of a call
// lies just after the call; so gdb finds it where a function of an i386 program
// leaves its result.
func (v *View) AppendRegister(dst []byte, n int) ([]byte, bool) {
	switch {
	case n < 0 || n >= NumRegisters:
		return dst, false
	case n == RegST0:
		st0 := v.st0()
		return append(dst, st0[:]...), true
	case n > RegST0 && n < regFctrl:
		return append(dst, make([]byte, 10)...), true
	}
	return binary.LittleEndian.AppendUint32(dst, v.register(n)), true
}

// register returns a register of 32 bits.
func (v *View) register(n int) uint32 {
	switch n {
	case RegEAX:
		eax, _ := v.result()
		return eax
	case RegEDX:
		_, edx := v.result()
		return edx
	case RegEIP:
		return v.EIP()
	case RegESP:
		return v.ESP()
	case RegEBP:
		return v.EBP()
	case regEflags:
		return eflagsAlways
	case regFctrl:
		return fctrlDefault
	case regFtag:
		return ftagEmpty
	}
	for _, w := range Windows {
		if int(w.Register) == n {
			return v.EBP() - uint32(w.Offset)
		}
	}
	return 0
}

// EIP returns the address of the next instruction.
func (v *View) EIP() uint32 { return CodeAddr(v.m.PC()) }

// ESP returns the program's stack pointer, 0 if it has none.
func (v *View) ESP() uint32 {
	if v.sp < 0 {
		return 0
	}
	return uint32(v.m.Global(v.sp))
}

// EBP returns where the innermost frame lies on the virtual stack.
func (v *View) EBP() uint32 {
	if n := len(v.stack.frames); n > 0 {
		return v.stack.frameMap(n - 1).EBP
	}
	return 0
}

// result returns what a function that has just returned would have left in eax
// and edx.
func (v *View) result() (eax, edx uint32) {
	call, isCall := v.lastCall()
	value, ok := v.top()
	if isCall && len(call.typ.Results) == 0 {
		// Where C returns a struct, the function has no result in wasm and
		// gdb expects the address that was passed first.
		if len(call.typ.Params) > 0 {
			return uint32(v.m.DeadSlot()), 0
		}
		return 0, 0
	}
	if !ok {
		return 0, 0
	}
	if isCall && v.returnsAggregate(call) {
		// C returns a struct and wasm its only member; gdb wants to know
		// where the struct is. The operand's slot holds the same bytes.
		inner := len(v.stack.frames) - 1
		return v.stack.frameMap(inner).OperandAddr(v.stack.vmFrame(inner).NumOperands() - 1), 0
	}
	return uint32(value), uint32(value >> 32)
}

// st0 returns the top operand as an 80-bit floating-point number.
func (v *View) st0() [10]byte {
	value, ok := v.top()
	if !ok {
		return [10]byte{}
	}
	if v.topType() == wasmvm.F32 {
		// Widening by hand, because conversion would quieten a NaN.
		return extended(widen(uint32(value)))
	}
	return extended(value)
}

// top returns the operand on top of the innermost frame's stack.
func (v *View) top() (value uint64, ok bool) {
	level := len(v.stack.frames) - 1
	if level < 0 {
		return 0, false
	}
	f := v.stack.vmFrame(level)
	n := f.NumOperands()
	if n == 0 {
		return 0, false
	}
	return f.Operand(n - 1), true
}

// topType returns the type of the top operand, f64 if it is not known.
func (v *View) topType() wasmvm.ValType {
	pc := v.m.PC()
	if typ, ok := v.topTypes[pc]; ok {
		return typ
	}
	typ := wasmvm.F64
	if fn := v.m.Func(); fn != nil {
		if layout, err := v.mod.Layout(fn); err == nil {
			if i, ok := layout.Index(pc); ok {
				if types := v.mod.OperandTypes(fn, i); len(types) > 0 {
					typ = types[len(types)-1]
				}
			}
		}
	}
	if v.topTypes == nil {
		v.topTypes = map[uint32]wasmvm.ValType{}
	}
	v.topTypes[pc] = typ
	return typ
}

// returnsAggregate reports whether C sees a call return a struct where wasm sees
// its only member. Which function an indirect call went to is not known any more
// when it has returned: it counts if all that it can go to do.
func (v *View) returnsAggregate(c call) bool {
	if c.direct {
		return v.aggregate(c.fn)
	}
	typ := c.typ.String()
	key := fmt.Sprintf("%d %s", c.table, typ)
	if known, ok := v.indirect[key]; ok {
		return known
	}
	callees, aggregates := 0, 0
	for _, fn := range v.mod.TableFuncs(c.table) {
		if t := v.mod.FuncType(fn); t != nil && t.String() == typ {
			callees++
			if v.aggregate(fn) {
				aggregates++
			}
		}
	}
	if v.indirect == nil {
		v.indirect = map[string]bool{}
	}
	v.indirect[key] = callees > 0 && callees == aggregates
	return v.indirect[key]
}

// call is a call instruction.
type call struct {
	typ    *wasmvm.FuncType
	direct bool
	fn     uint32 // the callee, if direct
	table  int    // where the callee is, if not
}

// lastCall returns the call that stands just before the next instruction. It has
// just returned, unless the next instruction was reached by a branch.
func (v *View) lastCall() (call, bool) {
	fn, pc := v.m.Func(), v.m.PC()
	if fn == nil {
		return call{}, false
	}
	layout, err := v.mod.Layout(fn)
	if err != nil {
		return call{}, false
	}
	i, ok := layout.Index(pc)
	if !ok || i < 2 {
		return call{}, false
	}
	at := v.mod.CodeOffset + layout.PCs[i-1]
	rest := v.mod.Bytes[at+1 : v.mod.CodeOffset+pc]
	immediate, n := binary.Uvarint(rest)
	if n <= 0 {
		return call{}, false
	}
	switch layout.Ops[i-1] {
	case wasmvm.OpCall:
		if typ := v.mod.FuncType(uint32(immediate)); typ != nil {
			return call{typ: typ, fn: uint32(immediate), direct: true}, true
		}
	case wasmvm.OpCallIndirect:
		table, m := binary.Uvarint(rest[n:])
		if immediate < uint64(len(v.mod.Types)) && m > 0 && table < uint64(len(v.mod.Tables)) {
			return call{typ: &v.mod.Types[immediate], table: int(table)}, true
		}
	}
	return call{}, false
}

// widen returns the double with the value of a float, NaN payloads and
// signalling bit kept.
func widen(f uint32) uint64 {
	sign, exp, frac := uint64(f>>31), f>>23&0xff, uint64(f&0x7fffff)
	if exp == 0xff {
		return sign<<63 | 0x7ff<<52 | frac<<29
	}
	return math.Float64bits(float64(math.Float32frombits(f)))
}

// extended returns the x87 80-bit number with the value of a double: 64 bits of
// fraction with its leading one, 15 bits of exponent with bias 16383, the sign.
func extended(d uint64) (out [10]byte) {
	const bias = 16383 - 1023
	sign, exp, frac := uint16(d>>63), uint16(d>>52&0x7ff), d&(1<<52-1)
	var mantissa uint64
	switch {
	case exp == 0x7ff:
		exp, mantissa = 0x7fff, 1<<63|frac<<11
	case exp != 0:
		exp, mantissa = exp+bias, 1<<63|frac<<11
	case frac != 0:
		// Subnormal as a double, normal here.
		shift := bits.LeadingZeros64(frac)
		exp, mantissa = uint16(bias+12-shift), frac<<shift
	}
	binary.LittleEndian.PutUint64(out[:], mantissa)
	binary.LittleEndian.PutUint16(out[8:], sign<<15|exp)
	return out
}

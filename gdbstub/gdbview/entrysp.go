package gdbview

import (
	"encoding/binary"

	"wrev/wasmvm"
)

// enteredWith is the C stack pointer with which the function of frame level was
// entered. Compilers move the pointer down where a function begins, and keep in a
// local where it was or what it has become; a function without such a local does not
// move it, so it is what the function that it has called was entered with.
func (v *View) enteredWith(level int) uint32 {
	for ; level < len(v.stack.frames); level++ {
		f := v.stack.vmFrame(level)
		p := v.prologue(f.Func())
		if p.local >= 0 && f.Index() > p.index {
			return uint32(f.Local(p.local)) - p.offset
		}
	}
	return v.ESP()
}

// prologue tells of a local of a function that holds the stack pointer it was
// entered with, plus offset, from behind instruction index on; local is -1 if there
// is none.
type prologue struct {
	local, index int
	offset       uint32
}

// symbol is what is known of a value: a constant, perhaps plus the stack pointer.
type symbol struct {
	known, sp bool
	add       uint32
}

// prologueLength is how many instructions are looked through: those of a function
// without optimization take about ten.
const prologueLength = 40

// prologue follows the beginning of a function up to the first instruction that has
// nothing to do with the stack pointer.
func (v *View) prologue(fn *wasmvm.Func) prologue {
	found := prologue{local: -1}
	layout, err := v.mod.Layout(fn)
	if err != nil {
		return found
	}
	var stack []symbol
	pop := func() (s symbol) {
		if n := len(stack); n > 0 {
			s, stack = stack[n-1], stack[:n-1]
		}
		return s
	}
	locals := map[uint64]symbol{}
	for i := 1; i < min(len(layout.Ops), prologueLength); i++ {
		arg := v.immediate(layout, i)
		switch layout.Ops[i] {
		case wasmvm.OpGlobalGet:
			stack = append(stack, symbol{known: int(arg) == v.sp, sp: true})
		case wasmvm.OpGlobalSet:
			pop()
		case wasmvm.OpI32Const:
			stack = append(stack, symbol{known: true, add: uint32(arg)})
		case wasmvm.OpLocalGet:
			stack = append(stack, locals[arg])
		case wasmvm.OpLocalSet, wasmvm.OpLocalTee:
			s := pop()
			locals[arg] = s
			if s.known && s.sp && found.local < 0 && v.setOnce(layout, arg) {
				found = prologue{int(arg), i, s.add}
			}
			if layout.Ops[i] == wasmvm.OpLocalTee {
				stack = append(stack, s)
			}
		case opI32Add, opI32Sub:
			y, x := pop(), pop()
			sum := symbol{known: x.known && y.known && !(x.sp && y.sp), sp: x.sp || y.sp, add: x.add + y.add}
			if layout.Ops[i] == opI32Sub {
				sum.add, sum.known = x.add-y.add, sum.known && !y.sp
			}
			stack = append(stack, sum)
		default:
			return found
		}
	}
	return found
}

const (
	opI32Add wasmvm.Opcode = 0x6A
	opI32Sub wasmvm.Opcode = 0x6B
)

// setOnce says whether one instruction only sets a local.
func (v *View) setOnce(layout *wasmvm.Layout, local uint64) bool {
	n := 0
	for i, op := range layout.Ops {
		if (op == wasmvm.OpLocalSet || op == wasmvm.OpLocalTee) && v.immediate(layout, i) == local {
			n++
		}
	}
	return n == 1
}

// immediate is the number behind the opcode of instruction i, of those with one.
func (v *View) immediate(layout *wasmvm.Layout, i int) uint64 {
	rest := v.mod.Bytes[v.mod.CodeOffset+layout.PCs[i]+1:]
	if layout.Ops[i] != wasmvm.OpI32Const {
		n, _ := binary.Uvarint(rest[:min(len(rest), 5)])
		return n
	}
	var value uint64
	for shift := 0; shift < 35 && len(rest) > 0; shift += 7 {
		b := rest[0]
		rest = rest[1:]
		if value |= uint64(b&0x7F) << shift; b < 0x80 {
			if b&0x40 != 0 {
				value |= ^uint64(0) << (shift + 7)
			}
			break
		}
	}
	return value
}

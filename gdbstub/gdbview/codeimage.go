package gdbview

import (
	"wrev/wasmvm"
)

// CodeImage returns bytes that stand for the Code section's payload where a
// debugger expects i386 instructions: in place of each wasm instruction one
// i386 instruction of the same length and, where control flow is concerned, of
// the same nature. gdb decodes only what it disassembles; lldb plans its steps
// by the branches it sees.
//
// No byte of it is 0xC3, the near return: where gdb sees that one it assumes
// that the frame is gone already.
func CodeImage(mod *wasmvm.Module) []byte {
	img := make([]byte, mod.CodeSize)
	for i := range img {
		img[i] = x86Nop
	}
	for i := range mod.Funcs {
		fn := &mod.Funcs[i]
		at, last := fn.CodeStart, wasmvm.OpNop
		err := mod.EachOpcode(fn, func(pc uint32, op wasmvm.Opcode) {
			fakeInstruction(img[at:pc], last, false)
			at, last = pc, op
		})
		if err == nil { // else it is a body that cannot be decoded, and ends in nops
			fakeInstruction(img[at:fn.BodyEnd], last, true)
		}
	}
	return img
}

// Parts of i386 instructions.
const (
	x86Nop        = 0x90
	x86OperandPfx = 0x66
	x86RetFar     = 0xcb
	x86Halt       = 0xf4
	maxX86Length  = 15
)

// fakeInstruction fills b with an instruction that stands for op. last says that
// it ends the function.
func fakeInstruction(b []byte, op wasmvm.Opcode, last bool) {
	switch op {
	case wasmvm.OpUnreachable:
		fill(b, []byte{x86Halt})
	case wasmvm.OpReturn:
		fill(b, []byte{x86RetFar})
	case wasmvm.OpEnd:
		if last {
			fill(b, []byte{x86RetFar})
			return
		}
		fillNop(b)
	case wasmvm.OpCall, wasmvm.OpCallIndirect:
		fakeIndirect(b, 0xd0, 0x50, 0x90) // call eax, call [eax+disp8], call [eax+disp32]
	case wasmvm.OpBr, wasmvm.OpElse, wasmvm.OpBrTable:
		if len(b) == 1 {
			fill(b, []byte{x86RetFar})
			return
		}
		fakeIndirect(b, 0xe0, 0x60, 0xa0) // jmp likewise
	case wasmvm.OpBrIf, wasmvm.OpIf:
		if len(b) >= 6 {
			fill(b, []byte{0x0f, 0x84, 0, 0, 0, 0}) // je rel32
			return
		}
		fill(b, []byte{0x74, 0}) // je rel8
	default:
		fillNop(b)
	}
}

// fakeIndirect fills b with a jump or call through eax: FF and one of three
// ModRM bytes, depending on the room.
func fakeIndirect(b []byte, reg, disp8, disp32 byte) {
	switch n := len(b); {
	case n == 2:
		fill(b, []byte{0xff, reg})
	case n < 6:
		fill(b, []byte{0xff, disp8, 0})
	default:
		fill(b, []byte{0xff, disp32, 0, 0, 0, 0})
	}
}

// fill ends b with the instruction and puts prefixes without effect before it.
// Where there are too many for one instruction, or too few bytes, nops go first
// or instead.
func fill(b, instr []byte) {
	n := len(instr)
	if len(b) < n {
		fillNop(b)
		return
	}
	pad := b[:len(b)-n]
	if over := len(b) - maxX86Length; over > 0 {
		pad = pad[over:]
	}
	for i := range pad {
		pad[i] = x86OperandPfx
	}
	copy(b[len(b)-n:], instr)
}

// x86Nops are the recommended nops of 1 to 8 bytes.
var x86Nops = [...][]byte{
	{x86Nop},
	{x86OperandPfx, x86Nop},
	{0x0f, 0x1f, 0x00},
	{0x0f, 0x1f, 0x40, 0},
	{0x0f, 0x1f, 0x44, 0, 0},
	{x86OperandPfx, 0x0f, 0x1f, 0x44, 0, 0},
	{0x0f, 0x1f, 0x80, 0, 0, 0, 0},
	{0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0},
}

func fillNop(b []byte) {
	const longest = len(x86Nops)
	if len(b) <= longest {
		if len(b) > 0 {
			copy(b, x86Nops[len(b)-1])
		}
		return
	}
	n := min(len(b), maxX86Length)
	fill(b[:n], x86Nops[longest-1])
	for i := n; i < len(b); i++ {
		b[i] = x86Nop
	}
}

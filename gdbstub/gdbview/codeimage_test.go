package gdbview

import (
	"bytes"
	"testing"

	"wrev/wasmvm"
)

func TestFakeInstruction(t *testing.T) {
	tests := []struct {
		name string
		op   wasmvm.Opcode
		last bool
		n    int
		want []byte
	}{
		{"one byte", wasmvm.OpNop, false, 1, []byte{0x90}},
		{"two bytes", wasmvm.OpLocalGet, false, 2, []byte{0x66, 0x90}},
		{"eight bytes", wasmvm.OpLocalGet, false, 8, []byte{0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}},
		{"ten bytes", wasmvm.OpI64Const, false, 10, []byte{0x66, 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}},
		{"more than an instruction can have", wasmvm.OpI64Const, false, 18,
			append(append(bytes.Repeat([]byte{0x66}, 7), 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0), 0x90, 0x90, 0x90)},
		{"call", wasmvm.OpCall, false, 2, []byte{0xff, 0xd0}},
		{"call, three bytes", wasmvm.OpCall, false, 3, []byte{0xff, 0x50, 0}},
		{"call, four bytes", wasmvm.OpCallIndirect, false, 4, []byte{0x66, 0xff, 0x50, 0}},
		{"call, six bytes", wasmvm.OpCall, false, 6, []byte{0xff, 0x90, 0, 0, 0, 0}},
		{"branch", wasmvm.OpBr, false, 2, []byte{0xff, 0xe0}},
		{"else", wasmvm.OpElse, false, 1, []byte{0xcb}},
		{"long branch table", wasmvm.OpBrTable, false, 20,
			append(bytes.Repeat([]byte{0x90}, 5), append(bytes.Repeat([]byte{0x66}, 9), 0xff, 0xa0, 0, 0, 0, 0)...)},
		{"conditional branch", wasmvm.OpBrIf, false, 2, []byte{0x74, 0}},
		{"conditional branch, three bytes", wasmvm.OpBrIf, false, 3, []byte{0x66, 0x74, 0}},
		{"conditional branch, six bytes", wasmvm.OpIf, false, 6, []byte{0x0f, 0x84, 0, 0, 0, 0}},
		{"return", wasmvm.OpReturn, false, 1, []byte{0xcb}},
		{"end of a block", wasmvm.OpEnd, false, 1, []byte{0x90}},
		{"end of the function", wasmvm.OpEnd, true, 1, []byte{0xcb}},
		{"unreachable", wasmvm.OpUnreachable, false, 1, []byte{0xf4}},
		{"nothing", wasmvm.OpNop, false, 0, nil},
	}
	for _, tt := range tests {
		b := bytes.Repeat([]byte{x86Nop}, tt.n)
		fakeInstruction(b, tt.op, tt.last)
		if !bytes.Equal(b, tt.want) {
			t.Errorf("%s: %x, want %x", tt.name, b, tt.want)
		}
	}
}

// gdb takes a near return at the program counter for a frame that is gone.
func TestCodeImageHasNoNearReturn(t *testing.T) {
	for _, name := range []string{"features.O0", "features.O2", "words"} {
		mod := loadModule(t, name)
		img := CodeImage(mod)
		if len(img) != int(mod.CodeSize) {
			t.Errorf("%s: %d bytes, the code has %d", name, len(img), mod.CodeSize)
		}
		if i := bytes.IndexByte(img, 0xc3); i >= 0 {
			t.Errorf("%s: near return at %#x", name, i)
		}
		for i := range mod.Funcs {
			fn := &mod.Funcs[i]
			for pc := fn.BodyStart; pc < fn.CodeStart; pc++ {
				if img[pc] != x86Nop {
					t.Errorf("%s: byte %#x before the first instruction at %#x", name, img[pc], pc)
				}
			}
			if img[fn.BodyEnd-1] != x86RetFar {
				t.Errorf("%s: function %d ends in %#x", name, fn.Index, img[fn.BodyEnd-1])
			}
		}
	}
}

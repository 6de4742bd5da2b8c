package gdbview_test

import (
	"bytes"
	"testing"

	"wrev/gdbstub/gdbview"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

// TestVectors reads a v128 on the operand stack, in a local and in a global.
func TestVectors(t *testing.T) {
	value := []byte("reverse debugger")
	constant := func(b []byte) wasmenc.Code { return append(wasmenc.Code{0xFD, 12}, b...) }
	body := wasmenc.Code{1, 1, 0x7B} // a local
	body = append(body, constant(value)...)
	body.Op(0x22, 0, 0x24, 0, 0x0B) // local.tee, global.set
	var code, export wasmenc.Code
	code.Bytes(body)
	export.Name("_start")
	export.Op(0, 0)
	mod := wasmenc.Code("\x00asm\x01\x00\x00\x00")
	mod.Section(1, 1, wasmenc.Code{0x60, 0, 0})
	mod.Section(3, 1, wasmenc.Code{0})
	mod.Section(6, 1, append(append(wasmenc.Code{0x7B, 1}, constant(make([]byte, 16))...), 0x0B))
	mod.Section(7, 1, export)
	mod.Section(10, 1, code)
	decoded, err := wasmvm.Decode(mod)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasmvm.New(decoded, wasmvm.Config{MaxStackSlots: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	v := gdbview.NewView(decoded, m, nil)
	frame, ok := gdbview.NewFrameMap(gdbview.StackTop, 1, 1)
	if !ok {
		t.Fatal("a small frame does not fit")
	}
	none := make([]byte, 16)
	for i, want := range []struct{ operand, local, global []byte }{
		{none, none, none}, // before entering
		{none, none, none},
		{value, none, none},
		{value, value, none},
		{none, value, value},
	} {
		for what, at := range map[uint32][]byte{frame.OperandAddr(0): want.operand, frame.LocalAddr(0): want.local, gdbview.GlobalAddr(0): want.global} {
			got := make([]byte, 16)
			if n := v.ReadMemory(what, got); n != 16 || !bytes.Equal(got, at) {
				t.Errorf("position %d: at %#x there are %d bytes %q, want %q", i, what, n, got, at)
			}
		}
		m.Run(m.Position() + 1)
		v.Refresh(m)
	}
}

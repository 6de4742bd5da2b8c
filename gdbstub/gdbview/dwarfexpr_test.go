package gdbview

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-delve/delve/pkg/dwarf/op"
	"github.com/go-delve/delve/pkg/dwarf/regnum"
)

// A translator for tests, with a live and a removed entry in .debug_addr.
func testTranslator() *dwExprTranslator {
	return &dwExprTranslator{addrSize: 4, version: 4, dataAddr: func(i uint64) (uint32, bool) {
		addrs := []uint32{0x1000, tombstone}
		if i >= uint64(len(addrs)) {
			return 0, false
		}
		return addrs[i], true
	}}
}

// frameRegisters are the registers that gdb finds in a frame.
func frameRegisters(f FrameMap) op.DwarfRegisters {
	regs := make([]*op.DwarfRegister, regnum.I386_Eip+1)
	regs[dwarfEBP] = &op.DwarfRegister{Uint64Val: uint64(f.EBP)}
	for _, w := range Windows {
		regs[w.Register] = &op.DwarfRegister{Uint64Val: uint64(f.EBP) - uint64(w.Offset)}
	}
	return *op.NewDwarfRegisters(0, regs, binary.LittleEndian, regnum.I386_Eip, regnum.I386_Esp, regnum.I386_Ebp, 0)
}

// Every slot has to be found at its address, by an interpreter of expressions
// that knows nothing of wasm.
func TestSlotLocations(t *testing.T) {
	frame, ok := NewFrameMap(StackTop-0x10000, 1200, 600)
	if !ok {
		t.Fatal("no room for the frame")
	}
	regs := frameRegisters(frame)
	const stored = 0x1234
	read := func(b []byte, addr uint64) (int, error) {
		clear(b)
		binary.LittleEndian.PutUint32(b, uint32(addr)+stored)
		return len(b), nil
	}
	check := func(what string, e []byte, frameBase bool, want uint32) {
		t.Helper()
		x, err := testTranslator().translate(e, frameBase)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		got, pieces, err := op.ExecuteStackProgram(regs, x.code, 4, read)
		if err != nil || pieces != nil || uint32(got) != want {
			t.Errorf("%s: %x computes %#x %v %v, want %#x", what, x.code, got, pieces, err, want)
		}
	}
	slot := func(what string, kind byte, index int, addr uint32) {
		e := appendULEB([]byte{opWasmLocation, kind}, uint64(index))
		if kind == 3 {
			e = appendU32([]byte{opWasmLocation, kind}, uint32(index))
		}
		what = fmt.Sprintf("%s %d", what, index)
		value := append(slices.Clone(e), byte(op.DW_OP_stack_value))
		check(what+" as a variable", value, false, addr)
		check(what+" as an address", e, false, addr+stored)
		check(what+" as a frame base", value, true, addr+stored)
		sum := append(slices.Clone(e), byte(op.DW_OP_plus_uconst), 8)
		check(what+" plus 8", sum, false, addr+stored+8)
	}
	for i := range frame.Locals {
		slot("local", 0, i, frame.LocalAddr(i))
	}
	for j := range frame.MaxStack {
		slot("operand", 2, j, frame.OperandAddr(j))
	}
	for g := range 40 {
		slot("global", 1, g, GlobalAddr(g))
		slot("global", 3, g, GlobalAddr(g))
	}
}

// What has to fit in place does, with the windows.
func TestSlotLocationsFit(t *testing.T) {
	for i := range 36 {
		e := []byte{opWasmLocation, 0, byte(i)}
		x, err := testTranslator().translate(e, false)
		if err != nil || len(x.code) > len(e) {
			t.Errorf("local %d as an address: %x %v", i, x.code, err)
		}
	}
	for i := range 5000 {
		e := append(appendULEB([]byte{opWasmLocation, 0}, uint64(i)), byte(op.DW_OP_stack_value))
		for _, frameBase := range []bool{true, false} {
			x, err := testTranslator().translate(e, frameBase)
			if err != nil || len(x.code) > len(e) {
				t.Errorf("local %d, frame base %v: %x %v", i, frameBase, x.code, err)
			}
		}
	}
}

func TestTranslateExpr(t *testing.T) {
	const (
		deref = byte(op.DW_OP_deref)
		piece = byte(op.DW_OP_piece)
		value = byte(op.DW_OP_stack_value)
		fbreg = byte(op.DW_OP_fbreg)
		breg  = byte(op.DW_OP_breg0)
	)
	errAny := errors.New("any")
	tests := []struct {
		name    string
		in      []byte
		out     []byte
		gone    bool
		changed bool
		err     error
	}{
		{name: "nothing"},
		{name: "frame variable", in: []byte{fbreg, 12}, out: []byte{fbreg, 12}},
		{name: "data", in: []byte{3, 0, 16, 0, 0}, out: []byte{3, 0, 16, 0, 0}},
		{name: "removed data", in: []byte{3, 0xff, 0xff, 0xff, 0xff}, gone: true},
		{name: "removed data, other mark", in: []byte{3, 0xfe, 0xff, 0xff, 0xff}, gone: true},
		{name: "data by index", in: []byte{opAddrx, 0}, out: []byte{opAddrx, 0}},
		{name: "removed data by index", in: []byte{opAddrx, 1}, gone: true},
		{name: "index too high", in: []byte{opAddrx, 2}, err: errAny},
		{name: "removed global", in: []byte{opWasmLocation, 3, 0xff, 0xff, 0xff, 0xff, value}, gone: true},
		{name: "pieces", in: []byte{opWasmLocation, 0, 0, value, piece, 4, opWasmLocation, 2, 0, value, piece, 4},
			out: []byte{breg + 5, 0x70, piece, 4, breg + 5, 16, piece, 4}, changed: true},
		{name: "entry value of a local", in: []byte{opEntryValue, 4, opWasmLocation, 0, 0, value, value}, gone: true},
		{name: "entry value of a register", in: []byte{opEntryValue, 1, 0x50, value}, out: []byte{opEntryValue, 1, 0x50, value}},
		{name: "jump over nothing of ours", in: []byte{0x30, 0x28, 0, 0, 0x30, value}, out: []byte{0x30, 0x28, 0, 0, 0x30, value}},
		{name: "jump over a local", in: []byte{0x30, 0x28, 4, 0, opWasmLocation, 0, 0, value, 0x30}, err: errBranch},
		{name: "unknown operation", in: []byte{0xff}, err: errAny},
		{name: "unknown kind", in: []byte{opWasmLocation, 9, 0}, err: errAny},
		{name: "impossible local", in: []byte{opWasmLocation, 0, 0xff, 0xff, 0xff, 0x7f}, err: errAny},
		{name: "cut off in a location", in: []byte{opWasmLocation, 0}, err: errAny},
		{name: "cut off in an address", in: []byte{3, 1, 2}, err: errAny},
		{name: "cut off in an entry value", in: []byte{opEntryValue, 9, 0x50}, err: errAny},
		{name: "global address", in: []byte{opWasmLocation, 3, 1, 0, 0, 0, deref},
			out: []byte{3, 16, 0, 0, 0xd0, deref, deref}, changed: true},
	}
	for _, tt := range tests {
		x, err := testTranslator().translate(tt.in, false)
		switch {
		case tt.err == errAny && err != nil:
		case !errors.Is(err, tt.err):
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
		case err == nil && (!bytes.Equal(x.code, tt.out) || x.gone != tt.gone || x.changed != tt.changed):
			t.Errorf("%s: %x gone %v changed %v, want %x %v %v", tt.name, x.code, x.gone, x.changed, tt.out, tt.gone, tt.changed)
		}
	}
}

// Before version 4 nothing says that a location is a value.
func TestTranslateOldExpr(t *testing.T) {
	tests := []struct{ in, out []byte }{
		{[]byte{opWasmLocation, 0, 0}, []byte{opBreg5, 0x70}},
		{[]byte{opWasmLocation, 0, 0, 0x93, 4, opWasmLocation, 2, 0, 0x93, 4}, []byte{opBreg5, 0x70, 0x93, 4, opBreg5, 16, 0x93, 4}},
		{[]byte{opWasmLocation, 0, 0, opPlusU, 8}, []byte{opBreg5, 0x70, opDeref, opPlusU, 8}},
	}
	for _, tt := range tests {
		tr := testTranslator()
		tr.version = 3
		if x, err := tr.translate(tt.in, false); err != nil || !bytes.Equal(x.code, tt.out) {
			t.Errorf("%x became %x (%v), want %x", tt.in, x.code, err, tt.out)
		}
	}
}

func TestFitExpr(t *testing.T) {
	dst := []byte{1, 2, 3, 4}
	if !fitExpr(dst, []byte{7, 8}) || !bytes.Equal(dst, []byte{0x96, 0x96, 7, 8}) {
		t.Errorf("padded: %x", dst)
	}
	if fitExpr(dst[:1], []byte{7, 8}) {
		t.Error("two bytes fit into one")
	}
}

func FuzzTranslateExpr(f *testing.F) {
	f.Add([]byte{opWasmLocation, 0, 3, 0x9f}, true)
	f.Add([]byte{opEntryValue, 3, opWasmLocation, 0, 0, 0x9f}, false)
	f.Fuzz(func(t *testing.T, e []byte, frameBase bool) {
		x, err := testTranslator().translate(e, frameBase)
		if err == nil && !x.gone && !x.changed && !bytes.Equal(x.code, e) {
			t.Errorf("%x became %x without saying so", e, x.code)
		}
	})
}

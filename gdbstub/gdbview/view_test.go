package gdbview_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"wrev/gdbstub/gdbview"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

// body is a function of a test module.
type body struct {
	typ    byte
	locals []byte // count, type, count, type ...
	code   wasmenc.Code
}

var testTypes = wasmenc.Code{
	0x60, 0, 0, // 0: ()
	0x60, 0, 1, 0x7F, // 1: () -> i32
	0x60, 0, 1, 0x7E, // 2: () -> i64
	0x60, 0, 1, 0x7D, // 3: () -> f32
	0x60, 0, 1, 0x7C, // 4: () -> f64
	0x60, 1, 0x7F, 0, // 5: (i32)
	0x60, 1, 0x7F, 1, 0x7F, // 6: (i32) -> i32
}

const countTypes = 7

// machine runs a module of these functions, of which the last one is _start. It
// has a page of memory, and globals __stack_pointer = 1024 and an i64 = -1.
func machine(t *testing.T, bodies ...body) *wasmvm.Machine {
	t.Helper()
	var funcs, code wasmenc.Code
	for _, b := range bodies {
		funcs.Op(b.typ)
		var f wasmenc.Code
		f.U(uint64(len(b.locals) / 2))
		f.Op(b.locals...)
		f.Op(b.code...)
		f.Op(0x0B)
		code.Bytes(f)
	}
	var globals, exports, table, elems wasmenc.Code
	globals.Op(0x7F, 1, 0x41)
	globals.S(1024)
	globals.Op(0x0B, 0x7E, 1, 0x42, 0x7F, 0x0B)
	exports.Name("_start")
	exports.Op(0)
	exports.U(uint64(len(bodies) - 1))
	table.Op(0x70, 0, byte(len(bodies)))
	elems.Op(0, 0x41, 0, 0x0B)
	elems.U(uint64(len(bodies)))
	for i := range bodies {
		elems.U(uint64(i))
	}

	mod := wasmenc.Code(wasmenc.Header)
	mod.Section(1, countTypes, testTypes)
	mod.Section(3, len(bodies), funcs)
	mod.Section(4, 1, table)
	mod.Section(5, 1, wasmenc.Code{0, 1})
	mod.Section(6, 2, globals)
	mod.Section(7, 1, exports)
	mod.Section(9, 1, elems)
	mod.Section(10, len(bodies), code)
	m, err := wasmvm.Decode(mod)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := wasmvm.New(m, wasmvm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func runTo(t *testing.T, m *wasmvm.Machine, position uint64) {
	t.Helper()
	if stop := m.Run(position); stop.Reason != wasmvm.StopLimit {
		t.Fatalf("running to %d: %v at %d", position, stop.Reason, m.Position())
	}
}

func register(t *testing.T, v *gdbview.View, n int) uint32 {
	t.Helper()
	b, ok := v.AppendRegister(nil, n)
	if !ok || len(b) != 4 {
		t.Fatalf("register %d: %x, %v", n, b, ok)
	}
	return binary.LittleEndian.Uint32(b)
}

// TestResults looks at the registers right after calls.
func TestResults(t *testing.T) {
	constF64 := append(wasmenc.Code{0x44}, binary.LittleEndian.AppendUint64(nil, math.Float64bits(-1.5))...)
	constF32 := append(wasmenc.Code{0x43}, binary.LittleEndian.AppendUint32(nil, math.Float32bits(2.5))...)
	for _, tt := range []struct {
		name     string
		callee   body
		before   wasmenc.Code // pushes arguments
		indirect bool
		flagged  bool
		steps    uint64 // from _start's enter to after the call
		eax, edx uint32
		st0      float64
	}{
		{name: "i32", callee: body{typ: 1, code: wasmenc.Code{0x41, 42}}, steps: 5, eax: 42},
		{name: "i64", callee: body{typ: 2, code: wasmenc.Code{0x42, 0x7E}}, steps: 5, eax: 0xfffffffe, edx: 0xffffffff, st0: math.NaN()},
		{name: "f32", callee: body{typ: 3, code: constF32}, steps: 5, eax: math.Float32bits(2.5), st0: 2.5},
		{name: "f64", callee: body{typ: 4, code: constF64}, steps: 5, edx: 0xbff80000, st0: -1.5},
		{name: "void", callee: body{typ: 0}, steps: 4},
		{name: "void with a parameter", callee: body{typ: 5}, before: wasmenc.Code{0x41, 0xE4, 0}, steps: 5, eax: 100},
		{name: "i32, indirect", callee: body{typ: 1, code: wasmenc.Code{0x41, 42}}, indirect: true, steps: 6, eax: 42},
		{name: "aggregate as i32, indirect", callee: body{typ: 1, code: wasmenc.Code{0x41, 42}}, indirect: true, flagged: true, steps: 6, eax: gdbview.StackTop - 16},
		{name: "aggregate as i32", callee: body{typ: 1, code: wasmenc.Code{0x41, 42}}, flagged: true, steps: 5, eax: gdbview.StackTop - 16},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := body{code: append(wasmenc.Code{}, tt.before...)}
			if tt.indirect {
				start.code.Op(0x41, 0, 0x11, tt.callee.typ, 0)
			} else {
				start.code.Op(0x10, 0)
			}
			if tt.callee.typ != 0 && tt.callee.typ != 5 {
				start.code.Op(0x1A)
			}
			m := machine(t, tt.callee, start)
			runTo(t, m, tt.steps)
			v := gdbview.NewView(m.Module(), m, func(fn uint32) bool { return tt.flagged && fn == 0 })
			if m.Depth() != 1 {
				t.Fatalf("not back in the caller after %d steps", tt.steps)
			}
			if eax, edx := register(t, v, gdbview.RegEAX), register(t, v, gdbview.RegEDX); eax != tt.eax || edx != tt.edx {
				t.Errorf("eax %08x edx %08x, want %08x %08x", eax, edx, tt.eax, tt.edx)
			}
			if tt.flagged {
				// The address holds the value.
				var b [4]byte
				if n := v.ReadMemory(tt.eax, b[:]); n != 4 || binary.LittleEndian.Uint32(b[:]) != 42 {
					t.Errorf("at eax: %x", b[:n])
				}
			}
			if tt.st0 != 0 {
				st0, _ := v.AppendRegister(nil, 16)
				if got := fromExtended(st0); got != tt.st0 && !(math.IsNaN(got) && math.IsNaN(tt.st0)) {
					t.Errorf("st0 %x = %v, want %v", st0, got, tt.st0)
				}
			}
		})
	}
}

// fromExtended reads an 80-bit number that is a normal double.
func fromExtended(b []byte) float64 {
	mantissa, exp := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint16(b[8:])
	if exp&0x7fff == 0x7fff {
		return math.NaN()
	}
	v := math.Ldexp(float64(mantissa), int(exp&0x7fff)-16383-63)
	if exp>>15 != 0 {
		v = -v
	}
	return v
}

// TestRegisters checks the registers that do not depend on operands.
func TestRegisters(t *testing.T) {
	m := machine(t, body{locals: []byte{3, 0x7F}, code: wasmenc.Code{0x41, 1, 0x41, 2, 0x1A, 0x1A}})
	v := gdbview.NewView(m.Module(), m, nil)
	ebp := gdbview.StackTop - 16 - 2*16
	for n, want := range map[int]uint32{
		gdbview.RegEAX: 0, gdbview.RegEDX: 0,
		gdbview.RegECX: ebp - 128, gdbview.RegEBX: ebp - 256, gdbview.RegESI: ebp - 384, gdbview.RegEDI: ebp - 512,
		gdbview.RegESP: 1024, gdbview.RegEBP: ebp, gdbview.RegEIP: gdbview.CodeBase + m.PC(),
		9: 2, 10: 0, 24: 0x37f, 26: 0xffff, 31: 0,
	} {
		if got := register(t, v, n); got != want {
			t.Errorf("register %d: %08x, want %08x", n, got, want)
		}
	}
	if all := v.AppendRegisters(nil); len(all) != gdbview.RegistersSize {
		t.Errorf("all registers are %d bytes, want %d", len(all), gdbview.RegistersSize)
	}
	for _, n := range []int{-1, 32} {
		if _, ok := v.AppendRegister(nil, n); ok {
			t.Errorf("there is a register %d", n)
		}
	}
}

func TestReadMemory(t *testing.T) {
	m := machine(t, body{locals: []byte{1, 0x7E}, code: wasmenc.Code{0x42, 5, 0x21, 0, 0x41, 9, 0x1A}})
	runTo(t, m, 4) // enter, i64.const, local.set, i32.const
	if err := m.WriteMemory(65532, []byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	v := gdbview.NewView(m.Module(), m, nil)
	code := gdbview.CodeImage(m.Module())
	zero := make([]byte, 8)
	five := []byte{5, 0, 0, 0, 0, 0, 0, 0}
	for _, tt := range []struct {
		name string
		addr uint32
		len  int
		want []byte
	}{
		{"memory", 65532, 4, []byte{1, 2, 3, 4}},
		{"over the end of memory", 65533, 100, []byte{2, 3, 4}},
		{"at the end of memory", 65536, 4, nil},
		{"a global", gdbview.GlobalBase, 6, []byte{0, 4, 0, 0, 0, 0}},
		{"over the end of globals", gdbview.GlobalBase + 16, 100, append(bytes.Repeat([]byte{0xff}, 8), zero...)},
		{"no global", gdbview.GlobalBase + 32, 1, nil},
		{"code", gdbview.CodeBase, 3, code[:3]},
		{"over the end of code", gdbview.CodeBase + uint32(len(code)) - 1, 9, code[len(code)-1:]},
		{"a local", gdbview.StackTop - 48, 8, five},
		{"inside a local and on", gdbview.StackTop - 48 + 4, 16, make([]byte, 16)},
		{"an operand", gdbview.StackTop - 16, 100, append([]byte{9, 0, 0, 0, 0, 0, 0, 0}, zero...)},
		{"below the stack", gdbview.StackTop - 52, 4, nil},
		{"from below the stack", gdbview.StackTop - 64, 17, append(make([]byte, 16), 5)},
		{"above the stack", gdbview.StackTop, 4, nil},
		{"nothing", 0, 0, nil},
	} {
		buf := make([]byte, tt.len)
		if n := v.ReadMemory(tt.addr, buf); !bytes.Equal(buf[:n], tt.want) {
			t.Errorf("%s: %x, want %x", tt.name, buf[:n], tt.want)
		}
	}
}

// recursion makes a machine that calls itself n deep and comes back.
func recursion(t *testing.T, n byte) *wasmvm.Machine {
	fact := body{typ: 6, locals: []byte{2, 0x7E}}
	fact.code.OpU(0x20, 0)
	fact.code.Op(0x45, 0x04, 0x40) // i32.eqz, if
	fact.code.OpU(0x41, 1)
	fact.code.Op(0x0F, 0x0B) // return, end
	fact.code.OpU(0x20, 0)
	fact.code.OpU(0x20, 0)
	fact.code.OpU(0x41, 1)
	fact.code.Op(0x6B) // i32.sub
	fact.code.OpU(0x10, 0)
	fact.code.Op(0x6C) // i32.mul
	start := body{code: wasmenc.Code{0x41, n, 0x10, 0, 0x1A}}
	return machine(t, fact, start)
}

// TestRefresh compares, at every position, a view that has come there by single
// steps with a fresh one.
func TestRefresh(t *testing.T) {
	for _, stride := range []uint64{1, 2, 7} {
		m := recursion(t, 9)
		v := gdbview.NewView(m.Module(), m, nil)
		deepest := 0
		for {
			if stop := m.Run(m.Position() + stride); stop.Reason != wasmvm.StopLimit {
				break
			}
			v.Refresh(m)
			deepest = max(deepest, m.Depth())
			fresh := gdbview.NewView(m.Module(), m, nil)
			got, want := dump(v), dump(fresh)
			if !bytes.Equal(got, want) {
				t.Fatalf("stride %d, position %d:\n%x\nwant\n%x", stride, m.Position(), got, want)
			}
		}
		if deepest != 11 {
			t.Errorf("stride %d: depth %d, want 11", stride, deepest)
		}
	}
}

// dump is all registers and the call stack.
func dump(v *gdbview.View) []byte {
	out := v.AppendRegisters(nil)
	// The innermost frame has at most three locals below ebp.
	for low := v.EBP() - 3*16; low < gdbview.StackTop; low += 16 {
		buf := make([]byte, gdbview.StackTop-low)
		if n := v.ReadMemory(low, buf); n > 0 {
			return append(out, buf[:n]...)
		}
	}
	return out
}

// TestChain follows the frames as gdb does, by saved ebp and return address.
func TestChain(t *testing.T) {
	m := recursion(t, 5)
	for m.Depth() < 7 {
		runTo(t, m, m.Position()+1)
	}
	v := gdbview.NewView(m.Module(), m, nil)
	type link struct{ ebp, pc uint32 }
	var want []link
	for _, f := range m.Frames() {
		want = append(want, link{pc: gdbview.CodeAddr(f.PC())})
	}
	got := []link{{v.EBP(), v.EIP()}}
	for {
		var b [8]byte
		if n := v.ReadMemory(got[len(got)-1].ebp, b[:]); n != 8 {
			t.Fatalf("the link at 0x%x has %d bytes", got[len(got)-1].ebp, n)
		}
		l := link{binary.LittleEndian.Uint32(b[:]), binary.LittleEndian.Uint32(b[4:])}
		if l.pc == 0 {
			break
		}
		got = append(got, l)
	}
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].pc != want[i].pc {
			t.Errorf("frame %d: pc 0x%x, want 0x%x", i, got[i].pc, want[i].pc)
		}
		if i > 0 && got[i].ebp <= got[i-1].ebp {
			t.Errorf("frame %d is at 0x%x, not above its callee", i, got[i].ebp)
		}
	}
	// The parameter of each, from the innermost.
	for i, l := range got[:6] {
		place, ok := v.Place(l.ebp - 16)
		if !ok || place.Kind != gdbview.SlotLocal || place.Index != 0 || place.Frame != len(got)-1-i {
			t.Errorf("frame %d: place %+v, %v", i, place, ok)
		}
		var b [4]byte
		if n := v.ReadMemory(l.ebp-16, b[:]); n != 4 || binary.LittleEndian.Uint32(b[:]) != uint32(i) {
			t.Errorf("frame %d: parameter %x, want %d", i, b[:n], i)
		}
	}
}

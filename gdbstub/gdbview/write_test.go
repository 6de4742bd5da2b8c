package gdbview_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"wrev/gdbstub/gdbview"
	"wrev/internal/gdbtest"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

// TestWrites writes bytes anywhere: what is accepted must read back, and nothing around it change.
func TestWrites(t *testing.T) {
	m := recursion(t, 6)
	runTo(t, m, 30)
	v := gdbview.NewView(m.Module(), m, nil)
	r := rand.New(rand.NewPCG(1, 2))
	bottom := v.EBP() - 64
	applied := map[wasmvm.EditKind]int{}
	for range 20000 {
		addr := []uint32{r.Uint32N(70000), gdbview.GlobalBase + r.Uint32N(40), bottom + r.Uint32N(gdbview.StackTop-bottom), r.Uint32()}[r.IntN(4)]
		data := make([]byte, 1+r.IntN(20))
		for i := range data {
			data[i] = byte(r.Uint32N(3))
		}
		around := make([]byte, 60)
		before := append([]byte(nil), around[:v.ReadMemory(addr-20, around)]...)
		edits, err := v.WriteMemory(addr, data)
		for i := 0; err == nil && i < len(edits); i++ {
			if err = m.ApplyEdit(&edits[i]); err == nil {
				applied[edits[i].Kind]++
			}
		}
		if err != nil {
			continue
		}
		if v.Invalidate(); len(before) >= 20+len(data) {
			copy(before[20:], data)
		}
		if got := around[:v.ReadMemory(addr-20, around)]; len(before) > 20 && !bytes.Equal(got, before) {
			t.Fatalf("%x at %#x: there is\n%x, want\n%x", data, addr, got, before)
		}
		if n := v.ReadMemory(addr, around[:len(data)]); !bytes.Equal(around[:n], data) {
			t.Fatalf("%x at %#x reads back as %x", data, addr, around[:n])
		}
	}
	for _, kind := range []wasmvm.EditKind{wasmvm.EditMemory, wasmvm.EditGlobal, wasmvm.EditLocal, wasmvm.EditOperand} {
		if applied[kind] < 20 {
			t.Errorf("only %d writes of kind %v", applied[kind], kind)
		}
	}
}

// TestWriteResults writes eax, edx and st0 just after calls.
func TestWriteResults(t *testing.T) {
	st0 := func(f float64) []byte {
		b, exp := math.Frexp(f)
		out := binary.LittleEndian.AppendUint64(nil, uint64(math.Abs(b)*(1<<53))<<11)
		return binary.LittleEndian.AppendUint16(out, uint16(exp+16382)|uint16(math.Float64bits(f)>>63)<<15)
	}
	word := func(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
	type write struct {
		reg  int
		data []byte
	}
	for _, tt := range []struct {
		name   string
		callee body
		steps  uint64
		writes []write
		want   uint64
		err    string
	}{
		{name: "i32", callee: body{typ: 1, code: wasmenc.Code{0x41, 42}}, steps: 5, writes: []write{{gdbview.RegEAX, word(7)}}, want: 7},
		{name: "half of an i32", callee: body{typ: 1, code: wasmenc.Code{0x41, 42}}, steps: 5, writes: []write{{gdbview.RegEDX, word(7)}}, err: "half of is an i32"},
		{name: "i64", callee: body{typ: 2, code: wasmenc.Code{0x42, 42}}, steps: 5, writes: []write{{gdbview.RegEAX, word(7)}, {gdbview.RegEDX, word(1)}}, want: 1<<32 | 7},
		{name: "f32", callee: body{typ: 3, code: wasmenc.Code{0x43, 0, 0, 0, 0}}, steps: 5, writes: []write{{gdbview.RegST0, st0(-2.5)}}, want: uint64(math.Float32bits(-2.5))},
		{name: "f64", callee: body{typ: 4, code: wasmenc.Code{0x44, 0, 0, 0, 0, 0, 0, 0, 0}}, steps: 5, writes: []write{{gdbview.RegST0, st0(math.Pi)}}, want: math.Float64bits(math.Pi)},
		{name: "short", callee: body{typ: 1, code: wasmenc.Code{0x41, 42}}, steps: 5, writes: []write{{gdbview.RegEAX, nil}}, err: "more bytes"},
		{name: "nothing", callee: body{typ: 0}, steps: 4, writes: []write{{gdbview.RegEAX, word(7)}}, err: "no operand or result"},
	} {
		start := wasmenc.Code{0x10, 0}
		if tt.callee.typ != 0 {
			start.Op(0x1A)
		}
		m := machine(t, tt.callee, body{typ: 0, code: start})
		runTo(t, m, tt.steps)
		v := gdbview.NewView(m.Module(), m, nil)
		err := error(nil)
		for _, w := range tt.writes {
			var e wasmvm.Edit
			if e, err = v.WriteResult(w.reg, w.data); err == nil {
				err = m.ApplyEdit(&e)
			}
			v.Invalidate()
		}
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
			}
			continue
		}
		for _, f := range m.Frames() {
			if err != nil || f.Operand(0) != tt.want {
				t.Errorf("%s: %v, the result is %#x, want %#x", tt.name, err, f.Operand(0), tt.want)
			}
			break
		}
	}
}

// TestReturnsRestoreStack steps through real programs and compares, for each activation, the C stack pointer that a return from it would leave with the one that it
// was entered with.
func TestReturnsRestoreStack(t *testing.T) {
	for _, program := range []string{"features.O0.wasm", "features.O2.wasm", "features.dw5.O0.wasm"} {
		wasm, err := os.ReadFile("../../testdata/programs/" + program)
		if err != nil {
			t.Fatal(err)
		}
		tl := gdbtest.Timeline(t, wasm, &gdbtest.Host{})
		m := tl.Machine()
		v := gdbview.NewView(m.Module(), m, nil)
		entered := []uint32{}
		checked, wrong := 0, 0
		for range 30000 {
			depth := m.Depth()
			for len(entered) < depth {
				entered = append(entered, v.ESP())
			}
			entered = entered[:depth]
			if m.Position()%7 == 0 {
				v.Refresh(m)
				var pcs []uint32 // outermost last
				for _, f := range m.Frames() {
					pcs = append(pcs, f.PC())
				}
				for level := range depth - 1 {
					edits, err := v.ReturnTo(level, gdbview.CodeAddr(pcs[depth-1-level]))
					if err != nil {
						t.Fatalf("%s, position %d, level %d: %v", program, m.Position(), level, err)
					}
					sp := v.ESP()
					if len(edits) > 1 {
						sp = uint32(edits[1].Bits[0])
					}
					checked++
					if sp != entered[level+1] {
						wrong++
						t.Errorf("%s, position %d, level %d: %#x, want %#x", program, m.Position(), level+1, sp, entered[level+1])
					}
				}
			}
			if wrong > 3 || m.Run(m.Position()+1).Reason != wasmvm.StopLimit {
				break
			}
		}
		if checked < 10000 {
			t.Errorf("%s: only %d activations were looked at", program, checked)
		}
	}
}

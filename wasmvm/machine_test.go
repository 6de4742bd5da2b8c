package wasmvm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"
	"wrev/wasmvm/internal/nan"
)

// countTo is a program that counts local 0 up to n and stores it at addr each time.
func countTo(n, addr int32) asm {
	return asm{funcs: []asmFunc{{locals: 1, localType: I32, body: void(OpLoop,
		i32c(addr), get(0), mem(opI32St, 0),
		get(0), i32c(1), op(opI32Add), tee(0), i32c(n), op(opI32Ne), op1(OpBrIf, 0))}}}
}

func TestWatchWrites(t *testing.T) {
	for _, c := range []struct {
		name      string
		addr, len uint64
		stops     int
	}{
		{"the word", 256, 4, 5},
		{"a byte of it", 259, 1, 5},
		{"beside it", 260, 4, 0},
		{"below it", 252, 4, 0},
		{"another page", 8192, 4, 0},
		{"to the end of memory", 256, math.MaxUint64, 5},
		{"nothing", 256, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := countTo(5, 256)
			m := newMachine(t, a.module(t), nil)
			m.SetWatches([]Watch{{Kind: WatchRead, Addr: 0, Len: 0}, {Kind: WatchWrite, Addr: c.addr, Len: c.len}})
			m.SetWatches([]Watch{{Kind: WatchWrite, Addr: c.addr, Len: c.len}})
			n := 0
			for ; ; n++ {
				s := m.Run(1 << 40)
				if s.Reason != StopWatch {
					break
				}
				if len(s.Watches) != 1 || s.Watches[0] != (WatchHit{Kind: WatchWrite, Addr: 256, Len: 4}) {
					t.Fatalf("hits %+v", s.Watches)
				}
				if v := binary.LittleEndian.Uint32(m.Memory()[256:]); v != uint32(n) {
					t.Fatalf("stop %d with %d in memory", n, v)
				}
			}
			if n != c.stops {
				t.Errorf("%d stops, want %d", n, c.stops)
			}
		})
	}
}

func TestWatchReads(t *testing.T) {
	a := asm{funcs: []asmFunc{{body: cat(i32c(100), mem(opI32Ld, 0), op(OpDrop), i32c(4094), mem(opI32Ld, 0), op(OpDrop), i32c(0), i32c(5), mem(opI32St, 4))}}}
	m := newMachine(t, a.module(t), nil)
	m.SetWatches([]Watch{{WatchRead, 103, 1}, {WatchRead | WatchWrite, 4097, 2}, {WatchRead, 4, 4}, {WatchWrite, 4, 1}})
	var got []WatchHit
	for s := m.Run(1 << 40); s.Reason == StopWatch; s = m.Run(1 << 40) {
		got = append(got, s.Watches...)
	}
	want := []WatchHit{{0, WatchRead, 100, 4}, {1, WatchRead, 4094, 4}, {3, WatchWrite, 4, 4}}
	if !slices.Equal(got, want) {
		t.Errorf("hits %+v, want %+v", got, want)
	}
}

func TestDirty(t *testing.T) {
	a := asm{funcs: []asmFunc{{body: cat(
		i32c(4095), i32c(7), mem(opI32St8, 0),
		i32c(8190), i32c(7), mem(opI32St, 0),
		i32c(20000), i32c(1), i32c(5000), op(OpMemoryFill), leb(0))}}}
	m := newMachine(t, a.module(t), nil)
	m.Run(1 << 40)
	got := m.Dirty(nil)
	slices.Sort(got)
	if want := []uint32{0, 1, 2, 4, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("dirty pages %v, want %v", got, want)
	}
	m.ResetDirty()
	if err := m.WriteMemory(3*PageSize-1, []byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	if got := m.Dirty(nil); !slices.Equal(got, []uint32{2, 3}) {
		t.Errorf("dirty pages %v after a write across an edge", got)
	}
	if err := m.WriteMemory(65535, []byte{1, 2}); err == nil {
		t.Error("a write past the end went through")
	}
}

// TestRestore saves a state in mid-run and runs on from it twice, on the same machine and on another one.
func TestRestore(t *testing.T) {
	a := asm{funcs: []asmFunc{{locals: 2, localType: I32, body: cat(
		void(OpLoop, get(0), i32c(1), op(opI32Add), tee(0), op1(OpCall, 1), set(1),
			i32c(1), op(OpMemoryGrow), leb(0), op(OpDrop), get(0), i32c(3), op(opI32Ne), op1(OpBrIf, 0)))},
		{params: []ValType{I32}, results: []ValType{I32}, body: cat(i32c(65536), get(0), mem(opI32St8, 9), get(0), op(OpMemoryGrow)[:0], get(0), op(opI32Add))}}}
	// The callee stores past the first page, which exists from the second round on.
	a.funcs[1].body = cat(i32c(100), get(0), mem(opI32St8, 9), get(0), get(0), op(opI32Add))
	mod := a.module(t)
	ref := newMachine(t, mod, nil)
	ref.Run(1 << 40)
	end := ref.Digest()
	for at := uint64(0); at < ref.Position(); at++ {
		m := newMachine(t, mod, nil)
		m.Run(at)
		core, mem, stack, digest := m.SaveCore(), bytes.Clone(m.Memory()), bytes.Clone(m.StackBytes()), m.Digest()
		m.Run(1 << 40)
		for _, o := range []*Machine{m, newMachine(t, mod, nil)} {
			if err := o.RestoreCore(core); err != nil {
				t.Fatal(err)
			}
			copy(o.Memory(), mem)
			copy(o.StackBytes(), stack)
			if o.Digest() != digest {
				t.Fatalf("restoring position %d gives another state", at)
			}
			o.Run(1 << 40)
			if o.Digest() != end {
				t.Fatalf("running on from position %d ends in another state", at)
			}
		}
	}
}

func TestGrowAfterShrink(t *testing.T) {
	a := asm{funcs: []asmFunc{{body: cat(i32c(2), op(OpMemoryGrow), leb(0), op(OpDrop))}}}
	m := newMachine(t, a.module(t), nil)
	core := m.SaveCore()
	m.Run(1 << 40)
	if err := m.WriteMemory(100000, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := m.RestoreCore(core); err != nil || len(m.Memory()) != 65536 {
		t.Fatalf("%d bytes after restoring, %v", len(m.Memory()), err)
	}
	if d := m.Dirty(nil); len(d) != 0 {
		t.Errorf("dirty pages %v beyond the memory", d)
	}
	m.Run(1 << 40)
	if len(m.Memory()) != 3*65536 || m.Memory()[100000] != 0 {
		t.Error("grown memory holds old bytes")
	}
}

func TestDeepRecursion(t *testing.T) {
	// f(n) = n == 0 ? 0 : f(n-1) + 1
	a := asm{funcs: []asmFunc{{params: []ValType{I32}, results: []ValType{I32}, body: cat(
		get(0), op(OpI32Eqz), void(OpIf, i32c(0), op(OpReturn)), get(0), i32c(1), op(opI32Sub), op1(OpCall, 0), i32c(1), op(opI32Add))}}}
	mod := a.module(t)
	m := newMachine(t, mod, nil)
	r, err := m.Invoke(0, 1_000_000)
	if err != nil || r[0] != 1_000_000 {
		t.Fatalf("%v %v", r, err)
	}
	small, err := New(mod, Config{MaxStackSlots: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var trap *Trap
	if _, err := small.Invoke(0, 1_000_000); !errors.As(err, &trap) || trap.Code != TrapStackOverflow {
		t.Errorf("got %v, want a stack overflow", err)
	}
	if r, err := small.Invoke(0, 100); err != nil || r[0] != 100 {
		t.Errorf("after the overflow: %v %v", r, err)
	}
	for _, lateCalls := range []uint64{0, 1} {
		late, err := New(mod, Config{LateCalls: lateCalls, LateStackSlots: 1000})
		if err != nil {
			t.Fatal(err)
		}
		_, err = late.Invoke(0, 100_000)
		if overflowed := errors.As(err, &trap) && trap.Code == TrapStackOverflow; overflowed != (lateCalls == 0) {
			t.Errorf("a limit after %d host calls, before the first: %v", lateCalls, err)
		}
	}
}

func TestInterrupt(t *testing.T) {
	a := asm{funcs: []asmFunc{{body: void(OpLoop, op1(OpBr, 0))}}}
	m := newMachine(t, a.module(t), nil)
	done := make(chan Stop)
	go func() { done <- m.Run(1 << 60) }()
	m.Interrupt()
	if s := <-done; s.Reason != StopInterrupt {
		t.Errorf("stopped with %v", s.Reason)
	}
	m.Interrupt()
	m.ClearInterrupt()
	if s := m.Run(m.Position() + 10); s.Reason != StopLimit {
		t.Errorf("stopped with %v", s.Reason)
	}
}

func TestNaNRules(t *testing.T) {
	const q, s, neg = 0x7FF8000000000001, 0x7FF0000000000002, 0xFFF8000000000000
	for _, c := range []struct {
		rule NaNRule
		x, y uint64
		want uint64
	}{
		{NaNAMD64, q, s, q},
		{NaNAMD64, s, q, s | nan.Quiet64},
		{NaNAMD64, 0x3FF0000000000000, s, s | nan.Quiet64},
		{NaNAMD64, 0x7FF0000000000000, 0xFFF0000000000000, neg},
		{NaNARM64, q, s, s | nan.Quiet64},
		{NaNARM64, 0x7FF0000000000000, 0xFFF0000000000000, neg &^ nan.Sign64},
	} {
		a := asm{funcs: []asmFunc{{results: []ValType{F64}, body: cat(f64c(c.x), f64c(c.y), op(opF64Add))}}}
		m, err := New(a.module(t), Config{NaN: c.rule})
		if err != nil {
			t.Fatal(err)
		}
		for _, tier := range []Tier{TierAuto, TierPrecise} {
			m.SetTier(tier)
			if r, err := m.Invoke(0); err != nil || r[0] != c.want {
				t.Errorf("rule %d: %#x + %#x = %#x %v, want %#x", c.rule, c.x, c.y, r, err, c.want)
			}
		}
	}
}

func TestFrames(t *testing.T) {
	a := asm{funcs: []asmFunc{{body: cat(i32c(7), i32c(1), i32c(2), op1(OpCall, 1), op(opI32Add, OpDrop))},
		{params: []ValType{I32, I32}, results: []ValType{I32}, locals: 1, localType: I64, body: cat(get(0), get(1), op(OpNop, opI32Sub))}}}
	mod := a.module(t)
	m := newMachine(t, mod, nil)
	m.Run(8) // before the nop
	var fs []Frame
	for _, f := range m.Frames() {
		fs = append(fs, f)
	}
	if len(fs) != 2 || m.Depth() != 2 {
		t.Fatalf("%d frames", len(fs))
	}
	in, out := fs[0], fs[1]
	if in.Local(0) != 1 || in.Local(1) != 2 || in.Local(2) != 0 || in.NumOperands() != 2 || in.Operand(0) != 1 || in.Operand(1) != 2 {
		t.Errorf("inner frame: %d operands %d %d", in.NumOperands(), in.Operand(0), in.Operand(1))
	}
	if out.NumOperands() != 1 || out.Operand(0) != 7 || out.Index() != 5 || out.CallPC() >= out.PC() {
		t.Errorf("outer frame: %d operands, next instruction %d", out.NumOperands(), out.Index())
	}
	if text, _ := mod.Disassemble(out.CallPC()); text != "call $wasm_func_1" {
		t.Errorf("waits for %q", text)
	}
}

// TestLowWaterOfDeepStack goes to the bottom of a deep recursion and back in steps. What has changed must be said to within a quarter and half a page.
func TestLowWaterOfDeepStack(t *testing.T) {
	const depth = 200_000
	for _, tier := range []Tier{TierAuto, TierPrecise} {
		m := newMachine(t, recursion(depth).module(t), nil)
		m.SetTier(tier)
		for m.Depth() < depth {
			m.Run(m.Position() + depth/2)
		}
		down := m.Position()
		deep := m.StackDirtyFrom()
		m.ResetDirty()
		bottom := m.StackDirtyFrom()
		if deep != 0 || bottom < 8*depth {
			t.Fatalf("changed from %d on, after ResetDirty from %d on", deep, bottom)
		}
		for n := uint64(1); m.Depth() > 2; n *= 2 {
			m.Run(down + 5*n)
			from, frame := m.StackDirtyFrom(), 8*m.frame
			if lowest := frame - (bottom-frame)/3 - 8*markStride - 64; from > frame || from < lowest {
				t.Fatalf("tier %d: the frame is at %d of %d, changed from %d on, should be from %d at least", tier, frame, bottom, from, lowest)
			}
		}
		m.Run(1 << 40)
		if r := m.Global(0); r != depth {
			t.Errorf("the program counted %d", r)
		}
	}
}

// recursion is a program that calls itself so often and counts on the way back.
func recursion(depth int32) *asm {
	return &asm{globals: 1, funcs: []asmFunc{{body: cat(i32c(depth), op1(OpCall, 1))}, {params: []ValType{I32}, body: cat(
		get(0), void(OpIf, get(0), i32c(1), op(opI32Sub), op1(OpCall, 1), op1(OpGlobalGet, 0), i32c(1), op(opI32Add), op1(OpGlobalSet, 0)))}}}
}

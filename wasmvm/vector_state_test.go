package wasmvm

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
)

const (
	opV128Load   Opcode = 0xFD << 16
	opV128Store  Opcode = 0xFD<<16 | 0x0B
	opV128Xor    Opcode = 0xFD<<16 | 0x51
	opI8x16Add   Opcode = 0xFD<<16 | 0x6E
	opF32x4Div   Opcode = 0xFD<<16 | 0xE7
	opI16x8ExtLS Opcode = 0xFD<<16 | 0x9C
	opI32And     Opcode = 0x71
	opI32Shl     Opcode = 0x74
)

// wide is a program that moves vectors in all ways there are: locals, tee, select, globals, parameters and results of blocks, branches that carry them
// over others, a branch table, calls, operands that wait for a call, functions outside the loops, NaNs.
func wide() *asm {
	count := op1(OpGlobalGet, 0)
	vec := func(lo, hi uint64) []byte { return constant(V128, []uint64{lo, hi}) }
	block := func(typ uint32, body ...[]byte) []byte {
		return cat([]byte{byte(OpBlock)}, leb(typ), cat(body...), op(OpEnd))
	}
	loop := cat(
		get(0), get(1),
		block(1, get(2), count, i32c(1), op(opI32And), op1(OpBrIf, 0), op(OpDrop)),
		op(opI8x16Add), tee(2),
		get(0), get(2), count, i32c(2), op(opI32And), op(OpSelect), op1(OpGlobalSet, 1),
		get(1), get(0), op1(OpCall, 1), op(opV128Xor), set(1),
		get(0), op(opI8x16Add), set(0),
		count, i32c(4), op(opI32Shl), get(2), mem(opV128Store, 4090),
		block(2, get(0), block(2, get(1), get(2), count, i32c(3), op(opI32And, OpBrTable), leb(2), leb(0), leb(1), leb(0)), op(opV128Xor)),
		op1(OpGlobalGet, 1), op(opF32x4Div), tee(2), get(0), op(opI16x8ExtLS), get(1), op(opV128Xor), set(1),
		count, i32c(1), op(opI32Add), op1(OpGlobalSet, 0),
		count, i32c(24), op(opI32LtS), op1(OpBrIf, 0),
	)
	body := cat(vec(0x0123456789ABCDEF, 0x1122334455667788), set(0), vec(0xFF, 1<<63), set(1), void(OpLoop, loop), i32c(0), get(1), mem(opV128Store, 8))
	pair := []ValType{V128, V128}
	return &asm{exportAll: true, globals: 1, vectors: 1, funcs: []asmFunc{
		{locals: 3, localType: V128, body: body},
		{params: pair, results: pair, locals: 1, localType: V128, body: cat(get(1), get(0), get(2), op1(OpCall, 3))},
		{results: []ValType{V128}, body: vec(1, 2)},
		{params: []ValType{V128, V128, V128}, results: pair, body: cat(get(0), get(2), op(opV128Xor), get(1))},
	}}
}

// digests are those of all positions of a program, made by the precise tier, with the frames in words.
func digests(t *testing.T, mod *Module) (sums [][32]byte, frames []string) {
	m := newMachine(t, mod, nil)
	m.SetTier(TierPrecise)
	for {
		sums, frames = append(sums, m.Digest()), append(frames, describeFrames(m))
		if s := m.Run(m.Position() + 1); s.Reason != StopLimit {
			return sums, frames
		}
	}
}

func describeFrames(m *Machine) string {
	var b bytes.Buffer
	for i, f := range m.Frames() {
		fmt.Fprintf(&b, "%d: %d+%d", i, f.Func().Index, f.Index())
		for k := range f.Func().Locals {
			fmt.Fprintf(&b, " %x", f.LocalBits(k))
		}
		for j := range f.NumOperands() {
			fmt.Fprintf(&b, " operand %x", f.OperandBits(j))
		}
	}
	return b.String()
}

// TestWideStops stops the program at every position, coming from the fast tier, and goes on from there, also with a state saved and restored in another
// machine.
func TestWideStops(t *testing.T) {
	mod := wide().module(t)
	sums, frames := digests(t, mod)
	end := len(sums) - 1
	other := newMachine(t, mod, nil)
	for p := range sums {
		m := newMachine(t, mod, nil)
		m.Run(uint64(p))
		if m.Digest() != sums[p] || describeFrames(m) != frames[p] {
			t.Fatalf("at position %d the state is\n%s, want\n%s", p, describeFrames(m), frames[p])
		}
		core, stack := m.SaveCore(), slices.Clone(m.StackBytes())
		image := slices.Clone(m.Memory())
		if s := m.Run(1 << 40); s.Reason != StopExit || m.Digest() != sums[end] {
			t.Fatalf("going on from position %d ends in another state: %v", p, s.Reason)
		}
		restored(t, other, core, stack, image)
		if other.Digest() != sums[p] {
			t.Fatalf("the state of position %d is not what was saved", p)
		}
		encoded, err := m.EncodeState(nil, core, stack)
		if err != nil {
			t.Fatal(err)
		}
		if core, stack, err = other.DecodeState(encoded); err != nil {
			t.Fatal(err)
		}
		restored(t, other, core, stack, image)
		if other.Digest() != sums[p] {
			t.Fatalf("the state of position %d is not what was encoded", p)
		}
		if q := min(p+1, end); other.Run(uint64(q)).Reason == StopTrap || other.Digest() != sums[q] {
			t.Fatalf("a step from the restored position %d is wrong", p)
		}
	}
	if end < 1000 {
		t.Errorf("only %d positions", end)
	}
}

func restored(t *testing.T, m *Machine, c *Core, stack, image []byte) {
	t.Helper()
	if err := m.RestoreCore(c); err != nil {
		t.Fatal(err)
	}
	copy(m.StackBytes(), stack)
	copy(m.Memory(), image)
}

// TestWideBreakpoints breaks at every instruction in turn.
func TestWideBreakpoints(t *testing.T) {
	mod := wide().module(t)
	sums, _ := digests(t, mod)
	for i := range mod.Funcs {
		l, err := mod.Layout(&mod.Funcs[i])
		if err != nil {
			t.Fatal(err)
		}
		for _, pc := range l.PCs {
			m := newMachine(t, mod, nil)
			if err := m.SetBreakpoint(pc); err != nil {
				t.Fatal(err)
			}
			for n := 0; m.Run(1<<40).Reason == StopBreakpoint; n++ {
				if m.PC() != pc || m.Digest() != sums[m.Position()] || n > 100 {
					t.Fatalf("breakpoint at %#x: at position %d the state is wrong", pc, m.Position())
				}
			}
			if m.Digest() != sums[len(sums)-1] {
				t.Fatalf("breakpoint at %#x: another end", pc)
			}
		}
	}
}

// TestWideResult compares the program's memory with wazero's.
func TestWideResult(t *testing.T) {
	a := wide()
	wasm := a.bytes()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer r.Close(ctx)
	oracle, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig())
	if err != nil {
		t.Fatal(err)
	}
	want, _ := oracle.ExportedMemory("m").Read(0, 1<<16)
	m, err := New(a.module(t), Config{NaN: testNaN()})
	if err != nil {
		t.Fatal(err)
	}
	if s := m.Run(1 << 40); s.Reason != StopExit || !bytes.Equal(m.Memory(), want) {
		t.Errorf("%v, and the memory is not wazero's", s.Reason)
	}
}

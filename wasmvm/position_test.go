package wasmvm

import (
	"slices"
	"testing"
)

// visit runs a program one instruction at a time and returns the instructions, as function*100+index, until it stops otherwise.
func visit(t *testing.T, m *Machine) (at []int, last Stop) {
	t.Helper()
	for range 10000 {
		for _, f := range m.Frames() {
			at = append(at, int(f.Func().Index)*100+f.Index())
			break
		}
		s := m.Run(m.Position() + 1)
		if s.Reason != StopLimit {
			return at, s
		}
	}
	t.Fatal("the program does not end")
	return nil, Stop{}
}

// flow holds programs with the instructions they go through, for the rules of the package documentation.
var flow = []struct {
	name string
	asm  asm
	at   []int
	end  StopReason
}{
	{"straight", asm{funcs: []asmFunc{{body: op(OpNop)}}}, []int{0, 1, 2}, StopExit},
	{"block", asm{funcs: []asmFunc{{body: void(OpBlock, op1(OpBr, 0), op(OpNop))}}}, []int{0, 1, 2, 4, 5}, StopExit},
	{"if", asm{funcs: []asmFunc{{body: cat(i32c(0), void(OpIf, op(OpNop)))}}}, []int{0, 1, 2, 4, 5}, StopExit},
	{"then", asm{funcs: []asmFunc{{body: cat(i32c(1), void(OpIf, op(OpNop)))}}}, []int{0, 1, 2, 3, 4, 5}, StopExit},
	{"then else", asm{funcs: []asmFunc{{body: cat(i32c(1), void(OpIf, op(OpNop, OpElse, OpNop)))}}}, []int{0, 1, 2, 3, 4, 6, 7}, StopExit},
	{"else", asm{funcs: []asmFunc{{body: cat(i32c(0), void(OpIf, op(OpNop, OpElse, OpNop)))}}}, []int{0, 1, 2, 5, 6, 7}, StopExit},
	{"br to the function", asm{funcs: []asmFunc{{body: cat(op1(OpBr, 0), op(OpNop))}}}, []int{0, 1, 3}, StopExit},
	{"return", asm{funcs: []asmFunc{{body: op(OpReturn, OpNop)}}}, []int{0, 1}, StopExit},
	{"loop", asm{funcs: []asmFunc{{locals: 1, localType: I32, body: cat(
		void(OpLoop, get(0), i32c(1), op(opI32Add), tee(0), i32c(2), op(opI32LtS), op1(OpBrIf, 0)))}}},
		[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, StopExit},
	{"call", asm{funcs: []asmFunc{{body: cat(op1(OpCall, 1), op(OpNop))}, {body: op(OpNop)}}}, []int{0, 1, 100, 101, 102, 2, 3}, StopExit},
	{"return from a call", asm{funcs: []asmFunc{{body: op1(OpCall, 1)}, {body: op(OpReturn)}}}, []int{0, 1, 100, 101, 2}, StopExit},
	{"br_table", asm{funcs: []asmFunc{{body: void(OpBlock, void(OpBlock, i32c(1), cat(op(OpBrTable), leb(1), leb(0), leb(1))), op(OpNop))}}},
		[]int{0, 1, 2, 3, 4, 7, 8}, StopExit},
	{"indirect", asm{table: []uint32{0, 1}, funcs: []asmFunc{{body: cat(i32c(1), op(OpCallIndirect), leb(1), leb(0))}, {}}}, []int{0, 1, 2, 100, 101, 3}, StopExit},
	{"end of an else arm with a copy of a local", asm{funcs: []asmFunc{{locals: 1, localType: I32, body: cat(void(OpLoop, get(0), []byte{byte(OpIf), byte(I32)}, i32c(5),
		op(OpElse), i32c(6), tee(0), op(OpEnd), void(OpIf, get(0), i32c(6), op(opI32Ne), op1(OpBrIf, 1), op(OpReturn)), i32c(1), op1(OpBrIf, 0)))}}},
		[]int{0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14}, StopExit},
	{"trap", asm{funcs: []asmFunc{{body: cat(i32c(1), i32c(0), op(opI32DivS, OpDrop))}}}, []int{0, 1, 2, 3}, StopTrap},
	{"unreachable", asm{funcs: []asmFunc{{body: op(OpNop, OpUnreachable)}}}, []int{0, 1, 2}, StopTrap},
}

func TestPositions(t *testing.T) {
	for _, c := range flow {
		t.Run(c.name, func(t *testing.T) {
			mod := c.asm.module(t)
			m := newMachine(t, mod, nil)
			at, s := visit(t, m)
			if !slices.Equal(at, c.at) || s.Reason != c.end {
				t.Errorf("went through %v, ended with %v; want %v, %v", at, s.Reason, c.at, c.end)
			}
			if m.Position() != uint64(len(c.at)-1) {
				t.Errorf("position %d at the end, want %d", m.Position(), len(c.at)-1)
			}
			digest := m.Digest()
			whole := newMachine(t, mod, nil)
			if s := whole.Run(1 << 40); s.Reason != c.end {
				t.Errorf("ended with %v, want %v", s.Reason, c.end)
			}
			if whole.Digest() != digest {
				t.Errorf("the fast tier ends at position %d, pc %#x in another state", whole.Position(), whole.PC())
			}
			if s := whole.Run(1 << 40); s.Reason != c.end || whole.Digest() != digest {
				t.Errorf("running on changed something: %v", s.Reason)
			}
		})
	}
}

// TestBreakpointsEverywhere puts a breakpoint at every instruction, one at a time and all together, and compares the stops with the way the program goes.
func TestBreakpointsEverywhere(t *testing.T) {
	for _, c := range flow {
		t.Run(c.name, func(t *testing.T) {
			mod := c.asm.module(t)
			for _, tier := range []Tier{TierAuto, TierPrecise} {
				for i := range mod.Funcs {
					l, err := mod.Layout(&mod.Funcs[i])
					if err != nil {
						t.Fatal(err)
					}
					for k, pc := range l.PCs {
						breakAt(t, mod, tier, c.at, i*100+k, pc)
					}
				}
			}
		})
	}
}

func breakAt(t *testing.T, mod *Module, tier Tier, way []int, where int, pc uint32) {
	t.Helper()
	m := newMachine(t, mod, nil)
	m.SetTier(tier)
	if err := m.SetBreakpoint(pc); err != nil {
		t.Fatal(err)
	}
	var want, got []uint64
	for p, at := range way {
		if at == where && p > 0 {
			want = append(want, uint64(p))
		}
	}
	for range 1000 {
		if s := m.Run(1 << 40); s.Reason != StopBreakpoint {
			break
		}
		if m.PC() != pc {
			t.Fatalf("stopped at %#x, breakpoint at %#x", m.PC(), pc)
		}
		got = append(got, m.Position())
		ref := newMachine(t, mod, nil)
		ref.SetTier(TierPrecise)
		if ref.Run(m.Position()); ref.Digest() != m.Digest() {
			t.Fatalf("tier %d: at the breakpoint at %d, position %d, the state is wrong", tier, where, m.Position())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("tier %d: a breakpoint at %d stops at positions %v, want %v", tier, where, got, want)
	}
	m.ClearBreakpoint(pc)
	if len(m.breaks.groups) != 0 || len(m.breaks.ops) != 0 {
		t.Error("a word stays patched")
	}
}

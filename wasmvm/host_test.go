package wasmvm

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// hostFunc is a host made of one function.
type hostFunc func(m *Machine, fn uint32, args, results []uint64) error

func (f hostFunc) HostCall(m *Machine, fn uint32, args, results []uint64) error {
	return f(m, fn, args, results)
}

// caller is a program that calls its import with (1, 2) and keeps the result at address 8.
func caller() asm {
	return asm{
		imports: []asmFunc{{params: []ValType{I32, I64}, results: []ValType{I32}}},
		funcs:   []asmFunc{{body: cat(i32c(8), i32c(1), []byte{byte(OpI64Const), 2}, op1(OpCall, 0), mem(opI32St, 0))}},
	}
}

func TestHostCall(t *testing.T) {
	a := caller()
	mod := a.module(t)
	for _, tier := range []Tier{TierAuto, TierPrecise} {
		calls := 0
		m := newMachine(t, mod, hostFunc(func(m *Machine, fn uint32, args, results []uint64) error {
			calls++
			if fn != 0 || len(args) != 2 || args[0] != 1 || args[1] != 2 || len(results) != 1 || m.Position() != 4 || m.HostCalls() != 0 {
				t.Errorf("call of %d with %v at position %d", fn, args, m.Position())
			}
			if text, _ := mod.Disassemble(m.PC()); text != "call $a" {
				t.Errorf("called at %q", text)
			}
			results[0] = 0xFFFFFFFF_00000007 // only the low half counts
			return m.WriteMemory(100, []byte{1, 2, 3})
		}))
		m.SetTier(tier)
		m.SetWatches([]Watch{{WatchWrite, 102, 1}, {WatchWrite, 8, 4}})
		if s := m.Run(1 << 40); s.Reason != StopWatch || len(s.Watches) != 1 || s.Watches[0] != (WatchHit{0, WatchWrite, 100, 3}) || m.Position() != 5 {
			t.Errorf("%v %+v at %d", s.Reason, s.Watches, m.Position())
		}
		if s := m.Run(m.Position() + 1); s.Reason != StopWatch || s.Watches[0].Index != 1 {
			t.Errorf("a watch at the limit: %v", s.Reason)
		}
		if s := m.Run(1 << 40); s.Reason != StopExit || m.HostCalls() != 1 || calls != 1 || m.Memory()[8] != 7 || m.Memory()[12] != 0 {
			t.Errorf("%v, %d calls, memory % x", s.Reason, calls, m.Memory()[8:16])
		}
	}
}

func TestHostErrors(t *testing.T) {
	a := caller()
	mod := a.module(t)
	end := errors.New("end of the log")
	for _, c := range []struct {
		err  error
		want StopReason
	}{{end, StopHost}, {&ExitError{Code: 3}, StopExit}, {&Trap{Code: TrapUnreachable}, StopTrap}} {
		m := newMachine(t, mod, hostFunc(func(*Machine, uint32, []uint64, []uint64) error { return c.err }))
		for range 2 {
			s := m.Run(1 << 40)
			if s.Reason != c.want || m.Position() != 4 || m.HostCalls() != 0 {
				t.Errorf("%v: stopped with %v at %d", c.err, s.Reason, m.Position())
			}
			if c.want == StopHost && !errors.Is(s.Err, end) || c.want == StopExit && s.ExitCode != 3 || c.want == StopTrap && s.Trap.PC != m.PC() {
				t.Errorf("%v: stop %+v", c.err, s)
			}
		}
	}
	if s := newMachine(t, mod, nil).Run(1 << 40); s.Reason != StopHost {
		t.Errorf("without a host: %v", s.Reason)
	}
}

// TestRestoreTables goes to the saved states of a program that changes a table, a global and a segment, in random order.
func TestRestoreTables(t *testing.T) {
	set := func(i int32) []byte {
		return cat(i32c(i), op1(OpRefFunc, 0), op1(OpTableSet, 0), i32c(i), op1(OpGlobalSet, 0))
	}
	a := asm{globals: 1, table: []uint32{1, 1, 1}, data: []byte("data"), funcs: []asmFunc{
		{body: cat(set(0), set(2), cat(op(OpDataDrop), leb(0)), i32c(1), []byte{byte(OpRefNull), 0x70}, op1(OpTableSet, 0), op(OpNop))}, {}}}
	mod := a.module(t)
	m, o := newMachine(t, mod, nil), newMachine(t, mod, nil)
	type saved struct {
		core   *Core
		stack  []byte
		digest [32]byte
	}
	var states []saved
	for p := uint64(0); ; p++ {
		if s := m.Run(p); s.Reason != StopLimit {
			break
		}
		states = append(states, saved{m.SaveCore(), bytes.Clone(m.StackBytes()), m.Digest()})
	}
	if len(states) < 15 {
		t.Fatalf("%d states", len(states))
	}
	if a, b := m.SaveCore(), m.SaveCore(); b.Size() >= a.Size()+1 || b.Position() != m.Position() {
		t.Errorf("saving twice takes %d and %d bytes", a.Size(), b.Size())
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		i := rnd.IntN(len(states))
		for _, x := range []*Machine{m, o} {
			if err := x.RestoreCore(states[i].core); err != nil {
				t.Fatal(err)
			}
			copy(x.StackBytes(), states[i].stack)
			if x.Digest() != states[i].digest {
				t.Fatalf("position %d is not restored", i)
			}
			j := i + rnd.IntN(len(states)-i)
			if x.Run(uint64(j)); x.Digest() != states[j].digest {
				t.Fatalf("running from %d to %d gives another state", i, j)
			}
			if x == m && rnd.IntN(3) == 0 {
				states[j].core = m.SaveCore()
			}
		}
	}
}

func TestClearBreakpoints(t *testing.T) {
	a := countTo(3, 64)
	mod := a.module(t)
	m := newMachine(t, mod, nil)
	l, err := mod.Layout(&mod.Funcs[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, pc := range l.PCs {
		if err := m.SetBreakpoint(pc); err != nil {
			t.Fatal(err)
		}
	}
	if s := m.Run(1 << 40); s.Reason != StopBreakpoint || m.Position() != 1 {
		t.Errorf("%v at %d", s.Reason, m.Position())
	}
	m.ClearBreakpoints()
	if s := m.Run(1 << 40); s.Reason != StopExit {
		t.Errorf("%v at %d", s.Reason, m.Position())
	}
	for _, pc := range []uint32{l.PCs[1] + 1, 1 << 20} {
		if err := m.SetBreakpoint(pc); err == nil {
			t.Errorf("a breakpoint at %#x is accepted", pc)
		}
	}
	var ops []Opcode
	if err := mod.EachOpcode(&mod.Funcs[0], func(_ uint32, op Opcode) { ops = append(ops, op) }); err != nil || len(ops) != len(l.Ops)-1 {
		t.Errorf("%d opcodes, %v", len(ops), err)
	}
}

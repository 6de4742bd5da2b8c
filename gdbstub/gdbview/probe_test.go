package gdbview

import (
	"strings"
	"sync"
	"testing"

	"wrev/gdbstub/agentexpr"
	"wrev/wasmvm"
)

// expr builds agent expressions.
type expr []byte

func (e expr) op(code agentexpr.Op, operand ...byte) expr {
	return append(append(e, byte(code)), operand...)
}

// frameAddr pushes the address off bytes from ebp, or from another register.
func (e expr) frameAddr(reg byte, off int8) expr {
	return e.op(agentexpr.OpReg, 0, reg).op(agentexpr.OpConst8, byte(off)).op(agentexpr.OpExt, 8).op(agentexpr.OpAdd)
}

func (e expr) parse(t testing.TB) *agentexpr.Expr {
	t.Helper()
	p, err := agentexpr.Parse(e.op(agentexpr.OpEnd))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// probeExprs read what a condition can read, near and far.
func probeExprs(t testing.TB) []*agentexpr.Expr {
	const (
		ref32 = agentexpr.OpRef32
		ref64 = agentexpr.OpRef64
	)
	var out []*agentexpr.Expr
	for i := range int8(5) {
		out = append(out,
			expr{}.frameAddr(RegEBP, -SlotSize*(i+1)).op(ref64).parse(t),           // local i
			expr{}.frameAddr(RegEBP, frameLinkSize+SlotSize*i).op(ref64).parse(t),  // operand i
			expr{}.frameAddr(RegECX, 127-SlotSize*i).op(ref32).parse(t),            // across slots
			expr{}.frameAddr(RegEBP, -SlotSize*(i+1)).op(ref32).op(ref32).parse(t), // what a local points to
			expr{}.frameAddr(RegEBP, -SlotSize*(i+1)).op(ref32).op(ref64).parse(t))
	}
	for reg := range byte(NumRegisters + 1) {
		out = append(out, expr{}.op(agentexpr.OpReg, 0, reg).parse(t))
	}
	for _, addr := range []uint32{0, 1024, GlobalBase, CodeBase, CodeBase + 40, StackTop - 16, StackTop, StackBottom} {
		out = append(out, expr{}.op(agentexpr.OpConst32, byte(addr>>24), byte(addr>>16), byte(addr>>8), byte(addr)).op(ref32).parse(t))
	}
	return append(out,
		expr{}.frameAddr(RegEBP, 0).op(ref32).parse(t), // the caller's ebp
		expr{}.frameAddr(RegEBP, 4).op(ref32).parse(t)) // the return address
}

// TestProbeAgrees compares a probe with the view, position by position.
func TestProbeAgrees(t *testing.T) {
	m := probeMachine(t)
	view := NewView(m.Module(), m, func(fn uint32) bool { return fn%3 == 0 })
	probes := map[uint32]*Probe{}
	exprs := probeExprs(t)
	quick, all := 0, 0
	for range 4000 {
		if m.Run(m.Position()+7).Reason != wasmvm.StopLimit {
			break
		}
		view.Refresh(m)
		pc := m.PC()
		if probes[pc] == nil {
			p, err := view.NewProbe(pc)
			if err != nil {
				t.Fatal(err)
			}
			probes[pc] = p
		}
		all++
		for i, e := range exprs {
			want, wantErr := agentexpr.Eval[*View](e, exactAccess{}, view)
			got, err := probes[pc].Eval(e, m)
			if got != want || (err == nil) != (wantErr == nil) {
				t.Fatalf("position %d, expression %d: got %#x, %v, the view has %#x, %v", m.Position(), i, got, err, want, wantErr)
			}
			if _, err := agentexpr.Eval[*wasmvm.Machine](e, (*quickAccess)(probes[pc]), m); e.Relative() && err == nil {
				quick++
			}
		}
	}
	if all < 100 || quick < all {
		t.Errorf("only %d evaluations at %d positions did without the call stack", quick, all)
	}
	for _, p := range probes {
		m = probeMachine(t) // which is at its start
		if _, err := p.Eval(exprs[0], m); (err == nil) != (p.pc == m.PC()) {
			t.Errorf("on a machine at %#x a probe of %#x gives the error %v", m.PC(), p.pc, err)
		}
	}
}

// TestProbeParallel evaluates on several machines at once.
func TestProbeParallel(t *testing.T) {
	first := probeMachine(t)
	first.Run(500)
	p, err := NewView(first.Module(), first, nil).NewProbe(first.PC())
	if err != nil {
		t.Fatal(err)
	}
	exprs := probeExprs(t)
	var want []uint64
	for _, e := range exprs {
		x, _ := p.Eval(e, first)
		want = append(want, x)
	}
	var wg sync.WaitGroup
	for range 4 {
		m, err := wasmvm.New(first.Module(), wasmvm.Config{MaxMemoryPages: 1024, MaxStackSlots: 1 << 16, Host: testHost{}})
		if err != nil {
			t.Fatal(err)
		}
		m.Run(500)
		wg.Go(func() {
			for range 50 {
				for i, e := range exprs {
					if x, _ := p.Eval(e, m); x != want[i] {
						t.Errorf("expression %d: got %#x, want %#x", i, x, want[i])
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestProbeAllocates(t *testing.T) {
	m := probeMachine(t)
	m.Run(500)
	p, err := NewView(m.Module(), m, nil).NewProbe(m.PC())
	if err != nil {
		t.Fatal(err)
	}
	e := expr{}.frameAddr(RegEBP, -SlotSize).op(agentexpr.OpRef32).op(agentexpr.OpConst8, 5).op(agentexpr.OpEqual).parse(t)
	if n := testing.AllocsPerRun(100, func() { p.Eval(e, m) }); n != 0 {
		t.Errorf("an evaluation makes %v allocations", n)
	}
}

// BenchmarkProbe evaluates "local 0 == 5", quickly and on the call stack.
func BenchmarkProbe(b *testing.B) {
	m := probeMachine(b)
	m.Run(500)
	p, err := NewView(m.Module(), m, nil).NewProbe(m.PC())
	if err != nil {
		b.Fatal(err)
	}
	near := expr{}.frameAddr(RegEBP, -SlotSize).op(agentexpr.OpRef32).op(agentexpr.OpConst8, 5).op(agentexpr.OpEqual).parse(b)
	far := expr{}.frameAddr(RegEBP, 0).op(agentexpr.OpRef32).parse(b)
	for name, e := range map[string]*agentexpr.Expr{"near": near, "far": far} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p.Eval(e, m)
			}
		})
	}
}

// testHost gives the program no arguments and answers else with ENOSYS.
type testHost struct{}

func (testHost) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	if m.Module().ImportedFunc(fn).Name == "proc_exit" {
		return &wasmvm.ExitError{Code: uint32(args[0])}
	}
	for i := range results {
		if results[i] = 52; strings.HasSuffix(m.Module().ImportedFunc(fn).Name, "sizes_get") {
			results[i] = 0
		}
	}
	return nil
}

func probeMachine(t testing.TB) *wasmvm.Machine {
	t.Helper()
	m, err := wasmvm.New(loadModule(t, "features.O0"), wasmvm.Config{MaxMemoryPages: 1024, MaxStackSlots: 1 << 16, Host: testHost{}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

package reverse

import (
	"slices"
	"strings"
	"testing"

	"wrev/wasmvm"
)

// operands is a program with these positions: 0 enter, 1 const, 2 const,
// 3 add, 4 drop, 5 call, 6 enter, 7 const, 8 end, 9 drop, 10 end.
func operands() *program {
	h := handmade{funcs: []fn{
		{results: []byte{i32}, body: constant(3)},
		{body: asm(constant(5), constant(6), i32Add, drop, call, 0, drop)},
	}}
	return &program{name: "operands", wasm: h.encode()}
}

func TestOperandWatch(t *testing.T) {
	tl, err := New(operands().machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := Watch{Kind: wasmvm.WatchWrite, Space: SpaceOperand, Func: 1}
	if err := tl.InsertWatch(w); err != nil {
		t.Fatal(err)
	}
	touched := []uint64{1, 3, 8} // pushed, replaced, pushed by the return
	for _, p := range touched {
		if s := tl.Continue(); s.Reason != ReasonWatch || s.Position != p+1 || s.Watch.Watch != w {
			t.Fatalf("forwards %v at %d, want the watchpoint at %d", s.Reason, s.Position, p+1)
		}
	}
	if s := tl.Continue(); s.Reason != ReasonEnd || s.Position != 10 {
		t.Fatalf("%v at %d, want the end at 10", s.Reason, s.Position)
	}
	for i := len(touched) - 1; i >= 0; i-- {
		if s := tl.ReverseContinue(); s.Reason != ReasonWatch || s.Position != touched[i] {
			t.Fatalf("backwards %v at %d, want the watchpoint at %d", s.Reason, s.Position, touched[i])
		}
	}
	if s := tl.ReverseContinue(); s.Reason != ReasonBegin {
		t.Fatalf("%v, want the begin", s.Reason)
	}
}

// TestOperandUnderCalls watches an operand that stays where it is while functions
// call and return above it.
func TestOperandUnderCalls(t *testing.T) {
	h := handmade{funcs: []fn{{}, {body: asm(call, 0)}, {body: asm(constant(5), call, 1, drop)}}}
	p := &program{name: "calls", wasm: h.encode()}
	tl, err := New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Space: SpaceOperand, Func: 2}); err != nil {
		t.Fatal(err)
	}
	if s := tl.Continue(); s.Reason != ReasonWatch || s.Position != 2 {
		t.Fatalf("%v at %d, want the constant to be pushed at 2", s.Reason, s.Position)
	}
	if s := tl.Continue(); s.Reason != ReasonEnd {
		t.Fatalf("%v at %d, want the end", s.Reason, s.Position)
	}
}

func TestOperandAndMemoryAtOnce(t *testing.T) {
	h := handmade{funcs: []fn{{body: asm(constant(64), i32Load, 2, 0, drop)}}, min: 1, max: 1}
	p := &program{name: "load", wasm: h.encode()}
	tl, err := New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	operand := Watch{Kind: wasmvm.WatchWrite, Space: SpaceOperand}
	memory := Watch{Kind: wasmvm.WatchRead, Addr: 66, Len: 1}
	for _, w := range []Watch{memory, operand} {
		if err := tl.InsertWatch(w); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		move func() Stop
		pos  uint64
		want []Watch
	}{
		{tl.Continue, 2, []Watch{operand}},         // the address is pushed
		{tl.Continue, 3, []Watch{memory, operand}}, // and replaced by the zero that is there
		{tl.ReverseStep, 2, []Watch{memory, operand}},
		{tl.ReverseContinue, 1, []Watch{operand}},
	} {
		s := c.move()
		if s.Reason != ReasonWatch || s.Position != c.pos {
			t.Fatalf("%v at %d, want a watchpoint at %d", s.Reason, s.Position, c.pos)
		}
		var got []Watch
		for _, hit := range s.Watches {
			got = append(got, hit.Watch)
		}
		if !slices.Equal(got, c.want) {
			t.Fatalf("at %d the watchpoints %v are hit, want %v", s.Position, got, c.want)
		}
	}
}

// TestManyEarlyHits goes back over a stretch whose many stops are all at its
// beginning.
func TestManyEarlyHits(t *testing.T) {
	h := handmade{funcs: []fn{{locals: 1, body: asm(
		countdown(0, 100, asm(constant(64), localGet, 0, i32Store, 2, 0)),
		countdown(0, 1000, nil))}}, min: 1, max: 1}
	p := &program{name: "early", wasm: h.encode()}
	tl, err := New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tl.setTuning(tuning{interval: 1 << 30, micro: 4, maxCount: 100, manyHits: 20})
	if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 64, Len: 4}); err != nil {
		t.Fatal(err)
	}
	var forwards []uint64
	for s := tl.Continue(); s.Reason == ReasonWatch; s = tl.Continue() {
		forwards = append(forwards, s.Position-1)
	}
	tl, err = New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tl.setTuning(tuning{interval: 1 << 30, micro: 4, maxCount: 100, manyHits: len(forwards) - 1})
	tl.SeekEnd()
	if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 64, Len: 4}); err != nil {
		t.Fatal(err)
	}
	for i := len(forwards) - 1; i >= 0; i-- {
		if s := tl.ReverseContinue(); s.Reason != ReasonWatch || s.Position != forwards[i] {
			t.Fatalf("%v at %d, want the watchpoint at %d", s.Reason, s.Position, forwards[i])
		}
	}
}

func TestSeveralReasonsAtOnce(t *testing.T) {
	p := growing()
	tl, err := New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Every i32.store of the loop touches both watchpoints; a breakpoint sits
	// on it and on the instruction behind it.
	a := Watch{Kind: wasmvm.WatchWrite, Addr: 0, Len: 2}
	b := Watch{Kind: wasmvm.WatchWrite | wasmvm.WatchRead, Addr: 1, Len: 8}
	for _, w := range []Watch{a, b} {
		if err := tl.InsertWatch(w); err != nil {
			t.Fatal(err)
		}
	}
	s := tl.Continue()
	if s.Reason != ReasonWatch || len(s.Watches) != 2 || s.Breakpoint {
		t.Fatalf("%v with %v, want both watchpoints", s.Reason, s.Watches)
	}
	behind := tl.Machine().PC()
	back := tl.ReverseContinue()
	if back.Reason != ReasonWatch || back.Position != s.Position-1 || len(back.Watches) != 2 {
		t.Fatalf("%v at %d with %v, want both watchpoints at %d", back.Reason, back.Position, back.Watches, s.Position-1)
	}
	for _, pc := range []uint32{behind, tl.Machine().PC()} {
		if err := tl.InsertBreakpoint(pc); err != nil {
			t.Fatal(err)
		}
	}
	if s := tl.Continue(); s.Reason != ReasonWatch || len(s.Watches) != 2 || !s.Breakpoint {
		t.Errorf("forwards %v with %v, breakpoint %v: want all three", s.Reason, s.Watches, s.Breakpoint)
	}
	if s := tl.ReverseContinue(); s.Reason != ReasonWatch || len(s.Watches) != 2 || !s.Breakpoint {
		t.Errorf("backwards %v with %v, breakpoint %v: want all three", s.Reason, s.Watches, s.Breakpoint)
	}
	tl.Seek(back.Position - 1)
	if s := tl.Step(); s.Reason != ReasonStep || !s.Breakpoint {
		t.Errorf("a step gave %v, breakpoint %v: want a step that notes the breakpoint", s.Reason, s.Breakpoint)
	}
}

func TestStopsThatMakeNoSense(t *testing.T) {
	tl, err := New(deep(3).machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	inside := tl.Module().Funcs[0].CodeStart + 1
	for _, c := range []struct {
		what string
		err  error
	}{
		{"inside an instruction", tl.InsertBreakpoint(inside)},
		{"no function", tl.InsertBreakpoint(1 << 30)},
		{"at least one byte", tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite})},
		{"at least one byte", tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: ^uint64(0), Len: 2})},
		{"kind", tl.InsertWatch(Watch{Len: 1})},
		{"only writes", tl.InsertWatch(Watch{Kind: wasmvm.WatchRead, Space: SpaceGlobal})},
		{"no global", tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Space: SpaceGlobal, Addr: 99})},
		{"no local", tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Space: SpaceLocal, Addr: 99})},
		{"no function", tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Space: SpaceLocal, Func: 99})},
		{"no activation", tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Space: SpaceLocal, Frame: -1})},
		{"no operand", tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Space: SpaceOperand, Addr: 99})},
		{"no such space", tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Space: 9})},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.what) {
			t.Errorf("error %v, want one with %q", c.err, c.what)
		}
	}
	if s := tl.Continue(); s.Reason != ReasonEnd {
		t.Errorf("%v: a refused stop was set all the same", s.Reason)
	}
	tl.RemoveBreakpoint(12345)
	if err := tl.RemoveWatch(Watch{}); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

// TestConditions goes both ways over a breakpoint in a loop that counts in one
// round of it only.
func TestConditions(t *testing.T) {
	p := loops(2000, 1<<12)
	tl, err := New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tl.Module().Layout(&tl.Module().Funcs[0])
	if err != nil {
		t.Fatal(err)
	}
	pc := l.PCs[len(l.PCs)/2]
	asked := 0
	counter := func(want uint64) func(m *wasmvm.Machine) bool {
		return func(m *wasmvm.Machine) bool {
			asked++
			for _, f := range m.Frames() {
				return m.PC() == pc && f.Local(0) == want
			}
			return false
		}
	}
	tl.SetCondition(pc, counter(3)) // no breakpoint, no condition
	if err := tl.InsertBreakpoint(pc); err != nil {
		t.Fatal(err)
	}
	if s := tl.Continue(); s.Reason != ReasonBreakpoint || asked != 0 {
		t.Fatalf("%v after %d questions, want a breakpoint without a condition", s.Reason, asked)
	}
	tl.SetCondition(pc, counter(500))
	s := tl.Continue()
	if s.Reason != ReasonBreakpoint || !s.Breakpoint || asked < 1500 {
		t.Fatalf("%v after %d questions, want the breakpoint", s.Reason, asked)
	}
	at := s.Position
	if s := tl.Continue(); s.Reason != ReasonEnd {
		t.Fatalf("%v at %d, want the end", s.Reason, s.Position)
	}
	if s := tl.ReverseContinue(); s.Reason != ReasonBreakpoint || s.Position != at {
		t.Fatalf("backwards %v at %d, want the breakpoint at %d", s.Reason, s.Position, at)
	}
	if s := tl.ReverseContinue(); s.Reason != ReasonBegin {
		t.Fatalf("%v at %d, want the begin", s.Reason, s.Position)
	}
	tl.SetCondition(pc, nil)
	if s := tl.Continue(); s.Reason != ReasonBreakpoint || s.Position >= at {
		t.Fatalf("%v at %d, want the breakpoint before %d", s.Reason, s.Position, at)
	}
	tl.SetCondition(pc, counter(0))
	tl.RemoveBreakpoint(pc)
	if err := tl.InsertBreakpoint(pc); err != nil {
		t.Fatal(err)
	}
	if s := tl.Continue(); s.Reason != ReasonBreakpoint {
		t.Fatalf("%v: a condition outlived its breakpoint", s.Reason)
	}
}

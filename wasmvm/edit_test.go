package wasmvm_test

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"wrev/wasmvm"
)

// editable is a program whose functions hold constants in locals over calls, the innermost of which is a tail call: what fast code takes for granted.
var editable = proposalModule{
	{0, "i", func(c *code) { // _start
		c.i32(5)
		c.set(0)
		c.call(1)
		c.store(100, func() { c.i32(1); c.get(0); c.Op(0x6A) })
	}},
	{0, "ii", func(c *code) { // 1
		c.i32(7)
		c.set(1)
		c.i32(20)
		c.i32(30)
		c.call(2)
		c.Op(0x6A)
		c.set(0)
		c.store(104, func() { c.get(0); c.get(1); c.Op(0x6A); c.get(0); c.Op(0x6B) }) // fast code adds a constant
		c.store(108, func() { c.get(0) })
	}},
	{0, "ii", func(c *code) { // 2
		c.count(0, 90, func() {})
		c.OpU(0x12, 3) // return_call
	}},
	{0, "iiii", func(c *code) { // 3
		c.count(3, 90, func() {})
		c.i32(2)
		c.call(4)
		c.Op(0x1A)
	}},
	{2, "", func(c *code) { c.get(0); c.i32(40); c.Op(0x6A) }}, // 4
	{0, "i", func(c *code) { // 5: a try_table that nobody runs into
		c.i32(1)
		c.set(0)
		c.block(0x7F)
		c.try(0, 0, 0)
		c.i32(3)
		c.set(0)
		c.i32(9)
		c.throw()
		c.end()
		c.unreachable()
		c.end()
		c.Op(0x1A)
	}},
}

func newEditable(t *testing.T, mod *wasmvm.Module, tier wasmvm.Tier) *wasmvm.Machine {
	t.Helper()
	vm, err := wasmvm.New(mod, wasmvm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	vm.SetTier(tier)
	return vm
}

func word(vm *wasmvm.Machine, at int) uint32 { return binary.LittleEndian.Uint32(vm.Memory()[at:]) }

// TestEditOfOuterFrames changes locals and operands of waiting activations at every position of a program.
func TestEditOfOuterFrames(t *testing.T) {
	mod, err := wasmvm.Decode(editable.bytes())
	if err != nil {
		t.Fatal(err)
	}
	end := newEditable(t, mod, wasmvm.TierAuto)
	end.Run(1 << 40)
	for p := range end.Position() {
		vm := newEditable(t, mod, wasmvm.TierAuto)
		vm.Run(p)
		depth := vm.Depth()
		edits := []wasmvm.Edit{
			{Kind: wasmvm.EditLocal, Bits: [2]uint64{50}},
			{Kind: wasmvm.EditLocal, Frame: 1, Func: 1, Index: 1, Bits: [2]uint64{70}},
			{Kind: wasmvm.EditOperand, Frame: 1, Func: 1, Index: 1, Bits: [2]uint64{31}},
		}
		for i := range edits {
			if depth < 3 {
				continue // before and after, the locals are set anyway
			}
			if err := vm.ApplyEdit(&edits[i]); err != nil {
				t.Fatalf("position %d: %v", p, err)
			}
		}
		if p%2 == 0 {
			vm.ResetDirty() // the low-water mark is at the innermost frame
		}
		if p%3 == 0 {
			other := newEditable(t, mod, wasmvm.TierAuto)
			handOver(t, vm, other, p%9 == 0)
			vm = other
		}
		vm.Run(1 << 40)
		want := [3]uint32{6, 7, 50}
		if depth >= 3 {
			want = [3]uint32{51, 70, 51}
		}
		if got := [3]uint32{word(vm, 100), word(vm, 104), word(vm, 108)}; got != want || vm.Position() != end.Position() {
			t.Fatalf("position %d: results %d at %d, want %d at %d", p, got, vm.Position(), want, end.Position())
		}
	}
}

// at runs a new machine until an activation of a function is about to execute an opcode.
func at(t *testing.T, mod *wasmvm.Module, tier wasmvm.Tier, fn uint32, op wasmvm.Opcode) *wasmvm.Machine {
	t.Helper()
	vm := newEditable(t, mod, tier)
	if err := vm.SetBreakpoint(pcOf(t, mod, fn, op)); err != nil {
		t.Fatal(err)
	}
	if s := vm.Run(1 << 40); s.Reason != wasmvm.StopBreakpoint {
		t.Fatalf("function %d, %v: %v", fn, op, s.Reason)
	}
	return vm
}

// pcOf is the first place of an opcode in a function.
func pcOf(t *testing.T, mod *wasmvm.Module, fn uint32, op wasmvm.Opcode) uint32 {
	t.Helper()
	l, err := mod.Layout(&mod.Funcs[fn])
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range l.Ops {
		if o == op {
			return l.PCs[i]
		}
	}
	t.Fatalf("function %d has no %v", fn, op)
	return 0
}

// TestEditReturn leaves several activations at once.
func TestEditReturn(t *testing.T) {
	mod, err := wasmvm.Decode(editable.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
		vm := at(t, mod, tier, 4, wasmvm.OpEnd)
		p := vm.Position()
		if err := vm.ApplyEdit(&wasmvm.Edit{Kind: wasmvm.EditReturn, Frame: 3, Func: 4, Values: []uint64{77}}); err != nil {
			t.Fatal(err)
		}
		if f := outermostFirst(vm); len(f) != 3 || f[2].NumOperands() != 1 || f[2].Operand(0) != 77 || vm.Position() != p {
			t.Fatalf("after a return: %v", stateOf(vm))
		}
		if err := vm.ApplyEdit(&wasmvm.Edit{Kind: wasmvm.EditReturn, Frame: 1, Func: 1}); err != nil {
			t.Fatal(err)
		}
		if vm.Run(1 << 40); word(vm, 100) != 6 || word(vm, 104) != 0 {
			t.Errorf("after returning from function 1: %d and %d", word(vm, 100), word(vm, 104))
		}
	}
}

// TestEditPCIntoTry jumps into a try_table's body: what locals are then is what they get back when it catches.
func TestEditPCIntoTry(t *testing.T) {
	program := append(proposalModule{}, editable...)
	program[4] = proposalFunc{2, "", func(c *code) { c.call(5); c.get(0) }}
	mod, err := wasmvm.Decode(program.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
		vm := at(t, mod, tier, 5, wasmvm.OpBlock)
		frame, fn := vm.Depth()-1, vm.Func().Index
		into := pcOf(t, mod, 5, wasmvm.OpThrow) - 6 // i32.const 3
		for _, e := range []wasmvm.Edit{
			{Kind: wasmvm.EditLocal, Frame: frame, Func: fn, Bits: [2]uint64{11}},
			{Kind: wasmvm.EditPC, Frame: frame, Func: fn, PC: into},
		} {
			if err := vm.ApplyEdit(&e); err != nil {
				t.Fatal(err)
			}
		}
		vm.ClearBreakpoints()
		if vm.Run(vm.Position() + 4); vm.Func().Index != fn || outermostFirst(vm)[frame].Local(0) != 11 || outermostFirst(vm)[frame].Operand(0) != 9 {
			t.Errorf("after the exception: %v", stateOf(vm))
		}
		end := pcOf(t, mod, 5, wasmvm.OpThrow)
		if err := vm.ApplyEdit(&wasmvm.Edit{Kind: wasmvm.EditPC, Frame: frame, Func: fn, PC: end}); err != nil {
			t.Errorf("back into the try_table with the operand that is needed: %v", err)
		}
	}
}

// TestRefusedEdits checks that what makes no sense is refused with a reason, and changes nothing.
func TestRefusedEdits(t *testing.T) {
	mod, err := wasmvm.Decode(editable.bytes())
	if err != nil {
		t.Fatal(err)
	}
	vm := at(t, mod, wasmvm.TierAuto, 4, wasmvm.OpEnd)
	before := vm.Digest()
	for _, c := range []struct {
		edit wasmvm.Edit
		want string
	}{
		{wasmvm.Edit{}, "no such kind"},
		{wasmvm.Edit{Kind: 99}, "no such kind"},
		{wasmvm.Edit{Kind: wasmvm.EditMemory, Addr: 65530, Data: make([]byte, 7)}, "outside the memory of 65536 bytes"},
		{wasmvm.Edit{Kind: wasmvm.EditMemory, Addr: 1 << 63, Data: make([]byte, 7)}, "outside the memory"},
		{wasmvm.Edit{Kind: wasmvm.EditMemory}, "no bytes"},
		{wasmvm.Edit{Kind: wasmvm.EditGlobal, Index: 2}, "2 globals"},
		{wasmvm.Edit{Kind: wasmvm.EditGlobal, Index: 1, Bits: [2]uint64{1 << 32}}, "is no i32"},
		{wasmvm.Edit{Kind: wasmvm.EditLocal, Frame: 4}, "4 activations"},
		{wasmvm.Edit{Kind: wasmvm.EditLocal, Frame: -1}, "4 activations"},
		{wasmvm.Edit{Kind: wasmvm.EditLocal, Frame: 1}, "of function 1, not 0"},
		{wasmvm.Edit{Kind: wasmvm.EditLocal, Frame: 1, Func: 1, Index: 2}, "2 locals"},
		{wasmvm.Edit{Kind: wasmvm.EditLocal, Frame: 1, Func: 1, Bits: [2]uint64{1 << 40}}, "is no i32"},
		{wasmvm.Edit{Kind: wasmvm.EditLocal, Frame: 1, Func: 1, Bits: [2]uint64{1, 1}}, "does not fit an i32"},
		{wasmvm.Edit{Kind: wasmvm.EditOperand, Frame: 2, Func: 3, Index: 0}, "0 operands"},
		{wasmvm.Edit{Kind: wasmvm.EditPC, Frame: 2, Func: 3, PC: pcOf(t, mod, 3, wasmvm.OpLoop)}, "only the innermost"},
		{wasmvm.Edit{Kind: wasmvm.EditPC, Frame: 3, Func: 4, PC: pcOf(t, mod, 3, wasmvm.OpLoop)}, "no instruction of function 4"},
		{wasmvm.Edit{Kind: wasmvm.EditPC, Frame: 3, Func: 4, PC: pcOf(t, mod, 4, wasmvm.OpEnd) - 1}, "expects the operands (i32 i32), here are (i32)"},
		{wasmvm.Edit{Kind: wasmvm.EditReturn, Frame: 3, Func: 4}, "returns (i32), which is 1 values and not 0"},
		{wasmvm.Edit{Kind: wasmvm.EditReturn, Frame: 3, Func: 4, Values: []uint64{1 << 32}}, "is no i32"},
		{wasmvm.Edit{Kind: wasmvm.EditReturn}, "no caller"},
	} {
		if err := vm.ApplyEdit(&c.edit); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", &c.edit, err, c.want)
		}
		if vm.Digest() != before {
			t.Fatalf("%v: refused, but it changed the state", &c.edit)
		}
	}
}

// TestEditText checks the form that recordings keep, and what people read.
func TestEditText(t *testing.T) {
	for _, c := range []struct {
		edit       wasmvm.Edit
		json, text string
	}{
		{wasmvm.Edit{Kind: wasmvm.EditMemory, Addr: 4096, Data: []byte{1, 255}}, `{"kind":"memory","addr":4096,"data":"Af8="}`, "memory 0x1000 = 01 ff"},
		{wasmvm.Edit{Kind: wasmvm.EditMemory, Data: make([]byte, 17)}, `{"kind":"memory","data":"AAAAAAAAAAAAAAAAAAAAAAA="}`, "memory 0x0 = 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ... (17 bytes)"},
		{wasmvm.Edit{Kind: wasmvm.EditLocal, Frame: 2, Func: 7, Index: 3, Bits: [2]uint64{5}}, `{"kind":"local","frame":2,"func":7,"index":3,"bits":[5,0]}`, "local 3 of frame 2 = 5"},
		{wasmvm.Edit{Kind: wasmvm.EditOperand, Bits: [2]uint64{1, 2}}, `{"kind":"operand","bits":[1,2]}`, "operand 0 of frame 0 = 0x20000000000000001"},
		{wasmvm.Edit{Kind: wasmvm.EditGlobal, Index: 1}, `{"kind":"global","index":1}`, "global 1 = 0"},
		{wasmvm.Edit{Kind: wasmvm.EditPC, PC: 0x123}, `{"kind":"pc","pc":291}`, "pc = 0x123"},
		{wasmvm.Edit{Kind: wasmvm.EditReturn, Frame: 1, Values: []uint64{4, 5}}, `{"kind":"return","frame":1,"values":[4,5]}`, "return from frame 1 4 5"},
	} {
		b, err := json.Marshal(c.edit)
		var back wasmvm.Edit
		if err != nil || string(b) != c.json || json.Unmarshal(b, &back) != nil || back.String() != c.text {
			t.Errorf("%s, %v; back it is %v, want %s, %q", b, err, &back, c.json, c.text)
		}
	}
	if _, err := json.Marshal(wasmvm.Edit{}); err == nil {
		t.Error("an edit of no kind was written")
	}
	if err := json.Unmarshal([]byte(`{"kind":"spell"}`), new(wasmvm.Edit)); err == nil {
		t.Error("an edit of an unknown kind was read")
	}
}

package wasmvm_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// flow is a model of control flow that is independent of the engine: it knows only
// the layout of functions and the rules of positions, and says which instruction
// may come after which.
type flow struct {
	mod     *wasmvm.Module
	layouts map[uint32]*funcFlow
	stack   []place // call instructions, outermost first
}

// place is an instruction of a function.
type place struct {
	fn *funcFlow
	i  int
}

// funcFlow is one function's structure by instruction index.
type funcFlow struct {
	*wasmvm.Layout
	fn     *wasmvm.Func
	ends   map[int]int   // block, loop, if, else to their end
	elses  map[int]int   // if to its else
	labels map[int][]int // branch to the openers that enclose it, outermost first; -1 is the function
}

func newFlow(mod *wasmvm.Module) *flow {
	return &flow{mod: mod, layouts: map[uint32]*funcFlow{}}
}

func (f *flow) function(fn *wasmvm.Func) (*funcFlow, error) {
	if ff := f.layouts[fn.Index]; ff != nil {
		return ff, nil
	}
	l, err := f.mod.Layout(fn)
	if err != nil {
		return nil, err
	}
	ff := &funcFlow{Layout: l, fn: fn, ends: map[int]int{}, elses: map[int]int{}, labels: map[int][]int{}}
	open := []int{-1}
	for i := 1; i < len(l.Ops); i++ {
		top := open[len(open)-1]
		switch l.Ops[i] {
		case wasmvm.OpBlock, wasmvm.OpLoop, wasmvm.OpIf, wasmvm.OpTryTable:
			ff.labels[i] = slices.Clone(open) // a try_table branches too
			open = append(open, i)
		case wasmvm.OpElse:
			ff.elses[top] = i
		case wasmvm.OpEnd:
			ff.ends[top] = i
			if e, ok := ff.elses[top]; ok {
				ff.ends[e] = i
			}
			open = open[:len(open)-1]
		case wasmvm.OpBr, wasmvm.OpBrIf, wasmvm.OpBrTable, wasmvm.OpBrOnNull, wasmvm.OpBrOnNonNull:
			ff.labels[i] = slices.Clone(open)
		}
	}
	f.layouts[fn.Index] = ff
	return ff, nil
}

// target is where a branch at instruction i lands.
func (ff *funcFlow) target(i int, label uint64) int {
	open := ff.labels[i]
	t := open[len(open)-1-int(label)]
	if t >= 0 && ff.Ops[t] == wasmvm.OpLoop {
		return t
	}
	return ff.ends[t]
}

// immediates reads n unsigned immediates of instruction i.
func (f *flow) immediates(ff *funcFlow, i, n int) []uint64 {
	b := f.mod.Bytes[f.mod.CodeOffset+ff.PCs[i]+1:]
	var list []uint64
	for range n {
		v, k := binary.Uvarint(b)
		list = append(list, v)
		b = b[k:]
	}
	return list
}

// locate finds the instruction at pc.
func (f *flow) locate(pc uint32) (place, error) {
	fn := f.mod.FuncAt(pc)
	if fn == nil {
		return place{}, fmt.Errorf("pc %#x is in no function", pc)
	}
	ff, err := f.function(fn)
	if err != nil {
		return place{}, err
	}
	i, ok := ff.Index(pc)
	if !ok {
		return place{}, fmt.Errorf("pc %#x is no instruction of function %d", pc, fn.Index)
	}
	return place{ff, i}, nil
}

// step checks that the instruction at pc may be followed by the one at next, and
// follows calls and returns.
func (f *flow) step(pc, next uint32) error {
	at, err := f.locate(pc)
	if err != nil {
		return err
	}
	to, err := f.locate(next)
	if err != nil {
		return err
	}
	op := at.fn.Ops[at.i]
	switch {
	case op == wasmvm.OpReturn, op == wasmvm.OpEnd && at.i == len(at.fn.Ops)-1:
		return f.leave(to)
	case op == wasmvm.OpThrow || op == wasmvm.OpThrowRef:
		return f.unwind(at, to)
	case isCallOp(op):
		if f.mayEnter(at, to) {
			if !isTailCallOp(op) {
				f.stack = append(f.stack, at)
			}
			return nil
		}
		if byIndex(op) && f.mod.ImportedFunc(uint32(f.immediates(at.fn, at.i, 1)[0])) == nil {
			return fmt.Errorf("a call at %#x goes to %#x", pc, next)
		}
	}
	if to.fn != at.fn || !slices.Contains(f.successors(at), to.i) {
		return fmt.Errorf("%v at %#x of function %d is followed by %#x", op, pc, at.fn.fn.Index, next)
	}
	return nil
}

// isCallOp says whether an opcode calls a function.
func isCallOp(op wasmvm.Opcode) bool {
	return op == wasmvm.OpCall || op == wasmvm.OpCallIndirect || op == wasmvm.OpCallRef || isTailCallOp(op)
}

// isTailCallOp says whether an opcode puts the callee's frame in the place of its own.
func isTailCallOp(op wasmvm.Opcode) bool {
	return op == wasmvm.OpReturnCall || op == wasmvm.OpReturnCallIndirect || op == wasmvm.OpReturnCallRef
}

// byIndex says whether the call's immediate is the function.
func byIndex(op wasmvm.Opcode) bool {
	return op == wasmvm.OpCall || op == wasmvm.OpReturnCall
}

// mayEnter says whether to is the entry of a function that a call may go to.
func (f *flow) mayEnter(at, to place) bool {
	imm := f.immediates(at.fn, at.i, 1)[0]
	if to.i != 0 {
		return false
	}
	if byIndex(at.fn.Ops[at.i]) {
		return uint64(to.fn.fn.Index) == imm
	}
	want, got := f.mod.Types[imm], to.fn.fn.Type
	return slices.Equal(want.Params, got.Params) && slices.Equal(want.Results, got.Results)
}

// leave checks a return: to the instruction after the call, or to the next entry function.
func (f *flow) leave(to place) error {
	if len(f.stack) == 0 {
		if to.i != 0 {
			return fmt.Errorf("an entry function is followed by instruction %d of function %d", to.i, to.fn.fn.Index)
		}
		return nil
	}
	caller := f.stack[len(f.stack)-1]
	f.stack = f.stack[:len(f.stack)-1]
	if to.fn != caller.fn || to.i != caller.i+1 {
		return fmt.Errorf("return to instruction %d of function %d; the call was instruction %d of function %d", to.i, to.fn.fn.Index, caller.i, caller.fn.fn.Index)
	}
	return nil
}

// unwind checks that an exception thrown at a place may be caught at another one: by
// a clause of a try_table around it, or around a call that waits.
func (f *flow) unwind(at, to place) error {
	thrown := at
	for n := len(f.stack); ; n-- {
		if at.fn == to.fn && slices.Contains(f.handlers(at), to.i) {
			f.stack = f.stack[:n]
			return nil
		}
		if n == 0 {
			return fmt.Errorf("the exception thrown at %#x is caught at %#x", thrown.fn.PCs[thrown.i], to.fn.PCs[to.i])
		}
		at = f.stack[n-1]
	}
}

// handlers lists where the clauses of all try_tables around a place lead to.
func (f *flow) handlers(at place) []int {
	var list []int
	for i, op := range at.fn.Ops[:at.i] {
		if op == wasmvm.OpTryTable && at.i < at.fn.ends[i] {
			for _, label := range f.clauseLabels(at.fn, i) {
				list = append(list, at.fn.target(i, label))
			}
		}
	}
	return list
}

// clauseLabels reads the labels of the clauses of the try_table at instruction i.
func (f *flow) clauseLabels(ff *funcFlow, i int) []uint64 {
	b := f.mod.Bytes[f.mod.CodeOffset+ff.PCs[i]+1:]
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		b = b[n:]
		return v
	}
	if typ := next(); typ == 0x63 || typ == 0x64 { // a reference to functions of one type
		next()
	}
	labels := make([]uint64, next())
	for k := range labels {
		if next() < 2 { // not one that catches all
			next()
		}
		labels[k] = next()
	}
	return labels
}

// successors lists the instructions of the same function that may follow.
func (f *flow) successors(at place) []int {
	ff, i := at.fn, at.i
	switch ff.Ops[i] {
	case wasmvm.OpBr:
		return []int{ff.target(i, f.immediates(ff, i, 1)[0])}
	case wasmvm.OpBrIf, wasmvm.OpBrOnNull, wasmvm.OpBrOnNonNull:
		return []int{i + 1, ff.target(i, f.immediates(ff, i, 1)[0])}
	case wasmvm.OpBrTable:
		n := f.immediates(ff, i, 1)[0]
		var list []int
		for _, label := range f.immediates(ff, i, int(n)+2)[1:] {
			list = append(list, ff.target(i, label))
		}
		return list
	case wasmvm.OpIf:
		if e, ok := ff.elses[i]; ok {
			return []int{i + 1, e + 1}
		}
		return []int{i + 1, ff.ends[i]}
	case wasmvm.OpElse:
		return []int{ff.ends[i]}
	case wasmvm.OpUnreachable:
		return nil
	case wasmvm.OpReturnCall, wasmvm.OpReturnCallIndirect, wasmvm.OpReturnCallRef: // of an import
		return []int{len(ff.Ops) - 1}
	}
	return []int{i + 1}
}

// checkFrames compares the machine's frames with the calls that the model followed.
func (f *flow) checkFrames(vm *wasmvm.Machine) error {
	if vm.Depth() != len(f.stack)+1 {
		return fmt.Errorf("depth %d, should be %d", vm.Depth(), len(f.stack)+1)
	}
	for n, frame := range vm.Frames() {
		if n == 0 {
			at, err := f.locate(vm.PC())
			if err != nil {
				return err
			}
			if frame.PC() != vm.PC() || frame.Func() != vm.Func() {
				return fmt.Errorf("frame 0 is at %#x, the machine at %#x", frame.PC(), vm.PC())
			}
			if want := len(f.mod.OperandTypes(at.fn.fn, at.i)); frame.NumOperands() != want {
				return fmt.Errorf("frame 0 has %d operands, should have %d", frame.NumOperands(), want)
			}
			continue
		}
		call := f.stack[len(f.stack)-n]
		if want := f.operandsBelow(call); frame.NumOperands() != want {
			return fmt.Errorf("frame %d has %d operands, should have %d", n, frame.NumOperands(), want)
		}
		if frame.CallPC() != call.fn.PCs[call.i] || frame.PC() != call.fn.PCs[call.i+1] || frame.Func() != call.fn.fn {
			return fmt.Errorf("frame %d calls at %#x and returns to %#x", n, frame.CallPC(), frame.PC())
		}
	}
	return nil
}

// operandsBelow is the number of operands that a call leaves on the stack.
func (f *flow) operandsBelow(call place) int {
	n := len(f.mod.OperandTypes(call.fn.fn, call.i))
	imm := f.immediates(call.fn, call.i, 1)[0]
	if call.fn.Ops[call.i] == wasmvm.OpCall {
		return n - len(f.mod.FuncType(uint32(imm)).Params)
	}
	return n - 1 - len(f.mod.Types[imm].Params)
}

// TestRandomFlow steps through random modules and checks every pair of neighbouring
// positions, and all frames now and then, against the model.
func TestRandomFlow(t *testing.T) {
	for seed := range uint64(150) {
		o := options(seed)
		o.Fuel = 20
		m := randmod.Generate(seed, o)
		vm, _ := newRandom(t, m, wasmvm.TierAuto)
		f := newFlow(vm.Module())
		for steps := 0; steps < 5000; steps++ {
			pc := vm.PC()
			if s := vm.Run(vm.Position() + 1); s.Reason != wasmvm.StopLimit {
				break
			}
			err := f.step(pc, vm.PC())
			if err == nil && steps%16 == 0 {
				err = f.checkFrames(vm)
			}
			if err != nil {
				t.Fatalf("seed %d, position %d: %v", seed, vm.Position(), err)
			}
		}
	}
}

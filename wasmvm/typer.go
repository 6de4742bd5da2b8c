package wasmvm

import (
	"errors"
	"fmt"
)

// typer follows the types of the operand stack through a function body, instruction by instruction. It is the part of validation that the
// lowerings and the debugger need; being cautious rather than complete, it errs on bodies that would make it read outside its stacks.
type typer struct {
	m     *Module
	fn    *Func
	stack []ValType
	ctrl  []ctrlFrame
	dead  bool // the current instruction cannot be reached

	offs  []int // offs[j] is the slot offset of operand j, for j <= known
	known int

	revived bool // the current instruction, an end, is reached by branches only
}

// ctrlFrame is one entered block, loop, if or (outermost) function body.
type ctrlFrame struct {
	op              Opcode // OpBlock, OpLoop, OpIf, OpElse; OpEnter for the function itself
	params, results []ValType
	height          int  // of the operand stack below the parameters
	targeted        bool // a reachable branch leads to its end
	deadEntry       bool // the block itself cannot be reached
}

// labelTypes are the types a branch to the frame's label carries.
func (c *ctrlFrame) labelTypes() []ValType {
	if c.op == OpLoop {
		return c.params
	}
	return c.results
}

var (
	errUnderflow = errors.New("operand stack underflow")
	errNesting   = errors.New("blocks are not nested properly")
)

func newTyper(m *Module, fn *Func) *typer {
	t := &typer{m: m, fn: fn, offs: []int{0}}
	t.ctrl = append(t.ctrl, ctrlFrame{op: OpEnter, results: fn.Type.Results})
	return t
}

func (t *typer) top() *ctrlFrame { return &t.ctrl[len(t.ctrl)-1] }

// label returns the frame that a branch to label depth n leads to.
func (t *typer) label(n uint32) (*ctrlFrame, error) {
	if uint64(n) >= uint64(len(t.ctrl)) {
		return nil, fmt.Errorf("label %d does not exist", n)
	}
	return &t.ctrl[len(t.ctrl)-1-int(n)], nil
}

func (t *typer) pop(n int) error {
	if len(t.stack)-n < t.top().height {
		return errUnderflow
	}
	t.cut(len(t.stack) - n)
	return nil
}

var errWidth = errors.New("an operand has another size than its use")

// popTypes takes operands of the given types off the stack. Of the types it checks what the lowerings count with, the number of slots.
func (t *typer) popTypes(ts []ValType) error {
	if err := t.holds(ts); err != nil {
		return err
	}
	t.cut(len(t.stack) - len(ts))
	return nil
}

// holds checks that the operands on top of the stack have the size of the given types.
func (t *typer) holds(ts []ValType) error {
	n := len(t.stack) - len(ts)
	if n < t.top().height {
		return errUnderflow
	}
	for i, want := range ts {
		if t.stack[n+i].Slots() != want.Slots() {
			return errWidth
		}
	}
	return nil
}

// cut takes operands off the stack until n are left.
func (t *typer) cut(n int) {
	t.stack = t.stack[:n]
	t.known = min(t.known, n)
}

// offset is the slot of operand j, or of the next one to be pushed, counted from the first operand's.
func (t *typer) offset(j int) int {
	for ; t.known < j; t.known++ {
		t.offs = append(t.offs[:t.known+1], t.offs[t.known]+t.stack[t.known].Slots())
	}
	return t.offs[j]
}

func (t *typer) push(ts ...ValType) { t.stack = append(t.stack, ts...) }

// before prepares the stack for what is true before in is executed: an end or else that only branches reach has the block's results.
// It must be called before apply; it reports whether in can be reached.
func (t *typer) before(in *instr) bool {
	t.revived = false
	if c := t.top(); in.op == OpEnd && t.dead && !c.deadEntry && (c.targeted || c.op == OpIf) {
		t.cut(c.height)
		t.push(c.results...)
		t.dead, t.revived = false, true
	}
	return !t.dead
}

// apply executes in on the stack of types. In dead code only the nesting is followed.
func (t *typer) apply(in *instr) error {
	switch in.op {
	case OpBlock, OpLoop, OpIf, OpTryTable:
		return t.enter(in)
	case OpElse:
		c := t.top()
		if c.op != OpIf {
			return errNesting
		}
		c.op = OpElse
		if !t.dead {
			c.targeted = true
		}
		t.dead = c.deadEntry
		t.cut(c.height)
		t.push(c.params...)
		return nil
	case OpEnd:
		c := t.top()
		if t.dead {
			t.cut(c.height)
		} else if len(t.stack) != c.height+len(c.results) {
			return fmt.Errorf("%d operands at the end of a block with %d results", len(t.stack)-c.height, len(c.results))
		} else if err := t.holds(c.results); err != nil {
			return err
		}
		t.ctrl = t.ctrl[:len(t.ctrl)-1]
		return nil
	}
	if t.dead {
		return nil
	}
	if sig := in.def.sig; sig != "" {
		return t.applySig(sig)
	}
	return t.applySpecial(in)
}

func (t *typer) enter(in *instr) error {
	c := ctrlFrame{op: in.op, deadEntry: t.dead, height: len(t.stack)}
	if !t.dead {
		var err error
		if c.params, c.results, err = t.m.blockType(in.block); err != nil {
			return err
		}
		if in.op == OpTryTable {
			if err := t.catch(in); err != nil {
				return err
			}
		}
		if in.op == OpIf {
			if err := t.pop(1); err != nil {
				return err
			}
		}
		if err := t.popTypes(c.params); err != nil {
			return err
		}
		c.height = len(t.stack)
		t.push(c.params...)
	}
	t.ctrl = append(t.ctrl, c)
	return nil
}

func (t *typer) applySig(sig string) error {
	n := 0
	for sig[n] != ':' {
		n++
	}
	if err := t.pop(n); err != nil {
		return err
	}
	for i, c := range []byte(sig[:n]) {
		if t.stack[len(t.stack):][:n][i].Slots() != sigType(c).Slots() {
			return errWidth
		}
	}
	for _, c := range []byte(sig[n+1:]) {
		t.push(sigType(c))
	}
	return nil
}

func (t *typer) branch(label uint32) error {
	c, err := t.label(label)
	if err != nil {
		return err
	}
	c.targeted = c.op != OpLoop
	return t.holds(c.labelTypes())
}

func (t *typer) applySpecial(in *instr) error {
	switch in.op {
	case OpUnreachable:
		t.dead = true
	case OpNop:
	case OpBr:
		t.dead = true
		return t.branch(in.a)
	case OpBrIf:
		if err := t.pop(1); err != nil {
			return err
		}
		return t.branch(in.a)
	case OpBrTable:
		if err := t.pop(1); err != nil {
			return err
		}
		for _, l := range in.targets {
			if err := t.branch(l); err != nil {
				return err
			}
		}
		t.dead = true
	case OpReturn:
		t.dead = true
		return t.holds(t.fn.Type.Results)
	case OpCall, OpCallIndirect, OpCallRef:
		return t.call(in)
	case OpThrow, OpThrowRef:
		return t.throw(in)
	case OpReturnCall, OpReturnCallIndirect, OpReturnCallRef:
		return t.tailCall(in)
	case OpRefAsNonNull, OpBrOnNull, OpBrOnNonNull:
		return t.refOp(in)
	case OpDrop:
		return t.pop(1)
	case OpSelect, OpSelectT:
		s := t.stack
		if err := t.pop(3); err != nil {
			return err
		}
		if s[len(s)-3].Slots() != s[len(s)-2].Slots() {
			return errWidth
		}
		typ := s[len(s)-3]
		if in.op == OpSelectT && in.types[0].Slots() == typ.Slots() {
			typ = in.types[0]
		}
		t.push(typ)
	case OpLocalGet, OpLocalSet, OpLocalTee:
		if int64(in.a) >= int64(len(t.fn.Locals)) {
			return fmt.Errorf("local %d does not exist", in.a)
		}
		if in.op != OpLocalGet {
			if err := t.popTypes(t.fn.Locals[in.a : in.a+1]); err != nil {
				return err
			}
		}
		if in.op != OpLocalSet {
			t.push(t.fn.Locals[in.a])
		}
	case OpGlobalGet, OpGlobalSet:
		if int64(in.a) >= int64(len(t.m.Globals)) {
			return fmt.Errorf("global %d does not exist", in.a)
		}
		if in.op == OpGlobalSet {
			return t.popTypes([]ValType{t.m.Globals[in.a].Type})
		}
		t.push(t.m.Globals[in.a].Type)
	case OpTableGet, OpTableSet, OpTableGrow, OpTableFill:
		return t.tableOp(in)
	case OpRefNull:
		t.push(in.types...)
	case OpRefFunc:
		t.push(FuncRef | nonNullable)
	case OpRefIsNull:
		if err := t.pop(1); err != nil {
			return err
		}
		t.push(I32)
	default:
		return fmt.Errorf("%v is not supported", in.op)
	}
	return nil
}

func (t *typer) call(in *instr) error {
	ft, err := t.calleeType(in)
	if err == nil {
		t.push(ft.Results...)
	}
	return err
}

// calleeType is the type of the function that in calls; its arguments, and the operand that names it, are popped.
func (t *typer) calleeType(in *instr) (*FuncType, error) {
	var ft *FuncType
	if in.op == OpCall || in.op == OpReturnCall {
		ft = t.m.FuncType(in.a)
	} else {
		indirect := in.op == OpCallIndirect || in.op == OpReturnCallIndirect
		if indirect && int64(in.b) >= int64(len(t.m.Tables)) {
			return nil, fmt.Errorf("table %d does not exist", in.b)
		}
		if int64(in.a) < int64(len(t.m.Types)) {
			ft = &t.m.Types[in.a]
		}
		if err := t.pop(1); err != nil {
			return nil, err
		}
	}
	if ft == nil {
		return nil, fmt.Errorf("%v: function or type %d does not exist", in.op, in.a)
	}
	return ft, t.popTypes(ft.Params)
}

func (t *typer) tableOp(in *instr) error {
	if int64(in.a) >= int64(len(t.m.Tables)) {
		return fmt.Errorf("table %d does not exist", in.a)
	}
	elem := t.m.Tables[in.a].Elem
	switch in.op {
	case OpTableGet:
		if err := t.pop(1); err != nil {
			return err
		}
		t.push(elem)
	case OpTableSet:
		return t.pop(2)
	case OpTableGrow:
		if err := t.pop(2); err != nil {
			return err
		}
		t.push(I32)
	case OpTableFill:
		return t.pop(3)
	}
	return nil
}

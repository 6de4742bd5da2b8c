package agentexpr

import (
	"errors"
	"fmt"
)

// Bounds on expressions. gdb's are tens of bytes.
const (
	// MaxLength is the longest expression in bytes: jumps have 16 bits.
	MaxLength = 1 << 16
	// maxStack is how many values the stack has room for, as gdbserver's.
	maxStack = 100
	// maxSteps is how many operations one evaluation may execute.
	maxSteps = 1 << 16
)

// Expr is an expression that was checked. It is immutable.
type Expr struct {
	code     []instr
	relative bool
}

// instr is an operation with its operand. goto and if_goto have the index of the
// operation to go to as their operand.
type instr struct {
	op  Op
	arg uint64
}

// Parse checks an expression: that it has only operations that can be evaluated,
// none cut off, and jumps to operations only.
func Parse(code []byte) (*Expr, error) {
	if len(code) == 0 {
		return nil, errors.New("the agent expression is empty")
	}
	if len(code) > MaxLength {
		return nil, fmt.Errorf("the agent expression has %d bytes, more than the %d that it can address", len(code), MaxLength)
	}
	e := &Expr{code: make([]instr, 0, len(code))}
	index := make([]int32, len(code)) // of the operation at each offset, plus 1
	for at := 0; at < len(code); {
		op := Op(code[at])
		info := &ops[op]
		if !info.supported {
			return nil, fmt.Errorf("the agent expression has %v at offset %d, which cannot be evaluated", op, at)
		}
		next := at + 1 + int(info.operand)
		if next > len(code) {
			return nil, fmt.Errorf("the agent expression ends in the operand of %v at offset %d", op, at)
		}
		in := instr{op: op}
		for _, b := range code[at+1 : next] {
			in.arg = in.arg<<8 | uint64(b)
		}
		e.code = append(e.code, in)
		index[at] = int32(len(e.code))
		at = next
	}
	for i := range e.code {
		in := &e.code[i]
		if in.op != OpGoto && in.op != OpIfGoto {
			continue
		}
		if in.arg >= uint64(len(code)) || index[in.arg] == 0 {
			return nil, fmt.Errorf("the agent expression jumps to offset %d, where no operation begins", in.arg)
		}
		in.arg = uint64(index[in.arg] - 1)
	}
	e.relative = relative(e.code)
	return e, nil
}

package agentexpr

import (
	"errors"
	"fmt"
)

// Access is how expressions read a program that is at state C. Its methods are
// called many times and should be quick; for parallel evaluation they have to be
// safe for concurrent use.
type Access[C any] interface {
	// Register returns the value of gdb's register n, without its sign.
	Register(state C, n int) (uint64, error)
	// Load returns the number of size bytes, 1, 2, 4 or 8, at addr. near says
	// of a Relative expression that addr is derived from the frame's address.
	Load(state C, addr uint64, size int, near bool) (uint64, error)
}

// Errors of evaluations.
var (
	ErrDivision  = errors.New("the agent expression divides by zero")
	ErrSteps     = fmt.Errorf("the agent expression has not ended after %d operations", maxSteps)
	ErrOverflow  = fmt.Errorf("the agent expression needs a stack of more than %d values", maxStack)
	ErrUnderflow = errors.New("the agent expression takes more values from the stack than are there")
	ErrNoEnd     = errors.New("the agent expression does not end with the operation end")
)

// Eval returns the value of an expression, with a program at a state. An error
// of the access ends it.
func Eval[C any](e *Expr, access Access[C], state C) (uint64, error) {
	var v vm
	for pc, steps := 0, 0; pc < len(e.code); steps++ {
		if steps == maxSteps {
			return 0, ErrSteps
		}
		in := &e.code[pc]
		info := &ops[in.op]
		if v.sp < int(info.pops) {
			return 0, ErrUnderflow
		}
		if v.sp-int(info.pops)+int(info.pushes) > maxStack {
			return 0, ErrOverflow
		}
		pc++
		switch in.op {
		case OpEnd:
			return v.stack[v.sp-1], nil
		case OpGoto:
			pc = int(in.arg)
		case OpIfGoto:
			if v.pop() != 0 {
				pc = int(in.arg)
			}
		case OpReg:
			x, err := access.Register(state, int(in.arg))
			if err != nil {
				return 0, err
			}
			v.push(x)
		case OpRef8, OpRef16, OpRef32, OpRef64:
			x, err := access.Load(state, v.pop(), 1<<(in.op-OpRef8), in.arg == nearFrame)
			if err != nil {
				return 0, err
			}
			v.push(x)
		default:
			if err := v.compute(in); err != nil {
				return 0, err
			}
		}
	}
	return 0, ErrNoEnd
}

// vm is the stack of an evaluation. That it holds what an operation takes and
// has room for what it leaves is checked before each.
type vm struct {
	sp    int
	stack [maxStack]uint64
}

func (v *vm) push(x uint64) {
	v.stack[v.sp] = x
	v.sp++
}

func (v *vm) pop() uint64 {
	v.sp--
	return v.stack[v.sp]
}

// compute executes an operation on the stack alone.
func (v *vm) compute(in *instr) error {
	s := v.stack[:v.sp]
	n := len(s)
	switch in.op {
	case OpConst8, OpConst16, OpConst32, OpConst64:
		v.push(in.arg)
	case OpLogNot:
		s[n-1] = truth(s[n-1] == 0)
	case OpBitNot:
		s[n-1] = ^s[n-1]
	case OpExt:
		s[n-1] = signExtend(s[n-1], in.arg)
	case OpZeroExt:
		if in.arg < 64 {
			s[n-1] &= 1<<in.arg - 1
		}
	case OpDup:
		v.push(s[n-1])
	case OpPop:
		v.sp--
	case OpSwap:
		s[n-1], s[n-2] = s[n-2], s[n-1]
	case OpPick:
		if in.arg >= uint64(n) {
			return ErrUnderflow
		}
		v.push(s[n-1-int(in.arg)])
	case OpRot:
		// The top value goes below the two others.
		s[n-3], s[n-2], s[n-1] = s[n-1], s[n-3], s[n-2]
	case OpTraceQuick, OpTrace16, OpTracev:
	case OpTrace, OpTracenz:
		v.sp -= 2
	default:
		x, err := compute2(in.op, s[n-2], s[n-1])
		if err != nil {
			return err
		}
		v.sp--
		s[n-2] = x
	}
	return nil
}

// compute2 computes the operations with two operands.
func compute2(op Op, a, b uint64) (uint64, error) {
	switch op {
	case OpAdd:
		return a + b, nil
	case OpSub:
		return a - b, nil
	case OpMul:
		return a * b, nil
	case OpDivSigned, OpDivUnsigned, OpRemSigned, OpRemUnsigned:
		return divide(op, a, b)
	case OpLsh:
		return a << b, nil
	case OpRshSigned:
		return uint64(int64(a) >> b), nil
	case OpRshUnsigned:
		return a >> b, nil
	case OpBitAnd:
		return a & b, nil
	case OpBitOr:
		return a | b, nil
	case OpBitXor:
		return a ^ b, nil
	case OpEqual:
		return truth(a == b), nil
	case OpLessSigned:
		return truth(int64(a) < int64(b)), nil
	case OpLessUnsigned:
		return truth(a < b), nil
	}
	return 0, fmt.Errorf("the agent expression has %v, which cannot be evaluated", op)
}

func divide(op Op, a, b uint64) (uint64, error) {
	if b == 0 {
		return 0, ErrDivision
	}
	switch op {
	case OpDivSigned:
		return uint64(int64(a) / int64(b)), nil
	case OpDivUnsigned:
		return a / b, nil
	case OpRemSigned:
		return uint64(int64(a) % int64(b)), nil
	}
	return a % b, nil
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// signExtend extends the low bits of x by the highest of them.
func signExtend(x, bits uint64) uint64 {
	switch {
	case bits == 0:
		return 0
	case bits >= 64:
		return x
	}
	return uint64(int64(x<<(64-bits)) >> (64 - bits))
}

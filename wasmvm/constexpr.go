package wasmvm

import "fmt"

// constExpr is a constant initialiser. Almost all are one instruction; those of several (extended constant expressions) that depend on no global or
// function are folded to one when they are read.
type constExpr struct {
	constInstr
	seq []constInstr // all instructions if there is more than one; then op is opConstSeq
}

// constInstr is one instruction of a constant initialiser.
type constInstr struct {
	op   Opcode  // a constant, OpGlobalGet, OpRefNull, OpRefFunc or an integer addition, subtraction or multiplication
	val  uint64  // raw bits of the constant, or the index
	high uint64  // upper half of a v128
	typ  ValType // of the value; for global.get filled from the global
}

// opConstSeq stands for an initialiser of several instructions.
const opConstSeq Opcode = 1<<24 + 1

// constExpr reads a constant initialiser.
func (s *sectionDecoder) constExpr() constExpr {
	r := instrReader{reader: s.reader}
	e := constExpr{constInstr: r.constInstr()}
	if e.op.constArith() {
		e.seq = append(e.seq, e.constInstr) // which check will refuse
	}
	for r.err == nil && (r.left() == 0 || r.b[r.pos] != byte(OpEnd)) {
		if e.seq == nil {
			e.seq = append(e.seq, e.constInstr)
		}
		e.seq = append(e.seq, r.constInstr())
	}
	r.byte() // the end
	if e.seq != nil && r.err == nil {
		e.op = opConstSeq
		e.fold()
	}
	s.reader = r.reader
	return e
}

func (r *instrReader) constInstr() constInstr {
	var in instr
	if r.next(&in); r.err != nil {
		return constInstr{}
	}
	e := constInstr{op: in.op, val: in.val}
	switch in.op {
	case OpI32Const, OpI64Const, OpF32Const, OpF64Const:
		e.typ = sigType(in.def.sig[1])
	case OpV128Const:
		e.val, e.high, e.typ = in.vec[0], in.vec[1], V128
	case OpGlobalGet:
		e.val = uint64(in.a)
	case OpRefFunc:
		e.val, e.typ = uint64(in.a), FuncRef
	case OpRefNull:
		if len(in.types) == 1 {
			e.typ = in.types[0]
		}
	case opI32Add, opI32Sub, opI32Mul:
		e.typ = I32
	case opI64Add, opI64Sub, opI64Mul:
		e.typ = I64
	default:
		r.fail(fmt.Errorf("%v is not allowed in a constant expression", in.op))
	}
	return e
}

const (
	opI32Add Opcode = 0x6A
	opI32Sub Opcode = 0x6B
	opI32Mul Opcode = 0x6C
	opI64Add Opcode = 0x7C
	opI64Sub Opcode = 0x7D
	opI64Mul Opcode = 0x7E
)

// constArith says whether op is arithmetic that extended constant expressions may do.
func (op Opcode) constArith() bool {
	return op >= opI32Add && op <= opI32Mul || op >= opI64Add && op <= opI64Mul
}

// fold makes an expression of constants only the constant it comes to.
func (e *constExpr) fold() {
	for i := range e.seq {
		if op := e.seq[i].op; op == OpGlobalGet || op == OpRefFunc || op == OpRefNull || op == OpV128Const {
			return
		}
	}
	typ, err := e.check()
	if err != nil {
		return // checkInit will say so
	}
	op := map[ValType]Opcode{I32: OpI32Const, I64: OpI64Const, F32: OpF32Const, F64: OpF64Const}[typ]
	*e = constExpr{constInstr: constInstr{op: op, val: e.eval(func(in *constInstr) uint64 { return in.val }), typ: typ}}
}

// check follows the types of an expression of several instructions, whose globals and functions are known.
func (e *constExpr) check() (ValType, error) {
	var stack []ValType
	for i := range e.seq {
		in := &e.seq[i]
		if in.op.constArith() {
			n := len(stack)
			if n < 2 || stack[n-1] != in.typ || stack[n-2] != in.typ {
				return 0, fmt.Errorf("%v in a constant expression lacks operands of its type", in.op)
			}
			stack = stack[:n-2]
		}
		stack = append(stack, in.typ)
	}
	if len(stack) != 1 {
		return 0, fmt.Errorf("constant expression leaves %d values", len(stack))
	}
	return stack[0], nil
}

// eval computes an expression of several instructions that has passed check; value gives what is no arithmetic.
func (e *constExpr) eval(value func(*constInstr) uint64) uint64 {
	var stack []uint64
	for i := range e.seq {
		in := &e.seq[i]
		n := len(stack)
		var v uint64
		switch in.op {
		case opI32Add, opI64Add:
			v = stack[n-2] + stack[n-1]
		case opI32Sub, opI64Sub:
			v = stack[n-2] - stack[n-1]
		case opI32Mul, opI64Mul:
			v = stack[n-2] * stack[n-1]
		default:
			stack = append(stack, value(in))
			continue
		}
		if in.typ == I32 {
			v = uint64(uint32(v))
		}
		stack = append(stack[:n-2], v)
	}
	return stack[0]
}

// checkInits checks the constant initialisers of globals and segments.
func (m *Module) checkInits() error {
	for i := m.importedGlobals; i < len(m.Globals); i++ {
		if err := m.checkInit(&m.Globals[i].init, m.Globals[i].Type); err != nil {
			return fmt.Errorf("global %d: %w", i, err)
		}
	}
	for i, e := range m.tableInits {
		if err := m.checkInit(e, m.Tables[i].Elem); err != nil {
			return fmt.Errorf("table %d: %w", i, err)
		}
	}
	for i := range m.data {
		if m.data[i].mode == segActive {
			if err := m.checkInit(&m.data[i].offset, I32); err != nil {
				return fmt.Errorf("data segment %d: %w", i, err)
			}
		}
	}
	for i := range m.elems {
		s := &m.elems[i]
		if s.mode == segActive {
			if err := m.checkInit(&s.offset, I32); err != nil {
				return fmt.Errorf("element segment %d: %w", i, err)
			}
		}
		for j := range s.init {
			if err := m.checkInit(&s.init[j], s.typ); err != nil {
				return fmt.Errorf("element segment %d: %w", i, err)
			}
		}
	}
	return nil
}

func (m *Module) checkInit(e *constExpr, want ValType) error {
	if e.seq == nil {
		if err := m.checkConst(&e.constInstr); err != nil {
			return err
		}
	}
	for i := range e.seq {
		if err := m.checkConst(&e.seq[i]); err != nil {
			return err
		}
	}
	if e.seq != nil {
		var err error
		if e.typ, err = e.check(); err != nil {
			return err
		}
	}
	if !want.holds(e.typ) {
		return fmt.Errorf("initialiser is %v, not %v", e.typ, want)
	}
	return nil
}

// checkConst checks that what the instruction names exists, and fills in its type.
func (m *Module) checkConst(in *constInstr) error {
	switch in.op {
	case OpGlobalGet:
		if in.val >= uint64(len(m.Globals)) {
			return fmt.Errorf("global %d does not exist", in.val)
		}
		if m.Globals[in.val].Mutable {
			return fmt.Errorf("constant expression required, but global %d is mutable", in.val)
		}
		in.typ = m.Globals[in.val].Type
	case OpRefFunc:
		if in.val >= uint64(m.NumFuncs()) {
			return fmt.Errorf("function %d does not exist", in.val)
		}
	}
	return nil
}

// constValue computes an initialiser; the globals it reads have their values already.
func (m *Machine) constValue(e *constExpr) uint64 {
	if e.seq != nil {
		return e.eval(m.constInstr)
	}
	return m.constInstr(&e.constInstr)
}

func (m *Machine) constInstr(in *constInstr) uint64 {
	switch in.op {
	case OpGlobalGet:
		return m.globs[in.val].v[0]
	case OpRefFunc:
		return in.val + m.refBase
	case OpRefNull:
		return 0
	}
	return in.val
}

// constBits is constValue for values of any type, the lower half first. A v128 has no arithmetic in constant expressions.
func (m *Machine) constBits(e *constExpr) [2]uint64 {
	switch {
	case e.op == OpV128Const:
		return [2]uint64{e.val, e.high}
	case e.op == OpGlobalGet:
		return m.globs[e.val].v
	}
	return [2]uint64{m.constValue(e)}
}

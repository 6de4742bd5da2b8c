package wasmvm

// The forms of the comparisons follow one another in the table of operations, each with all conditions.
const (
	numIntConds   = 10
	numFloatConds = 6

	formImm = 1 // integers: value, value imm, branch, branch imm, loop branch, loop branch imm

	intBranch, intLoop     = 2, 4
	floatBranch, floatLoop = 1, 3 // floats: value, branch, branch if not, loop branch, loop branch if not
)

// Conditions in the order of the opcodes: eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u.
var (
	inverse = [numIntConds]irOp{1, 0, 8, 9, 6, 7, 4, 5, 2, 3}
	swapped = [numIntConds]irOp{0, 1, 4, 5, 2, 3, 8, 9, 6, 7}
)

// intCompare takes an integer comparison apart.
func intCompare(op irOp) (base, form, cc irOp, ok bool) {
	for _, base := range [...]irOp{irI32Eq, irI64Eq} {
		if op >= base && op < base+6*numIntConds {
			return base, (op - base) / numIntConds, (op - base) % numIntConds, true
		}
	}
	return 0, 0, 0, false
}

// floatCompare takes a float comparison apart.
func floatCompare(op irOp) (base, cc irOp, ok bool) {
	for _, base := range [...]irOp{irF32Eq, irF64Eq} {
		if op >= base && op < base+numFloatConds {
			return base, op - base, true
		}
	}
	return 0, 0, false
}

// condition is what a branch tests.
type condition struct {
	base, cc irOp
	float    bool
	not      bool // of a float comparison: it must not hold
	imm      bool
	x, y     uint16
	k        uint32
}

// condition takes over the comparison that made a popped operand, or tests the operand against 0.
func (l *fastLowerer) condition(o operand) condition {
	if w := l.made(o); w != nil {
		if _, _, ok := floatCompare(w.op); ok {
			return floatCondition(l.swallow(), false)
		}
		if w.op == irI32EqImm && w.b == o.slot && w.d == 0 && l.last > l.label {
			// eqz after a float comparison, which has no inverse because of NaNs.
			if before := &l.code[l.last-1]; before.a == o.slot && isFloatCompare(before.op) {
				l.swallow()
				l.last = len(l.code) - 1
				return floatCondition(l.swallow(), true)
			}
		}
		if base, form, cc, ok := intCompare(w.op); ok && form <= formImm {
			c := condition{base: base, cc: cc, imm: form == formImm, x: w.b, y: w.c, k: uint32(w.d)}
			if !c.imm || base == irI32Eq || w.k64() == uint64(int64(w.d)) {
				l.swallow()
				return c
			}
		}
	}
	return condition{base: irI32Eq, cc: 1, imm: true, x: l.use(o)}
}

func isFloatCompare(op irOp) bool {
	_, _, ok := floatCompare(op)
	return ok
}

// floatCondition is the condition of a float comparison.
func floatCondition(w ins, not bool) condition {
	base, cc, _ := floatCompare(w.op)
	return condition{base: base, cc: cc, float: true, not: not, x: w.b, y: w.c}
}

// branch is the word that branches if the condition holds, or if it does not.
func (c *condition) branch(not, loop bool) ins {
	if c.float {
		form := irOp(floatBranch)
		if loop {
			form = floatLoop
		}
		if not != c.not {
			form++
		}
		return ins{op: c.base + form*numFloatConds + c.cc, b: c.x, c: c.y}
	}
	form, cc := irOp(intBranch), c.cc
	if loop {
		form = intLoop
	}
	if c.imm {
		form++
	}
	if not {
		cc = inverse[cc]
	}
	w := ins{op: c.base + form*numIntConds + cc, a: c.x}
	if c.imm {
		w.setBC(c.k)
	} else {
		w.b = c.y
	}
	return w
}

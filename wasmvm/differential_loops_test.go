package wasmvm_test

import (
	"math/rand/v2"
	"testing"

	"wrev/internal/randmod"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

// backEdgeForm is one way to branch back to a loop on a condition that always holds.
type backEdgeForm struct {
	name  string
	value bool // the loop has a parameter, which the branch carries
	not   bool // the comparison must not hold
	emit  func(c *wasmenc.Code, o randmod.NumericOp, y uint64)
}

// In all forms local 0 is the counter, and locals 1 and 2 are the operands.
var backEdgeForms = []backEdgeForm{
	{name: "of locals", emit: func(c *wasmenc.Code, o randmod.NumericOp, _ uint64) {
		c.Op(0x20, 1, 0x20, 2)
		c.Op(o.Code...)
		c.Op(0x0D, 0)
	}},
	{name: "with a constant", emit: func(c *wasmenc.Code, o randmod.NumericOp, y uint64) {
		c.Op(0x20, 1)
		constant(c, o.Params[1], y)
		c.Op(o.Code...)
		c.Op(0x0D, 0)
	}},
	{name: "of a stored flag", emit: func(c *wasmenc.Code, o randmod.NumericOp, _ uint64) {
		c.Op(0x20, 1, 0x20, 2)
		c.Op(o.Code...)
		c.Op(0x21, 3, 0x20, 3, 0x0D, 0)
	}},
	{name: "of the inverse", not: true, emit: func(c *wasmenc.Code, o randmod.NumericOp, _ uint64) {
		c.Op(0x20, 1, 0x20, 2)
		c.Op(o.Code...)
		c.Op(0x45, 0x0D, 0)
	}},
	{name: "with a value", value: true, emit: func(c *wasmenc.Code, o randmod.NumericOp, _ uint64) {
		c.Op(0x41, 7, 0x20, 0, 0x20, 1, 0x20, 2) // junk, value, operands
		c.Op(o.Code...)
		c.Op(0x0D, 0, 0x1A, 0x1A)
	}},
	{name: "unconditional", emit: func(c *wasmenc.Code, o randmod.NumericOp, _ uint64) {
		c.Op(0x20, 1, 0x20, 2)
		c.Op(o.Code...)
		c.Op(0x04, 0x40, 0x0C, 1, 0x0B) // if: br
	}},
	{name: "unconditional with a value", value: true, emit: func(c *wasmenc.Code, o randmod.NumericOp, _ uint64) {
		c.Op(0x41, 7, 0x20, 1, 0x20, 2)
		c.Op(o.Code...)
		c.Op(0x04, 0x40, 0x41, 3, 0x20, 0, 0x0C, 1, 0x0B, 0x1A) // if: junk, value, br
	}},
	{name: "through a table", emit: func(c *wasmenc.Code, o randmod.NumericOp, _ uint64) {
		c.Op(0x02, 0x40, 0x20, 1, 0x20, 2)
		c.Op(o.Code...)
		c.Op(0x0E, 1, 0, 1, 0x0B) // br_table: 0 leaves the block, 1 goes round
	}},
	{name: "through a table with a value", value: true, emit: func(c *wasmenc.Code, o randmod.NumericOp, _ uint64) {
		c.Op(0x02, 0x7F, 0x41, 7, 0x20, 0, 0x20, 1, 0x20, 2)
		c.Op(o.Code...)
		c.Op(0x0E, 1, 0, 1, 0x0B, 0x1A)
	}},
}

// loopModule has a `_start` with a loop of n rounds whose back edge has the given form.
func loopModule(o randmod.NumericOp, f *backEdgeForm, x, y uint64, n int64) []byte {
	t := o.Params[0]
	var body wasmenc.Code
	body.Op(3, 1, byte(randmod.I32), 2, byte(t), 1, byte(randmod.I32))
	for i, v := range []uint64{x, y} {
		constant(&body, t, v)
		body.OpU(0x21, 1+i)
	}
	body.Op(0x02, 0x40)
	if f.value {
		body.Op(0x41, 0, 0x03, 1, 0x1A) // the loop's type is i32 -> nothing
	} else {
		body.Op(0x03, 0x40)
	}
	body.Op(0x20, 0, 0x41, 1, 0x6A, 0x22, 0, 0x41)
	body.S(n)
	body.Op(0x4E, 0x0D, 1)
	f.emit(&body, o, y)
	body.Op(0x0B, 0x0B, 0x0B)
	var types, funcs, exports, codes wasmenc.Code
	types.Op(0x60, 0, 0, 0x60, 1, byte(randmod.I32), 0)
	funcs.U(0)
	exports.Name("_start")
	exports.Op(0, 0)
	codes.Bytes(body)
	out := wasmenc.Code(wasmenc.Header)
	out.Section(1, 2, types)
	out.Section(3, 1, funcs)
	out.Section(7, 1, exports)
	out.Section(10, 1, codes)
	return out
}

// operandsFor finds operands for which a comparison holds, or does not.
func operandsFor(t *testing.T, o randmod.NumericOp, not bool) (x, y uint64) {
	t.Helper()
	vm := bothTiers(t, numericModule(o, &operandForms[0], []uint64{0}))[1]
	for _, pair := range operandPairs(o) {
		r, err := vm.Invoke(0, pair...)
		// The second operand must not be 0, which is a test of its own.
		if err == nil && (r[0] == 0) == not && pair[1] != 0 {
			return pair[0], pair[1]
		}
	}
	t.Fatal("the comparison always or never holds")
	return 0, 0
}

// TestLoopLimits stops long loops at random limits, for every comparison and every
// form of back edge, since each of these is an operation of its own that has to
// test the limit; the state at each stop must be the same in both tiers.
func TestLoopLimits(t *testing.T) {
	for _, o := range randmod.NumericOps() {
		if !isBinary(o) || !isTest(o) || o.Code[0] > 0x66 { // comparisons only
			continue
		}
		t.Run(opcode(o).String(), func(t *testing.T) {
			for i := range backEdgeForms {
				f := &backEdgeForms[i]
				x, y := operandsFor(t, o, f.not)
				checkLoop(t, f, loopModule(o, f, x, y, 300))
			}
		})
	}
}

func checkLoop(t *testing.T, f *backEdgeForm, wasm []byte) {
	t.Helper()
	r := rand.New(rand.NewPCG(10, 10))
	machines := bothTiers(t, wasm)
	fast, precise := machines[0], machines[1]
	end := func() uint64 {
		vm := bothTiers(t, wasm)[0]
		runToEnd(t, vm)
		return vm.Position()
	}()
	if end < 300*5 {
		t.Fatalf("back edge %s: the loop ended after %d instructions", f.name, end)
	}
	for _, p := range randomPositions(r, end, 20) {
		for _, vm := range machines {
			if s := vm.Run(p); s.Reason != wasmvm.StopLimit || vm.Position() != p {
				t.Fatalf("back edge %s: run to %d of %d stopped at %d by %v", f.name, p, end, vm.Position(), s.Reason)
			}
		}
		if fast.PC() != precise.PC() || fast.Digest() != precise.Digest() {
			t.Fatalf("back edge %s: the tiers differ at %d of %d: pc %#x and %#x", f.name, p, end, fast.PC(), precise.PC())
		}
	}
	for _, vm := range machines {
		if s := runToEnd(t, vm); s.Reason != wasmvm.StopExit || vm.Position() != end {
			t.Errorf("back edge %s: ended at %d of %d by %v", f.name, vm.Position(), end, s.Reason)
		}
	}
}

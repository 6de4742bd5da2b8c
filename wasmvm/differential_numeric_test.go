package wasmvm_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/tetratelabs/wazero"

	"wrev/internal/randmod"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

// operandForm is one way in which operands get to a numeric instruction and its
// result is used. Engines that fold constants, locals and branches into an
// operation have a different operation for most of these forms.
type operandForm struct {
	name string
	// emit appends the body of a function that has the operation's parameters as
	// locals 0 and 1 and local 2 of its result type, and leaves a result.
	emit func(c *wasmenc.Code, o randmod.NumericOp)
	// constant forms take the value of one operand at compile time.
	constant func(c *wasmenc.Code, o randmod.NumericOp, v uint64)
	// only says for which operations the form makes sense; nil means all.
	only func(o randmod.NumericOp) bool
}

func get(c *wasmenc.Code, n int) {
	for i := range n {
		c.OpU(0x20, i)
	}
}

func isTest(o randmod.NumericOp) bool   { return o.Result == randmod.I32 }
func isBinary(o randmod.NumericOp) bool { return len(o.Params) == 2 }

// loadOf and storeOf are the full-width accesses of a type.
func loadOf(t randmod.ValType) byte  { return 0x28 + byte(randmod.I32-t) }
func storeOf(t randmod.ValType) byte { return 0x36 + byte(randmod.I32-t) }

// spill stores local i of type t to memory and loads it back as an operand.
func spill(c *wasmenc.Code, i int, t randmod.ValType) {
	c.OpU(0x41, 8*i)
	c.OpU(0x20, i)
	c.OpU(storeOf(t), 0, 16)
	c.OpU(0x41, 8*i)
	c.OpU(loadOf(t), 0, 16)
}

// temp makes an operand that is in no local: the result of a select.
func temp(c *wasmenc.Code, i int) {
	c.OpU(0x20, i)
	c.OpU(0x20, i)
	c.Op(0x41, 1, 0x1B)
}

// oneOrTwo wraps a conditional branch out of a block: 1 if taken, else 2.
func oneOrTwo(c *wasmenc.Code, condition func()) {
	c.Op(0x02, 0x40) // block
	condition()
	c.Op(0x0D, 0)
	c.Op(0x41, 2, 0x0F) // return 2
	c.Op(0x0B, 0x41, 1)
}

var operandForms = []operandForm{
	{name: "locals", emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		get(c, len(o.Params))
		c.Op(o.Code...)
	}},
	{name: "memory", emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		for i, p := range o.Params {
			spill(c, i, p)
		}
		c.Op(o.Code...)
	}},
	{name: "local and memory", only: isBinary, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		c.OpU(0x20, 0)
		spill(c, 1, o.Params[1])
		c.Op(o.Code...)
	}},
	{name: "memory and local", only: isBinary, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		spill(c, 0, o.Params[0])
		c.OpU(0x20, 1)
		c.Op(o.Code...)
	}},
	{name: "temporaries", emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		for i := range o.Params {
			temp(c, i)
		}
		c.Op(o.Code...)
	}},
	{name: "tee", emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		for i := range o.Params {
			c.OpU(0x20, i)
			c.OpU(0x22, i)
		}
		c.Op(o.Code...)
		c.OpU(0x22, 2)
	}},
	{name: "same operand", only: func(o randmod.NumericOp) bool { return isBinary(o) && o.Params[0] == o.Params[1] }, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		c.OpU(0x20, 0)
		c.OpU(0x20, 0)
		c.Op(o.Code...)
	}},
	{name: "into the left operand", only: func(o randmod.NumericOp) bool { return o.Params[0] == o.Result }, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		get(c, len(o.Params))
		c.Op(o.Code...)
		c.OpU(0x21, 0)
		c.OpU(0x20, 0)
	}},
	{name: "into the right operand", only: func(o randmod.NumericOp) bool { return isBinary(o) && o.Params[1] == o.Result }, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		get(c, 2)
		c.Op(o.Code...)
		c.OpU(0x21, 1)
		c.OpU(0x20, 1)
	}},
	{name: "local changed between", emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		// The operands were read before the locals are overwritten by zero.
		get(c, len(o.Params))
		for i, p := range o.Params {
			zero(c, p)
			c.OpU(0x21, i)
		}
		c.Op(o.Code...)
	}},
	{name: "result stored", emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		c.OpU(0x41, 0)
		get(c, len(o.Params))
		c.Op(o.Code...)
		c.OpU(storeOf(o.Result), 0, 40)
		c.OpU(0x41, 0)
		c.OpU(loadOf(o.Result), 0, 40)
	}},
	{name: "through a block", emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		c.Op(0x02, byte(o.Result))
		get(c, len(o.Params))
		c.Op(o.Code...)
		c.Op(0x0C, 0, 0x0B)
	}},
	{name: "if", only: isTest, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		get(c, len(o.Params))
		c.Op(o.Code...)
		c.Op(0x04, byte(randmod.I32), 0x41, 1, 0x05, 0x41, 2, 0x0B)
	}},
	{name: "if not", only: isTest, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		get(c, len(o.Params))
		c.Op(o.Code...)
		c.Op(0x45, 0x04, byte(randmod.I32), 0x41, 1, 0x05, 0x41, 2, 0x0B)
	}},
	{name: "br_if", only: isTest, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		oneOrTwo(c, func() { get(c, len(o.Params)); c.Op(o.Code...) })
	}},
	{name: "br_if not", only: isTest, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		oneOrTwo(c, func() { get(c, len(o.Params)); c.Op(o.Code...); c.Op(0x45) })
	}},
	{name: "br_if after and", only: isTest, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		oneOrTwo(c, func() { get(c, len(o.Params)); c.Op(o.Code...); c.Op(0x41, 1, 0x71) })
	}},
	{name: "br_if through a local", only: isTest, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		oneOrTwo(c, func() { get(c, len(o.Params)); c.Op(o.Code...); c.Op(0x21, 2, 0x20, 2, 0x41, 1, 0x71) })
	}},
	{name: "br_if of a temporary", only: isTest, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		oneOrTwo(c, func() {
			for i := range o.Params {
				temp(c, i)
			}
			c.Op(o.Code...)
		})
	}},
	{name: "back edge", only: isTest, emit: backEdge(func(*wasmenc.Code) {})},
	{name: "back edge not", only: isTest, emit: backEdge(func(c *wasmenc.Code) { c.Op(0x45) })},
	{name: "select", only: isTest, emit: func(c *wasmenc.Code, o randmod.NumericOp) {
		c.Op(0x41, 1, 0x41, 2)
		get(c, len(o.Params))
		c.Op(o.Code...)
		c.Op(0x1B)
	}},
	{name: "constant right", only: isBinary, constant: func(c *wasmenc.Code, o randmod.NumericOp, v uint64) {
		c.OpU(0x20, 0)
		constant(c, o.Params[1], v)
		c.Op(o.Code...)
	}},
	{name: "constant left", only: isBinary, constant: func(c *wasmenc.Code, o randmod.NumericOp, v uint64) {
		constant(c, o.Params[0], v)
		c.OpU(0x20, 1)
		c.Op(o.Code...)
	}},
	{name: "constant through a local", constant: func(c *wasmenc.Code, o randmod.NumericOp, v uint64) {
		last := len(o.Params) - 1
		constant(c, o.Params[last], v)
		c.OpU(0x21, last)
		get(c, len(o.Params))
		c.Op(o.Code...)
	}},
	{name: "all constant", constant: func(c *wasmenc.Code, o randmod.NumericOp, v uint64) {
		for range o.Params {
			constant(c, o.Params[0], v)
			v = v>>1 ^ v<<3
		}
		c.Op(o.Code...)
	}},
	{name: "back edge constant right", only: func(o randmod.NumericOp) bool { return isBinary(o) && isTest(o) }, constant: func(c *wasmenc.Code, o randmod.NumericOp, v uint64) {
		loopWhile(c, func() {
			c.OpU(0x20, 0)
			constant(c, o.Params[1], v)
			c.Op(o.Code...)
		})
	}},
	{name: "br_if constant right", only: func(o randmod.NumericOp) bool { return isBinary(o) && isTest(o) }, constant: func(c *wasmenc.Code, o randmod.NumericOp, v uint64) {
		oneOrTwo(c, func() {
			c.OpU(0x20, 0)
			constant(c, o.Params[1], v)
			c.Op(o.Code...)
		})
	}},
	{name: "br_if constant left", only: func(o randmod.NumericOp) bool { return isBinary(o) && isTest(o) }, constant: func(c *wasmenc.Code, o randmod.NumericOp, v uint64) {
		oneOrTwo(c, func() {
			constant(c, o.Params[0], v)
			c.OpU(0x20, 1)
			c.Op(o.Code...)
		})
	}},
}

// loopWhile makes a loop that goes on while the condition holds, three times at most,
// and leaves how often it ran; local 2 counts.
func loopWhile(c *wasmenc.Code, condition func()) {
	c.Op(0x02, 0x40, 0x03, 0x40)                                  // block, loop
	c.Op(0x20, 2, 0x41, 1, 0x6A, 0x22, 2, 0x41, 3, 0x4E, 0x0D, 1) // local 2 += 1; out if >= 3
	condition()
	c.Op(0x0D, 0, 0x0B, 0x0B, 0x20, 2)
}

// backEdge makes such a loop of an operation on locals.
func backEdge(after func(*wasmenc.Code)) func(*wasmenc.Code, randmod.NumericOp) {
	return func(c *wasmenc.Code, o randmod.NumericOp) {
		loopWhile(c, func() {
			get(c, len(o.Params))
			c.Op(o.Code...)
			after(c)
		})
	}
}

func zero(c *wasmenc.Code, t randmod.ValType) { constant(c, t, 0) }

func constant(c *wasmenc.Code, t randmod.ValType, v uint64) {
	switch t {
	case randmod.I32:
		c.Op(0x41)
		c.S(int64(int32(v)))
	case randmod.I64:
		c.Op(0x42)
		c.S(int64(v))
	case randmod.F32:
		c.Op(0x43, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	default:
		c.Op(0x44)
		for range 8 {
			c.Op(byte(v))
			v >>= 8
		}
	}
}

// specials are the values that operands of a type take.
func specials(t randmod.ValType) []uint64 {
	var list []uint64
	switch t {
	case randmod.I32:
		for _, v := range randmod.SpecialI32 {
			list = append(list, uint64(uint32(v)))
		}
	case randmod.I64:
		for _, v := range randmod.SpecialI64 {
			list = append(list, uint64(v))
		}
	case randmod.F32:
		for _, v := range randmod.SpecialF32 {
			list = append(list, uint64(v))
		}
	default:
		list = append(list, randmod.SpecialF64...)
	}
	return list
}

// numericModule has one function for each constant (or just one), and a memory page.
func numericModule(o randmod.NumericOp, f *operandForm, constants []uint64) []byte {
	var types, funcs, memory, exports, bodies wasmenc.Code
	types.Op(0x60)
	types.U(uint64(len(o.Params)))
	for _, p := range o.Params {
		types.Op(byte(p))
	}
	types.Op(1, byte(o.Result))
	memory.Op(0, 1)
	for i, v := range constants {
		funcs.U(0)
		exports.Name(fmt.Sprint(i))
		exports.OpU(0, i)
		// Local 2 has the result's type; where there is one parameter, local 1 is a dummy.
		var body wasmenc.Code
		if len(o.Params) == 1 {
			body.Op(2, 1, byte(randmod.I32), 1, byte(o.Result))
		} else {
			body.Op(1, 1, byte(o.Result))
		}
		if f.constant != nil {
			f.constant(&body, o, v)
		} else {
			f.emit(&body, o)
		}
		body.Op(0x0B)
		bodies.Bytes(body)
	}
	out := wasmenc.Code(wasmenc.Header)
	out.Section(1, 1, types)
	out.Section(3, len(constants), funcs)
	out.Section(5, 1, memory)
	out.Section(7, len(constants), exports)
	out.Section(10, len(constants), bodies)
	return out
}

// operandPairs lists arguments for an operation: all pairs of special values.
func operandPairs(o randmod.NumericOp) [][]uint64 {
	var list [][]uint64
	for _, a := range specials(o.Params[0]) {
		if len(o.Params) == 1 {
			list = append(list, []uint64{a})
			continue
		}
		for _, b := range specials(o.Params[1]) {
			list = append(list, []uint64{a, b})
		}
	}
	return list
}

// TestNumeric compares every numeric instruction in every operand form over all
// pairs of special values with wazero's compiler: results by their bits, NaNs
// included, and traps. Which NaNs wazero makes depends on the machine.
func TestNumeric(t *testing.T) {
	compared := 0
	for _, o := range randmod.NumericOps() {
		t.Run(opcode(o).String(), func(t *testing.T) {
			for i := range operandForms {
				f := &operandForms[i]
				if f.only == nil || f.only(o) {
					compared += compareNumeric(t, o, f)
				}
			}
		})
	}
	t.Logf("%d results compared in each tier", compared)
}

// compareNumeric compares one operation in one form and returns the number of comparisons.
func compareNumeric(t *testing.T, o randmod.NumericOp, f *operandForm) (compared int) {
	t.Helper()
	constants := []uint64{0}
	if f.constant != nil {
		constants = specials(o.Params[len(o.Params)-1])
	}
	wasm := numericModule(o, f, constants)
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer r.Close(ctx)
	oracle, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatalf("form %s: %v", f.name, err)
	}
	machines := bothTiers(t, wasm)
	pairs := operandPairs(o)
	for k, v := range constants {
		fn := oracle.ExportedFunction(fmt.Sprint(k))
		for i, args := range pairs {
			if n := len(constants); f.constant != nil && len(args) == 2 && i%n != 0 && i >= n {
				continue // the constant replaces one operand, so the other takes each value once
			}
			want, wantErr := fn.Call(ctx, args...)
			for m, vm := range machines {
				got, err := vm.Invoke(uint32(k), args...)
				if !sameNumeric(o.Result, want, got, wantErr, err) {
					t.Errorf("form %s, constant %#x, tier %d, %#x: got %#x, %v; wazero has %#x, %v", f.name, v, m, args, got, err, want, wantErr)
				}
			}
			compared++
		}
		if t.Failed() {
			return compared
		}
	}
	return compared
}

// nanRule is that of the machine the tests run on.
func nanRule() wasmvm.NaNRule {
	if runtime.GOARCH == "arm64" {
		return wasmvm.NaNARM64
	}
	return wasmvm.NaNAMD64
}

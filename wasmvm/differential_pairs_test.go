package wasmvm_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"wrev/internal/randmod"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

// pair is two numeric instructions of which the second takes the first one's result,
// which is what engines fuse.
type pair struct {
	first, second randmod.NumericOp
	form          *pairForm
	constants     [2]uint64
}

// pairForm is one way to write a pair. Locals 0 and 1 are the first one's operands,
// local 2 the second one's other operand, local 3 has the type of the first result.
type pairForm struct {
	name string
	emit func(c *wasmenc.Code, p *pair)
	// right: the first result is the second one's right operand.
	right bool
	// both: the first result is read again at the end, as a second result.
	both bool
	// only says for which pairs the form makes sense; nil means all.
	only func(p *pair) bool
}

func (p *pair) firstOp(c *wasmenc.Code) {
	get(c, len(p.first.Params))
	c.Op(p.first.Code...)
}

// other pushes the second one's other operand, if it has one.
func (p *pair) other(c *wasmenc.Code) {
	if isBinary(p.second) {
		c.Op(0x20, 2)
	}
}

func secondBinary(p *pair) bool { return isBinary(p.second) }
func firstBinary(p *pair) bool  { return isBinary(p.first) }

var pairForms = []pairForm{
	{name: "left", emit: func(c *wasmenc.Code, p *pair) {
		p.firstOp(c)
		p.other(c)
		c.Op(p.second.Code...)
	}},
	{name: "right", right: true, only: secondBinary, emit: func(c *wasmenc.Code, p *pair) {
		p.other(c)
		p.firstOp(c)
		c.Op(p.second.Code...)
	}},
	{name: "kept", both: true, emit: func(c *wasmenc.Code, p *pair) {
		p.firstOp(c)
		c.Op(0x22, 3)
		p.other(c)
		c.Op(p.second.Code...)
		c.Op(0x20, 3)
	}},
	{name: "kept, right", right: true, both: true, only: secondBinary, emit: func(c *wasmenc.Code, p *pair) {
		p.other(c)
		p.firstOp(c)
		c.Op(0x22, 3)
		c.Op(p.second.Code...)
		c.Op(0x20, 3)
	}},
	{name: "constant first", only: firstBinary, emit: func(c *wasmenc.Code, p *pair) {
		c.Op(0x20, 0)
		constant(c, p.first.Params[1], p.constants[0])
		c.Op(p.first.Code...)
		p.other(c)
		c.Op(p.second.Code...)
	}},
	{name: "constant second", only: secondBinary, emit: func(c *wasmenc.Code, p *pair) {
		p.firstOp(c)
		constant(c, p.second.Params[1], p.constants[1])
		c.Op(p.second.Code...)
	}},
	{name: "constant second, left", right: true, only: secondBinary, emit: func(c *wasmenc.Code, p *pair) {
		constant(c, p.second.Params[0], p.constants[1])
		p.firstOp(c)
		c.Op(p.second.Code...)
	}},
	{name: "two constants", only: func(p *pair) bool { return firstBinary(p) && secondBinary(p) }, emit: func(c *wasmenc.Code, p *pair) {
		c.Op(0x20, 0)
		constant(c, p.first.Params[1], p.constants[0])
		c.Op(p.first.Code...)
		constant(c, p.second.Params[1], p.constants[1])
		c.Op(p.second.Code...)
	}},
	{name: "over its own operand", only: func(p *pair) bool { return p.first.Params[0] == p.first.Result }, emit: func(c *wasmenc.Code, p *pair) {
		p.firstOp(c)
		c.Op(0x22, 0)
		p.other(c)
		c.Op(p.second.Code...)
	}},
	{name: "sharing an operand", only: func(p *pair) bool { return secondBinary(p) && p.first.Params[0] == p.second.Params[1] }, emit: func(c *wasmenc.Code, p *pair) {
		p.firstOp(c)
		c.Op(0x20, 0)
		c.Op(p.second.Code...)
	}},
	{name: "sharing an operand, right", right: true, only: func(p *pair) bool { return secondBinary(p) && p.first.Params[0] == p.second.Params[0] }, emit: func(c *wasmenc.Code, p *pair) {
		c.Op(0x20, 0)
		p.firstOp(c)
		c.Op(p.second.Code...)
	}},
	{name: "of temporaries", emit: func(c *wasmenc.Code, p *pair) {
		for i := range p.first.Params {
			temp(c, i)
		}
		c.Op(p.first.Code...)
		if secondBinary(p) {
			temp(c, 2)
		}
		c.Op(p.second.Code...)
	}},
	{name: "branch", only: func(p *pair) bool { return isTest(p.second) }, emit: func(c *wasmenc.Code, p *pair) {
		oneOrTwo(c, func() { p.firstOp(c); p.other(c); c.Op(p.second.Code...) })
	}},
	{name: "not", only: func(p *pair) bool { return isTest(p.second) }, emit: func(c *wasmenc.Code, p *pair) {
		p.firstOp(c)
		p.other(c)
		c.Op(p.second.Code...)
		c.Op(0x45, 0x04, byte(randmod.I32), 0x41, 1, 0x05, 0x41, 2, 0x0B)
	}},
}

// params are the types of locals 0 to 2, with dummies for what an operation lacks.
func (p *pair) params() []randmod.ValType {
	list := []randmod.ValType{p.first.Params[0], randmod.I32, randmod.I32}
	if isBinary(p.first) {
		list[1] = p.first.Params[1]
	}
	if isBinary(p.second) {
		list[2] = p.second.Params[1]
		if p.form.right {
			list[2] = p.second.Params[0]
		}
	}
	return list
}

func (p *pair) results() []randmod.ValType {
	list := []randmod.ValType{p.second.Result}
	if p.form.both {
		list = append(list, p.first.Result)
	}
	return list
}

// fits says whether the first result can be the second one's operand in this form.
func (p *pair) fits() bool {
	at := 0
	if p.form.right {
		at = 1
	}
	return at < len(p.second.Params) && p.second.Params[at] == p.first.Result && (p.form.only == nil || p.form.only(p))
}

// pairsOf lists all pairs that begin with an instruction, in all forms.
func pairsOf(first randmod.NumericOp, r *rand.Rand) []pair {
	var list []pair
	for _, second := range randmod.NumericOps() {
		for i := range pairForms {
			p := pair{first: first, second: second, form: &pairForms[i]}
			if !p.fits() {
				continue
			}
			for k, o := range []randmod.NumericOp{first, second} {
				values := specials(o.Params[len(o.Params)-1])
				p.constants[k] = values[r.IntN(len(values))]
			}
			list = append(list, p)
		}
	}
	return list
}

// pairModule has a function for each pair.
func pairModule(pairs []pair) []byte {
	var types, funcs, exports, codes wasmenc.Code
	for i := range pairs {
		p := &pairs[i]
		types.Op(0x60)
		for _, list := range [][]randmod.ValType{p.params(), p.results()} {
			types.U(uint64(len(list)))
			for _, t := range list {
				types.Op(byte(t))
			}
		}
		funcs.U(uint64(i))
		exports.Name(fmt.Sprint(i))
		exports.OpU(0, i)
		var body wasmenc.Code
		body.Op(1, 1, byte(p.first.Result))
		p.form.emit(&body, p)
		body.Op(0x0B)
		codes.Bytes(body)
	}
	out := wasmenc.Code(wasmenc.Header)
	out.Section(1, len(pairs), types)
	out.Section(3, len(pairs), funcs)
	out.Section(7, len(pairs), exports)
	out.Section(10, len(pairs), codes)
	return out
}

// TestNumericPairs compares every pair of numeric instructions, one using the
// other's result, in every form with wazero's compiler, on random special values.
func TestNumericPairs(t *testing.T) {
	functions, began := 0, time.Now()
	for seed := *diffSeed; seed == *diffSeed || time.Since(began) < *diffFor; seed++ {
		functions += checkPairs(t, seed)
	}
	t.Logf("%d functions compared from seed %d, NaN bits and all", functions, *diffSeed)
}

// checkPairs does so once and returns how many functions that were.
func checkPairs(t *testing.T, seed uint64) (functions int) {
	const samples = 8
	for i, first := range randmod.NumericOps() {
		r := rand.New(rand.NewPCG(uint64(i), 11+seed))
		pairs := pairsOf(first, r)
		functions += len(pairs)
		wasm := pairModule(pairs)
		rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
		oracle, err := rt.Instantiate(ctx, wasm)
		if err != nil {
			t.Fatal(err)
		}
		machines := bothTiers(t, wasm)
		for k := range pairs {
			p, fn := &pairs[k], oracle.ExportedFunction(fmt.Sprint(k))
			for range samples {
				args := make([]uint64, 3)
				for a, typ := range p.params() {
					values := specials(typ)
					args[a] = values[r.IntN(len(values))]
				}
				want, wantErr := fn.Call(ctx, args...)
				for tier, vm := range machines {
					got, err := vm.Invoke(uint32(k), args...)
					if !sameResults(p.results(), want, got, wantErr, err) {
						t.Fatalf("%v then %v, %s, constants %#x, tier %d, %#x: got %#x, %v; wazero has %#x, %v", opcode(p.first), opcode(p.second), p.form.name, p.constants, tier, args, got, err, want, wantErr)
					}
				}
			}
		}
		rt.Close(ctx)
	}
	return functions
}

// opcode is the opcode of a numeric instruction.
func opcode(o randmod.NumericOp) wasmvm.Opcode {
	if o.Code[0] == 0xFC {
		return wasmvm.Opcode(0xFC)<<16 | wasmvm.Opcode(o.Code[1])
	}
	return wasmvm.Opcode(o.Code[0])
}

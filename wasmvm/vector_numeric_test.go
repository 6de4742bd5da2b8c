package wasmvm

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

// vectorOp is an opcode on vectors with one choice of its immediate operands.
type vectorOp struct {
	op              Opcode
	params, results []ValType
	code            []byte
}

// vectorOps lists all opcodes on vectors but those on memory and v128.const, each with every lane.
func vectorOps() []vectorOp {
	var list []vectorOp
	for sub := range opTableFD {
		d := &opTableFD[sub]
		if d.name == "" || d.imm == immMem || d.imm == immMemLane || d.imm == immV128 {
			continue
		}
		params, results := sigTypes(d.sig)
		o := vectorOp{Opcode(0xFD<<16 | sub), params, results, nil}
		imms := [][]byte{nil}
		switch d.imm {
		case immLane:
			imms = nil
			for k := range 16 / int(o.op.lowering().lane) {
				imms = append(imms, []byte{byte(k)})
			}
		case immShuffle:
			imms = shuffles()
		}
		for _, imm := range imms {
			o.code = cat(op(o.op), imm)
			list = append(list, o)
		}
	}
	return list
}

func shuffles() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	masks := [][]byte{make([]byte, 16), {31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		{4, 5, 6, 7, 20, 21, 22, 23, 0, 1, 2, 3, 16, 17, 18, 19}, {8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}}
	for range 10 { // of lanes of 32 and of 64 bits
		words, halves := make([]byte, 16), make([]byte, 16)
		for i := range words {
			if i%4 == 0 {
				words[i] = byte(4 * r.IntN(8))
			} else {
				words[i] = words[i-1] + 1
			}
			if i%8 == 0 {
				halves[i] = byte(8 * r.IntN(4))
			} else {
				halves[i] = halves[i-1] + 1
			}
		}
		masks = append(masks, words, halves)
	}
	for range 5 {
		m := make([]byte, 16)
		for i := range m {
			m[i] = byte(r.IntN(32))
		}
		masks = append(masks, m)
	}
	return masks
}

func sigTypes(sig string) (params, results []ValType) {
	before, after, _ := strings.Cut(sig, ":")
	for _, c := range []byte(before) {
		params = append(params, sigType(c))
	}
	for _, c := range []byte(after) {
		results = append(results, sigType(c))
	}
	return params, results
}

// vectorForm is a way in which operands get to an opcode and its result is used. The function's parameters are the operands, behind them is a local of
// the result's type.
type vectorForm struct {
	name string
	only func(o vectorOp) bool
	body func(o vectorOp, consts []uint64) []byte
}

func operands(o vectorOp, each func(i int, t ValType) []byte) []byte {
	var b []byte
	for i, t := range o.params {
		b = cat(b, each(i, t))
	}
	return cat(b, o.code)
}

func getOperand(i int, _ ValType) []byte { return get(uint32(i)) }

// spilled is an operand that comes from memory.
func spilled(i int, t ValType) []byte {
	store := map[ValType]Opcode{I32: 0x36, I64: 0x37, F32: 0x38, F64: 0x39, V128: 0xFD<<16 | 0xB}[t]
	load := map[ValType]Opcode{I32: 0x28, I64: 0x29, F32: 0x2A, F64: 0x2B, V128: 0xFD << 16}[t]
	at := i32c(int32(32 * i))
	return cat(at, get(uint32(i)), mem(store, 7), at, mem(load, 7))
}

// temporary is an operand that is in no local.
func temporary(i int, _ ValType) []byte {
	return cat(get(uint32(i)), get(uint32(i)), i32c(1), op(OpSelect))
}

// constant is an operand of the given bits.
func constant(t ValType, v []uint64) []byte {
	switch t {
	case V128:
		return cat(op(OpV128Const), binary.LittleEndian.AppendUint64(nil, v[0]), binary.LittleEndian.AppendUint64(nil, v[1]))
	case I32:
		return i32c(int32(uint32(v[0])))
	case F32:
		return binary.LittleEndian.AppendUint32(op(OpF32Const), uint32(v[0]))
	case F64:
		return f64c(v[0])
	}
	return cat(f64c(v[0]), op(opI64ReinterpretF64))
}

func twoVectors(o vectorOp) bool { return len(o.params) > 1 && o.params[1] == V128 }
func isTest(o vectorOp) bool     { return o.results[0] == I32 }
func sameType(o vectorOp) bool   { return o.params[0] == o.results[0] }

func resultType(o vectorOp) []byte { return []byte{byte(o.results[0])} }

var vectorForms = []vectorForm{
	{name: "locals", body: func(o vectorOp, _ []uint64) []byte { return operands(o, getOperand) }},
	{name: "memory", body: func(o vectorOp, _ []uint64) []byte { return operands(o, spilled) }},
	{name: "temporaries", body: func(o vectorOp, _ []uint64) []byte { return operands(o, temporary) }},
	{name: "first from memory", only: twoVectors, body: func(o vectorOp, _ []uint64) []byte {
		return operands(o, func(i int, t ValType) []byte {
			if i == 0 {
				return spilled(i, t)
			}
			return get(uint32(i))
		})
	}},
	{name: "others from memory", only: twoVectors, body: func(o vectorOp, _ []uint64) []byte {
		return operands(o, func(i int, t ValType) []byte {
			if i > 0 {
				return spilled(i, t)
			}
			return get(uint32(i))
		})
	}},
	{name: "tee", body: func(o vectorOp, _ []uint64) []byte {
		return cat(operands(o, func(i int, _ ValType) []byte { return cat(get(uint32(i)), tee(uint32(i))) }), tee(uint32(len(o.params))))
	}},
	{name: "same operand", only: twoVectors, body: func(o vectorOp, _ []uint64) []byte {
		return operands(o, func(i int, t ValType) []byte {
			if t == V128 {
				return get(0)
			}
			return get(uint32(i))
		})
	}},
	{name: "into the first operand", only: sameType, body: func(o vectorOp, _ []uint64) []byte {
		return cat(operands(o, getOperand), set(0), get(0))
	}},
	{name: "into the second operand", only: func(o vectorOp) bool { return twoVectors(o) && sameType(o) }, body: func(o vectorOp, _ []uint64) []byte {
		return cat(operands(o, getOperand), set(1), get(1))
	}},
	{name: "local changed between", body: func(o vectorOp, _ []uint64) []byte {
		b := []byte{}
		for i := range o.params {
			b = cat(b, get(uint32(i)))
		}
		for i, t := range o.params {
			b = cat(b, constant(t, []uint64{0, 0}), set(uint32(i)))
		}
		return cat(b, o.code)
	}},
	{name: "result through a block and a local", body: func(o vectorOp, _ []uint64) []byte {
		return cat([]byte{byte(OpBlock)}, resultType(o), operands(o, getOperand), op1(OpBr, 0), op(OpEnd), set(uint32(len(o.params))), get(uint32(len(o.params))))
	}},
	{name: "chosen by br_if over others", body: func(o vectorOp, _ []uint64) []byte {
		return cat([]byte{byte(OpBlock)}, resultType(o), get(0), get(0), operands(o, getOperand), i32c(1), op1(OpBrIf, 0), set(uint32(len(o.params))), op(OpDrop, OpDrop), get(uint32(len(o.params))), op(OpEnd))
	}},
	{name: "if", only: isTest, body: func(o vectorOp, _ []uint64) []byte {
		return cat(operands(o, getOperand), []byte{byte(OpIf), byte(I32)}, i32c(1), op(OpElse), i32c(2), op(OpEnd))
	}},
	{name: "if not", only: isTest, body: func(o vectorOp, _ []uint64) []byte {
		return cat(operands(o, getOperand), op(OpI32Eqz), []byte{byte(OpIf), byte(I32)}, i32c(1), op(OpElse), i32c(2), op(OpEnd))
	}},
	{name: "constant first", body: func(o vectorOp, c []uint64) []byte { return withConstant(o, 0, c) }},
	{name: "constant last", body: func(o vectorOp, c []uint64) []byte { return withConstant(o, len(o.params)-1, c) }},
	{name: "all constant", body: func(o vectorOp, c []uint64) []byte {
		return operands(o, func(i int, t ValType) []byte { return constant(t, c[2*i:]) })
	}},
}

func withConstant(o vectorOp, k int, c []uint64) []byte {
	return operands(o, func(i int, t ValType) []byte {
		if i == k {
			return constant(t, c[2*k:])
		}
		return get(uint32(i))
	})
}

// specialLanes are lanes at which operations behave differently, by width.
var specialLanes = map[int][]uint64{
	8:  {0, 1, 2, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x55, 0x10, 0x0F},
	16: {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF, 0x00FF, 0xFF80, 0x0080, 0xFF7F, 0x5555},
	32: {0, 0x80000000, 1, 0x80000001, 0x7FFFFF, 0x3F800000, 0xBF800000, 0x3F000000, 0x3FC00000, 0xC0200000, 0x40490FDB, 0x4B7FFFFF, 0x4F000000, 0xCF000000, 0x4F800000,
		0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7FC12345, 0xFFD54321, 0x7F800001, 0xFFA00002, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FBFFFFF},
	64: {0, 1 << 63, 1, 1<<63 | 1, 0x000FFFFFFFFFFFFF, 0x3FF0000000000000, 0xBFF0000000000000, 0x3FE0000000000000, 0x3FF8000000000000, 0xC004000000000000,
		0x400921FB54442D18, 0x41DFFFFFFFC00000, 0x41E0000000000000, 0xC1E0000000200000, 0x41EFFFFFFFE00000, 0x433FFFFFFFFFFFFF, 0x47EFFFFFF0000000, 0x36A0000000000000,
		0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000000, 0xFFF8000000000000, 0x7FF8000123456789, 0xFFF9876543210000,
		0x7FF0000000000001, 0xFFF4000000000002, 0x7FFFFFFFFFFFFFFF, 1<<64 - 1, 0x7FF7FFFFFFFFFFFF},
}

// vectorArgs lists arguments for an operation: all pairs of special lanes of every width, several at once, and random ones.
func vectorArgs(o vectorOp, r *rand.Rand) [][]uint64 {
	var list [][]uint64
	for _, width := range []int{8, 16, 32, 64} {
		s := specialLanes[width]
		n := 128 / width
		for at := 0; at < len(s)*len(s); at += n {
			var x, y [2]uint64
			for k := range n {
				p := (at + k) % (len(s) * len(s))
				x[k*width/64] |= s[p%len(s)] << (k * width % 64)
				y[k*width/64] |= s[p/len(s)] << (k * width % 64)
			}
			list = append(list, argsOf(o, x, y, [2]uint64{r.Uint64(), r.Uint64()}))
		}
	}
	for range 20 {
		random := func() [2]uint64 { return [2]uint64{r.Uint64(), r.Uint64()} }
		list = append(list, argsOf(o, random(), random(), random()))
	}
	return list
}

// argsOf are the slots of the operands.
func argsOf(o vectorOp, vs ...[2]uint64) []uint64 {
	var args []uint64
	for i, t := range o.params {
		switch v := vs[i]; {
		case t == V128:
			args = append(args, v[0], v[1])
		case t == I32 || t == F32:
			args = append(args, uint64(uint32(v[0])))
		default:
			args = append(args, v[0])
		}
	}
	return args
}

// TestVectors compares every opcode on vectors in every form of operands with wazero's compiler, bit by bit, in both tiers.
func TestVectors(t *testing.T) {
	compared := 0
	ops := vectorOps()
	r := rand.New(rand.NewPCG(3, 4))
	for i, o := range ops {
		compared += compareVectors(t, o, r)
		if t.Failed() && i%10 == 9 {
			return
		}
	}
	t.Logf("%d operations, %d forms, %d results compared in each tier", len(ops), len(vectorForms), compared)
	if compared < 300_000 {
		t.Error("there should be more")
	}
}

// compareVectors compares one operation in all forms and returns the number of results.
func compareVectors(t *testing.T, o vectorOp, r *rand.Rand) (compared int) {
	t.Helper()
	args := vectorArgs(o, r)
	var a asm
	var forms []string
	add := func(f *vectorForm, consts []uint64) {
		a.funcs = append(a.funcs, asmFunc{params: o.params, results: o.results, locals: 1, localType: o.results[0], body: f.body(o, consts)})
		forms = append(forms, fmt.Sprintf("%s %#x", f.name, consts))
	}
	for i := range vectorForms {
		f := &vectorForms[i]
		switch {
		case f.only != nil && !f.only(o):
		case strings.Contains(f.name, "constant"):
			for range 8 {
				c := args[r.IntN(len(args))]
				add(f, append(slices.Clone(c), 0, 0, 0, 0, 0))
			}
		default:
			add(f, nil)
		}
	}
	ctx := context.Background()
	a.exportAll = true
	wasm := a.bytes()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer rt.Close(ctx)
	oracle, err := rt.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatalf("%v: %v", o.op, err)
	}
	mod, err := Decode(wasm)
	if err != nil {
		t.Fatalf("%v: %v", o.op, err)
	}
	var ms [2]*Machine
	for tier := range ms {
		if ms[tier], err = New(mod, Config{NaN: testNaN()}); err != nil {
			t.Fatal(err)
		}
		ms[tier].SetTier(Tier(tier))
	}
	for k, form := range forms {
		fn := oracle.ExportedFunction(fmt.Sprint(k))
		for _, in := range args {
			want, err := fn.Call(ctx, in...)
			if err != nil {
				t.Fatalf("%v, %s, %#x: wazero: %v", o.op, form, in, err)
			}
			want = slices.Clone(want)
			if o.results[0] == I32 || o.results[0] == F32 {
				want[0] = uint64(uint32(want[0]))
			}
			for tier, m := range ms {
				if got, err := m.Invoke(uint32(k), in...); err != nil || !slices.Equal(got, want) {
					t.Errorf("%v % x, %s, tier %d, %#x: got %#x, %v; wazero has %#x", o.op, o.code[2:], form, tier, in, got, err, want)
					return compared
				}
			}
			compared++
		}
	}
	return compared
}

// testNaN is the rule of the machine the tests run on.
func testNaN() NaNRule {
	if runtime.GOARCH == "arm64" {
		return NaNARM64
	}
	return NaNAMD64
}

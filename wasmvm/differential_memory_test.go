package wasmvm_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"wrev/internal/randmod"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
	"wrev/wasmvm/internal/testkit"
)

// addressForm is one way in which the address of a load or store is computed. Locals
// 0 and 1 are i32 parameters; k is the constant of those forms that have one.
type addressForm struct {
	name      string
	constants bool
	emit      func(c *wasmenc.Code, k uint64)
}

var addressForms = []addressForm{
	{"a local", false, func(c *wasmenc.Code, _ uint64) { get(c, 1) }},
	{"a temporary", false, func(c *wasmenc.Code, _ uint64) { temp(c, 0) }},
	{"a sum of locals", false, func(c *wasmenc.Code, _ uint64) { get(c, 2); c.Op(0x6A) }},
	{"a scaled index", false, func(c *wasmenc.Code, _ uint64) { get(c, 2); c.Op(0x41, 2, 0x74, 0x6A) }},
	{"an index shifted first", true, func(c *wasmenc.Code, k uint64) {
		c.Op(0x20, 1)
		constant(c, randmod.I32, k)
		c.Op(0x74, 0x20, 0, 0x6A)
	}},
	{"an index shifted by a constant", true, func(c *wasmenc.Code, k uint64) {
		get(c, 2)
		constant(c, randmod.I32, k)
		c.Op(0x74, 0x6A)
	}},
	{"a shifted index kept", false, func(c *wasmenc.Code, _ uint64) { get(c, 2); c.Op(0x41, 2, 0x74, 0x22, 1, 0x6A) }},
	{"a shifted index over the base", false, func(c *wasmenc.Code, _ uint64) { get(c, 2); c.Op(0x41, 2, 0x74, 0x22, 0, 0x6A) }},
	{"an index that is the base", false, func(c *wasmenc.Code, _ uint64) { c.Op(0x20, 0, 0x20, 0, 0x41, 3, 0x74, 0x6A) }},
	{"a sum kept", false, func(c *wasmenc.Code, _ uint64) { get(c, 2); c.Op(0x6A, 0x22, 1) }},
	{"a sum of temporaries", false, func(c *wasmenc.Code, _ uint64) { temp(c, 0); temp(c, 1); c.Op(0x41, 1, 0x74, 0x6A) }},
	{"a constant", true, func(c *wasmenc.Code, k uint64) { constant(c, randmod.I32, k) }},
	{"a sum with a constant", true, func(c *wasmenc.Code, k uint64) {
		get(c, 1)
		constant(c, randmod.I32, k)
		c.Op(0x6A)
	}},
	{"a constant first", true, func(c *wasmenc.Code, k uint64) {
		constant(c, randmod.I32, k)
		get(c, 1)
		c.Op(0x6A)
	}},
	{"a difference", true, func(c *wasmenc.Code, k uint64) {
		get(c, 1)
		constant(c, randmod.I32, k)
		c.Op(0x6B)
	}},
}

// addresses reach both ends of the one page of memory, the border of a page of 4096
// bytes, and everything that wraps around.
var addresses = []uint64{0, 1, 16, 4089, 4093, 4095, 4096, 65528, 65529, 65532, 65534, 65535, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF}

var offsets = []int{0, 7, 4096, 65528, 0xFFFFFFFF}

// memoryOp is a load or store.
type memoryOp struct {
	op    byte
	typ   randmod.ValType
	store bool
}

// memoryOps lists the opcodes 0x28 to 0x3E.
func memoryOps() []memoryOp {
	i, l, f, d := randmod.I32, randmod.I64, randmod.F32, randmod.F64
	types := []randmod.ValType{i, l, f, d, i, i, i, i, l, l, l, l, l, l, i, l, f, d, i, i, l, l, l}
	var list []memoryOp
	for k, t := range types {
		list = append(list, memoryOp{byte(0x28 + k), t, k >= 14})
	}
	return list
}

// memoryFunction is the body of a function that does one access; it has the parameters
// i32, i32 and the value to store. constantValue makes that a constant instead.
func memoryFunction(o memoryOp, f *addressForm, k uint64, offset int, constantValue bool) wasmenc.Code {
	var body wasmenc.Code
	body.Op(0) // no more locals
	f.emit(&body, k)
	if o.store {
		if constantValue {
			constant(&body, o.typ, 0xFEDCBA98_80818283>>(k%9))
		} else {
			body.OpU(0x20, 2)
		}
		body.OpU(o.op, 0, offset)
		f.emit(&body, k) // what stays behind must not have changed
		body.Op(0x1A)
	} else {
		body.OpU(o.op, 0, offset)
	}
	body.Op(0x0B)
	return body
}

// memoryModule has a function for each body, all of one type, and a page of memory
// filled with a pattern.
func memoryModule(o memoryOp, bodies []wasmenc.Code) []byte {
	var types, funcs, memory, exports, codes, data wasmenc.Code
	types.Op(0x60, 3, byte(randmod.I32), byte(randmod.I32), byte(o.typ))
	if o.store {
		types.Op(0)
	} else {
		types.Op(1, byte(o.typ))
	}
	memory.Op(0, 1)
	for i, b := range bodies {
		funcs.U(0)
		exports.Name(fmt.Sprint(i))
		exports.OpU(0, i)
		codes.Bytes(b)
	}
	exports.Name("memory")
	exports.OpU(2, 0)
	data.Op(0, 0x41, 0, 0x0B)
	pattern := make([]byte, 65536)
	for i := range pattern {
		pattern[i] = byte(i*7 + i>>8)
	}
	data.Bytes(pattern)
	out := wasmenc.Code(wasmenc.Header)
	out.Section(1, 1, types)
	out.Section(3, len(bodies), funcs)
	out.Section(5, 1, memory)
	out.Section(7, len(bodies)+1, exports)
	out.Section(10, len(bodies), codes)
	out.Section(11, 1, data)
	return out
}

// TestMemoryForms compares every load and store in every form of address, over
// addresses and offsets at all borders, with wazero's compiler: results, traps and
// the memory that is left.
func TestMemoryForms(t *testing.T) {
	compared := 0
	for _, o := range memoryOps() {
		t.Run(wasmvm.Opcode(o.op).String(), func(t *testing.T) {
			for i := range addressForms {
				compared += compareMemory(t, o, &addressForms[i])
			}
		})
	}
	t.Logf("%d accesses compared in each tier", compared)
}

func compareMemory(t *testing.T, o memoryOp, f *addressForm) (compared int) {
	t.Helper()
	constants := []uint64{0}
	if f.constants {
		constants = addresses
	}
	var bodies []wasmenc.Code
	for _, k := range constants {
		for _, offset := range offsets {
			bodies = append(bodies, memoryFunction(o, f, k, offset, false))
			if o.store {
				bodies = append(bodies, memoryFunction(o, f, k, offset, true))
			}
		}
	}
	wasm := memoryModule(o, bodies)
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer r.Close(ctx)
	oracle, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatalf("address %s: %v", f.name, err)
	}
	machines := bothTiers(t, wasm)
	for k := range bodies {
		fn := oracle.ExportedFunction(fmt.Sprint(k))
		for i, a := range addresses {
			args := []uint64{a, addresses[(i*5+k)%len(addresses)], specials(o.typ)[(i+k)%len(specials(o.typ))]}
			want, wantErr := fn.Call(ctx, args...)
			for tier, vm := range machines {
				got, err := vm.Invoke(uint32(k), args...)
				if !sameNumeric(o.typ, want, got, wantErr, err) {
					t.Errorf("address %s, function %d, tier %d, %#x: got %#x, %v; wazero has %#x, %v", f.name, k, tier, args, got, err, want, wantErr)
				}
			}
			compared++
		}
	}
	memory, _ := oracle.Memory().Read(0, 65536)
	for tier, vm := range machines {
		if !bytes.Equal(vm.Memory(), memory) {
			t.Errorf("address %s, tier %d: memory differs from wazero's at %#x", f.name, tier, firstDifference(vm.Memory(), memory))
		}
	}
	return compared
}

// bothTiers makes one machine of a module for each tier.
func bothTiers(t *testing.T, wasm []byte) []*wasmvm.Machine {
	t.Helper()
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	var machines []*wasmvm.Machine
	for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
		vm, err := wasmvm.New(mod, wasmvm.Config{NaN: nanRule()})
		if err != nil {
			t.Fatal(err)
		}
		vm.SetTier(tier)
		machines = append(machines, vm)
	}
	return machines
}

// sameNumeric compares the result, if there is one, or the trap of one call.
func sameNumeric(result randmod.ValType, want, got []uint64, wantErr, gotErr error) bool {
	return sameResults([]randmod.ValType{result}[:min(1, len(want))], want, got, wantErr, gotErr)
}

// sameResults compares the results or traps of one call.
func sameResults(types []randmod.ValType, want, got []uint64, wantErr, gotErr error) bool {
	if wantErr != nil || gotErr != nil {
		return wantErr != nil && gotErr != nil && testkit.TrapText(wantErr) == testkit.TrapText(gotErr)
	}
	return slices.Equal(testkit.NarrowAll(types, want), got)
}

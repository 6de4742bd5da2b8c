package wasmvm_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
	"wrev/wasmvm/internal/testkit"
)

// randomHost answers the host calls of a random module and keeps what was asked.
type randomHost struct {
	mod   *randmod.Module
	calls []testkit.Call
}

func (h *randomHost) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	answer, writes := h.mod.Answer(m.HostCalls(), int(fn), args, m.Memory())
	copy(results, answer)
	for _, w := range writes {
		if err := m.WriteMemory(uint64(w.Addr), w.Data); err != nil {
			return err
		}
	}
	h.calls = append(h.calls, testkit.Call{Import: int(fn), Args: append([]uint64{}, args...), Results: answer})
	return nil
}

// newRandom makes an instance of a random module in our VM.
func newRandom(t testing.TB, m *randmod.Module, tier wasmvm.Tier) (*wasmvm.Machine, *randomHost) {
	t.Helper()
	mod, err := wasmvm.Decode(m.Wasm)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return newRandomOf(t, m, mod, tier)
}

// newRandomOf is newRandom for a module that is decoded already.
func newRandomOf(t testing.TB, m *randmod.Module, mod *wasmvm.Module, tier wasmvm.Tier) (*wasmvm.Machine, *randomHost) {
	t.Helper()
	h := &randomHost{mod: m}
	vm, err := wasmvm.New(mod, wasmvm.Config{Host: h, MaxMemoryPages: randmod.MaxPages, NaN: nanRule()})
	if err != nil {
		t.Fatalf("instantiate: %v", err)
	}
	vm.SetTier(tier)
	return vm, h
}

// arguments draws arguments for a random module's `run`.
func arguments(r *rand.Rand, m *randmod.Module, n int) [][]uint64 {
	list := make([][]uint64, n)
	for i := range list {
		args := []uint64{}
		for _, p := range m.Run.Params {
			for range p.Words() {
				args = append(args, argument(r, p))
			}
		}
		list[i] = testkit.NarrowAll(m.Run.Params, args)
	}
	return list
}

// argument draws a word of a value of type p.
func argument(r *rand.Rand, p randmod.ValType) uint64 {
	switch k := r.IntN(3); {
	case k == 0:
		return r.Uint64N(20)
	case k == 1 && p == randmod.F32:
		return uint64(randmod.SpecialF32[r.IntN(len(randmod.SpecialF32))])
	case k == 1:
		return randmod.SpecialF64[r.IntN(len(randmod.SpecialF64))]
	}
	return r.Uint64()
}

// observe reads what is left of a run, in the oracle's form.
func observe(t testing.TB, vm *wasmvm.Machine, h *randomHost, trap error) *testkit.Outcome {
	t.Helper()
	out := &testkit.Outcome{Calls: h.calls, Memory: bytes.Clone(vm.Memory())}
	if trap != nil {
		out.Trap = testkit.TrapText(trap)
	}
	for i, g := range h.mod.Globals {
		v := vm.GlobalBits(i)
		out.Globals = append(out.Globals, [2]uint64{testkit.Narrow(g, v[0]), v[1]})
	}
	tables, _ := vm.Module().ExportedFunc("tables")
	now := vm.SaveCore()
	result, err := vm.Invoke(tables)
	if err != nil {
		t.Fatalf("tables: %v", err)
	}
	out.Tables = result[0]
	if err := vm.RestoreCore(now); err != nil { // Invoke counts
		t.Fatal(err)
	}
	return out
}

// compare reports how an outcome differs from the oracle's.
func compare(t *testing.T, what string, want, got *testkit.Outcome) {
	t.Helper()
	if want.Trap != got.Trap {
		t.Errorf("%s: trap %q, wazero has %q", what, got.Trap, want.Trap)
	}
	for i := range min(len(want.Calls), len(got.Calls)) {
		if !reflect.DeepEqual(want.Calls[i], got.Calls[i]) && !sameCall(want.Calls[i], got.Calls[i]) {
			t.Fatalf("%s: host call %d: %x, wazero has %x", what, i, got.Calls[i], want.Calls[i])
		}
	}
	if len(want.Calls) != len(got.Calls) {
		t.Errorf("%s: %d host calls, wazero has %d", what, len(got.Calls), len(want.Calls))
	}
	for i := range want.Globals {
		if want.Globals[i] != got.Globals[i] {
			t.Errorf("%s: global %d = %#x, wazero has %#x", what, i, got.Globals[i], want.Globals[i])
		}
	}
	if want.Globals != nil && want.Tables != got.Tables {
		t.Errorf("%s: tables are %#x, wazero's %#x", what, got.Tables, want.Tables)
	}
	if want.Globals == nil { // the oracle's instance is gone: its start function trapped
		return
	}
	if !bytes.Equal(want.Memory, got.Memory) {
		at := firstDifference(want.Memory, got.Memory)
		t.Errorf("%s: memory of %d bytes, wazero's has %d, first difference at %#x", what, len(got.Memory), len(want.Memory), at)
	}
}

// sameCall compares calls regardless of whether an empty list is nil.
func sameCall(a, b testkit.Call) bool {
	return a.Import == b.Import && equal(a.Args, b.Args) && equal(a.Results, b.Results)
}

func equal[T comparable](a, b []T) bool {
	return len(a) == len(b) && firstDifference(a, b) == len(a)
}

func firstDifference[T comparable](a, b []T) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// invokeAll runs the start function, `_start` and `run` with each of args.
func invokeAll(t testing.TB, m *randmod.Module, tier wasmvm.Tier, args [][]uint64) *testkit.Outcome {
	t.Helper()
	vm, h := newRandom(t, m, tier)
	mod := vm.Module()
	var err error
	if mod.Start >= 0 {
		_, err = vm.Invoke(uint32(mod.Start))
	}
	start, _ := mod.ExportedFunc("_start")
	run, _ := mod.ExportedFunc("run")
	var all, results [][]uint64
	if err == nil {
		_, err = vm.Invoke(start)
	}
	for i := 0; err == nil && i < len(args); i++ {
		var r []uint64
		if r, err = vm.Invoke(run, args[i]...); err == nil {
			all = append(all, testkit.NarrowAll(m.Run.Results, append([]uint64{}, r...)))
		}
	}
	mustTrap(t, err)
	out := observe(t, vm, h, err)
	out.Results = append(results, all...)
	return out
}

// mustTrap fails the test if err is anything but nil or a trap.
func mustTrap(t testing.TB, err error) {
	t.Helper()
	var trap *wasmvm.Trap
	if err != nil && !errors.As(err, &trap) {
		t.Fatalf("an error that is no trap: %v", err)
	}
}

// checkModule compares both tiers with wazero's compiler on one module.
func checkModule(t *testing.T, m *randmod.Module, r *rand.Rand) {
	args := arguments(r, m, 3)
	want := testkit.RunOracle(t, m, args)
	for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
		got := invokeAll(t, m, tier, args)
		compare(t, tierName(tier), want, got)
		if !reflect.DeepEqual(got.Results, want.Results[min(1, len(want.Results)):]) && len(got.Results)+len(want.Results) > 1 {
			t.Errorf("%s: run returned %x, wazero has %x", tierName(tier), got.Results, want.Results)
		}
	}
}

// options varies the kind of random module by seed.
func options(seed uint64) randmod.Options {
	return randmod.Options{
		NoImports: seed%7 == 3,
		NoTraps:   seed%5 == 2,
		NoFloats:  seed%11 == 4,
		MaxBody:   []int{80, 20, 200}[seed%3],
	}
}

// TestRandomModules compares results, traps, final memory, globals and the log of
// host calls with wazero's compiler.
func TestRandomModules(t *testing.T) {
	for seed := range uint64(400) {
		checkModule(t, randmod.Generate(seed, options(seed)), rand.New(rand.NewPCG(seed, 1)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzRandomModules does the same for modules made from fuzz bytes, and runs each
// with random limits and tiers as well.
func FuzzRandomModules(f *testing.F) {
	f.Add([]byte("a"))
	f.Add(bytes.Repeat([]byte{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 97, 93, 238, 46}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := randmod.FromBytes(data, randmod.Options{Fuel: 100})
		r := rand.New(rand.NewPCG(uint64(len(data)), 2))
		checkModule(t, m, r)
		checkLimits(t, m, r)
	})
}

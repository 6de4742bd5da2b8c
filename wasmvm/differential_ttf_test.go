package wasmvm_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"wrev/internal/randmod"
	"wrev/wasmvm"
	"wrev/wasmvm/internal/testkit"
)

// ttfModules is how many modules binaryen makes for a test run; one takes about 10 ms.
const ttfModules = 60

// ttfFeatures are those of WebAssembly 2.0 that binaryen's generator knows how to use.
var ttfFeatures = []string{
	"--mvp-features", "--enable-sign-ext", "--enable-mutable-globals",
	"--enable-nontrapping-float-to-int", "--enable-bulk-memory", "--enable-multivalue",
}

// ttfExtra are the sets of further features that modules are made with in turn.
// Binaryen 108 writes exceptions and references in forms of older proposals, which
// wazero does not take.
var ttfExtra = [][]string{
	nil,
	{"--enable-tail-call", "--enable-extended-const"},
	{"--enable-simd"},
	{"--enable-simd", "--enable-tail-call", "--enable-extended-const", "--enable-threads"},
}

// TestBinaryenModules runs modules that binaryen's fuzzer makes: bigger than ours, and
// of another mind. Without binaryen the modules of randmod have to do, but where
// CI is set a missing binaryen is an error.
func TestBinaryenModules(t *testing.T) {
	tool, err := exec.LookPath("wasm-opt")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("wasm-opt is not installed: install Debian's package binaryen")
		}
		t.Log("wasm-opt is not installed (Debian's package binaryen): modules of our own generator take its place")
		forSeeds(t, ttfModules, func(t *testing.T, seed uint64) string {
			checkModule(t, randmod.Generate(1e6+seed, randmod.Options{MaxBody: 300, MaxFuncs: 20}), rand.New(rand.NewPCG(seed, 7)))
			return "our own, big"
		})
		return
	}
	dir := t.TempDir()
	forSeeds(t, ttfModules, func(t *testing.T, seed uint64) string {
		extra := ttfExtra[seed%uint64(len(ttfExtra))]
		checkTTF(t, ttfModule(t, tool, dir, seed, extra), rand.New(rand.NewPCG(seed, 13)))
		return "binaryen's, WebAssembly 2.0 " + strings.Join(extra, " ")
	})
}

// ttfModule lets binaryen make a module from random bytes.
func ttfModule(t *testing.T, tool, dir string, seed uint64, extra []string) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 8))
	data := make([]byte, 200+r.IntN([]int{1000, 8000, 40000}[seed/4%3]))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	in, out := filepath.Join(dir, "seed.bin"), filepath.Join(dir, "m.wasm")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	args := slices.Concat([]string{in, "-ttf", "-o", out}, ttfFeatures, extra)
	if message, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		t.Fatalf("wasm-opt: %v: %s", err, message)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// ttfRun is what a run leaves behind, as text: results, traps and log lines in order.
type ttfRun struct {
	log       []string
	memory    []byte
	positions []uint64 // after each call, in our VM
}

func (r *ttfRun) logCall(name string, v uint64) {
	r.log = append(r.log, fmt.Sprintf("%s %#x", name, v))
}

// ttfWay is a way to run a function.
type ttfWay struct {
	name   string
	invoke func(vm *wasmvm.Machine, fn uint32, args ...uint64) ([]uint64, error)
}

// ttfWays are all of them. The last one changes tiers at random positions.
func ttfWays(r *rand.Rand) []ttfWay {
	next := func(position uint64) (uint64, wasmvm.Tier) {
		return position + 1 + r.Uint64N(1<<r.IntN(14)), wasmvm.Tier(r.IntN(2))
	}
	return []ttfWay{
		{"fast", (*wasmvm.Machine).Invoke},
		{"precise", func(vm *wasmvm.Machine, fn uint32, args ...uint64) ([]uint64, error) {
			vm.SetTier(wasmvm.TierPrecise)
			return vm.Invoke(fn, args...)
		}},
		{"mixed", func(vm *wasmvm.Machine, fn uint32, args ...uint64) ([]uint64, error) {
			return vm.InvokeInPieces(next, fn, args...)
		}},
	}
}

// checkTTF calls every exported function in both engines.
func checkTTF(t *testing.T, wasm []byte, r *rand.Rand) {
	t.Helper()
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	want := ttfOracle(t, mod, wasm)
	var positions []uint64
	for i, way := range ttfWays(r) {
		got := ttfVM(t, mod, way)
		if i == 0 {
			positions = got.positions
		} else if i := firstDifference(positions, got.positions); i < len(positions) {
			t.Fatalf("%s: after call %d the position is %d, in fast code it was %d", way.name, i, got.positions[i], positions[i])
		}
		if i := firstDifference(want.log, got.log); i < max(len(want.log), len(got.log)) {
			t.Fatalf("%s, line %d of %d: %q, wazero has %q", way.name, i, len(want.log),
				got.log[i:min(i+3, len(got.log))], want.log[i:min(i+3, len(want.log))])
		}
		if !bytes.Equal(want.memory, got.memory) {
			t.Fatalf("%s: memory differs at %#x", way.name, firstDifference(want.memory, got.memory))
		}
	}
}

// ttfCalls lists exported functions in order; each is called with zeros.
func ttfCalls(mod *wasmvm.Module, call func(name string, fn uint32, args []uint64)) {
	for _, e := range mod.Exports {
		if e.Kind != wasmvm.ExternFunc || e.Name == "hangLimitInitializer" {
			continue
		}
		if limit, ok := mod.ExportedFunc("hangLimitInitializer"); ok {
			call("hangLimitInitializer", limit, nil)
		}
		call(e.Name, e.Index, make([]uint64, argWords(mod.FuncType(e.Index).Params)))
	}
}

// argWords is the number of words that arguments of the given types take.
func argWords(ts []wasmvm.ValType) (n int) {
	for _, t := range ts {
		n += t.Slots()
	}
	return n
}

// outcome appends the results or the trap of one call.
func (r *ttfRun) outcome(mod *wasmvm.Module, name string, fn uint32, results []uint64, err error) {
	if err != nil {
		r.log = append(r.log, name+": "+testkit.TrapText(err))
		return
	}
	for _, t := range mod.FuncType(fn).Results {
		for range t.Slots() {
			r.logCall(name, testkit.Narrow(randmod.ValType(t), results[0]))
			results = results[1:]
		}
	}
}

func ttfOracle(t *testing.T, mod *wasmvm.Module, wasm []byte) *ttfRun {
	t.Helper()
	run := &ttfRun{}
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(testkit.Features).WithMemoryLimitPages(ttfPages))
	defer rt.Close(ctx)
	b := rt.NewHostModuleBuilder("fuzzing-support")
	for _, imp := range mod.Imports {
		if imp.Kind != wasmvm.ExternFunc {
			continue
		}
		params := mod.Types[imp.TypeIndex].Params
		types := make([]api.ValueType, len(params))
		for i, p := range params {
			types[i] = byte(p)
		}
		f := func(_ context.Context, stack []uint64) {
			for _, p := range params {
				for range p.Slots() {
					run.logCall(imp.Name, testkit.Narrow(randmod.ValType(p), stack[0]))
					stack = stack[1:]
				}
			}
		}
		b.NewFunctionBuilder().WithGoFunction(api.GoFunc(f), types, nil).Export(imp.Name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	inst, err := rt.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	ttfCalls(mod, func(name string, fn uint32, args []uint64) {
		results, err := inst.ExportedFunction(name).Call(ctx, args...)
		run.outcome(mod, name, fn, results, err)
	})
	if mem := inst.Memory(); mem != nil {
		view, _ := mem.Read(0, mem.Size())
		run.memory = bytes.Clone(view)
	}
	return run
}

// ttfPages is the greatest size of a memory in both engines, in 64 KiB pages.
const ttfPages = 64

// ttfHost is the host of our VM.
type ttfHost struct {
	run *ttfRun
	mod *wasmvm.Module
}

func (h ttfHost) HostCall(_ *wasmvm.Machine, fn uint32, args, _ []uint64) error {
	for _, a := range args {
		h.run.logCall(h.mod.ImportedFunc(fn).Name, a)
	}
	return nil
}

func ttfVM(t *testing.T, mod *wasmvm.Module, way ttfWay) *ttfRun {
	t.Helper()
	run := &ttfRun{}
	vm, err := wasmvm.New(mod, wasmvm.Config{Host: ttfHost{run, mod}, MaxMemoryPages: ttfPages, NaN: nanRule()})
	if err != nil {
		t.Fatal(err)
	}
	ttfCalls(mod, func(name string, fn uint32, args []uint64) {
		results, err := way.invoke(vm, fn, args...)
		mustTrap(t, err)
		run.outcome(mod, name, fn, results, err)
		run.positions = append(run.positions, vm.Position())
	})
	run.memory = bytes.Clone(vm.Memory())
	return run
}

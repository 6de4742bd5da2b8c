package testkit

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"wrev/internal/randmod"
)

// Call is one host call as the host saw it: raw bits, narrow values zero-extended.
type Call struct {
	Import  int
	Args    []uint64
	Results []uint64
}

// Outcome is all that can be observed of a run.
type Outcome struct {
	Calls   []Call
	Trap    string // the official text of a trap; empty if the run ended normally
	Results [][]uint64
	Memory  []byte
	Globals [][2]uint64 // references are reduced to 0 (null) and 1
	Tables  uint64      // what the module's function `tables` returns
}

// Narrow zero-extends a raw value of a 32-bit type and reduces a reference to
// whether it is null, since engines represent references as they like.
func Narrow(t randmod.ValType, v uint64) uint64 {
	switch {
	case t == randmod.I32 || t == randmod.F32:
		return uint64(uint32(v))
	case t.IsRef() && v != 0:
		return 1
	}
	return v
}

// NarrowAll narrows values in place and returns them. A vector takes two words.
func NarrowAll(ts []randmod.ValType, vs []uint64) []uint64 {
	at := 0
	for _, t := range ts {
		if at < len(vs) {
			vs[at] = Narrow(t, vs[at])
		}
		at += t.Words()
	}
	return vs
}

// words is the number of 64-bit words that values of the given types take.
func words(ts []randmod.ValType) (n int) {
	for _, t := range ts {
		n += t.Words()
	}
	return n
}

// trapTexts maps wazero's texts to the official ones; wazero reports several
// faults of tables by one text, so what it maps to stands for all of them.
var trapTexts = []struct{ wazero, official string }{
	{"out of bounds memory access", "out of bounds memory access"},
	{"invalid table access", InvalidTableAccess},
	{"indirect call type mismatch", "indirect call type mismatch"},
	{"integer divide by zero", "integer divide by zero"},
	{"integer overflow", "integer overflow"},
	{"invalid conversion to integer", "invalid conversion to integer"},
	{"unreachable", "unreachable"},
	{"uncaught exception", "uncaught exception"},
	{"null reference", "null reference"},
	{"unaligned atomic", "unaligned atomic"},
	{"expected shared memory", "expected shared memory"},
	{"stack overflow", "call stack exhausted"},
}

// InvalidTableAccess stands for every fault of a table.
const InvalidTableAccess = "invalid table access"

// TrapText brings the text of an engine's trap to the form that Outcome.Trap has.
func TrapText(err error) string {
	text := err.Error()
	for _, table := range []string{"undefined element", "uninitialized element", "out of bounds table access"} {
		if strings.Contains(text, table) {
			return InvalidTableAccess
		}
	}
	for _, p := range trapTexts {
		if strings.Contains(text, p.wazero) || strings.Contains(text, p.official) {
			return p.official
		}
	}
	return "unknown: " + text
}

// Oracle is wazero's compiler holding one instance of a module.
type Oracle struct {
	ctx     context.Context
	runtime wazero.Runtime
	inst    api.Module
	mod     *randmod.Module
	out     Outcome
}

// RunOracle instantiates m on wazero's compiler and calls `_start`, then `run` once
// for each of args, until one traps.
func RunOracle(t testing.TB, m *randmod.Module, args [][]uint64) *Outcome {
	t.Helper()
	// wazero holds references to exceptions where the collector does not look.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	o := &Oracle{ctx: context.Background(), mod: m}
	o.runtime = wazero.NewRuntimeWithConfig(o.ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(Features).WithMemoryLimitPages(randmod.MaxPages))
	defer o.runtime.Close(o.ctx)
	if err := o.host(); err != nil {
		t.Fatal(err)
	}
	cm, err := o.runtime.CompileModule(o.ctx, m.Wasm)
	if err != nil {
		t.Fatalf("the module is not valid: %v", err)
	}
	o.inst, err = o.runtime.InstantiateModule(o.ctx, cm, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		// The start function trapped; wazero gives no access to what it left.
		o.out.Trap = TrapText(err)
		return &o.out
	}
	o.entries(args)
	if m.Memory {
		view, _ := o.inst.Memory().Read(0, o.inst.Memory().Size())
		o.out.Memory = bytes.Clone(view)
	}
	o.variables(t)
	return &o.out
}

// variables reads the globals and what stands for the tables. wazero gives out
// only the lower half of a vector, so the module has getters for those.
func (o *Oracle) variables(t testing.TB) {
	call := func(name string) []uint64 {
		results, err := o.inst.ExportedFunction(name).Call(o.ctx)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return results
	}
	vectors := 0
	for i, g := range o.mod.Globals {
		var v [2]uint64
		if g == randmod.V128 {
			copy(v[:], call(fmt.Sprintf("v%d", vectors)))
			vectors++
		} else {
			v[0] = Narrow(g, o.inst.ExportedGlobal(fmt.Sprintf("g%d", i)).Get())
		}
		o.out.Globals = append(o.out.Globals, v)
	}
	o.out.Tables = Narrow(randmod.I32, call("tables")[0])
}

func (o *Oracle) entries(args [][]uint64) {
	results, err := o.inst.ExportedFunction("_start").Call(o.ctx)
	run := o.inst.ExportedFunction("run")
	for i := 0; err == nil; i++ {
		o.out.Results = append(o.out.Results, results)
		if i == len(args) {
			return
		}
		results, err = run.Call(o.ctx, args[i]...)
		if err == nil {
			results = NarrowAll(o.mod.Run.Results, results)
		}
	}
	o.out.Trap = TrapText(err)
}

// host makes the module `host` that random modules import.
func (o *Oracle) host() error {
	if len(o.mod.Imports) == 0 {
		return nil
	}
	b := o.runtime.NewHostModuleBuilder("host")
	for i, imp := range o.mod.Imports {
		f := func(_ context.Context, inst api.Module, stack []uint64) { o.call(i, inst, stack) }
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(f), valueTypes(imp.Type.Params), valueTypes(imp.Type.Results)).Export(imp.Name)
	}
	_, err := b.Instantiate(o.ctx)
	return err
}

func (o *Oracle) call(imp int, inst api.Module, stack []uint64) {
	f := o.mod.Imports[imp].Type
	args := NarrowAll(f.Params, append([]uint64(nil), stack[:words(f.Params)]...))
	var mem []byte
	if o.mod.Memory {
		mem, _ = inst.Memory().Read(0, inst.Memory().Size())
	}
	results, writes := o.mod.Answer(uint64(len(o.out.Calls)), imp, args, mem)
	o.out.Calls = append(o.out.Calls, Call{imp, args, results})
	copy(stack, results)
	for _, w := range writes {
		copy(mem[w.Addr:], w.Data)
	}
}

func valueTypes(ts []randmod.ValType) []api.ValueType {
	out := make([]api.ValueType, len(ts))
	for i, t := range ts {
		out[i] = byte(t)
	}
	return out
}

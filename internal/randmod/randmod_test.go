package randmod

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// features are all that wazero knows.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesThreads | experimental.CoreFeaturesTailCall |
	experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesExceptionHandling | experimental.CoreFeaturesTypedFunctionReferences

// newRuntime returns an oracle with the module's imports.
func newRuntime(ctx context.Context, t testing.TB, m *Module) wazero.Runtime {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(MaxPages).WithCoreFeatures(features))
	t.Cleanup(func() { r.Close(ctx) })
	if len(m.Imports) == 0 {
		return r
	}
	b := r.NewHostModuleBuilder("host")
	calls := uint64(0)
	for i, imp := range m.Imports {
		f := func(_ context.Context, mod api.Module, stack []uint64) {
			var args []uint64
			for _, p := range imp.Type.Params {
				v := slices.Clone(stack[len(args):][:p.Words()])
				if p == I32 || p == F32 {
					v[0] = uint64(uint32(v[0]))
				}
				args = append(args, v...)
			}
			var mem []byte
			if m.Memory {
				mem, _ = mod.Memory().Read(0, mod.Memory().Size())
			}
			results, writes := m.Answer(calls, i, args, mem)
			calls++
			copy(stack, results)
			for _, w := range writes {
				copy(mem[w.Addr:], w.Data)
			}
		}
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(f), valueTypes(imp.Type.Params), valueTypes(imp.Type.Results)).Export(imp.Name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	return r
}

func valueTypes(ts []ValType) []api.ValueType {
	var out []api.ValueType
	for _, t := range ts {
		out = append(out, byte(t))
	}
	return out
}

// TestModulesAreValidAndEnd compiles and runs a few hundred modules.
func TestModulesAreValidAndEnd(t *testing.T) {
	ctx := context.Background()
	var ended, trapped, bytesTotal int
	for seed := range uint64(300) {
		m := Generate(seed, Options{NoFloats: seed%5 == 1, NoTraps: seed%3 == 1})
		bytesTotal += len(m.Wasm)
		r := newRuntime(ctx, t, m)
		cm, err := r.CompileModule(ctx, m.Wasm)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		inst, err := r.InstantiateModule(ctx, cm, wazero.NewModuleConfig().WithStartFunctions())
		if err == nil {
			_, err = inst.ExportedFunction("_start").Call(ctx)
		}
		switch {
		case err == nil:
			ended++
		case strings.Contains(err.Error(), "stack overflow"):
			t.Errorf("seed %d: %v", seed, err)
		default:
			trapped++
		}
		r.Close(ctx)
	}
	t.Logf("%d modules of %d bytes on average: %d ended, %d trapped", ended+trapped, bytesTotal/(ended+trapped), ended, trapped)
	if ended < 100 || trapped < 10 {
		t.Errorf("a poor mix: %d ended, %d trapped", ended, trapped)
	}
}

// TestGenerateIsPure builds modules twice.
func TestGenerateIsPure(t *testing.T) {
	for seed := range uint64(20) {
		if !bytes.Equal(Generate(seed, Options{}).Wasm, Generate(seed, Options{}).Wasm) {
			t.Errorf("seed %d gives different modules", seed)
		}
	}
}

// FuzzFromBytes checks that any bytes give a valid module.
func FuzzFromBytes(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("some bytes that make some decisions and then run out"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx := context.Background()
		m := FromBytes(data, Options{})
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
		defer r.Close(ctx)
		if _, err := r.CompileModule(ctx, m.Wasm); err != nil {
			t.Fatal(errors.Unwrap(err), err)
		}
	})
}

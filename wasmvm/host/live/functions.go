package live

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"wrev/wasmvm/wasi"
)

// errWazero is another version of wazero than this package was written for.
var errWazero = errors.New("wazero is not as wrev knows it; build wrev with the version of wazero in its go.mod")

// functions are wazero's functions. They belong to no runtime: all that they
// work on is in the module instance they are called with.
var functions = sync.OnceValues(func() (map[*wasi.Func]api.GoModuleFunction, error) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	originals, err := wasi_snapshot_preview1.NewBuilder(r).Compile(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare WASI: %w", err)
	}
	m := make(map[*wasi.Func]api.GoModuleFunction)
	for _, fn := range wasi.Functions() {
		original := originals.ExportedFunctions()[fn.Name]
		if original == nil || len(original.ParamTypes()) != len(fn.Params) {
			return nil, fmt.Errorf("%s: %w", fn.Name, errWazero)
		}
		inner, ok := original.GoFunction().(api.GoModuleFunction)
		if !ok {
			return nil, fmt.Errorf("%s: %w", fn.Name, errWazero)
		}
		m[fn] = inner
	}
	return m, nil
})

// guestWithMemory is a module that has a memory of no pages, guestWithout one that
// has none: what a module instance needs that WASI's functions are to work on.
var (
	guestWithMemory = []byte("\x00asm\x01\x00\x00\x00" + "\x05\x03\x01\x00\x00")
	guestWithout    = []byte("\x00asm\x01\x00\x00\x00")
)

// bufferOf finds the slice that is the memory of a module instance. Memory can
// only be made to grow through wazero's interface, but the shadow has to be the
// size that the machine's memory has, and that shrinks when the machine goes
// back. The field is exported, of a type that is not.
func bufferOf(mod api.Module) (*[]byte, error) {
	v := reflect.ValueOf(mod.Memory())
	if v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct {
		if f := v.Elem().FieldByName("Buffer"); f.IsValid() && f.CanAddr() && f.CanInterface() {
			if buf, ok := f.Addr().Interface().(*[]byte); ok {
				return buf, nil
			}
		}
	}
	return nil, fmt.Errorf("its memory: %w", errWazero)
}

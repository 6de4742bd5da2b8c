package host

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// callLog receives the calls. It is a *recording.Writer but in tests.
type callLog interface {
	Append(*recording.HostCall) error
}

// maxParams is the largest number of parameters of a WASI function (path_open).
const maxParams = 9

// recorder logs the host calls of one program. A program has one thread and
// WASI does not call back, so that one call is under way at a time and all
// scratch space can be shared.
type recorder struct {
	log     callLog
	tracker *wasi.Tracker
	memory  memoryState
	mem     []byte // all of memory, as of the last call that needed it

	call    recording.HostCall // reused for every call
	args    [maxParams]uint64
	results [1]uint64

	// around lets tests put something between the wrapper and the function.
	around func(api.GoModuleFunction) api.GoModuleFunction

	inCall bool  // a host function is at work
	err    error // why the log could not be written
}

func newRecorder(log callLog, sizes wasi.Sizes) *recorder {
	r := &recorder{log: log, tracker: wasi.NewTracker(sizes)}
	r.call.Results = r.results[:]
	return r
}

// wrapper stands for one imported function.
type wrapper struct {
	rec   *recorder
	fn    *wasi.Func
	inner api.GoModuleFunction
	index uint32 // of the import
	// masks clear the upper halves of i32 arguments: the compiler leaves what
	// it likes there.
	masks []uint64
	// needsMemory is false for functions that neither read nor write any.
	needsMemory bool
}

var errUnfinished = errors.New("the host function did not return")

// Call implements api.GoModuleFunction.
func (w *wrapper) Call(ctx context.Context, mod api.Module, stack []uint64) {
	r := w.rec
	args := r.args[:len(w.masks)]
	for i, mask := range w.masks {
		args[i] = stack[i] & mask
	}
	r.call.Import, r.call.Args, r.call.Inputs = w.index, args, 0
	if !w.fn.HasErrno {
		r.logNoReturn()
		w.inner.Call(ctx, mod, stack)
		panic(errUnfinished) // wazero's proc_exit has panicked
	}
	var mem []byte
	if w.needsMemory {
		mem = r.view(mod)
		if w.fn.HasInputs() {
			r.call.Inputs = w.fn.Digest(args, mem)
		}
		if w.fn.NeedsBefore() {
			r.tracker.Before(w.fn, args, mem)
		}
	}

	r.inCall = true
	w.inner.Call(ctx, mod, stack)
	r.inCall = false

	errno := uint32(stack[0])
	r.results[0] = uint64(errno)
	writes := r.call.Writes[:0]
	if w.needsMemory {
		for _, p := range r.tracker.After(w.fn, args, errno, mem) {
			writes = append(writes, recording.MemWrite{Addr: p.Addr, Data: p.Of(mem)})
		}
	}
	r.call.Writes = writes
	r.append()
}

// logNoReturn logs the current call as one that ends the program.
func (r *recorder) logNoReturn() {
	r.call.Results, r.call.Writes, r.call.NoReturn = nil, nil, true
	r.append()
}

// append logs the current call, and ends the program if that fails: a recording
// with a hole would be of no use.
func (r *recorder) append() {
	if err := r.log.Append(&r.call); err != nil {
		r.err = err
		panic(err)
	}
}

// finish logs the call that was under way when the program ended, because the
// host function panicked.
func (r *recorder) finish() {
	if !r.inCall || r.err != nil {
		return
	}
	r.inCall = false
	r.call.Results, r.call.Writes, r.call.NoReturn = nil, nil, true
	r.err = r.log.Append(&r.call)
}

// memoryState says whether the program has a memory. wazero's api.Module cannot
// tell: without one, its Memory returns a nil pointer in an interface.
type memoryState uint8

const (
	memoryUnknown memoryState = iota
	memoryNone
	memoryPresent
)

// view returns the live bytes of the program's memory. A host function of WASI
// cannot grow it, so that the view holds until the end of the call.
func (r *recorder) view(mod api.Module) []byte {
	m := mod.Memory()
	if r.memory != memoryPresent {
		if r.memory == memoryUnknown {
			r.memory = probe(m)
		}
		if r.memory == memoryNone {
			return nil
		}
	}
	size := m.Size()
	if size == 0 {
		return wholeView(m)
	}
	if uint32(len(r.mem)) != size { // memory moves only when it grows
		r.mem, _ = m.Read(0, size)
	}
	return r.mem
}

// wholeView is for a memory whose size is a multiple of 2^32, which Size cannot
// tell from 0.
func wholeView(m api.Memory) []byte {
	if pages, ok := m.Grow(0); !ok || pages != MaxMemoryPages {
		return nil
	}
	mem, ok := m.Read(0, 1<<32-1)
	if !ok {
		return nil
	}
	// Read limits the capacity to the length; the last byte is there.
	return unsafe.Slice(unsafe.SliceData(mem), 1<<32)
}

func probe(m api.Memory) (s memoryState) {
	defer func() {
		if recover() != nil {
			s = memoryNone
		}
	}()
	if m == nil {
		return memoryNone
	}
	m.Size()
	return memoryPresent
}

// provide instantiates the WASI functions that the guest imports, wrapped, under
// the names by which it imports them.
func provide(ctx context.Context, r wazero.Runtime, guest wazero.CompiledModule, rec *recorder) error {
	originals, err := wasi_snapshot_preview1.NewBuilder(r).Compile(ctx)
	if err != nil {
		return fmt.Errorf("prepare WASI: %w", err)
	}
	builders := make(map[string]wazero.HostModuleBuilder)
	seen := make(map[[2]string]bool)
	for i, def := range guest.ImportedFunctions() {
		module, name, _ := def.Import()
		if seen[[2]string{module, name}] {
			continue // imported twice: calls of both are logged as the first
		}
		seen[[2]string{module, name}] = true
		w, original, err := newWrapper(rec, originals, name, uint32(i))
		if err != nil {
			return err
		}
		if builders[module] == nil {
			builders[module] = r.NewHostModuleBuilder(module)
		}
		builders[module].NewFunctionBuilder().
			WithGoModuleFunction(w, original.ParamTypes(), original.ResultTypes()).
			WithName(name).
			Export(name)
	}
	for module, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("provide %s: %w", module, err)
		}
	}
	return nil
}

func newWrapper(rec *recorder, originals wazero.CompiledModule, name string, index uint32) (*wrapper, api.FunctionDefinition, error) {
	fn, ok := wasi.Lookup(name)
	original := originals.ExportedFunctions()[name]
	if !ok || original == nil {
		return nil, nil, problemf(ErrImport, "the module imports function %s, which is not in WASI preview 1", name)
	}
	inner, ok := original.GoFunction().(api.GoModuleFunction)
	if !ok || len(original.ParamTypes()) != len(fn.Params) {
		return nil, nil, fmt.Errorf("wazero's %s is not as wrev knows it; build wrev with the version of wazero in its go.mod", name)
	}
	if rec.around != nil {
		inner = rec.around(inner)
	}
	w := &wrapper{rec: rec, fn: fn, inner: inner, index: index, masks: make([]uint64, len(fn.Params))}
	for i, p := range fn.Params {
		w.masks[i] = 1<<32 - 1
		if p.Wide {
			w.masks[i] = 1<<64 - 1
		}
	}
	w.needsMemory = fn.HasInputs() || fn.Writes()
	return w, original, nil
}

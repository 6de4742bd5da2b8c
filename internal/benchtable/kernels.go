package benchtable

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"wrev/wasmvm"
)

var start = time.Now()

func wallTime() time.Duration { return time.Since(start) }

// Kernel is one program of testdata/kernels.
type Kernel struct {
	Name string // "fib"
	Opt  string // "O0" or "O2"
	Wasm []byte
}

// LoadKernels reads every kernel that was compiled with the given optimisation level.
func LoadKernels(dir, opt string) ([]Kernel, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*."+opt+".wasm"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no kernels in %s: run `make fixtures`", dir)
	}
	var list []Kernel
	for _, f := range files {
		wasm, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		list = append(list, Kernel{strings.TrimSuffix(filepath.Base(f), "."+opt+".wasm"), opt, wasm})
	}
	return list, nil
}

// Engine runs one kernel's _start. Prepare does what is not to be measured and
// returns what is.
type Engine struct {
	Name    string
	Prepare func(k Kernel) (run func() error, output *bytes.Buffer, err error)
}

// Engines lists what is compared: our VM, and wazero's interpreter and compiler.
func Engines() []Engine {
	return []Engine{
		{"wasmvm", prepareVM},
		{"wazero interpreter", func(k Kernel) (func() error, *bytes.Buffer, error) {
			return prepareWazero(wazero.NewRuntimeConfigInterpreter(), k)
		}},
		{"wazero compiler", func(k Kernel) (func() error, *bytes.Buffer, error) {
			return prepareWazero(wazero.NewRuntimeConfigCompiler(), k)
		}},
	}
}

// gather appends what an fd_write call writes, given its iovecs, and returns how much that is.
func gather(out *bytes.Buffer, memory []byte, iovs, count uint32) uint32 {
	written := uint32(0)
	for i := range count {
		at := memory[iovs+8*i:]
		addr, n := binary.LittleEndian.Uint32(at), binary.LittleEndian.Uint32(at[4:])
		out.Write(memory[addr : addr+n])
		written += n
	}
	return written
}

func prepareWazero(config wazero.RuntimeConfig, k Kernel) (func() error, *bytes.Buffer, error) {
	ctx, out := context.Background(), &bytes.Buffer{}
	r := wazero.NewRuntimeWithConfig(ctx, config)
	write := func(_ context.Context, m api.Module, _, iovs, count, written uint32) uint32 {
		memory, _ := m.Memory().Read(0, m.Memory().Size())
		n := gather(out, memory, iovs, count)
		binary.LittleEndian.PutUint32(memory[written:], n)
		return 0
	}
	b := r.NewHostModuleBuilder("wasi_snapshot_preview1")
	if _, err := b.NewFunctionBuilder().WithFunc(write).Export("fd_write").Instantiate(ctx); err != nil {
		return nil, nil, err
	}
	cm, err := r.CompileModule(ctx, k.Wasm)
	if err != nil {
		return nil, nil, err
	}
	inst, err := r.InstantiateModule(ctx, cm, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		return nil, nil, err
	}
	f := inst.ExportedFunction("_start")
	return func() error {
		defer r.Close(ctx)
		_, err := f.Call(ctx)
		return err
	}, out, nil
}

// vmHost answers fd_write for our VM.
type vmHost struct{ out *bytes.Buffer }

func (h vmHost) HostCall(m *wasmvm.Machine, _ uint32, args, results []uint64) error {
	n := gather(h.out, m.Memory(), uint32(args[1]), uint32(args[2]))
	results[0] = 0
	return m.WriteMemory(args[3], binary.LittleEndian.AppendUint32(nil, n))
}

func newVM(k Kernel) (*wasmvm.Machine, *bytes.Buffer, error) {
	out := &bytes.Buffer{}
	mod, err := wasmvm.Decode(k.Wasm)
	if err != nil {
		return nil, nil, err
	}
	m, err := wasmvm.New(mod, wasmvm.Config{Host: vmHost{out}})
	return m, out, err
}

func prepareVM(k Kernel) (func() error, *bytes.Buffer, error) {
	m, out, err := newVM(k)
	return func() error { return runVM(m) }, out, err
}

// runVM runs to the end in chunks, as a debugger does: it wants to be interruptible.
func runVM(m *wasmvm.Machine) error {
	for {
		s := m.Run(m.Position() + 50e6)
		switch s.Reason {
		case wasmvm.StopLimit:
		case wasmvm.StopExit:
			return nil
		default:
			return fmt.Errorf("stopped by %v at position %d: %v %v", s.Reason, m.Position(), s.Trap, s.Err)
		}
	}
}

// Instructions is how many WebAssembly instructions a kernel executes. Our VM counts every opcode, structural ones included, which it does exactly.
func Instructions(k Kernel) (uint64, error) {
	m, _, err := newVM(k)
	if err != nil {
		return 0, err
	}
	if err := runVM(m); err != nil {
		return 0, fmt.Errorf("%s.%s: %w", k.Name, k.Opt, err)
	}
	return m.Position(), nil
}

// Measure runs a kernel once and returns the CPU time of its _start and its output.
func (e Engine) Measure(k Kernel) (time.Duration, string, error) {
	run, out, err := e.Prepare(k)
	if err != nil {
		return 0, "", fmt.Errorf("%s.%s on %s: %w", k.Name, k.Opt, e.Name, err)
	}
	runtime.GC()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	err = run()
	d := threadTime() - before
	if err != nil {
		return 0, "", fmt.Errorf("%s.%s on %s: %w", k.Name, k.Opt, e.Name, err)
	}
	return d, out.String(), nil
}

// Compare measures kernels on all engines, rounds times in turn, and takes the
// least time of each: what disturbs a run only ever makes it longer.
func Compare(kernels []Kernel, rounds int) (*Table, error) {
	engines := Engines()
	t := &Table{
		Title:  fmt.Sprintf("CPU-bound kernels, C at -%s: replaying in our VM against wazero (CPU time, least of %d)", kernels[0].Opt, rounds),
		Header: []string{"kernel", "wasmvm ms", "interpreter ms", "compiler ms", "faster than interpreter", "slower than compiler", "1e6 instructions", "ns each"},
		Notes:  []string{"instructions of WebAssembly, structural ones included; ns each in our VM"},
	}
	var faster, slower, each []float64
	for _, k := range kernels {
		n, err := Instructions(k)
		if err != nil {
			return nil, err
		}
		best := make([]float64, len(engines))
		first := ""
		for range rounds {
			for i, e := range engines {
				d, out, err := e.Measure(k)
				if err != nil {
					return nil, err
				}
				if first == "" {
					first = out
				}
				if out != first {
					return nil, fmt.Errorf("%s.%s on %s printed %q, another engine %q", k.Name, k.Opt, e.Name, out, first)
				}
				ms := float64(d) / 1e6
				if best[i] == 0 {
					best[i] = ms
				}
				best[i] = min(best[i], ms)
			}
		}
		faster = append(faster, best[1]/best[0])
		slower = append(slower, best[0]/best[2])
		each = append(each, best[0]*1e6/float64(n))
		t.Add(k.Name, best[0], best[1], best[2], times(best[1]/best[0]), times(best[0]/best[2]), float64(n)/1e6, each[len(each)-1])
	}
	t.Add("geometric mean", "", "", "", times(GeoMean(faster)), times(GeoMean(slower)), "", GeoMean(each))
	t.Add("worst", "", "", "", times(slices.Min(faster)), times(slices.Max(slower)), "", slices.Max(each))
	return t, nil
}

func times(r float64) string { return figure(r) + "x" }

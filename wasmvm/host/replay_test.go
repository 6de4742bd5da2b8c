package host

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

// rewrite copies a recording with some calls changed.
func rewrite(t *testing.T, r *recording.Reader, module []byte, end recording.End, change func(n uint64, c *recording.HostCall)) *recording.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "changed.wrev")
	meta := r.Meta()
	meta.ModuleSHA256 = ""
	w, err := recording.Create(path, meta, module)
	if err != nil {
		t.Fatal(err)
	}
	n := uint64(0)
	for c, err := range r.Calls(0) {
		if err != nil {
			t.Fatal(err)
		}
		copied := *c
		if change != nil {
			change(n, &copied)
		}
		if err := w.Append(&copied); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := w.Close(end); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func open(t *testing.T, path string) *recording.Reader {
	t.Helper()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func record(t *testing.T, wasm []byte, o Options) *recording.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.wrev")
	if _, err := Record(context.Background(), wasm, "program", path, o); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

// Verify verifies a recording without branches.
func Verify(ctx context.Context, r *recording.Reader, progress func(position, call uint64)) (Verification, error) {
	mod, err := wasmvm.Decode(r.Module())
	if err != nil {
		return Verification{}, err
	}
	return plainStory(r, mod).Verify(ctx, 0, progress)
}

// Events lists the calls of a recording without branches.
func Events(ctx context.Context, r *recording.Reader, replay bool, progress func(position, call uint64), yield func(Event) error) error {
	mod, err := wasmvm.Decode(r.Module())
	if err != nil {
		mod = &wasmvm.Module{}
	}
	return plainStory(r, mod).Events(ctx, 0, replay, progress, yield)
}

func plainStory(r *recording.Reader, mod *wasmvm.Module) *Story {
	b, _, err := recording.ReadBranches(r, "")
	if err != nil {
		panic(err)
	}
	return NewStory(r, mod, b)
}

// greeting prints "tick" with a status word at 100 and exits with 3.
func greeting(letter int64) []byte {
	return small{
		imports: importWASI("fd_write", "proc_exit", "sched_yield"), pages: 1, export: "_start",
		body: code(func(c *wasmenc.Code) {
			store := func(addr, v int64) { i32(c, addr, v); c.Op(0x36, 2, 0) }
			store(0, 16)
			store(4, 4)
			store(16, letter)
			i32(c, 1, 0, 1, 48)
			c.Op(0x10, 0, 0x1a) // fd_write
			c.Op(0x10, 2, 0x1a) // sched_yield
			i32(c, 3)
			c.Op(0x10, 1) // proc_exit
		}),
	}.wasm()
}

// TestDivergence: every way in which a replay can differ is reported, with the
// call, and a damaged recording is an error and no more.
func TestDivergence(t *testing.T) {
	var out bytes.Buffer
	good := record(t, greeting('A'), Options{Stdout: &out})
	exit3 := recording.End{ExitCode: 3}
	if v, err := Verify(context.Background(), good, nil); err != nil || v.End != exit3 {
		t.Fatalf("the recording itself: %+v, %v", v, err)
	}
	at := func(n uint64, f func(c *recording.HostCall)) func(uint64, *recording.HostCall) {
		return func(i uint64, c *recording.HostCall) {
			if i == n {
				f(c)
			}
		}
	}
	tests := []struct {
		name   string
		module []byte
		end    recording.End
		change func(uint64, *recording.HostCall)
		call   uint64 // of the DivergenceError
		says   string // else of another error
	}{
		{"other bytes", greeting('B'), exit3, nil, 0, ""},
		{"other function", nil, exit3, at(1, func(c *recording.HostCall) { c.Import = 0; c.Args = []uint64{1, 0, 1, 48} }), 1, ""},
		{"other arguments", nil, exit3, at(0, func(c *recording.HostCall) { c.Args = []uint64{2, 0, 1, 48} }), 0, ""},
		{"fewer arguments", nil, exit3, at(0, func(c *recording.HostCall) { c.Args = c.Args[:2] }), 0, ""},
		{"unknown import", nil, exit3, at(1, func(c *recording.HostCall) { c.Import = 7 }), 1, ""},
		{"other digest", nil, exit3, at(0, func(c *recording.HostCall) { c.Inputs ^= 1 }), 0, ""},
		{"another result", nil, exit3, at(0, func(c *recording.HostCall) { c.Results = []uint64{0, 0} }), 0, "damaged"},
		{"wild write", nil, exit3, at(0, func(c *recording.HostCall) { c.Writes = []recording.MemWrite{{Addr: 65535, Data: make([]byte, 2)}} }), 0, "damaged"},
		{"other exit code", nil, recording.End{ExitCode: 4}, nil, 2, ""},
		{"a trap", nil, recording.End{Kind: recording.EndTrap, Trap: "unreachable"}, nil, 2, ""},
		{"calls that are not made", returns(), recording.End{}, nil, 0, ""},
		{"the end before the call", greeting('A'), recording.End{}, at(0, func(c *recording.HostCall) { c.NoReturn, c.Results, c.Writes = true, nil, nil }), 0, "failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			module := tt.module
			if module == nil {
				module = good.Module()
			}
			r := rewrite(t, good, module, tt.end, tt.change)
			_, err := Verify(context.Background(), r, nil)
			if err == nil {
				t.Fatal("nothing was noticed")
			}
			var d *DivergenceError
			switch {
			case tt.says != "":
				if !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %q does not say %q", err, tt.says)
				}
			case !errors.As(err, &d):
				t.Errorf("error %q is no divergence", err)
			case d.Call != tt.call || d.Recorded == d.Replayed:
				t.Errorf("%v, want call %d", err, tt.call)
			}
			t.Log(err)
			// The list of events is robust, too.
			for _, replay := range []bool{false, true} {
				_ = Events(context.Background(), r, replay, nil, func(Event) error { return nil })
			}
		})
	}
}

// returns is a module with the imports of greeting that calls none.
func returns() []byte {
	return small{imports: importWASI("fd_write", "proc_exit", "sched_yield"), pages: 1, export: "_start"}.wasm()
}

// TestForeignWASI: a module in a file may declare WASI functions of any type,
// which no recorder accepts. A replay must not rely on it.
func TestForeignWASI(t *testing.T) {
	good := record(t, greeting('A'), Options{})
	m := wasmenc.Code(wasmenc.Header)
	m.Section(1, 2, wasmenc.Code{0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f})
	var imports wasmenc.Code
	imports.Name("wasi_snapshot_preview1")
	imports.Name("fd_write")
	imports.Op(0, 1)
	m.Section(2, 1, imports)
	m.Section(3, 1, wasmenc.Code{0})
	var exports wasmenc.Code
	exports.Name("_start")
	exports.Op(0, 1)
	m.Section(7, 1, exports)
	var body wasmenc.Code
	body.Bytes([]byte{0, 0x41, 1, 0x10, 0, 0x1a, 0x0b})
	m.Section(10, 1, body)
	r := rewrite(t, good, m, recording.End{}, func(_ uint64, c *recording.HostCall) {
		c.Import, c.Args, c.Results = 0, []uint64{1}, []uint64{0}
	})
	if _, err := Verify(context.Background(), r, nil); err == nil {
		t.Error("a recording with calls of another module was accepted")
	}
	if err := Events(context.Background(), r, false, nil, func(Event) error { return nil }); err != nil {
		t.Error(err)
	}
	mod, err := wasmvm.Decode(r.Module())
	if err != nil {
		t.Fatal(err)
	}
	if name, fn := plainStory(r, mod).Func(0); fn != nil {
		t.Errorf("%s of another type is taken for WASI's", name)
	}
}

// TestRandomAccess moves a machine about in a recording: the answers depend on
// the position alone.
func TestRandomAccess(t *testing.T) {
	const rounds = 300
	r := record(t, bounded(rounds), Options{})
	mod, err := wasmvm.Decode(r.Module())
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasmvm.New(mod, MachineConfig(r, NewReplayer(r, mod)))
	if err != nil {
		t.Fatal(err)
	}
	type state struct {
		core   *wasmvm.Core
		memory []byte
		stack  []byte
		digest [32]byte
	}
	var states []state
	save := func() {
		states = append(states, state{m.SaveCore(), bytes.Clone(m.Memory()), bytes.Clone(m.StackBytes()), m.Digest()})
	}
	save()
	for {
		stop := m.Run(m.Position() + 97)
		save()
		if stop.Reason != wasmvm.StopLimit {
			break
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		i := rng.IntN(len(states) - 1)
		if err := m.RestoreCore(states[i].core); err != nil {
			t.Fatal(err)
		}
		copy(m.Memory(), states[i].memory)
		m.MarkAllDirty()
		copy(m.StackBytes(), states[i].stack)
		m.Run(m.Position() + 97)
		if m.Digest() != states[i+1].digest {
			t.Fatalf("from position %d on, the replay differs from the first", states[i].core.Position())
		}
	}
}

// bounded is like ticks, but ends.
func bounded(rounds int64) []byte {
	return small{
		imports: importWASI("clock_time_get", "random_get"), pages: 1, export: "_start",
		body: code(func(c *wasmenc.Code) {
			i32(c, 64, rounds)
			c.Op(0x36, 2, 0)
			c.Op(0x03, 0x40)
			i32(c, 0)
			c.Op(0x42, 0)
			i32(c, 32)
			c.Op(0x10, 0, 0x1a)
			i32(c, 128, 16)
			c.Op(0x10, 1, 0x1a)
			i32(c, 64, 64)
			c.Op(0x28, 2, 0)
			i32(c, 1)
			c.Op(0x6b, 0x36, 2, 0)
			i32(c, 64)
			c.Op(0x28, 2, 0, 0x0d, 0, 0x0b)
		}),
	}.wasm()
}

// TestEvents shows the calls of a program as people see them.
func TestEvents(t *testing.T) {
	r := record(t, greeting('A'), Options{})
	want := []string{
		`fd_write(fd=1, iovs=[4 bytes "A\x00\x00\x00"]) -> 0 (nwritten=4)`,
		`sched_yield() -> 0`,
		`proc_exit(rval=3)`,
	}
	var got []string
	last := uint64(0)
	err := Events(context.Background(), r, true, nil, func(e Event) error {
		got = append(got, e.Text)
		if e.Call != uint64(len(got)-1) || *e.Position <= last || e.Module != "wasi_snapshot_preview1" {
			t.Errorf("event %+v", e)
		}
		last = *e.Position
		return nil
	})
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
	}
	stop := errors.New("enough")
	for _, replay := range []bool{false, true} {
		n := 0
		err := Events(context.Background(), r, replay, nil, func(e Event) error {
			n++
			if (e.Position != nil) != replay {
				t.Errorf("replay %v: event %+v", replay, e)
			}
			return stop
		})
		if !errors.Is(err, stop) || n != 1 {
			t.Errorf("replay %v: %d events, %v", replay, n, err)
		}
	}
}

// TestVerifyCancelled: a long replay can be given up.
func TestVerifyCancelled(t *testing.T) {
	r := record(t, spinning(), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Verify(ctx, r, func(position, call uint64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// spinning runs some 10^8 instructions.
func spinning() []byte {
	return small{pages: 1, export: "_start", body: code(func(c *wasmenc.Code) {
		i32(c, 0, 20_000_000)
		c.Op(0x36, 2, 0, 0x03, 0x40)
		i32(c, 0, 0)
		c.Op(0x28, 2, 0)
		i32(c, 1)
		c.Op(0x6b, 0x36, 2, 0)
		i32(c, 0)
		c.Op(0x28, 2, 0, 0x0d, 0, 0x0b)
	})}.wasm()
}

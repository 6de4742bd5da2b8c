package host

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
	"wrev/wasmvm/wasi"
)

func importWASI(names ...string) (imports [][2]string) {
	for _, n := range names {
		imports = append(imports, [2]string{wasi.ModuleNames[0], n})
	}
	return imports
}

// code makes a function body of constants and calls.
func code(build func(c *wasmenc.Code)) wasmenc.Code {
	var c wasmenc.Code
	build(&c)
	return c
}

func i32(c *wasmenc.Code, values ...int64) {
	for _, v := range values {
		c.Op(0x41)
		c.S(v)
	}
}

// TestEnds records programs that end in every way, and verifies each recording.
func TestEnds(t *testing.T) {
	const (
		opCall, opDrop, opUnreachable = 0x10, 0x1a, 0x00
	)
	exit := func(status int64) wasmenc.Code {
		return code(func(c *wasmenc.Code) { i32(c, status); c.OpU(opCall, 0) })
	}
	tests := []struct {
		name  string
		p     small
		want  recording.End
		calls uint64
	}{
		{"returns", small{export: "_start"}, recording.End{}, 0},
		{"exits", small{imports: importWASI("proc_exit"), export: "_start", body: exit(0)}, recording.End{}, 1},
		{"exits with a status", small{imports: importWASI("proc_exit"), export: "_start", body: exit(-1)},
			recording.End{ExitCode: 1<<32 - 1}, 1},
		{"exits in its start function", small{imports: importWASI("proc_exit"), start: true, body: exit(3)},
			recording.End{ExitCode: 3}, 1},
		{"has only a start function", small{start: true}, recording.End{}, 0},
		{"has no entry", small{export: "helper"}, recording.End{}, 0},
		{"is older than preview 1", small{imports: [][2]string{{"wasi_unstable", "proc_exit"}}, export: "_start", body: exit(4)},
			recording.End{ExitCode: 4}, 1},
		{"imports a function twice", small{imports: importWASI("sched_yield", "sched_yield"), export: "_start",
			body: code(func(c *wasmenc.Code) { c.OpU(opCall, 1); c.Op(opDrop); c.OpU(opCall, 0); c.Op(opDrop) })}, recording.End{}, 2},
		{"traps", small{export: "_start", body: wasmenc.Code{opUnreachable}},
			recording.End{Kind: recording.EndTrap, Trap: "unreachable"}, 0},
		{"traps in its start function", small{start: true, body: wasmenc.Code{opUnreachable}},
			recording.End{Kind: recording.EndTrap, Trap: "unreachable"}, 0},
		{"reads past its memory", small{pages: 1, export: "_start",
			body: code(func(c *wasmenc.Code) { i32(c, 65536); c.Op(0x28, 2, 0, opDrop) })},
			recording.End{Kind: recording.EndTrap, Trap: "out of bounds memory access"}, 0},
		{"divides by zero", small{export: "_start", body: code(func(c *wasmenc.Code) { i32(c, 1, 0); c.Op(0x6d, opDrop) })},
			recording.End{Kind: recording.EndTrap, Trap: "integer divide by zero"}, 0},
		{"recurses for ever", small{export: "_start", body: wasmenc.Code{opCall, 0}},
			recording.End{Kind: recording.EndStackOverflow, Trap: "stack overflow"}, 0},
		{"makes wazero panic", small{imports: importWASI("poll_oneoff"), pages: 1, export: "_start",
			// 2^28 subscriptions: both arrays have a size that wraps to 0.
			body: code(func(c *wasmenc.Code) { i32(c, 0, 0, 1<<28, 0); c.OpU(opCall, 0); c.Op(opDrop) })},
			recording.End{Kind: recording.EndHostError, Trap: "runtime error: index out of range [8] with length 0"}, 1},
		{"has no memory to write to", small{imports: importWASI("clock_time_get"), export: "_start",
			body: code(func(c *wasmenc.Code) { i32(c, 0); c.Op(0x42, 0); i32(c, 8); c.OpU(opCall, 0); c.Op(opDrop) })},
			recording.End{Kind: recording.EndHostError, Trap: "runtime error: invalid memory address or nil pointer dereference"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.wrev")
			end, err := Record(context.Background(), tt.p.wasm(), "small", path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if end != tt.want {
				t.Errorf("the end is %+v, want %+v", end, tt.want)
			}
			r, err := recording.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if r.NumCalls() != tt.calls {
				t.Errorf("%d calls, want %d", r.NumCalls(), tt.calls)
			}
			v, err := Verify(context.Background(), r, nil)
			if err != nil {
				t.Errorf("verify: %v", err)
			}
			if v.End != tt.want || !v.Complete {
				t.Errorf("verified: %+v", v)
			}
			if err := Events(context.Background(), r, true, nil, func(e Event) error {
				if e.Position == nil || e.Name == "" || !strings.HasPrefix(e.Text, e.Name+"(") {
					t.Errorf("event %+v", e)
				}
				return nil
			}); err != nil {
				t.Errorf("events: %v", err)
			}
		})
	}
}

// TestRefusals: what cannot be run gets one clear line, and no recording.
func TestRefusals(t *testing.T) {
	ctx := context.Background()
	good := small{export: "_start", pages: 1}.wasm()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mount := func(host string) Options { return Options{Mounts: []recording.Mount{{Host: host, Guest: "/"}}} }
	withImport := func(module, name string) []byte {
		return small{imports: [][2]string{{module, name}}, export: "_start"}.wasm()
	}
	tests := []struct {
		name string
		wasm []byte
		opt  Options
		is   error
		says string
	}{
		{"empty", nil, Options{}, ErrNotWasm, "empty"},
		{"text", []byte("#!/bin/sh\n"), Options{}, ErrNotWasm, "begins with"},
		{"wat", []byte("\n(module)"), Options{}, ErrNotWasm, "wat2wasm"},
		{"component", append([]byte("\x00asm"), 0x0d, 0, 1, 0), Options{}, ErrComponent, "wasm32-wasip1"},
		{"other version", append([]byte("\x00asm"), 2, 0, 0, 0), Options{}, ErrInvalid, "version"},
		{"header cut", good[:6], Options{}, ErrInvalid, "truncated"},
		{"cut", good[:len(good)-3], Options{}, ErrInvalid, "truncated"},
		{"cut after an id", good[:9], Options{}, ErrInvalid, "truncated"},
		{"invalid", small{export: "_start", body: wasmenc.Code{0x1a}}.wasm(), Options{}, ErrInvalid, "invalid"},
		{"unknown module", withImport("env", "puts"), Options{}, ErrImport, "env.puts"},
		{"unknown function", withImport("wasi_snapshot_preview1", "sock_connect"), Options{}, ErrImport, "sock_connect"},
		{"wrong signature", withSignature(), Options{}, ErrImport, "signature"},
		{"data out of bounds", dataOutOfBounds(), Options{}, ErrInvalid, "out of bounds"},
		{"no mount", good, mount("/no/such/folder"), ErrOption, "no such directory"},
		{"mounted file", good, mount(file), ErrOption, "not a directory"},
		{"busy port", good, Options{Listen: []string{busy.Addr().String()}}, ErrOption, "choose another port"},
		{"no port", good, Options{Listen: []string{"localhost"}}, ErrOption, "HOST:PORT"},
		{"port name", good, Options{Listen: []string{"localhost:http"}}, ErrOption, "number"},
		{"foreign address", good, Options{Listen: []string{"192.0.2.1:0"}}, ErrOption, "this machine"},
		{"environment", good, Options{Env: []string{"NOVALUE"}}, ErrOption, "KEY=VALUE"},
		{"argument", good, Options{Args: []string{"a\x00b"}}, ErrOption, "NUL"},
		{"too much memory", good, Options{MaxMemoryPages: 65537}, ErrOption, "65536"},
		{"too little memory", small{export: "_start", pages: 3}.wasm(), Options{MaxMemoryPages: 2}, ErrInvalid, "limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.wrev")
			_, err := Record(ctx, tt.wasm, "small", path, tt.opt)
			if err == nil || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line that is %q and says %q", err, tt.is, tt.says)
			}
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a recording was left behind (%v)", err)
			}
			if tt.is == ErrNotWasm || tt.is == ErrComponent {
				if err := Validate(ctx, tt.wasm); !errors.Is(err, tt.is) {
					t.Errorf("Validate: %v", err)
				}
			}
		})
	}
	if err := Validate(ctx, good); err != nil {
		t.Error(err)
	}
	refused := errors.New("not ready")
	path := filepath.Join(t.TempDir(), "r.wrev")
	if _, err := Record(ctx, good, "small", path, Options{Ready: func() error { return refused }}); !errors.Is(err, refused) {
		t.Errorf("with a Ready that fails: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a recording was left behind (%v)", err)
	}
}

// withSignature is a module whose sched_yield has no result.
func withSignature() []byte {
	m := wasmenc.Code(wasmenc.Header)
	m.Section(1, 1, wasmenc.Code{0x60, 0, 0})
	var imp wasmenc.Code
	imp.Name(wasi.ModuleNames[0])
	imp.Name("sched_yield")
	imp.Op(0, 0)
	m.Section(2, 1, imp)
	return m
}

func dataOutOfBounds() []byte {
	m := wasmenc.Code(small{export: "_start", pages: 1}.wasm())
	data := wasmenc.Code{0}
	i32(&data, 65536)
	data.Op(0x0b)
	data.Bytes([]byte("x"))
	m.Section(11, 1, data)
	return m
}

func TestParseMount(t *testing.T) {
	tests := []struct {
		in   string
		want recording.Mount
		bad  bool
	}{
		{in: ".", want: recording.Mount{Host: ".", Guest: "."}},
		{in: "/data:ro", want: recording.Mount{Host: "/data", Guest: "/data", ReadOnly: true}},
		{in: "/a/b:/c", want: recording.Mount{Host: "/a/b", Guest: "/c"}},
		{in: "/a/b:/c:ro", want: recording.Mount{Host: "/a/b", Guest: "/c", ReadOnly: true}},
		{in: "", bad: true}, {in: ":ro", bad: true}, {in: "/a:", bad: true}, {in: ":/a", bad: true},
	}
	for _, tt := range tests {
		got, err := ParseMount(tt.in)
		if (err != nil) != tt.bad || (!tt.bad && got != tt.want) {
			t.Errorf("ParseMount(%q) = %+v, %v", tt.in, got, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("WREV_TEST_INHERITED", "1")
	o := Options{Env: []string{"A=1", "B=2", "A=3", "WREV_TEST_INHERITED=2"}, EnvInherit: true}
	env, err := o.environ()
	if err != nil {
		t.Fatal(err)
	}
	joined := "\x00" + strings.Join(env, "\x00") + "\x00"
	for _, want := range []string{"A=3", "B=2", "WREV_TEST_INHERITED=2"} {
		if strings.Count(joined, "\x00"+want+"\x00") != 1 {
			t.Errorf("%s is not there once", want)
		}
	}
	if strings.Contains(joined, "\x00A=1\x00") || strings.Contains(joined, "INHERITED=1") {
		t.Error("a variable that was set again is still there")
	}
}

// TestMachineConfig: the NaN rule comes from the recorder's processor.
func TestMachineConfig(t *testing.T) {
	for arch, want := range map[string]wasmvm.NaNRule{"amd64": wasmvm.NaNAMD64, "arm64": wasmvm.NaNARM64} {
		path := filepath.Join(t.TempDir(), "r.wrev")
		w, err := recording.Create(path, recording.Meta{GOARCH: arch, MaxMemoryPages: 77}, small{}.wasm())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(recording.End{}); err != nil {
			t.Fatal(err)
		}
		r, err := recording.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if c := MachineConfig(r, nil); c.NaN != want || c.MaxMemoryPages != 77 {
			t.Errorf("%s: %+v", arch, c)
		}
		r.Close()
	}
}

// FuzzSniff: files are classified without a look past their end.
func FuzzSniff(f *testing.F) {
	good := small{export: "_start", pages: 1}.wasm()
	for i := range good {
		f.Add(good[:i])
	}
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x00\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if err := sniff(wasm); err == nil && sectionsEnd(wasm) < 8 {
			t.Error("the sections end in the header")
		}
	})
}

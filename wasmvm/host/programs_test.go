package host

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental/sys"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
)

// compiled keeps what the tests compile: one program is used by several.
var compiled = wazero.NewCompilationCache()

// wazeroDir is the folder of wazero's source, whose test programs we run.
var wazeroDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	return strings.TrimSpace(string(out)), err
})

func wazeroFile(t *testing.T, path string) []byte {
	t.Helper()
	dir, err := wazeroDir()
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// goProgram is wazero's test program in Go, which wazero's tests compile too.
var goProgram = sync.OnceValues(func() ([]byte, error) {
	dir, err := wazeroDir()
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "wrev")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, "wasi.wasm")
	cmd := exec.Command("go", "build", "-o", out, filepath.Join(dir, "imports/wasi_snapshot_preview1/testdata/go/wasi.go"))
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.New(string(text))
	}
	return os.ReadFile(out)
})

// fixture is one of wazero's tests: a program, what it gets, and what it must
// print so that it is known to have done what the test is about.
type fixture struct {
	name    string
	program string // under wazero's testdata, or "go"
	args    []string
	dir     func(t *testing.T) string // mounted as /, if any
	stdin   func() io.Reader
	listen  bool
	// act plays the other side. waits is closed when the program has slept or
	// polled, over when it has ended.
	act  func(t *testing.T, opt *Options, waits, over <-chan struct{})
	want func(out string) bool
	exit uint32
}

const testdata = "imports/wasi_snapshot_preview1/testdata/"

func is(want string) func(string) bool { return func(s string) bool { return s == want } }
func ends(want string) func(string) bool {
	return func(s string) bool { return strings.HasSuffix(s, want) }
}
func lines(n int) func(string) bool {
	return func(s string) bool { return strings.Count(s, "\n") == n }
}
func anything(string) bool { return true }

// tonsOfEntries makes a folder whose listing takes several calls. wazero's own
// has 8096 entries; copying all of memory around each call would take too long.
const tonsOfEntries = 320

func wazeroFixtures() []fixture {
	var fs []fixture
	for _, tool := range []struct {
		name string
		dots int // entries . and .. are listed
	}{{"cargo-wasi", 0}, {"tinygo", 0}, {"zig-cc", 2}, {"zig", 0}, {"go", 0}} {
		program := tool.name + "/wasi.wasm"
		if tool.name == "go" {
			program = "go"
		}
		add := func(what string, f fixture) {
			f.name, f.program = tool.name+"/"+what, program
			fs = append(fs, f)
		}
		add("ls-empty", fixture{args: []string{"ls", "./a-"}, dir: listing, want: lines(tool.dots)})
		add("ls-file", fixture{args: []string{"ls", "-"}, dir: listing, want: is("ENOTDIR\n")})
		add("ls", fixture{args: []string{"ls", "."}, dir: listing, want: lines(3 + tool.dots)})
		if tool.name != "tinygo" { // whose program cannot, as wazero's test says
			add("ls-twice", fixture{args: []string{"ls", ".", "repeat"}, dir: listing, want: lines(2 * (3 + tool.dots))})
		}
		add("ls-tons", fixture{args: []string{"ls", "."}, dir: tons, want: lines(tonsOfEntries + tool.dots)})
		add("stat", fixture{args: []string{"stat"}, dir: listing,
			want: is("stdin isatty: false\nstdout isatty: false\nstderr isatty: false\n/ isatty: false\n")})
	}
	for program, name := range map[string]string{"cargo-wasi/wasi.wasm": "cargo-wasi", "zig-cc/wasi.wasm": "zig-cc", "go": "go"} {
		fs = append(fs, fixture{name: name + "/sock", program: program, args: []string{"sock"}, listen: true, act: sayWazero, want: ends("wazero\n")})
	}
	cc := func(name string, f fixture) fixture {
		f.name, f.program = "zig-cc/"+name, "zig-cc/wasi.wasm"
		return f
	}
	return append(fs,
		fixture{name: "zig/preopen", program: "zig/wasi.wasm", args: []string{"preopen"}, dir: listing, want: is("0: stdin\n1: stdout\n2: stderr\n3: /\n")},
		cc("poll-ready", fixture{args: []string{"poll"}, stdin: text("test"), want: is("STDIN\n")}),
		cc("poll-ready-500", fixture{args: []string{"poll", "0", "500"}, stdin: text("test"), want: is("STDIN\n")}),
		cc("poll-end", fixture{args: []string{"poll", "0", "500"}, stdin: text(""), want: is("STDIN\n")}),
		cc("poll-nothing", fixture{args: []string{"poll", "0", "5"}, stdin: func() io.Reader { return neverReady{} }, want: is("NOINPUT\n")}),
		cc("sleep", fixture{args: []string{"sleepmillis", "5"}, want: is("OK\n")}),
		cc("open-rdonly", fixture{args: []string{"open-rdonly"}, dir: listing, want: ends("OK\n")}),
		cc("open-wronly", fixture{args: []string{"open-wronly"}, dir: listing, want: ends("OK\n")}),
		cc("nonblock", fixture{args: []string{"nonblock", "/fifo"}, dir: withFIFO, act: feedFIFO, want: ends("\nwazero\n")}),
		fixture{name: "go/http", program: "go", args: []string{"http"}, listen: true, act: post, want: is("")},
		fixture{name: "go/stdin", program: "go", args: []string{"stdin"}, stdin: text("foo"), want: anything},
		fixture{name: "go/stdout", program: "go", args: []string{"stdout"}, want: is("test")},
		fixture{name: "print_args", program: "print_args.wasm", args: []string{"a", "bc"}, want: is("wasi\x00a\x00bc\x00")},
		fixture{name: "print_prestat_dirname", program: "print_prestat_dirname.wasm", dir: listing, want: is("/")},
		fixture{name: "exit_on_start", program: "exit_on_start.wasm", want: is(""), exit: 2},
		fixture{name: "exit_on_start_unstable", program: "exit_on_start_unstable.wasm", want: is(""), exit: 2},
	)
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

// neverReady is a stdin on which nothing ever arrives.
type neverReady struct{}

func (neverReady) Read([]byte) (int, error)                { select {} }
func (neverReady) Poll(sys.Pflag, int32) (bool, sys.Errno) { return false, 0 }

// listing is the folder that wazero's listing tests use.
func listing(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"-", "ab-"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "a-"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func tons(t *testing.T) string {
	dir := t.TempDir()
	for i := range tonsOfEntries {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func withFIFO(t *testing.T) string {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// feedFIFO waits until the program has found the pipe empty and slept.
func feedFIFO(t *testing.T, opt *Options, waits, over <-chan struct{}) {
	<-waits
	f, err := os.OpenFile(filepath.Join(opt.Mounts[0].Host, "fifo"), os.O_WRONLY, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if _, err := f.WriteString("wazero"); err != nil {
		t.Error(err)
	}
}

func sayWazero(t *testing.T, opt *Options, waits, over <-chan struct{}) {
	c := dial(opt.Listen[0], over)
	if c == nil {
		return
	}
	defer c.Close()
	if _, err := c.Write([]byte("wazero")); err != nil {
		t.Error(err)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	<-over
}

func post(t *testing.T, opt *Options, waits, over <-chan struct{}) {
	if c := dial(opt.Listen[0], over); c != nil {
		c.Close() // the server is there
	}
	resp, err := http.Post("http://"+opt.Listen[0], "text/plain", strings.NewReader("wazero"))
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "wazero\n" {
		t.Errorf("the program answers %q", b)
	}
}

// TestWazeroPrograms records wazero's own WASI test programs with the oracle in
// between, then replays each and compares all of memory at every host call.
// With -short, it leaves out the large ones, so that it can be run under the race
// detector.
func TestWazeroPrograms(t *testing.T) {
	calls := 0
	for _, f := range wazeroFixtures() {
		if testing.Short() && (f.program == "go" || strings.HasPrefix(f.name, "zig/") || strings.HasSuffix(f.name, "ls-tons")) {
			continue
		}
		t.Run(f.name, func(t *testing.T) { calls += recordFixture(t, f) })
	}
	t.Logf("%d calls compared", calls)
}

func recordFixture(t *testing.T, f fixture) int {
	wasm, err := []byte(nil), error(nil)
	if f.program == "go" {
		if wasm, err = goProgram(); err != nil {
			t.Fatal(err)
		}
	} else {
		wasm = wazeroFile(t, testdata+f.program)
	}
	var out bytes.Buffer
	opt := Options{Args: f.args, Stdout: &out, Stderr: &out, cache: compiled}
	if f.dir != nil {
		opt.Mounts = []recording.Mount{{Host: f.dir(t), Guest: "/"}}
	}
	if f.stdin != nil {
		opt.Stdin = f.stdin()
	}
	if f.listen {
		opt.Listen = []string{listenAddress(t)}
	}
	var wg sync.WaitGroup
	waits, over := make(chan struct{}), make(chan struct{})
	if f.act != nil {
		wg.Go(func() { f.act(t, &opt, waits, over) })
	}
	path := filepath.Join(t.TempDir(), "r.wrev")
	var once sync.Once
	o, end := recordWithOracle(t, wasm, "wasi", path, opt, func(name string) {
		if name == "poll_oneoff" {
			once.Do(func() { close(waits) })
		}
	})
	close(over)
	wg.Wait()
	o.check()
	if end != (recording.End{Kind: recording.EndExit, ExitCode: f.exit}) {
		t.Errorf("the program ended with %+v and printed %q", end, out.String())
	}
	if !f.want(out.String()) {
		t.Errorf("the program printed %q", out.String())
	}
	replayWithOracle(t, path, o, out.String())
	return len(o.calls)
}

// replayWithOracle replays a recording and compares memory at every host call
// with what it was when the call was recorded, and the output.
func replayWithOracle(t *testing.T, path string, o *oracle, output string) {
	t.Helper()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	mod, err := wasmvm.Decode(r.Module())
	if err != nil {
		t.Fatal(err)
	}
	h := NewReplayer(r, mod)
	var printed bytes.Buffer
	h.Output = func(_ uint64, _ uint32, p []byte) { printed.Write(p) }
	h.Observe = func(m *wasmvm.Machine, call uint64, c *recording.HostCall) error {
		if o.calls[call].memory != crc32.Checksum(m.Memory(), crcTable) && !c.NoReturn {
			return errors.New("memory differs from what it was when the call was recorded")
		}
		return nil
	}
	m, err := wasmvm.New(mod, MachineConfig(r, h))
	if err != nil {
		t.Fatal(err)
	}
	stop, err := runToStop(context.Background(), m, &changes{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := r.End()
	if err := checkEnd(m, r, end, stop); err != nil {
		t.Errorf("at host call %d: %v", m.HostCalls(), err)
	}
	if got := printed.String(); got != output {
		i := 0
		for i < len(got) && i < len(output) && got[i] == output[i] {
			i++
		}
		t.Errorf("the replay printed %d bytes and the program %d; they differ from byte %d on: %.40q, %.40q", len(got), len(output), i, got[i:], output[i:])
	}
}

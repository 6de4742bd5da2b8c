package e2e

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// verified is what `wrev verify` reports of a recording.
type verified struct {
	positions uint64
	digest    string
}

var (
	positionCount = regexp.MustCompile(`positions +([\d,]+)`)
	stateDigest   = regexp.MustCompile(`\b([0-9a-f]{64})\b`)
)

// verify replays a whole recording and fails the test on any divergence.
func verify(t *testing.T, recording string) verified {
	t.Helper()
	r := execute(t, "", wrev, "verify", recording)
	if r.code != 0 {
		t.Fatalf("verify: exit code %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
	}
	count := positionCount.FindStringSubmatch(r.stdout)
	digest := stateDigest.FindStringSubmatch(r.stdout)
	if count == nil || digest == nil {
		t.Fatalf("verify does not print the position count and the state digest:\n%s", r.stdout)
	}
	n, err := strconv.ParseUint(strings.ReplaceAll(count[1], ",", ""), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return verified{n, digest[1]}
}

// TestVerify records programs from three compilers and replays them to the end.
func TestVerify(t *testing.T) {
	data := []string{"--mount", "testdata/programs:/data:ro"}
	cases := []struct {
		program program
		output  string // a part of what it prints
		at      uint64 // the least number of positions
	}{
		{program{module: "features.O0.wasm", code: 1}, "120 3.5 1.5 1234567890123456788 13,24", 10_000},
		{program{module: "features.O2.wasm", code: 1}, "120 3.5 1.5 1234567890123456788 13,24", 5_000},
		{program{module: "features.dw5.O2.wasm", code: 1}, "hell0, reverse", 5_000},
		{program{module: "nonames.wasm", code: 1}, "hell0, reverse", 5_000},
		{program{module: "inventory.O0.wasm", args: []string{"/data/inventory.txt"}, flags: data, code: 134}, "total 3734.65", 50_000},
		{program{module: "inventory.O2.wasm", args: []string{"/data/inventory.txt"}, flags: data, code: 134}, "total 3734.65", 20_000},
		{program{module: "words.wasm", args: []string{"1+2*(3+4)", "7/"}, stdin: "a rose is a rose is a rose\n"}, "   3 a\n   3 rose\n   2 is\n1+2*(3+4) = 15\n7/: unexpected None\n", 10_000},
		{program{module: "words.wasm", args: []string{"1/0"}, code: 134}, "", 10_000},
		{program{module: "spin.O0.wasm", args: []string{"2000"}}, "\n", 2_000_000},
		{program{module: "billion.O2.wasm"}, "7200 1272682786", 1_000_000_000},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.program.module, c.program.args), func(t *testing.T) {
			t.Parallel()
			recording, run := record(t, c.program)
			if !strings.Contains(run.stdout, c.output) {
				t.Errorf("it printed %q, want %q in it", run.stdout, c.output)
			}
			first := verify(t, recording)
			if first.positions < c.at {
				t.Errorf("%d positions, want at least %d", first.positions, c.at)
			}
			if second := verify(t, recording); c.at < 1e8 && second != first {
				t.Errorf("two replays differ: %+v and %+v", first, second)
			}
		})
	}
}

func TestVerifyTraps(t *testing.T) {
	kinds := []string{"divide", "overflow", "convert", "read", "write", "unreachable",
		"abort", "table", "signature", "recursion", "exit"}
	for _, module := range []string{"traps.O0.wasm", "traps.O2.wasm"} {
		for _, kind := range kinds {
			t.Run(module+"/"+kind, func(t *testing.T) {
				code := 134
				if kind == "exit" {
					code = 42
				}
				recording, run := record(t, program{module: module, args: []string{kind}, code: code})
				if run.stdout != "trap: "+kind+"\n" {
					t.Errorf("it printed %q", run.stdout)
				}
				verify(t, recording)
			})
		}
	}
}

// TestVerifyKernels checks every kernel at both levels, and that both print the same.
func TestVerifyKernels(t *testing.T) {
	sources, err := filepath.Glob(filepath.Join(root, "testdata", "kernels", "*.c"))
	if err != nil || len(sources) < 10 {
		t.Fatalf("%d kernels found: %v", len(sources), err)
	}
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".c")
		t.Run(name, func(t *testing.T) {
			var printed [2]string
			for i, level := range []string{"O0", "O2"} {
				recording, run := record(t, program{module: "testdata/kernels/" + name + "." + level + ".wasm"})
				printed[i] = run.stdout
				if level == "O2" { // four times the instructions at -O0 show nothing more
					verify(t, recording)
				}
			}
			if printed[0] != printed[1] || !strings.HasPrefix(printed[0], name+" ") {
				t.Errorf("-O0 printed %q, -O2 %q", printed[0], printed[1])
			}
		})
	}
}

// TestVerifyInputOutput records a program that asks the host for everything,
// twice: the runs differ, and each recording replays exactly.
func TestVerifyInputOutput(t *testing.T) {
	for _, module := range []string{"io.O0.wasm", "io.O2.wasm"} {
		t.Run(module, func(t *testing.T) {
			var printed [2]string
			for i := range printed {
				recording, run := record(t, program{
					module: module, args: []string{"/work", fmt.Sprint(i)}, stdin: "line one\nline two, a longer one\n", code: 7,
					flags: []string{"--mount", t.TempDir() + ":/work", "--env", "WREV_TEST=hello world"},
				})
				for _, want := range []string{
					"argument 1: /work\n", "WREV_TEST=hello world\n", "32 bytes on standard input\n",
					"16 bytes, read back: tten by io.c\n", "missing is missing\n", "checksum ",
				} {
					if !strings.Contains(run.stdout, want) {
						t.Errorf("%q is missing in:\n%s", want, run.stdout)
					}
				}
				if !strings.HasPrefix(run.stderr, "done\n") {
					t.Errorf("its stderr is %q", run.stderr)
				}
				printed[i] = run.stdout[strings.Index(run.stdout, "checksum"):]
				verify(t, recording)
				checkEvents(t, recording)
			}
			if printed[0] == printed[1] {
				t.Errorf("two runs had the same random numbers: %s", printed[0])
			}
		})
	}
}

// checkEvents looks for the calls of io.c in the list of host calls.
func checkEvents(t *testing.T, recording string) {
	t.Helper()
	r := execute(t, "", wrev, "events", recording)
	for _, call := range []string{"args_get", "environ_get", "fd_read", "fd_write", "path_open", "fd_seek",
		"path_rename", "path_unlink_file", "path_create_directory", "fd_readdir", "clock_time_get",
		"random_get", "poll_oneoff", "proc_exit"} {
		if !strings.Contains(r.stdout, call) {
			t.Errorf("events lists no %s", call)
		}
	}
}

// TestVerifySockets records a server, talks to it, and finds in gdb what it was told.
func TestVerifySockets(t *testing.T) {
	address := freeAddress(t)
	recording := filepath.Join(t.TempDir(), "echo.wrev")
	recorder := start(t, "record", "-o", recording, "--listen", address, "testdata/programs/echo.O0.wasm")
	for _, say := range []string{"hello world\n", "quit\n"} {
		if got := talk(t, address, say); got != strings.ToUpper(say) {
			t.Errorf("to %q it answered %q", say, got)
		}
	}
	if code := recorder.wait(t); code != 0 {
		t.Fatalf("the recorder ended with exit code %d", code)
	}
	verify(t, recording)
	out := gdb(t, "gdb", serve(t, recording).address, []string{
		"break shutdown", "continue", "up", "print connections", "print line", "continue", "up", "print n", "print quit",
		"watch -location line[0]", "reverse-continue"})
	contains(t, out[4], "= 1")
	contains(t, out[5], `"HELLO WORLD\n`)
	contains(t, out[8], "= 5")
	contains(t, out[9], "= 1")
	contains(t, out[11], "Old value = 81 'Q'", "New value = 113 'q'", "toupper")
}

// freeAddress is one with a port that is free, to be given to a program.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// dial connects to a server that may not listen yet.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	for tries := 0; err != nil && tries < 1000; tries++ {
		time.Sleep(20 * time.Millisecond)
		conn, err = net.Dial("tcp", address)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// talk sends a message and returns the answer. The server may not listen yet.
func talk(t *testing.T, address, message string) string {
	t.Helper()
	conn := dial(t, address)
	defer conn.Close()
	if _, err := io.WriteString(conn, message); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len(message))
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// TestVerifyGo builds the Go program with the Go toolchain at hand.
func TestVerifyGo(t *testing.T) {
	wasm := filepath.Join(t.TempDir(), "primes.wasm")
	build := exec.Command("go", "build", "-o", wasm, "./testdata/go")
	build.Dir = root
	build.Env = append(build.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the Go program: %v\n%s", err, out)
	}
	recording, run := record(t, program{module: wasm, args: []string{"fail"}, code: 3})
	if want := "3: 569 primes, the last is 19993\n"; !strings.Contains(run.stdout, want) {
		t.Errorf("%q is missing in:\n%s", want, run.stdout)
	}
	verify(t, recording)
	out := gdb(t, "gdb", serve(t, recording).address, []string{
		"break main.primes", "continue", "backtrace 2", "reverse-stepi", "stepi",
		"delete", "break os.runtime_beforeExit", "continue", "break main.primes", "reverse-continue"})
	for i, want := range map[int]string{2: "Breakpoint 1, ", 3: "#0 ", 8: "Breakpoint 2, ", 10: "Breakpoint 3, "} {
		if text := strings.Join(out[i], "\n"); !strings.Contains(text, want) {
			t.Errorf("command %d: want %q, gdb printed:\n%s", i, want, text)
		}
	}
}

// startRecorder records a program that runs for long, and returns when it has
// printed its first line.
func startRecorder(t *testing.T, recording string) (cmd *exec.Cmd, stdout io.Reader) {
	t.Helper()
	cmd = exec.Command(wrev, "record", "-o", recording, "testdata/programs/billion.O0.wasm")
	cmd.Dir = root
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("400 0\n"))); err != nil {
		t.Fatal(err)
	}
	return cmd, stdout
}

// TestKilledRecorder kills the recorder in the middle of a run: what was
// recorded up to then replays.
func TestKilledRecorder(t *testing.T) {
	recording := filepath.Join(t.TempDir(), "killed.wrev")
	cmd, _ := startRecorder(t, recording)
	cmd.Process.Kill()
	cmd.Wait()
	info := execute(t, "", wrev, "info", recording)
	if info.code != 0 {
		t.Fatalf("info: exit code %d: %s", info.code, info.stderr)
	}
	if v := verify(t, recording); v.positions < 10_000_000 {
		t.Errorf("only %d positions were saved", v.positions)
	}
}

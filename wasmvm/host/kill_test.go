package host

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/internal/wasmenc"
)

// helperEnv makes this test binary record a program: the value is the path of
// the recording, and the program comes on standard input.
const helperEnv = "WREV_TEST_RECORD"

func TestMain(m *testing.M) {
	if path := os.Getenv(helperEnv); path != "" {
		os.Exit(recordHelper(path))
	}
	os.Exit(m.Run())
}

func recordHelper(path string) int {
	wasm := new(bytes.Buffer)
	if _, err := wasm.ReadFrom(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 100
	}
	end, err := Record(context.Background(), wasm.Bytes(), "ticks", path, Options{Stdout: os.Stdout})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 101
	}
	return int(end.ExitCode)
}

// ticks is a program that asks for the time and prints a line, rounds times
// over, then loops without a host call.
func ticks(rounds int64) []byte {
	return small{
		imports: importWASI("clock_time_get", "fd_write"), pages: 1, export: "_start",
		body: code(func(c *wasmenc.Code) {
			store := func(addr, v int64) { i32(c, addr, v); c.Op(0x36, 2, 0) }
			store(0, 16) // the iovec
			store(4, 5)
			store(16, 0x6b636974) // "tick"
			store(20, '\n')
			store(64, rounds)
			c.Op(0x03, 0x40) // loop
			i32(c, 0)
			c.Op(0x42, 0)
			i32(c, 32)
			c.Op(0x10, 0, 0x1a)
			i32(c, 1, 0, 1, 48)
			c.Op(0x10, 1, 0x1a)
			i32(c, 64, 64)
			c.Op(0x28, 2, 0) // i32.load
			i32(c, 1)
			c.Op(0x6b, 0x36, 2, 0) // i32.sub, i32.store
			i32(c, 64)
			c.Op(0x28, 2, 0, 0x0d, 0, 0x0b) // br_if the loop
			c.Op(0x03, 0x40, 0x0c, 0, 0x0b) // loop for ever
		}),
	}.wasm()
}

// TestKilled ends the recorder in the middle, in the ways that leave it no
// chance to do anything, while the program makes calls and while it spins.
func TestKilled(t *testing.T) {
	const lines = 500
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGTERM} {
		for name, rounds := range map[string]int64{"calling": 1 << 30, "spinning": lines} {
			t.Run(fmt.Sprintf("%v while %s", sig, name), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "r.wrev")
				killAfter(t, path, ticks(rounds), lines, sig)
				checkTorn(t, path, lines)
			})
		}
	}
}

// killAfter records in another process and signals it after so many lines.
func killAfter(t *testing.T, path string, wasm []byte, lines int, sig syscall.Signal) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+path)
	cmd.Stdin = bytes.NewReader(wasm)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for range lines {
		if !in.Scan() || in.Text() != "tick" {
			t.Errorf("the program printed %q (%v) %s", in.Text(), in.Err(), &complaint)
			break
		}
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // the signal is the error, and looked at here:
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != sig {
		t.Errorf("the recorder ended with %v, want %v", cmd.ProcessState, sig)
	}
}

// checkTorn: whatever the program had printed is in the recording, which replays
// up to its last call.
func checkTorn(t *testing.T, path string, lines uint64) {
	t.Helper()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// The line that was printed last may have been so before its call was
	// logged.
	if r.NumCalls() < 2*lines-1 {
		t.Errorf("the recording has %d calls, and %d lines were printed", r.NumCalls(), lines)
	}
	v, err := Verify(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v.Complete || v.End.Kind != recording.EndInterrupted || v.Calls != r.NumCalls() {
		t.Errorf("verified: %+v, the recording has %d calls", v, r.NumCalls())
	}
	n := uint64(0)
	for _, replay := range []bool{false, true} {
		if err := Events(context.Background(), r, replay, nil, func(Event) error { n++; return nil }); err != nil {
			t.Errorf("events, replay %v: %v", replay, err)
		}
	}
	if n != 2*r.NumCalls() {
		t.Errorf("%d events of %d calls, twice", n, r.NumCalls())
	}
}

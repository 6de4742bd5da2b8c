package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
	"wrev/wasmvm/host/live"
)

// startLive begins to run a program live, and returns its machine, too.
func startLive(t *testing.T, wasm []byte, path string, o Options) (*Live, *wasmvm.Machine) {
	t.Helper()
	l, err := StartLive(context.Background(), wasm, "program", path, o)
	if err != nil {
		t.Fatal(err)
	}
	story, err := NewLiveStory(l.Writer, l.Module)
	if err != nil {
		t.Fatal(err)
	}
	story.Trunk = l
	m, err := wasmvm.New(l.Module, l.MachineConfig(story.Recording(), story.Host(true)))
	if err != nil {
		t.Fatal(err)
	}
	return l, m
}

// TestLiveRecording: what a live run leaves is a recording that replays to the same
// end, in the same state.
func TestLiveRecording(t *testing.T) {
	var trap, recursion wasmenc.Code
	trap.Op(0x00)
	recursion.OpU(0x10, 0)
	for name, test := range map[string]struct {
		wasm []byte
		end  recording.End
	}{
		"exit":           {script{call(ok, "random_get", buf, 100), call(anyErrno, "proc_exit", 7)}.wasm(1), recording.End{ExitCode: 7}},
		"return":         {script{call(ok, "clock_time_get", 0, 0, res)}.wasm(1), recording.End{}},
		"trap":           {small{export: "_start", body: trap}.wasm(), recording.End{Kind: recording.EndTrap, Trap: "unreachable"}},
		"stack overflow": {small{export: "_start", body: recursion}.wasm(), recording.End{Kind: recording.EndStackOverflow, Trap: "stack overflow"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.wrev")
			l, m := startLive(t, test.wasm, path, Options{Args: []string{"x"}})
			stop := m.Run(1 << 62)
			if end := EndOf(stop.Trap, stop.Err, stop.ExitCode); end != test.end {
				t.Fatalf("it ended with %+v", end)
			}
			if err := l.Close(test.end); err != nil {
				t.Fatal(err)
			}
			r, err := recording.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if args := r.Meta().Args; len(args) != 2 || args[1] != "x" {
				t.Errorf("recorded arguments %q", args)
			}
			v, err := Verify(context.Background(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !v.Complete || v.Position != m.Position() || v.Digest != m.Digest() {
				t.Errorf("the replay ends at %d, the live run at %d; the states are the same: %v", v.Position, m.Position(), v.Digest == m.Digest())
			}
		})
	}
}

// TestLiveInterrupt: an interrupt of something else does not disturb a call that
// waits; one of the machine leaves the call unmade, and going on makes it once.
func TestLiveInterrupt(t *testing.T) {
	asked := make(chan struct{}, 10)
	lines := make(chan string, 1)
	stdin := readerFunc(func(p []byte) (int, error) {
		asked <- struct{}{}
		return copy(p, <-lines), nil
	})
	read := call(ok, "fd_read", 0, vec, 1, res).words(vec, buf, 10)
	l, m := startLive(t, script{read}.wasm(1), filepath.Join(t.TempDir(), "r.wrev"), Options{Stdin: stdin})
	l.Interrupt() // of nothing
	go func() {
		<-asked
		l.Interrupt() // of something that is over
		m.Interrupt()
		l.Interrupt()
	}()
	stop := m.Run(1 << 62)
	if stop.Reason != wasmvm.StopHost || !errors.Is(stop.Err, ErrWaiting) || !errors.Is(stop.Err, live.ErrBlocked) {
		t.Fatalf("%v, %v", stop.Reason, stop.Err)
	}
	m.ClearInterrupt()
	lines <- "one line"
	if stop = m.Run(1 << 62); stop.Reason != wasmvm.StopExit {
		t.Fatalf("%v, %v", stop.Reason, stop.Err)
	}
	if got := string(m.Memory()[buf : buf+8]); got != "one line" {
		t.Errorf("the program read %q", got)
	}
	if len(asked) > 0 {
		t.Error("the call was made twice")
	}
	if err := l.Close(recording.End{}); err != nil {
		t.Error(err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestLiveRefuses: what cannot be run leaves no recording, and says why.
func TestLiveRefuses(t *testing.T) {
	wrong := small{imports: [][2]string{{"wasi_snapshot_preview1", "fd_close"}}, export: "_start"}.wasm()
	wrong = bytes.Replace(wrong, []byte{0x60, 1, 0x7f, 1, 0x7f}, []byte{0x60, 1, 0x7e, 1, 0x7f}, 1)
	for name, test := range map[string]struct {
		wasm []byte
		o    Options
		kind error
		says string
	}{
		"text":      {[]byte("(module)"), Options{}, ErrNotWasm, "wat2wasm"},
		"truncated": {script{}.wasm(0)[:100], Options{}, ErrInvalid, "truncated"},
		"import":    {small{imports: [][2]string{{"env", "abort"}}, export: "_start"}.wasm(), Options{}, ErrImport, "env.abort"},
		"signature": {wrong, Options{}, ErrImport, "signature"},
		"mount":     {script{}.wasm(0), Options{Mounts: []recording.Mount{{Host: "no/such", Guest: "/"}}}, ErrOption, "no such directory"},
		"ready":     {script{}.wasm(0), Options{Ready: func() error { return problemf(ErrOption, "not ready") }}, ErrOption, "not ready"},
	} {
		path := filepath.Join(t.TempDir(), "r.wrev")
		_, err := StartLive(context.Background(), test.wasm, "program", path, test.o)
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s left a recording", name)
		}
	}
}

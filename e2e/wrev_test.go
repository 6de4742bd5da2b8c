package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	root string // the repository's root: every program runs there, so that source names resolve
	wrev string // the command under test
	temp string // recordings and other files shared by the tests
)

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "wrev-e2e")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	here, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	root, temp, wrev = filepath.Dir(here), dir, filepath.Join(dir, "wrev")
	if out, err := exec.Command("go", "build", "-o", wrev, "wrev/cmd/wrev").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building wrev: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// result is what a finished command left behind.
type result struct {
	code   int
	stdout string
	stderr string
}

// execute runs a command in the repository's root with the given input.
func execute(t *testing.T, stdin string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = root
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// program is one run of a module, to be recorded.
type program struct {
	module string   // a name in testdata/programs, or a path
	args   []string // the program's own arguments
	flags  []string // of wrev record
	stdin  string
	code   int // the exit code of wrev record
}

func (p program) path() string {
	if strings.Contains(p.module, "/") {
		return p.module
	}
	return filepath.Join("testdata", "programs", p.module)
}

type recorded struct {
	once   sync.Once
	path   string
	result result
}

var (
	recordingsMu sync.Mutex
	recordings   = map[string]*recorded{}
)

// record makes the recording of a program, once for all tests that ask for the
// same one, and returns its path and what the run printed.
func record(t *testing.T, p program) (string, result) {
	t.Helper()
	key := fmt.Sprintf("%q %q %q %q", p.module, p.args, p.flags, p.stdin)
	recordingsMu.Lock()
	r := recordings[key]
	if r == nil {
		r = &recorded{path: filepath.Join(temp, fmt.Sprintf("rec%d.wrev", len(recordings)))}
		recordings[key] = r
	}
	recordingsMu.Unlock()
	r.once.Do(func() {
		args := append([]string{"record", "-o", r.path}, p.flags...)
		args = append(append(args, p.path()), p.args...)
		r.result = execute(t, p.stdin, wrev, args...)
	})
	if r.result.code != p.code {
		t.Fatalf("recording %s %q ended with exit code %d, want %d\nstdout: %s\nstderr: %s",
			p.module, p.args, r.result.code, p.code, r.result.stdout, r.result.stderr)
	}
	return r.path, r.result
}

// server is a running `wrev replay`.
type server struct {
	address string // what gdb's target command wants
	cmd     *exec.Cmd
	stderr  *bytes.Buffer
	done    chan error
}

// serve starts `wrev replay` with a free port and waits until it accepts.
func serve(t *testing.T, recording string, flags ...string) *server {
	t.Helper()
	portFile := filepath.Join(t.TempDir(), "port")
	args := append([]string{"replay", "--serve", "127.0.0.1:0", "--port-file", portFile}, flags...)
	s := start(t, append(args, recording)...)
	port := waitFile(t, s, portFile)
	s.address = "127.0.0.1:" + strings.TrimSpace(port)
	return s
}

// start starts wrev with the given arguments and ends it with the test.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	return startWith(t, nil, nil, args...)
}

// startWith does so with an input, and with its standard output apart if it is not
// nil. That may be read when wrev has ended.
func startWith(t *testing.T, stdin *os.File, stdout *bytes.Buffer, args ...string) *server {
	t.Helper()
	s := &server{cmd: exec.Command(wrev, args...), stderr: new(bytes.Buffer), done: make(chan error, 1)}
	s.cmd.Dir = root
	s.cmd.Stdout, s.cmd.Stderr = s.stderr, s.stderr
	if stdin != nil {
		s.cmd.Stdin = stdin
	}
	if stdout != nil {
		s.cmd.Stdout = stdout
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		s.done <- s.cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("wrev's stderr:\n%s", s.stderr)
		}
	})
	return s
}

// wait returns the server's exit code; it must end by itself.
func (s *server) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(time.Minute):
		t.Fatal("the server is still running a minute after its session ended")
		return 0
	}
}

// waitFile returns the content of a file that the server writes when it is ready.
func waitFile(t *testing.T, s *server, path string) string {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
			return string(data)
		}
		select {
		case err := <-s.done:
			t.Fatalf("the server ended before it was ready: %v\n%s", err, s.stderr)
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatalf("the server did not write %s within a minute", path)
	return ""
}

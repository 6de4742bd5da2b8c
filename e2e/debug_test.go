package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// debug starts `wrev debug` with an input, waits until it accepts, and returns it
// with what it prints and where it records.
func debug(t *testing.T, stdin *os.File, flagsAndProgram ...string) (s *server, stdout *bytes.Buffer, recording string) {
	t.Helper()
	dir := t.TempDir()
	portFile, recording := filepath.Join(dir, "port"), filepath.Join(dir, "live.wrev")
	stdout = new(bytes.Buffer)
	args := append([]string{"debug", "-o", recording, "--serve", "127.0.0.1:0", "--port-file", portFile}, flagsAndProgram...)
	s = startWith(t, stdin, stdout, args...)
	s.address = "127.0.0.1:" + strings.TrimSpace(waitFile(t, s, portFile))
	return s, stdout, recording
}

// fifo makes a named pipe whose both ends stay open.
func fifo(t *testing.T) (path string, file *os.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "input")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return path, file
}

// say is the gdb command that gives the program a line.
func say(fifo, text string) string { return fmt.Sprintf("shell echo %s > %s", text, fifo) }

// interruptedGDB runs gdb, presses Ctrl-C when it has let the program run for the
// n-th time, and returns what the commands printed.
func interruptedGDB(t *testing.T, address string, n int, commands []string) [][]string {
	t.Helper()
	resumed, nth := make(chan struct{}, 100), make(chan struct{}, 1)
	go func() {
		for range n {
			<-resumed
		}
		nth <- struct{}{}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := gdbCommand(t, ctx, "gdb", proxy(t, address, "vCont;c", resumed), commands)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	interrupt(t, ctx, cmd, nth)
	return splitOutput(t, out.String(), len(commands)+1)
}

// TestDebugLive runs a program live: its input comes while it runs, a read that
// waits is interrupted, and going back and forth repeats nothing.
func TestDebugLive(t *testing.T) {
	pipe, input := fifo(t)
	srv, stdout, recording := debug(t, input, "--once", "testdata/programs/lines.O0.wasm")
	out := interruptedGDB(t, srv.address, 4, []string{
		"break add",          // 0
		say(pipe, "5"),       // 1
		"continue",           // 2: live, up to the first line
		say(pipe, "7"),       // 3
		"continue",           // 4: the second
		"print sum",          // 5: 5
		"reverse-continue",   // 6: the first
		"print sum",          // 7: 0
		"continue",           // 8: the second, from history
		"print sum",          // 9: 5
		"delete",             // 10
		"continue",           // 11: waits for a third line; Ctrl-C
		"backtrace",          // 12
		"monitor when",       // 13
		"break add",          // 14
		"reverse-continue",   // 15: the second line, while the read goes on waiting
		"print sum",          // 16: 5
		say(pipe, "30"),      // 17
		"continue",           // 18: the third
		"print sum",          // 19: 12
		"delete",             // 20
		"finish",             // 21
		"print sum",          // 22: 42
		"monitor seek start", // 23
		"print sum",          // 24: 0
		"monitor seek end",
		"print sum",
		"detach", // 25
	})
	for i, want := range map[int]string{
		3: "Breakpoint 1, add (", 5: "Breakpoint 1, add (", 6: "= 5", 7: "Breakpoint 1, add (", 8: "= 0",
		9: "Breakpoint 1, add (", 10: "= 5", 12: "Program received signal SIGINT", 13: "read (", 14: "position ",
		16: "Breakpoint 2, add (", 17: "= 5", 19: "Breakpoint 2, add (", 20: "= 12", 23: "= 42", 25: "= 0", 26: " so far, in ", 27: "= 42",
	} {
		contains(t, out[i], want)
	}
	if code := srv.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got, want := stdout.String(), "numbers, please\nsum 5\nsum 12\nsum 42\n"; got != want {
		t.Errorf("the program printed %q, want %q", got, want)
	}
	verify(t, recording)
	replayed := gdb(t, "gdb", serve(t, recording).address, []string{"break add if sum == 12", "continue", "print sum"})
	contains(t, replayed[3], "= 12")
}

// TestDebugKilled ends wrev while the program waits for input, in several ways:
// what it did up to then is in the recording.
func TestDebugKilled(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			pipe, input := fifo(t)
			srv, stdout, recording := debug(t, input, "testdata/programs/lines.O2.wasm")
			resumed := make(chan struct{}, 1)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := gdbCommand(t, ctx, "gdb", proxy(t, srv.address, "vCont;c", resumed), []string{say(pipe, "9"), "continue"})
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-resumed
			time.Sleep(300 * time.Millisecond) // for it to come to the next line; it need not
			srv.cmd.Process.Signal(signal)
			srv.wait(t)
			cmd.Process.Kill() // the proxy keeps its connection
			cmd.Wait()
			if code := srv.cmd.ProcessState.ExitCode(); signal != syscall.SIGKILL && code != 0 {
				t.Errorf("exit code %d", code)
			}
			verify(t, recording)
			events := execute(t, "", wrev, "events", recording).stdout
			if strings.Contains(stdout.String(), "sum 9") && !strings.Contains(events, `"9\n"`) {
				t.Errorf("the line that was read is not in the recording:\n%s", events)
			}
		})
	}
}

// TestDebugToTheEnd: wrev ends as the program does, and what it wrote is there once.
func TestDebugToTheEnd(t *testing.T) {
	input := file(t, "input", []byte("40"))
	stdin, err := os.Open(input)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	srv, stdout, recording := debug(t, stdin, "--once", "testdata/programs/lines.O0.wasm")
	out := gdb(t, "gdb", srv.address, []string{"continue", "reverse-continue", "continue", "continue"})
	contains(t, out[1], "No more reverse-execution history.")
	contains(t, out[4], "exited with code 050")
	if code := srv.wait(t); code != 40 {
		t.Errorf("exit code %d, want 40", code)
	}
	if got, want := stdout.String(), "numbers, please\nsum 40\n"; got != want {
		t.Errorf("the program printed %q, want %q", got, want)
	}
	verify(t, recording)
}

// TestDebugEdits changes a live program at the head of its history, where it sees
// the change and the recording keeps it, and before, which makes a branch without
// real effects.
func TestDebugEdits(t *testing.T) {
	pipe, input := fifo(t)
	srv, stdout, recording := debug(t, input, "--once", "testdata/programs/lines.O0.wasm")
	out := gdb(t, "gdb", srv.address, []string{
		"break add",               // 0
		say(pipe, "5"),            // 1
		"continue",                // 2
		"set variable sum = 100",  // 3: at the head
		"finish",                  // 4: the program says 105
		"reverse-continue",        // 5
		"print sum",               // 6: 100
		"set variable sum = 1000", // 7: the trunk has seen 100
		"finish",                  // 8: not on wrev's stdout
		"print sum",               // 9: 1005
		"monitor switch 0",        // 10
		"maintenance flush register-cache",
		"monitor seek end", // 12
		"print sum",        // 13: 105
		say(pipe, "7"),     // 14
		"continue",         // 15: live again
		"print sum",        // 16: 105
		"finish",           // 17
		"monitor branches", // 18
		"detach",           // 19
	})
	for i, want := range map[int]string{3: "Breakpoint 1, add (", 7: "= 100", 10: "= 1005", 14: "= 105", 16: "Breakpoint 1, add (", 17: "= 105"} {
		contains(t, out[i], want)
	}
	srv.wait(t)
	if got, want := stdout.String(), "numbers, please\nsum 105\nsum 112\n"; got != want {
		t.Errorf("the program printed %q, want %q", got, want)
	}
	verify(t, recording)
	replayed := gdb(t, "gdb", serve(t, recording).address, []string{"break add if sum == 105", "continue", "monitor switch 1", "print sum"})
	contains(t, replayed[2], "Breakpoint 1, add (")
	contains(t, replayed[4], "= 1005")
}

// TestDebugServer debugs a server that a client really talks to, and interrupts
// it where it waits for one.
func TestDebugServer(t *testing.T) {
	address := freeAddress(t)
	srv, stdout, recording := debug(t, nil, "--once", "--listen", address, "testdata/programs/echo.O0.wasm")
	called := filepath.Join(t.TempDir(), "called")
	answer := make(chan string, 1)
	go func() {
		for _, err := os.Stat(called); err != nil && t.Context().Err() == nil; _, err = os.Stat(called) {
			time.Sleep(10 * time.Millisecond)
		}
		answer <- talk(t, address, "quit, please")
	}()
	out := interruptedGDB(t, srv.address, 1, []string{
		"continue",              // 0: nobody comes; Ctrl-C
		"monitor when",          // 1
		"shell touch " + called, // 2
		"break serve",           // 3
		"continue",              // 4
		"next", "next",          // 5, 6
		"print connections", // 7: 1
		"reverse-continue",  // 8: as far as history goes back
		"reverse-stepi",     // 9
		"continue",          // 10: the same client
		"delete",            // 11
		"continue",          // 12
		"continue",          // 13
	})
	contains(t, out[1], "Program received signal SIGINT")
	contains(t, out[5], "Breakpoint 1, serve (")
	contains(t, out[8], "= 1")
	contains(t, out[11], "Breakpoint 1, serve (")
	contains(t, out[14], "exited normally")
	if code := srv.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := <-answer; got != "QUIT, PLEASE" {
		t.Errorf("the client got %q", got)
	}
	if got, want := stdout.String(), "serving\n1 connections\n"; got != want {
		t.Errorf("the program printed %q, want %q", got, want)
	}
	verify(t, recording)
}

// TestDebugStartsGDB: with --gdb the program has its input from a file, gdb what
// follows the last --, and wrev gdb's exit code.
func TestDebugStartsGDB(t *testing.T) {
	gdbPath(t, "gdb")
	input := file(t, "input", []byte("3"))
	r := execute(t, "", wrev, "debug", "--stdin", input, "--gdb", "testdata/programs/lines.O0.wasm", "--", "more", "--",
		"-nx", "-batch", "-ex", "break add", "-ex", "continue", "-ex", "finish", "-ex", "print sum + 10", "-ex", "quit 7")
	if r.code != 7 {
		t.Errorf("exit code %d, want 7", r.code)
	}
	for _, want := range []string{"Breakpoint 1, add (", "numbers, please\n", "$1 = 13"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in what was printed:\n%s%s", want, r.stdout, r.stderr)
		}
	}
}

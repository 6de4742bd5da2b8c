package e2e

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// contains checks what one gdb command printed.
func contains(t *testing.T, lines []string, fragments ...string) {
	t.Helper()
	text := strings.Join(lines, "\n")
	rest := text
	for _, f := range fragments {
		at := strings.Index(rest, f)
		if at < 0 {
			t.Errorf("gdb did not print %q; it printed:\n%s", f, text)
			return
		}
		rest = rest[at+len(f):]
	}
}

// TestReconnect leaves the server and comes back: history and position stay.
func TestReconnect(t *testing.T) {
	srv := serve(t, mustRecord(t, program{module: "features.O0.wasm", code: 1}))
	gdb(t, "gdb", srv.address, []string{"break translate", "continue", "detach"})
	out := gdb(t, "gdb", srv.address, []string{"backtrace", "break widen", "reverse-continue", "kill"})
	contains(t, out[1], "#0  translate (p={x = 3, y = 4}, dx=10, dy=20)", "#1 ", "in main")
	contains(t, out[3], "Breakpoint 1, widen (small=-1, large=1234567890123456789)")
	// The end of gdb without detach or kill closes the connection only.
	out = gdb(t, "gdb", srv.address, []string{"backtrace 1", "monitor exit"})
	contains(t, out[1], "#0 ")
	if code := srv.wait(t); code != 0 {
		t.Errorf("after monitor exit the server ended with exit code %d", code)
	}
}

func TestOnce(t *testing.T) {
	recording := mustRecord(t, program{module: "features.O0.wasm", code: 1})
	for _, last := range []string{"detach", "kill", "disconnect", "monitor exit", "info program"} {
		t.Run(last, func(t *testing.T) {
			srv := serve(t, recording, "--once")
			gdb(t, "gdb", srv.address, []string{"stepi", last})
			if code := srv.wait(t); code != 0 {
				t.Errorf("the server ended with exit code %d", code)
			}
		})
	}
}

func TestUnixSocket(t *testing.T) {
	recording := mustRecord(t, program{module: "features.O0.wasm", code: 1})
	path := filepath.Join(t.TempDir(), "socket")
	srv := start(t, "replay", "--serve", "unix:"+path, "--port-file", path+".port", "--once", recording)
	if got := strings.TrimSpace(waitFile(t, srv, path+".port")); got != path {
		t.Errorf("the port file says %q, want %q", got, path)
	}
	out := gdb(t, "gdb", path, []string{"break factorial", "continue"})
	contains(t, out[2], "Breakpoint 1, factorial (n=5)")
	srv.wait(t)
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket was left behind")
	}
}

// TestStartsGDB lets wrev start the debugger itself.
func TestStartsGDB(t *testing.T) {
	gdbPath(t, "gdb")
	recording := mustRecord(t, program{module: "features.O0.wasm", code: 1})
	r := execute(t, "", wrev, "replay", "--gdb", recording, "--", "-nx", "-batch",
		"-ex", "break factorial", "-ex", "continue", "-ex", "print n * 100", "-ex", "kill")
	contains(t, []string{r.stdout}, "Breakpoint 1, factorial (n=5)", "$1 = 500")
	if r.code != 0 {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// TestLocalSymbols writes the ELF to a file and gives it to gdb.
func TestLocalSymbols(t *testing.T) {
	recording := mustRecord(t, program{module: "features.O0.wasm", code: 1})
	elf := filepath.Join(t.TempDir(), "features.elf")
	if r := execute(t, "", wrev, "symbols", "-o", elf, recording); r.code != 0 {
		t.Fatalf("symbols: exit code %d: %s", r.code, r.stderr)
	}
	srv := serve(t, recording)
	out := gdb(t, "gdb", "", []string{"file " + elf, "break factorial if n == 1", "target extended-remote " + srv.address, "continue", "run", "info breakpoints"})
	contains(t, out[4], "Breakpoint 1, factorial (n=1)")
	contains(t, out[5], "Breakpoint 1, factorial (n=1)")
	contains(t, out[6], "already hit 1 time")
}

func TestMultiarchGDB(t *testing.T) {
	srv := serve(t, mustRecord(t, program{module: "features.O2.wasm", code: 1}))
	out := gdb(t, "gdb-multiarch", srv.address, []string{"break set_counter", "continue", "watch counter", "continue", "reverse-continue"})
	contains(t, out[2], "Breakpoint 1, set_counter (value=11)")
	contains(t, out[4], "Old value = 10", "New value = 11")
	contains(t, out[5], "Old value = 11", "New value = 10")
}

func TestMonitor(t *testing.T) {
	srv := serve(t, mustRecord(t, program{module: "features.O0.wasm", code: 1}))
	const flush = "maintenance flush register-cache"
	out := gdb(t, "gdb", srv.address, []string{
		"monitor help", "monitor when", "break set_counter", "continue", "monitor when",
		"monitor seek 100", flush, "monitor when", "stepi", "monitor when",
		"monitor seek end", flush, "backtrace 1", "monitor seek -1", "monitor when",
		"monitor seek start", "monitor nonsense", "monitor seek 99999999999999999999"})
	contains(t, out[1], "monitor help", "monitor when", "monitor seek", "monitor exit")
	contains(t, out[2], "position 0")
	contains(t, out[5], "position ", "in set_counter")
	contains(t, out[8], "position 100")
	contains(t, out[10], "position 101")
	contains(t, out[13], "#0 ")
	contains(t, out[16], "position 0")
	contains(t, out[17], "nonsense")
	contains(t, out[18], "Usage")
}

// TestOutputOnce goes forwards, back and forwards again: the program's output
// shows when it is first produced, and never twice.
func TestOutputOnce(t *testing.T) {
	srv := serve(t, mustRecord(t, program{module: "features.O0.wasm", code: 1}))
	out := gdb(t, "gdb", srv.address, []string{"break sum_array", "continue", "reverse-continue", "continue", "continue", "reverse-continue", "continue"})
	contains(t, out[2], "start 1", "Breakpoint 1")
	contains(t, out[5], "120 3.5 1.5 1234567890123456788 13,24")
	for _, i := range []int{3, 4, 6, 7} {
		if text := strings.Join(out[i], "\n"); strings.Contains(text, "start 1") || strings.Contains(text, "120 3.5") {
			t.Errorf("command %d shows output again:\n%s", i, text)
		}
	}
}

// TestRefusedChanges tries what cannot be changed: nothing of it must stay.
func TestRefusedChanges(t *testing.T) {
	srv := serve(t, ownRecording(t, program{module: "features.O0.wasm", code: 1}))
	out := gdb(t, "gdb", srv.address, []string{"break factorial", "continue",
		"set var {int}0xc0000000 = 9", "set var {int}$pc = 9", "set $eip = 0", "jump main", "print factorial(3)", "call tick()",
		"print n", "print counter", "backtrace 1", "monitor branches"})
	for i := 3; i <= 8; i++ {
		if text := strings.Join(out[i], "\n"); text == "" || strings.Contains(text, "= 6") {
			t.Errorf("command %d was not refused; gdb printed: %q", i, text)
		}
	}
	contains(t, out[9], "= 5")
	contains(t, out[10], "= 10")
	contains(t, out[11], "#0  factorial (n=5)")
	contains(t, out[12], "0 * to ", "here: position ")
}

// TestBranchesStay changes the program in one session and finds the branch in the next; the
// recorded history is what it was.
func TestBranchesStay(t *testing.T) {
	recording := ownRecording(t, program{module: "features.O0.wasm", code: 1})
	before := verify(t, recording)
	first := serve(t, recording, "--once")
	out := gdb(t, "gdb", first.address, []string{"tbreak set_counter", "continue", "set var value = 44", "finish", "print counter",
		"tbreak widen", "reverse-continue", "return 5", "next", "print w", "continue", "monitor branches"})
	contains(t, out[5], "= 44")
	contains(t, out[10], "= 5")
	contains(t, out[11], "120 3.5 1.5 5 13,24")
	contains(t, out[12], "1 ", "memory 0x", "2 * ", "exit 1", "return from frame ", "host calls:")
	first.wait(t)
	second := serve(t, recording)
	const flush = "maintenance flush dcache"
	out = gdb(t, "gdb", second.address, []string{"monitor branches", "monitor switch 1", flush, "maintenance flush register-cache", "monitor when",
		"tbreak widen", "monitor switch 2", "reverse-continue", "monitor when", "monitor diff 0 2", "monitor drop 1", "monitor branches"})
	contains(t, out[1], "0 * ", "1 from 0", "2 from 0", "return from frame")
	contains(t, out[2], "branch 1, position ")
	contains(t, out[9], "branch 2, position ")
	contains(t, out[10], "host call ", "write to memory:")
	contains(t, out[11], "gone")
	if text := strings.Join(out[12], "\n"); strings.Contains(text, "1 from 0") || !strings.Contains(text, "2 * from 0") {
		t.Errorf("after branch 1 was dropped:\n%s", text)
	}
	if after := verify(t, recording); after != before {
		t.Errorf("verify says %v, before it was %v", after, before)
	}
}

// TestInterrupt presses Ctrl-C while the program runs, forwards and backwards.
// A proxy between gdb and the server sees when gdb has asked for a run.
func TestInterrupt(t *testing.T) {
	recording := mustRecord(t, program{module: "spin.O0.wasm", args: []string{"60000"}})
	cases := []struct {
		name     string
		resume   string // what the packet that starts the run begins with
		commands []string
	}{
		{"forwards", "vCont;c", []string{"continue"}},
		{"backwards", "bc", []string{"monitor seek end", "maintenance flush register-cache", "tbreak main", "reverse-continue"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			srv := serve(t, recording)
			running := make(chan struct{}, 16)
			address := proxy(t, srv.address, c.resume, running)
			commands := append(c.commands, "print value != 0", "reverse-stepi", "stepi", "backtrace 1")
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := gdbCommand(t, ctx, "gdb", address, commands)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			interrupt(t, ctx, cmd, running)
			lines := splitOutput(t, out.String(), len(commands)+1)
			n := len(c.commands)
			contains(t, lines[n], "Program received signal SIGINT, Interrupt.")
			contains(t, lines[n+1], "$1 = 1")
			contains(t, lines[n+4], "#0 ")
		})
	}
}

// interrupt runs gdb and sends it the signal of Ctrl-C when the program runs.
func interrupt(t *testing.T, ctx context.Context, cmd *exec.Cmd, running <-chan struct{}) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-running:
		time.Sleep(100 * time.Millisecond) // into the run; without it, it would stop where it starts
		cmd.Process.Signal(syscall.SIGINT)
		<-done
	case <-done:
	}
	if ctx.Err() != nil {
		t.Error("gdb did not come back from the interruption")
	}
}

// proxy passes bytes between gdb and the server, and tells when gdb sends a
// packet that begins with the given text.
func proxy(t *testing.T, server, packet string, seen chan<- struct{}) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		upstream, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer upstream.Close()
		go io.Copy(client, upstream)
		buffer := make([]byte, 1<<16)
		for {
			n, err := client.Read(buffer)
			if n > 0 {
				upstream.Write(buffer[:n])
				if bytes.Contains(buffer[:n], []byte("$"+packet)) {
					seen <- struct{}{}
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return ln.Addr().String()
}

// TestInterruptRecorder presses Ctrl-C in a program that never ends by itself.
func TestInterruptRecorder(t *testing.T) {
	recording := filepath.Join(t.TempDir(), "interrupted.wrev")
	cmd, stdout := startRecorder(t, recording)
	cmd.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, stdout)
	cmd.Wait()
	if v := verify(t, recording); v.positions < 10_000_000 {
		t.Errorf("only %d positions were saved", v.positions)
	}
	out := gdb(t, "gdb", serve(t, recording).address, []string{"break evolve if generation == 399", "continue", "continue"})
	contains(t, out[2], "Breakpoint 1, evolve ")
	contains(t, out[3], "No more reverse-execution history.")
}

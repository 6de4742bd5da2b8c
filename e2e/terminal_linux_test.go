package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal makes a pseudo terminal: what a program that has tty for its streams
// shows is read from user, and what is typed is written there.
func terminal(t *testing.T) (user, tty *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })
	raw, err := user.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	if controlErr := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); controlErr != nil {
		t.Fatal(controlErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return user, tty
}

// TestDebugOnTrap: on a terminal the recording of a program that traps opens in
// gdb, at the trap; elsewhere wrev says how.
func TestDebugOnTrap(t *testing.T) {
	gdbPath(t, "gdb")
	user, tty := terminal(t)
	recording := filepath.Join(t.TempDir(), "trap.wrev")
	args := []string{"record", "--debug-on-trap", "-o", recording, "testdata/programs/traps.O0.wasm", "unreachable"}
	cmd := exec.Command(wrev, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "TERM=dumb", "DEBUGINFOD_URLS=", "HOME="+t.TempDir())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	killer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer killer.Stop()
	if _, err := user.WriteString("set confirm off\nprint 6 * 7\nquit\n"); err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	io.Copy(&shown, user) // until the terminal is closed on the other side: an error on Linux
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 134 {
		t.Errorf("exit code %d, want the program's", code)
	}
	for _, want := range []string{"the program trapped", "received signal SIGILL", "$1 = 42"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the terminal did not show %q, but:\n%s", want, shown.String())
		}
	}

	args[3] = filepath.Join(t.TempDir(), "again.wrev")
	elsewhere := execute(t, "", wrev, args...)
	if want := "wrev: open it at its end with: wrev replay --gdb " + args[3] + " -- -ex continue\n"; elsewhere.code != 134 || !strings.HasSuffix(elsewhere.stderr, want) {
		t.Errorf("exit code %d, and %q", elsewhere.code, elsewhere.stderr)
	}
}

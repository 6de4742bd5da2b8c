package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// gdbPath finds the debugger. The tests need it: where it is missing they
// fail, and say how to get it.
func gdbPath(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed; run scripts/setup.sh test", name)
	}
	return path
}

// gdb runs one gdb in batch mode: it connects to the address, if there is one,
// and executes the commands. The result is what each command printed; the
// first element is the output of connecting.
func gdb(t *testing.T, name, address string, commands []string) [][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := gdbCommand(t, ctx, name, address, commands)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("gdb did not end in time; it printed:\n%s", out)
	}
	if cmd.ProcessState == nil {
		t.Fatalf("starting gdb: %v", err)
	}
	return splitOutput(t, string(out), len(commands)+1)
}

const separator = "@@@ command %d"

var separatorLine = regexp.MustCompile(`@@@ command \d+\n`)

// gdbCommand prepares a gdb. Each command is an -ex of its own, because an
// error ends a script file but not the list of -ex commands.
func gdbCommand(t *testing.T, ctx context.Context, name, address string, commands []string) *exec.Cmd {
	args := []string{"-nx", "-batch"}
	do := func(format string, a ...any) { args = append(args, "-ex", fmt.Sprintf(format, a...)) }
	do("set width 0")
	do("set height 0")
	do("set confirm off")
	do("set style enabled off")
	do("set print frame-arguments all")
	if address != "" {
		do("target extended-remote %s", address)
	}
	for i, c := range commands {
		do("echo "+separator+`\n`, i)
		do("%s", c)
	}
	cmd := exec.CommandContext(ctx, gdbPath(t, name), args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBUGINFOD_URLS=")
	return cmd
}

// splitOutput cuts gdb's output at the separators into lines per command.
func splitOutput(t *testing.T, out string, parts int) [][]string {
	t.Helper()
	chunks := separatorLine.Split(out, -1)
	if len(chunks) != parts {
		t.Fatalf("gdb ended after %d of %d commands; it printed:\n%s", len(chunks)-1, parts-1, out)
	}
	lines := make([][]string, len(chunks))
	for i, c := range chunks {
		for _, l := range strings.Split(c, "\n") {
			if l = strings.TrimRight(l, " \r"); l != "" {
				lines[i] = append(lines[i], l)
			}
		}
	}
	return lines
}

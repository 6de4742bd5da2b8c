package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// lldb runs commands in lldb, connected to a server, and returns what it printed,
// with the answers of monitor commands in plain text.
func lldb(t *testing.T, address string, commands ...string) string {
	t.Helper()
	path, err := exec.LookPath("lldb-19")
	if err != nil {
		t.Fatalf("this test needs lldb-19; scripts/setup.sh test installs it: %v", err)
	}
	args := []string{"--no-lldbinit", "--batch", "-o", "settings set target.process.disable-memory-cache true", "-o", "gdb-remote " + address}
	for _, c := range commands {
		args = append(args, "-o", c)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("lldb: %v\n%s", err, out)
	}
	answer := regexp.MustCompile(`response: ([0-9a-f]+)\n`)
	return string(answer.ReplaceAllFunc(out, func(line []byte) []byte {
		text, err := hex.DecodeString(strings.TrimSpace(string(bytes.TrimPrefix(line, []byte("response: ")))))
		if err != nil {
			return line
		}
		return text
	}))
}

// TestLLDBForks changes memory from lldb: a branch begins, and is undone and
// redone.
func TestLLDBForks(t *testing.T) {
	recording := ownRecording(t, program{
		module: "inventory.O0.wasm", args: []string{"/data/inventory.txt"},
		flags: []string{"--mount", "testdata/programs:/data:ro"}, code: 134,
	})
	srv := serve(t, recording)
	const monitor, look = "process plugin packet monitor ", "memory read --size 4 --count 1 --format x 0x11474"
	out := lldb(t, srv.address,
		monitor+"seek 174607", look,
		"memory write --size 4 0x11474 0x71647", "stepi", look, monitor+"branches",
		monitor+"undo", look, monitor+"redo", look)
	want := []string{
		"position 174607", "0x00011474: 0x00011be1",
		"instruction step into", "0x00011474: 0x00071647",
		"1 * from 0 at 174607, to 174608; memory 0x11474 = 47 16 07 00",
		"position 174607", "0x00011474: 0x00011be1",
		"branch 1, position 174608", "0x00011474: 0x00071647",
	}
	rest := out
	for _, w := range want {
		i := strings.Index(rest, w)
		if i < 0 {
			t.Fatalf("lldb did not show %q in its place:\n%s", w, out)
		}
		rest = rest[i+len(w):]
	}
	verify(t, recording)
}

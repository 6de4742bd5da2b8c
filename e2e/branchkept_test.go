package e2e

import (
	"os"
	"strings"
	"testing"
)

// forkedInventory records the program of the demo, goes around the store that does
// the harm, and returns the recording and what gdb printed at the end of the branch.
func forkedInventory(t *testing.T) (recording string, end [][]string) {
	t.Helper()
	made := mustRecord(t, program{module: "inventory.O0.wasm", args: []string{"/data/inventory.txt"},
		flags: []string{"--mount", "testdata/programs:/data:ro"}, code: 134})
	recording = file(t, "inventory.wrev", read(t, made))
	srv := serve(t, recording)
	out := gdb(t, "gdb", srv.address, []string{
		"continue", "watch -location it->supplier", "reverse-continue", "reverse-continue", "reverse-continue", "delete",
		"print to - it->name", "set var to = it->name + 23", "jump 124", "monitor when", "print *suppliers"})
	contains(t, out[7], "$1 = 25")
	contains(t, out[9], "Nordmann Fasteners", "wrev: the program ends here, with exit code 0")
	srv.cmd.Process.Signal(os.Interrupt)
	srv.wait(t)
	return recording, out[10:]
}

// TestBranchIsKept finds the branch of the demo again in another session, and in
// what wrev says of the recording.
func TestBranchIsKept(t *testing.T) {
	recording, end := forkedInventory(t)
	out := gdb(t, "gdb", serve(t, recording).address, []string{
		"monitor branches", "monitor switch 1", "maintenance flush dcache", "maintenance flush register-cache",
		"monitor when", "print *suppliers", "monitor undo", "maintenance flush dcache", "maintenance flush register-cache",
		"print to - it->name", "continue", "monitor redo", "monitor diff 0 1"})
	contains(t, out[1], "1 from 0 at ", "exit 0", "matched", "sandbox")
	// Where the branch ends is known when it has been seen in this session.
	if there := strings.Join(out[5], "\n"); there == "" || there != strings.Replace(strings.Join(end[0], "\n"), " of 408866", "", 1) {
		t.Errorf("the branch was left at %q, and is found at %q", end[0], out[5])
	}
	value := func(lines []string) string {
		_, v, _ := strings.Cut(strings.Join(lines, "\n"), " = ")
		return v
	}
	if value(out[6]) == "" || value(out[6]) != value(end[1]) {
		t.Errorf("in the branch there was %q, now there is %q", end[1], out[6])
	}
	contains(t, out[7], "branch 0, ")
	contains(t, out[10], "= 25")
	contains(t, out[11], "SIGSEGV")
	contains(t, out[12], "branch 1, ")
	contains(t, out[13], "host call ", "fd_write(", "write to memory:", "branch 1, ")
	if r := execute(t, "", wrev, "info", recording); r.code != 0 || !strings.Contains(r.stdout, "branch") {
		t.Errorf("info does not tell of the branch (exit code %d):\n%s%s", r.code, r.stdout, r.stderr)
	}
	r := execute(t, "", wrev, "events", "--branch", "1", recording)
	contains(t, strings.Split(r.stdout, "\n"), "matched", "sandbox", "Nordmann Fasteners")
	trunk := execute(t, "", wrev, "events", recording).stdout
	if trunk == "" || strings.Contains(trunk, "sandbox") {
		t.Errorf("the trunk's calls are not what was recorded:\n%s", trunk)
	}
	r = execute(t, "", wrev, "verify", recording)
	if r.code != 0 || strings.Count(r.stdout, "agrees with the recording") != 2 {
		t.Errorf("verify ends with exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// TestBranchBesideTheRecording branches in a recording that another session has
// branches of its own to add to: the later one's are kept in another file, and it
// says in which.
func TestBranchBesideTheRecording(t *testing.T) {
	made := mustRecord(t, program{module: "features.O0.wasm", code: 1})
	recording := file(t, "shared.wrev", read(t, made))
	edit := []string{"break factorial", "continue", "set var n = 3", "stepi", "monitor branches"}
	first, second := serve(t, recording), serve(t, recording)
	contains(t, gdb(t, "gdb", first.address, edit)[5], "1 * from 0 at ")
	contains(t, gdb(t, "gdb", second.address, edit)[5], "1 * from 0 at ")
	for _, srv := range []*server{second, first} {
		srv.cmd.Process.Signal(os.Interrupt)
		srv.wait(t)
	}
	if !strings.Contains(second.stderr.String()+first.stderr.String(), recording+".branches") {
		t.Errorf("nobody said where the branches are; the second session said:\n%s", second.stderr)
	}
	if info, err := os.Stat(recording + ".branches"); err != nil || info.Size() == 0 {
		t.Errorf("the file of branches: %v", err)
	}
	verify(t, recording)
	// Both have made a branch 1: the one in the recording is used, the other's file left alone.
	third := serve(t, recording)
	contains(t, gdb(t, "gdb", third.address, []string{"monitor branches"})[1], "1 from 0 at ")
	third.cmd.Process.Signal(os.Interrupt)
	third.wait(t)
	if !strings.Contains(third.stderr.String(), "it is left as it is") {
		t.Errorf("nothing is said of the other session's branches:\n%s", third.stderr)
	}
}

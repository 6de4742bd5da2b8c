package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recordPeer records a server that reads 28 bytes, 16 at a time, from a client that
// is gone afterwards.
func recordPeer(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	recording := filepath.Join(t.TempDir(), "peer.wrev")
	recorder := start(t, "record", "-o", recording, "--listen", address, "testdata/programs/peer.O0.wasm")
	conn := dial(t, address)
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello from the peer, goodbye"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "ok\n") {
		t.Fatalf("the server answered %q, %v", answer, err)
	}
	if code := recorder.wait(t); code != 0 {
		t.Fatalf("the recorder ended with exit code %d", code)
	}
	return recording
}

// TestBranchReadsFromAPeerThatIsGone reads the recorded connection in other
// portions, goes past its end, and answers in three ways.
func TestBranchReadsFromAPeerThatIsGone(t *testing.T) {
	recording := recordPeer(t)
	srv := serve(t, recording)
	out := gdb(t, "gdb", srv.address, []string{
		"tbreak accept", "continue", // 0, 1
		"set var limits.chunk = 5", "set var limits.wanted = 40", "continue", // 4: asked
		`monitor answer bytes "MORE"`, "continue", // 6: for the send
		"monitor answer synthetic always", "continue", // 8: asked again
		"monitor answer eof", "continue", // 10
		"monitor branches", "monitor undo",
		"set var limits.wanted = 29", "continue", // 14: asked, of a read of 16
		"monitor answer errno ECONNRESET", "continue", // 16
		"monitor branches",
	})
	contains(t, out[5], "got hello", "got  from", "got bye",
		"fd_read(fd=4, iovs=[5 bytes]), has no recorded answer", "28 bytes read so far", "all that was recorded for descriptor 4 has been read")
	contains(t, out[7], "got MORE", "sock_send(fd=4")
	contains(t, out[9], "fd_read(fd=4")
	contains(t, out[11], "32 bytes in 7 reads")
	contains(t, out[12], "bytes 1 eof 1", "tape")
	contains(t, out[15], "fd_read(fd=4, iovs=[16 bytes])")
	contains(t, out[17], "reset", "28 bytes in 2 reads")
	contains(t, out[18], "errno 1")
	srv.cmd.Process.Signal(os.Interrupt)
	srv.wait(t)
	verify(t, recording)
}

// TestBranchWritesOtherFiles lets a branch write another file, which is there for
// the branch alone.
func TestBranchWritesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("input", "some text\n")
	write("old", "")
	recording := filepath.Join(t.TempDir(), "files.wrev")
	execute(t, "", wrev, "record", "-o", recording, "--mount", dir+":/data", "testdata/programs/files.O0.wasm", "/data")
	write("old", "it is back")
	contents := func() (all string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all += e.Name() + ": " + string(read(t, filepath.Join(dir, e.Name()))) + "\n"
		}
		return all
	}
	before := contents()
	line, _, err := findLine(filepath.Join(root, "testdata/programs/files.c"), "open", "")
	if err != nil {
		t.Fatal(err)
	}
	out := gdb(t, "gdb", serve(t, recording).address, []string{
		fmt.Sprintf("tbreak files.c:%d", line), "continue",
		`set var result = "other"`, "continue", "monitor branches",
	})
	contains(t, out[4], "SOME TEXT", "wrote other")
	contains(t, out[5], "exit 0", "sandbox")
	if after := contents(); after != before {
		t.Errorf("the real folder is\n%s\nit was\n%s", after, before)
	}
}

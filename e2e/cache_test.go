package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckpointCache opens a long recording again and again: with the
// checkpoints of the session before, with those of another recording, with
// damaged ones and without any. The debugger is shown the same each time.
func TestCheckpointCache(t *testing.T) {
	gdbPath(t, "gdb")
	long := mustRecord(t, program{module: "billion.O2.wasm"})
	recording := filepath.Join(t.TempDir(), "long.wrev")
	file, err := os.ReadFile(long)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(recording, file)
	cache := recording + ".cache"

	var first string
	session := func(name, warning string, flags ...string) {
		t.Helper()
		args := append([]string{"replay", "--gdb"}, flags...)
		r := execute(t, "", wrev, append(args, recording, "--", "-nx", "-batch", "-ex", "continue", "-ex", "monitor when",
			"-ex", "reverse-stepi", "-ex", "monitor when", "-ex", "monitor seek 1000000000", "-ex", "monitor when", "-ex", "kill")...)
		// gdb shows what the program prints and the answers to monitor on stderr.
		var shown, said []string
		for _, line := range strings.SplitAfter(r.stderr, "\n") {
			if strings.HasPrefix(line, "wrev: ") {
				said = append(said, line)
			} else {
				shown = append(shown, line)
			}
		}
		session := r.stdout + strings.Join(shown, "")
		contains(t, []string{session}, "No more reverse-execution history", "7200 1272682786", "position 1000000000 of ")
		if first == "" {
			first = session
		}
		if session != first {
			t.Errorf("%s: gdb showed\n%s\nbut at first\n%s", name, session, first)
		}
		warnings := strings.Join(said, "")
		if got := strings.Contains(warnings, "warning"); got != (warning != "") || !strings.Contains(warnings, warning) {
			t.Errorf("%s: wrev said %q, want a warning with %q", name, warnings, warning)
		}
	}
	exists := func(want bool) {
		t.Helper()
		if _, err := os.Stat(cache); want != (err == nil) || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the cache: %v, should exist: %v", err, want)
		}
	}
	session("without a cache", "", "--no-cache")
	exists(false)
	session("the first time", "")
	exists(true)
	session("with a cache", "")
	good, err := os.ReadFile(cache)
	if err != nil {
		t.Fatal(err)
	}
	write(cache, good[:len(good)-1])
	session("with a cut cache", "is damaged")
	damaged, err := os.ReadFile(cache) // made again
	if err != nil {
		t.Fatal(err)
	}
	for i := 256; i < len(damaged)/2; i += 64 { // pages, not the index
		damaged[i] ^= 1
	}
	write(cache, damaged)
	session("with damaged pages", "cache")

	other := append([]byte(nil), good...)
	copy(other[60:], "of another recording")
	write(cache, other)
	session("with a foreign cache", "cache")
	write(cache, nil)
	session("with an empty cache", "cache")
}

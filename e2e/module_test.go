package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnotherBuild runs the optimised demo program against the recording of the
// other one, which dies: so does it.
func TestAnotherBuild(t *testing.T) {
	recording := filepath.Join(t.TempDir(), "crash.wrev")
	before := execute(t, "", wrev, "record", "-o", recording, "--mount", "testdata/programs:/data:ro",
		"testdata/programs/inventory.O0.wasm", "/data/inventory.txt")
	kept := read(t, recording)
	now := execute(t, "", wrev, "replay", "--module", "testdata/programs/inventory.O2.wasm", recording)
	if now.code != before.code || now.stdout != before.stdout {
		t.Errorf("exit code %d and output %q, recorded were %d and %q", now.code, now.stdout, before.code, before.stdout)
	}
	for _, part := range []string{"asks for the same as", "26 host calls", "recorded end: trap: out of bounds memory access; now: trap: out of bounds memory access"} {
		if !strings.Contains(now.stderr, part) {
			t.Errorf("wrev does not say %q: %s", part, now.stderr)
		}
	}
	if string(read(t, recording)) != string(kept) {
		t.Error("the recording has changed")
	}
	// The run is a recording like any.
	verify(t, strings.TrimSuffix(recording, ".wrev")+".inventory.O2.wrev")

	other := execute(t, "", wrev, "replay", "--module", "testdata/programs/features.O0.wasm", recording)
	if !strings.Contains(other.stderr, "up to host call 0") && !strings.Contains(other.stderr, "  now:      ") {
		t.Errorf("another program does not part: %s", other.stderr)
	}
}

func TestAnotherBuildThatIsNone(t *testing.T) {
	recording := filepath.Join(t.TempDir(), "features.wrev")
	execute(t, "", wrev, "record", "-o", recording, "testdata/programs/features.O0.wasm")
	folder, err := os.ReadDir(filepath.Dir(recording))
	if err != nil {
		t.Fatal(err)
	}
	oneLine(t, execute(t, "", wrev, "replay", "--module", "/nowhere/app.wasm", recording), 1, "no such file")
	oneLine(t, execute(t, "", wrev, "replay", "--module", file(t, "text.wasm", []byte("no wasm")), recording), 1, "text.wasm")
	oneLine(t, execute(t, "", wrev, "replay", "--module", "testdata/bad/unknown_import.wasm", recording), 1, "not in WASI preview 1")
	after, err := os.ReadDir(filepath.Dir(recording))
	if err != nil || len(after) != len(folder) {
		t.Errorf("there are %d files, were %d; %v", len(after), len(folder), err)
	}
}

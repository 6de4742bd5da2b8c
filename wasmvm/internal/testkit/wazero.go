package testkit

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var wazeroDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	return strings.TrimSpace(string(out)), err
})

// WazeroDir returns the folder of wazero's sources in the module cache. The official
// suites and programs made by other compilers lie in it.
func WazeroDir(t testing.TB) string {
	t.Helper()
	dir, err := wazeroDir()
	if err != nil || dir == "" {
		t.Fatalf("the sources of wazero were not found by `go list -m` (%v): run the tests inside the module, with `go` on PATH", err)
	}
	return dir
}

// SpecSuite returns the folder of one official suite (v1, v2, ...).
func SpecSuite(t testing.TB, name string) string {
	return filepath.Join(WazeroDir(t), "internal", "integration_test", "spectest", name, "testdata")
}

// SpecHostModule returns the path of the module `spectest` that the suites import from.
func SpecHostModule(t testing.TB) string {
	return filepath.Join(WazeroDir(t), "internal", "integration_test", "spectest", "testdata", "spectest.wasm")
}

package gdbview

import (
	"os"
	"path/filepath"
	"testing"

	"wrev/wasmvm"
)

// loadModule decodes one of the committed test programs.
func loadModule(t testing.TB, name string) *wasmvm.Module {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "programs", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := wasmvm.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

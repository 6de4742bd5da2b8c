package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	dir := filepath.Join("..", "..")
	files, err := generate(currentPadding(dir))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is not what the table gives: run go generate ./wasmvm", name)
		}
	}
}

func TestTable(t *testing.T) {
	names, wasm := map[string]bool{}, map[int]string{}
	table, err := buildTable(fastLoop)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range table {
		if names[o.name] {
			t.Errorf("%s is there twice", o.name)
		}
		names[o.name] = true
		for _, w := range o.wasm {
			if wasm[w] != "" {
				t.Errorf("opcode %#x is lowered to %s and %s", w, wasm[w], o.name)
			}
			wasm[w] = o.name
		}
		if !o.fast && !o.precise {
			t.Errorf("%s is in no loop", o.name)
		}
	}
}

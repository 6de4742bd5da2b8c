package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"wrev/wasmvm/internal/loopcode"
)

// fastFile is the file of the fast loop, whose padding matters.
const fastFile = "zz_fast.go"

// padding emits stores that move the loop in its function, so that the block that dispatches lies in one half of a cache line; crossing lines costs up to
// 40 %. Each is an instruction of eight bytes, which is why the first field is left out: a store there is shorter. Any change of the loop may
// change how many are needed, so the generator looks at what the compiler made and chooses.
func padding(stores int) string {
	b := "// These stores only align what follows.\n"
	for i := range stores {
		b += fmt.Sprintf("v.pad[%d] = %d\n", i+1, i+1)
	}
	return b
}

// currentPadding is the number of stores in the file that is there.
func currentPadding(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, fastFile))
	if err != nil {
		return 0
	}
	return strings.Count(string(text), "v.pad[")
}

// choosePadding compiles the package and says how many stores align its fast loop.
func choosePadding(dir string, stores int) (int, error) {
	list := exec.Command("go", "list", "-export", "-f", "{{.Export}}", ".")
	list.Dir, list.Stderr = dir, os.Stderr
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
	out, err := list.Output()
	if err != nil {
		return 0, fmt.Errorf("the written loops do not compile: %w", err)
	}
	code, err := loopcode.Disassemble(strings.TrimSpace(string(out)), `\(\*vm\)\.runFast$`)
	if err != nil {
		return 0, err
	}
	loop, err := loopcode.Find(code)
	if err != nil {
		return 0, err
	}
	return loop.Padding(stores), nil
}

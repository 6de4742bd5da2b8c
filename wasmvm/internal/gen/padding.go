package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"wrev/wasmvm/internal/loopcode"
)

// paddings is the number of stores before each loop. The precise loop has none.
type paddings [len(loops)]int

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

// currentPadding is the number of stores in the files that are there.
func currentPadding(dir string) (stores paddings) {
	for l := range stores {
		if text, err := os.ReadFile(filepath.Join(dir, loops[l].file)); err == nil {
			stores[l] = strings.Count(string(text), "v.pad[")
		}
	}
	return stores
}

// choosePadding compiles the package and says how many stores align its loops of fast code.
func choosePadding(dir string, stores paddings) (paddings, error) {
	list := exec.Command("go", "list", "-export", "-f", "{{.Export}}", ".")
	list.Dir, list.Stderr = dir, os.Stderr
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
	out, err := list.Output()
	if err != nil {
		return stores, fmt.Errorf("the written loops do not compile: %w", err)
	}
	for _, l := range []loop{fastLoop, watchLoop} {
		code, err := loopcode.Disassemble(strings.TrimSpace(string(out)), `\(\*vm\)\.`+loops[l].function+`$`)
		if err != nil {
			return stores, err
		}
		found, err := loopcode.Find(code)
		if err != nil {
			return stores, fmt.Errorf("%s: %w", loops[l].function, err)
		}
		stores[l] = found.Padding(stores[l])
	}
	return stores, nil
}

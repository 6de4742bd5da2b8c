// Command gen writes the interpreter loops of package wasmvm, the names of their operations and the tables the lowerings use, all from the one
// table of operations in table.go. It is run by go generate in the package's folder, where it also compiles what it wrote to choose the padding before
// the fast loops; a test there checks that the written files are current.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes the files, with other padding if what was there does not do.
func run(dir string) error {
	stores := currentPadding(dir)
	if err := write(dir, stores); err != nil {
		return err
	}
	better, err := choosePadding(dir, stores)
	if err != nil || better == stores {
		return err
	}
	return write(dir, better)
}

func write(dir string, stores paddings) error {
	files, err := generate(stores)
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if have, err := os.ReadFile(path); err == nil && string(have) == string(text) {
			continue // not even the time of change, for those who build by it
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Command gen writes the interpreter loops of package wasmvm, the names of their operations and the tables the lowerings use, all from the one
// table of operations in table.go. It is run by go generate in the package's folder; a test there checks that the written files are current.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "folder to write to")
	flag.Parse()
	files, err := generate()
	if err == nil {
		for name, text := range files {
			if err = os.WriteFile(filepath.Join(*dir, name), text, 0o644); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

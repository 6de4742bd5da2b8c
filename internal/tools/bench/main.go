// Bench prints how fast our VM is against wazero. Usage:
//
//	go run ./internal/tools/bench [-rounds N] [-kernels DIR]
package main

import (
	"flag"
	"fmt"
	"os"

	"wrev/internal/benchtable"
)

func main() {
	rounds := flag.Int("rounds", 3, "how often each kernel runs on each engine; the least time counts")
	dir := flag.String("kernels", "testdata/kernels", "the folder of the kernels")
	flag.Parse()
	if err := run(*dir, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(dir string, rounds int) error {
	for _, opt := range []string{"O2", "O0"} {
		kernels, err := benchtable.LoadKernels(dir, opt)
		if err != nil {
			return err
		}
		table, err := benchtable.Compare(kernels, rounds)
		if err != nil {
			return err
		}
		if err := table.Write(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

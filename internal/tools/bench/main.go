// Bench prints the figures of `make bench`: how fast our VM replays against
// wazero, what recording costs, and how fast one gets back from the end of a
// long recording. It runs in the repository's root. Usage:
//
//	go run ./internal/tools/bench [-rounds N] [-kernels DIR] [-only PART]
package main

import (
	"flag"
	"fmt"
	"os"

	"wrev/internal/benchtable"
)

func main() {
	rounds := flag.Int("rounds", 3, "how often each program runs in each way; the least time counts")
	dir := flag.String("kernels", "testdata/kernels", "the folder of the kernels")
	only := flag.String("only", "", "one part: record, back, open, parallel, seeks, kernels or watches")
	flag.Parse()
	if err := run(*dir, *rounds, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// recordingRounds makes up for whole runs being noisier than processor time.
const recordingRounds = 3

func run(dir string, rounds int, only string) error {
	parts := []struct {
		name string
		make func() (*benchtable.Table, error)
	}{
		{"record", func() (*benchtable.Table, error) { return recording(recordingRounds * rounds) }},
		{"back", back},
		{"open", open},
		{"parallel", parallel},
		{"seeks", func() (*benchtable.Table, error) { return seeks(2) }},
		{"seeks", func() (*benchtable.Table, error) { return seeks(64) }},
		{"kernels", func() (*benchtable.Table, error) { return kernels(dir, "O2", rounds) }},
		{"kernels", func() (*benchtable.Table, error) { return kernels(dir, "O0", rounds) }},
		{"watches", func() (*benchtable.Table, error) { return watches(dir, "O2", rounds) }},
		{"watches", func() (*benchtable.Table, error) { return watches(dir, "O0", rounds) }},
	}
	fmt.Printf("Measured on %s\n\n", machine())
	for _, p := range parts {
		if only != "" && only != p.name {
			continue
		}
		table, err := p.make()
		if err != nil {
			return err
		}
		if err := table.Write(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

func kernels(dir, opt string, rounds int) (*benchtable.Table, error) {
	list, err := benchtable.LoadKernels(dir, opt)
	if err != nil {
		return nil, err
	}
	return benchtable.Compare(list, rounds)
}

func watches(dir, opt string, rounds int) (*benchtable.Table, error) {
	list, err := benchtable.LoadKernels(dir, opt)
	if err != nil {
		return nil, err
	}
	return benchtable.Watches(list, rounds)
}

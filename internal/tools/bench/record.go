package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"wrev/internal/benchtable"
	"wrev/wasmvm/host"
)

// recorded are the programs of the recording table: CPU-bound ones that run for
// the better part of a second at least, so that the ratio is not that of two
// start-ups, one that does nothing but call the host, and one that does nothing.
var recorded = []struct{ module, arg string }{
	{"testdata/programs/billion.O0.wasm", ""},
	{"testdata/programs/billion.O2.wasm", ""},
	{"testdata/programs/spin.O0.wasm", "300000"},
	{"testdata/programs/spin.O2.wasm", "3000000"},
	{"testdata/programs/clock.O2.wasm", ""},
	{"testdata/programs/spin.O2.wasm", "1"},
}

// recording compares recording a program with running it on plain wazero. Both
// times include compilation and everything else from start to end.
func recording(rounds int) (*benchtable.Table, error) {
	t := &benchtable.Table{
		Title:  fmt.Sprintf("Recording against plain wazero (whole runs, least of %d)", rounds),
		Header: []string{"program", "plain ms", "recorded ms", "ratio"},
		Notes: []string{"clock makes 1e6 calls of clock_time_get; the last line is what starting and ending costs;",
			"the others compute."},
	}
	for _, p := range recorded {
		wasm, err := os.ReadFile(p.module)
		if err != nil {
			return nil, err
		}
		var args []string
		if p.arg != "" {
			args = []string{p.arg}
		}
		plain, rec := math.Inf(1), math.Inf(1)
		for range rounds {
			ms, err := timed(func() error { return runPlain(wasm, args) })
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.module, err)
			}
			plain = min(plain, ms)
			if ms, err = timed(func() error { return runRecorded(wasm, args) }); err != nil {
				return nil, fmt.Errorf("recording %s: %w", p.module, err)
			}
			rec = min(rec, ms)
		}
		t.Add(strings.TrimSpace(filepath.Base(p.module)+" "+p.arg), plain, rec, fmt.Sprintf("%.3fx", rec/plain))
	}
	return t, nil
}

func timed(f func() error) (ms float64, err error) {
	start := time.Now()
	err = f()
	return float64(time.Since(start)) / 1e6, err
}

func runPlain(wasm []byte, args []string) error {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer r.Close(ctx)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return err
	}
	config := wazero.NewModuleConfig().
		WithArgs(append([]string{"program"}, args...)...).
		WithStdout(io.Discard).WithSysNanotime().WithSysWalltime().WithSysNanosleep()
	_, err := r.InstantiateWithConfig(ctx, wasm, config)
	return err
}

func runRecorded(wasm []byte, args []string) error {
	dir, err := os.MkdirTemp("", "wrev-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	_, err = host.Record(context.Background(), wasm, "program.wasm", filepath.Join(dir, "program.wrev"),
		host.Options{Args: args, Stdout: io.Discard})
	return err
}

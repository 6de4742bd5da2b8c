package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	recfile "wrev/checkpoint/recording"
	"wrev/internal/benchtable"
	"wrev/reverse"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

const (
	longProgram = "testdata/programs/billion.O2.wasm" // more than 1e9 instructions
	stepsBack   = 20000
	memory      = 512 << 20 // for checkpoints, the default of wrev replay
)

// back measures the way back from the end of a long recording.
func back() (*benchtable.Table, error) {
	dir, err := os.MkdirTemp("", "wrev-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	wasm, err := os.ReadFile(longProgram)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "long.wrev")
	if _, err := host.Record(context.Background(), wasm, "long.wasm", path, host.Options{}); err != nil {
		return nil, err
	}
	rec, err := recfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer rec.Close()
	mod, err := wasmvm.Decode(rec.Module())
	if err != nil {
		return nil, err
	}
	m, err := wasmvm.New(mod, host.MachineConfig(rec, host.NewReplayer(rec, mod)))
	if err != nil {
		return nil, err
	}
	tl, err := reverse.New(m, reverse.Options{Budget: memory, EndOfLog: host.ErrEndOfLog})
	if err != nil {
		return nil, err
	}
	return measureBack(tl)
}

func measureBack(tl *reverse.Timeline) (*benchtable.Table, error) {
	t := &benchtable.Table{Header: []string{"from the end", "ms"}}
	clock := func(name string, n int, f func() reverse.Stop, want reverse.Reason) error {
		start := time.Now()
		for range n {
			if stop := f(); stop.Reason != want {
				return fmt.Errorf("%s: stopped by %v (%v) at position %d", name, stop.Reason, stop.Err, stop.Position)
			}
		}
		t.Add(name, fmt.Sprintf("%.4g", float64(time.Since(start))/1e6/float64(n)))
		return nil
	}
	end := func() reverse.Stop { return tl.SeekEnd() }
	if err := clock("the run to the end, leaving checkpoints", 1, end, reverse.ReasonEnd); err != nil {
		return nil, err
	}
	last := tl.Now()
	if err := clock("the first step back", 1, tl.ReverseStep, reverse.ReasonStep); err != nil {
		return nil, err
	}
	if err := clock("each further step back", stepsBack, tl.ReverseStep, reverse.ReasonStep); err != nil {
		return nil, err
	}
	count, bytes := tl.Checkpoints()
	middle := func() reverse.Stop { return tl.Seek(last / 2) }
	if err := clock("a seek to the middle", 1, middle, reverse.ReasonStep); err != nil {
		return nil, err
	}
	if err := clock("a step back there", 1, tl.ReverseStep, reverse.ReasonStep); err != nil {
		return nil, err
	}
	// The last bytes of memory are not used: the watchpoint is never hit.
	watch := reverse.Watch{Kind: wasmvm.WatchWrite, Addr: uint64(len(tl.Machine().Memory()) - 4), Len: 4}
	if err := tl.InsertWatch(watch); err != nil {
		return nil, err
	}
	end()
	if err := clock("reverse-continue from end to start, watching", 1, tl.ReverseContinue, reverse.ReasonBegin); err != nil {
		return nil, err
	}
	t.Title = fmt.Sprintf("Going back in a recording of %.2fe9 instructions", float64(last)/1e9)
	t.Notes = []string{fmt.Sprintf("%d checkpoints, %.1f MB", count, float64(bytes)/1e6)}
	return t, nil
}

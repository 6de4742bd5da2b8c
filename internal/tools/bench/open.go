package main

import (
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

// open measures how long it takes from opening a long recording to being at its
// end: without kept checkpoints, and with those that the first time has kept.
func open() (*benchtable.Table, error) {
	h, err := record(longProgram)
	if err != nil {
		return nil, err
	}
	defer h.close()
	path := filepath.Join(h.dir, "app.wrev")
	t := &benchtable.Table{Title: "Opening a recording of 2.9e9 instructions and going to its end", Header: []string{"", "ms"}}
	for _, name := range []string{"the first time", "the second time"} {
		start := time.Now()
		tl, close, err := openTimeline(path)
		if err != nil {
			return nil, err
		}
		if s := tl.SeekEnd(); s.Reason != reverse.ReasonEnd {
			return nil, fmt.Errorf("%v at position %d: %v", s.Reason, s.Position, s.Err)
		}
		t.Add(name, ms(time.Since(start)))
		if err := close(); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(path + ".cache")
	if err != nil {
		return nil, err
	}
	t.Notes = []string{fmt.Sprintf("the file of checkpoints has %.1f MB", float64(info.Size())/1e6)}
	return t, nil
}

// openTimeline does what `wrev replay` does before a debugger connects.
func openTimeline(path string) (tl *reverse.Timeline, close func() error, err error) {
	rec, err := recfile.Open(path)
	if err != nil {
		return nil, nil, err
	}
	mod, err := wasmvm.Decode(rec.Module())
	if err != nil {
		return nil, nil, err
	}
	m, err := wasmvm.New(mod, host.MachineConfig(rec, host.NewReplayer(rec, mod)))
	if err != nil {
		return nil, nil, err
	}
	tl, err = reverse.New(m, reverse.Options{
		Budget:   memory,
		EndOfLog: host.ErrEndOfLog,
		Cache:    &reverse.Cache{Path: path + ".cache", Recording: rec.Identity()},
	})
	return tl, func() error {
		defer rec.Close()
		return tl.Close()
	}, err
}

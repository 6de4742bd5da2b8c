package main

import (
	"fmt"
	"os"
	"time"

	"wrev/internal/benchtable"
	"wrev/reverse"
)

// open measures how long it takes from opening a long recording to being at its
// end: without kept checkpoints, and with those that the first time has kept.
func open() (*benchtable.Table, error) {
	h, err := record(longProgram)
	if err != nil {
		return nil, err
	}
	defer h.close()
	kept := &reverse.Cache{Path: h.path + ".cache"}
	t := &benchtable.Table{Title: "Opening a recording of 2.9e9 instructions and going to its end", Header: []string{"", "ms"}}
	for _, name := range []string{"the first time", "the second time"} {
		start := time.Now()
		h.rec.Close()
		if err := h.open(); err != nil {
			return nil, err
		}
		kept.Recording = h.rec.Identity()
		tl, err := h.timeline(reverse.Options{Cache: kept})
		if err != nil {
			return nil, err
		}
		if s := tl.SeekEnd(); s.Reason != reverse.ReasonEnd {
			return nil, fmt.Errorf("%v at position %d: %v", s.Reason, s.Position, s.Err)
		}
		t.Add(name, ms(time.Since(start)))
		if err := tl.Close(); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(kept.Path)
	if err != nil {
		return nil, err
	}
	t.Notes = []string{fmt.Sprintf("the file of checkpoints has %.1f MB", float64(info.Size())/1e6)}
	return t, nil
}

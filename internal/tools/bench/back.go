package main

import (
	"fmt"
	"time"

	"wrev/internal/benchtable"
	"wrev/reverse"
)

const (
	longProgram = "testdata/programs/billion.O2.wasm" // more than 1e9 instructions
	stepsBack   = 20000
)

// back measures the way back from the end of a long recording.
func back() (*benchtable.Table, error) {
	h, err := record(longProgram)
	if err != nil {
		return nil, err
	}
	defer h.close()
	tl, err := h.timeline(reverse.Options{Workers: 1})
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
		t.Add(name, ms(time.Since(start)/time.Duration(n)))
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
	if err := tl.InsertWatch(neverHit(tl)); err != nil {
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

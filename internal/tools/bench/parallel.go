package main

import (
	"fmt"
	"runtime"
	"strconv"
	"time"

	"wrev/internal/benchtable"
	"wrev/reverse"
)

// parallel goes back from the end of a history to its start for a stop that is
// not there, with one machine and with as many as there are processors.
func parallel() (*benchtable.Table, error) {
	t := &benchtable.Table{Title: "reverse-continue from end to start for a stop that is not there", Header: []string{"machines at once", "ms"}}
	h, err := record(longProgram)
	if err != nil {
		return nil, err
	}
	defer h.close()
	var took [2]time.Duration
	for i, workers := range [2]int{1, runtime.GOMAXPROCS(0)} {
		tl, err := h.timeline(reverse.Options{Workers: workers})
		if err != nil {
			return nil, err
		}
		tl.SeekEnd()
		if err := tl.InsertWatch(neverHit(tl)); err != nil {
			return nil, err
		}
		start := time.Now()
		if s := tl.ReverseContinue(); s.Reason != reverse.ReasonBegin {
			return nil, fmt.Errorf("reverse-continue: %v at position %d: %v", s.Reason, s.Position, s.Err)
		}
		took[i] = time.Since(start)
		t.Add(strconv.Itoa(workers), ms(took[i]))
	}
	t.Notes = []string{fmt.Sprintf("%.2f times as fast", float64(took[0])/float64(took[1]))}
	return t, nil
}

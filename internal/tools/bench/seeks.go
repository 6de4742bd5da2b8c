package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"wrev/internal/benchtable"
	"wrev/reverse"
)

const (
	// 1e10 instructions over 64 MB. Its argument is how many of them it works on
	// at a time.
	bigProgram = "testdata/programs/ledger.O2.wasm"
	// randomSeeks is enough for a 95th percentile that ten of them are above.
	randomSeeks = 200
)

// seeks measures getting about in a long recording with much memory, of which
// the program works on so many MB at a time.
func seeks(mb int) (*benchtable.Table, error) {
	h, err := record(bigProgram, strconv.Itoa(mb))
	if err != nil {
		return nil, err
	}
	defer h.close()
	t := &benchtable.Table{Header: []string{"", "ms"}}
	plain, err := h.plainRun()
	if err != nil {
		return nil, err
	}
	t.Add("plain run to the end, no checkpoints", ms(plain))
	tl, err := h.timeline(reverse.Options{SpillDirs: []string{h.dir}})
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if s := tl.SeekEnd(); s.Reason != reverse.ReasonEnd {
		return nil, fmt.Errorf("%v at position %d: %v", s.Reason, s.Position, s.Err)
	}
	forward := time.Since(start)
	t.Add("the run to the end, leaving checkpoints", ms(forward))
	t.Add("  over a plain run", fmt.Sprintf("%+.1f %%", 100*(float64(forward)/float64(plain)-1)))
	count, bytes := tl.Checkpoints()
	end := tl.Now()
	start = time.Now()
	tl.ReverseStep()
	t.Add("the first step back", ms(time.Since(start)))
	start = time.Now()
	const steps = 5000
	for range steps {
		tl.ReverseStep()
	}
	t.Add("each further step back", ms(time.Since(start)/steps))
	most := bytes
	took := make([]time.Duration, randomSeeks)
	r := rand.New(rand.NewPCG(3, 3))
	for i := range took {
		to := r.Uint64N(end)
		start = time.Now()
		if s := tl.Seek(to); s.Position != to {
			return nil, fmt.Errorf("a seek to %d ended with %v at %d: %v", to, s.Reason, s.Position, s.Err)
		}
		took[i] = time.Since(start)
		_, bytes := tl.Checkpoints()
		most = max(most, bytes)
	}
	slices.Sort(took)
	t.Add("a seek from anywhere to anywhere, median", ms(took[len(took)/2]))
	t.Add("  95th percentile", ms(took[len(took)*95/100]))
	t.Add("  the slowest of all", ms(took[len(took)-1]))
	t.Title = fmt.Sprintf("Seeks in a recording of %.2fe9 instructions with 64 MB of memory, of which it writes %d at a time", float64(end)/1e9, mb)
	t.Notes = []string{fmt.Sprintf("%d checkpoints at the end; at most %.0f MB of memory for them, the budget is %d MB", count, float64(most)/(1<<20), memory>>20)}
	return t, nil
}

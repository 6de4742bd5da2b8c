package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	recfile "wrev/checkpoint/recording"
	"wrev/internal/benchtable"
	"wrev/reverse"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

const (
	// 1e10 instructions over 64 MB. Its argument is how many of them it works on
	// at a time.
	bigProgram = "testdata/programs/ledger.O2.wasm"
	// randomSeeks is enough for a 95th percentile that ten of them are above.
	randomSeeks = 200
)

// history is a recording and what it takes to replay it.
type history struct {
	rec *recfile.Reader
	mod *wasmvm.Module
	dir string
}

func (h *history) machine() (*wasmvm.Machine, error) {
	return wasmvm.New(h.mod, host.MachineConfig(h.rec, host.NewReplayer(h.rec, h.mod)))
}

func (h *history) close() {
	h.rec.Close()
	os.RemoveAll(h.dir)
}

// record makes a recording of a program.
func record(program string, args ...string) (h *history, err error) {
	h = &history{}
	if h.dir, err = os.MkdirTemp("", "wrev-bench"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(h.dir)
		}
	}()
	wasm, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(h.dir, "app.wrev")
	if _, err = host.Record(context.Background(), wasm, "app.wasm", path, host.Options{Args: args}); err != nil {
		return nil, err
	}
	if h.rec, err = recfile.Open(path); err != nil {
		return nil, err
	}
	h.mod, err = wasmvm.Decode(h.rec.Module())
	return h, err
}

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
	tl, err := h.timeline(0)
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

func ms(d time.Duration) string { return fmt.Sprintf("%.4g", float64(d)/1e6) }

func (h *history) plainRun() (time.Duration, error) {
	m, err := h.machine()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	m.Run(^uint64(0))
	return time.Since(start), nil
}

func (h *history) timeline(workers int) (*reverse.Timeline, error) {
	m, err := h.machine()
	if err != nil {
		return nil, err
	}
	return reverse.New(m, reverse.Options{Budget: memory, EndOfLog: host.ErrEndOfLog, SpillDirs: []string{h.dir}, NewMachine: h.machine, Workers: workers})
}

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
		tl, err := h.timeline(workers)
		if err != nil {
			return nil, err
		}
		tl.SeekEnd()
		watch := reverse.Watch{Kind: wasmvm.WatchWrite, Addr: uint64(len(tl.Machine().Memory()) - 4), Len: 4}
		if err := tl.InsertWatch(watch); err != nil {
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

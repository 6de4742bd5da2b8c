package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	recfile "wrev/checkpoint/recording"
	"wrev/reverse"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

const memory = 512 << 20 // for checkpoints, the default of wrev replay

// history is a recording in a folder of its own, and what it takes to replay it.
type history struct {
	rec       *recfile.Reader
	mod       *wasmvm.Module
	dir, path string
}

// record makes a recording of a program.
func record(program string, args ...string) (h *history, err error) {
	dir, err := os.MkdirTemp("", "wrev-bench")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	wasm, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "app.wrev")
	if _, err = host.Record(context.Background(), wasm, "app.wasm", path, host.Options{Args: args}); err != nil {
		return nil, err
	}
	h = &history{dir: dir, path: path}
	return h, h.open()
}

// open does what `wrev replay` does first.
func (h *history) open() (err error) {
	if h.rec, err = recfile.Open(h.path); err == nil {
		h.mod, err = wasmvm.Decode(h.rec.Module())
	}
	return err
}

func (h *history) close() {
	h.rec.Close()
	os.RemoveAll(h.dir)
}

func (h *history) machine() (*wasmvm.Machine, error) {
	return wasmvm.New(h.mod, host.MachineConfig(h.rec, host.NewReplayer(h.rec, h.mod)))
}

func (h *history) plainRun() (time.Duration, error) {
	m, err := h.machine()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	m.Run(^uint64(0))
	return time.Since(start), nil
}

// timeline is that of `wrev replay` but for what opt says.
func (h *history) timeline(opt reverse.Options) (*reverse.Timeline, error) {
	m, err := h.machine()
	if err != nil {
		return nil, err
	}
	opt.Budget, opt.EndOfLog, opt.NewMachine = memory, host.ErrEndOfLog, h.machine
	return reverse.New(m, opt)
}

// neverHit watches the last bytes of memory, which the programs here don't use.
func neverHit(tl *reverse.Timeline) reverse.Watch {
	return reverse.Watch{Kind: wasmvm.WatchWrite, Addr: uint64(len(tl.Machine().Memory()) - 4), Len: 4}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.4g", float64(d)/1e6) }

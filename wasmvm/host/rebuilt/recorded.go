package rebuilt

import (
	"errors"
	"fmt"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/answers"
)

// window is how many recorded calls ahead are compared with a call of the new
// program: it may have left out a few.
const window = 32

// step is how many instructions of the recorded program are run between two looks
// whether there are enough calls.
const step = 20_000_000

// recorded is the recorded program, with its next calls.
type recorded struct {
	rec   *recording.Reader
	m     *wasmvm.Machine
	queue []asked // the next calls
	next  uint64  // the first call that is not in the queue
	ended bool
}

// asked is a recorded call.
type asked struct {
	answers.Asked
	number uint64
	call   *recording.HostCall
}

func newRecorded(rec *recording.Reader) (*recorded, *wasmvm.Module, error) {
	mod, err := wasmvm.Decode(rec.Module())
	if err != nil {
		return nil, nil, fmt.Errorf("the recorded module cannot be replayed: %w", err)
	}
	r := &recorded{rec: rec}
	h := host.NewReplayer(rec, mod)
	imports := host.Imports(mod)
	h.Observe = func(m *wasmvm.Machine, n uint64, c *recording.HostCall) error {
		if c.Import < uint32(len(imports)) && imports[c.Import].Fn != nil && len(c.Args) == len(imports[c.Import].Fn.Params) {
			r.queue = append(r.queue, asked{answers.Ask(imports[c.Import].Fn, c.Args, m.Memory()), n, c})
		}
		r.next = n + 1
		return nil
	}
	if r.m, err = wasmvm.New(mod, host.MachineConfig(rec, h)); err != nil {
		return nil, nil, fmt.Errorf("the recorded module cannot be replayed: %w", err)
	}
	return r, mod, nil
}

// ahead returns the next calls, as many as can be compared.
func (r *recorded) ahead() ([]asked, error) {
	for len(r.queue) < window && !r.ended {
		r.m.StopAtCall(r.next + 1)
		stop := r.m.Run(r.m.Position() + step)
		switch {
		case stop.Reason == wasmvm.StopLimit || stop.Reason == wasmvm.StopHost && errors.Is(stop.Err, wasmvm.ErrStopAtCall):
		case stop.Reason == wasmvm.StopHost && !errors.Is(stop.Err, host.ErrEndOfLog):
			return nil, stop.Err
		default:
			r.ended = true
		}
	}
	return r.queue[:min(len(r.queue), window)], nil
}

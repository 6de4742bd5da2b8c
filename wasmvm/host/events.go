package host

import (
	"context"
	"errors"
	"fmt"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/wasi"
)

// Event is one host call, for people and for JSON.
type Event struct {
	Call     uint64   `json:"call"`               // number of the call
	Position *uint64  `json:"position,omitempty"` // of the call instruction; nil if the program was not replayed
	Module   string   `json:"module"`
	Name     string   `json:"name"`
	Args     []uint64 `json:"args"`
	Results  []uint64 `json:"results"`
	Written  int      `json:"written"` // bytes of linear memory
	Text     string   `json:"text"`    // the call in words
}

// Events calls yield for every recorded call, in order, and stops at its first
// error.
//
// With replay, the program is replayed along, and the events have positions and
// show the texts that were in memory. Without, they have neither but come at
// once, and a program that cannot be replayed has them too. progress, which is
// told now and then how far the replay is, may be nil.
func Events(ctx context.Context, r *recording.Reader, replay bool, progress func(position, call uint64), yield func(Event) error) error {
	mod, err := wasmvm.Decode(r.Module())
	if err != nil {
		if replay {
			return fmt.Errorf("the recorded module cannot be replayed: %w", err)
		}
		mod = &wasmvm.Module{} // the imports stay without names
	}
	h := NewReplayer(r, mod)
	if replay {
		return replayEvents(ctx, r, mod, h, progress, yield)
	}
	n := uint64(0)
	for c, err := range r.Calls(0) {
		if err != nil {
			return err
		}
		if err := yield(h.event(mod, n, c, nil)); err != nil {
			return err
		}
		n++
	}
	return nil
}

func replayEvents(ctx context.Context, r *recording.Reader, mod *wasmvm.Module, h *Replayer, progress func(position, call uint64), yield func(Event) error) error {
	var failed error // of yield
	seen := uint64(0)
	h.Observe = func(m *wasmvm.Machine, call uint64, c *recording.HostCall) error {
		e := h.event(mod, call, c, m.Memory())
		position := m.Position()
		e.Position = &position
		seen++
		failed = yield(e)
		if failed == nil && seen == r.NumCalls() {
			return errPause
		}
		return failed
	}
	m, err := wasmvm.New(mod, MachineConfig(r, h))
	if err != nil {
		return fmt.Errorf("the recorded module cannot be replayed: %w", err)
	}
	if r.NumCalls() == 0 {
		return nil
	}
	stop, err := runToStop(ctx, m, progress)
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return err
	case stop.Reason == wasmvm.StopHost && errors.Is(stop.Err, errPause):
		return nil
	}
	return unexpected(m, fmt.Sprintf("another %d host calls", r.NumCalls()-seen), stop)
}

// event describes one call. mem is the memory before it, nil if it is unknown.
func (h *Replayer) event(mod *wasmvm.Module, n uint64, c *recording.HostCall, mem []byte) Event {
	e := Event{Call: n, Args: c.Args, Results: c.Results}
	imp := h.imported(c.Import)
	if i := mod.ImportedFunc(c.Import); i != nil {
		e.Module, e.Name = i.Module, i.Name
	}
	writes := make([]wasi.Write, len(c.Writes))
	for i, w := range c.Writes {
		writes[i] = wasi.Write{Addr: w.Addr, Data: w.Data}
		e.Written += len(w.Data)
	}
	switch {
	case imp.fn == nil:
		e.Text = fmt.Sprintf("%s%v -> %v", imp.name, c.Args, c.Results)
	case c.NoReturn || len(c.Results) == 0:
		e.Text = imp.fn.DescribeCall(c.Args, mem)
	default:
		e.Text = imp.fn.Describe(c.Args, mem, uint32(c.Results[0]), writes)
	}
	return e
}

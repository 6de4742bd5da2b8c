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

	// Of a call that the recorded program did not make.
	Source recording.Source `json:"source,omitempty"` // where its answer came from
}

// Events calls yield for every call along the path of a branch, 0 being the
// recorded program, in order, and stops at its first error. Branch must be there,
// and is selected.
//
// With replay, the program is replayed along, and the events have positions and
// show the texts that were in memory. Without, they have neither but come at
// once, and a program that cannot be replayed has them too. progress, which is
// told now and then how far the replay is, may be nil.
func (s *Story) Events(ctx context.Context, branch int, replay bool, progress func(position, call uint64), yield func(Event) error) error {
	if replay {
		return s.replayEvents(ctx, branch, progress, yield)
	}
	s.Select(branch)
	h := s.replayer(false)
	for n := range s.Calls(branch) {
		e, err := s.event(h, branch, n, nil)
		if err != nil {
			return err
		}
		if err := yield(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Story) replayEvents(ctx context.Context, branch int, progress func(position, call uint64), yield func(Event) error) error {
	m, h, edits, err := s.walker(branch)
	if err != nil {
		return err
	}
	calls := s.Calls(branch)
	if calls == 0 {
		return nil
	}
	var failed error // of yield
	seen := uint64(0)
	h.Observe = func(m *wasmvm.Machine, call uint64, _ *recording.HostCall) error {
		e, err := s.event(h, branch, call, m.Memory())
		if err != nil {
			return err
		}
		position := m.Position()
		e.Position = &position
		seen++
		failed = yield(e)
		if failed == nil && seen == calls {
			return errPause
		}
		return failed
	}
	stop, err := runToStop(ctx, m, edits, progress)
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return err
	case stop.Reason == wasmvm.StopHost && errors.Is(stop.Err, errPause):
		return nil
	}
	return unexpected(m, fmt.Sprintf("another %d host calls", calls-seen), stop)
}

// event describes call n of a path. mem is the memory before it, nil if it is
// unknown.
func (s *Story) event(h *Replayer, branch int, n uint64, mem []byte) (Event, error) {
	c, src, err := s.Call(branch, n)
	if err != nil {
		return Event{}, err
	}
	e := h.event(s.mod, n, c, mem)
	e.Source = src
	return e, nil
}

// event describes one call. mem is the memory before it, nil if it is unknown.
func (h *Replayer) event(mod *wasmvm.Module, n uint64, c *recording.HostCall, mem []byte) Event {
	e := Event{Call: n, Args: c.Args, Results: c.Results}
	imp := imported(h.imports, c.Import)
	if i := mod.ImportedFunc(c.Import); i != nil {
		e.Module, e.Name = i.Module, i.Name
	}
	writes := make([]wasi.Write, len(c.Writes))
	for i, w := range c.Writes {
		writes[i] = wasi.Write{Addr: w.Addr, Data: w.Data}
		e.Written += len(w.Data)
	}
	switch {
	case imp.Fn == nil:
		e.Text = fmt.Sprintf("%s%v -> %v", imp.Name, c.Args, c.Results)
	case c.NoReturn || len(c.Results) == 0:
		e.Text = imp.Fn.DescribeCall(c.Args, mem)
	default:
		e.Text = imp.Fn.Describe(c.Args, mem, uint32(c.Results[0]), writes)
	}
	return e
}

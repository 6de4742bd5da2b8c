package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
)

// Verification is what Verify found.
type Verification struct {
	Position uint64        // at which the replay ended: the number of instructions completed
	Calls    uint64        // host calls completed
	Digest   [32]byte      // of the state there
	End      recording.End // how the program ended
	// Complete is false for a recording whose recorder was interrupted or
	// killed. It was then verified up to and including its last host call.
	Complete bool
}

// verifyStep is how many instructions are run between two looks at the context.
const verifyStep = 20_000_000

// Verify replays the path of a branch, 0 being the recorded program, and checks
// that every host call asks what was recorded and that the program ends as it
// did. The error is a *DivergenceError if not. progress may be nil. Branch must be
// there, and is selected.
func (s *Story) Verify(ctx context.Context, branch int, progress func(position, call uint64)) (Verification, error) {
	var v Verification
	m, h, changes, err := s.walker(branch)
	if err != nil {
		return v, err
	}
	r := s.trunk
	end, ended := r.End()
	v.End, v.Complete = end, branch == 0 && ended && end.Kind != recording.EndInterrupted
	note := s.branches.Branch(branch)
	if note.End != "" {
		v.Complete = true
		v.End, err = verifyBranch(ctx, m, changes, note, progress)
	} else if v.Complete {
		var stop wasmvm.Stop
		if stop, err = runToStop(ctx, m, changes, progress); err == nil {
			err = checkEnd(m, r, end, stop)
		}
	} else {
		v.End = recording.End{Kind: recording.EndInterrupted}
		err = runToLastCall(ctx, m, h, changes, progress)
	}
	v.Position, v.Calls = m.Position(), m.HostCalls()
	if err == nil {
		v.Digest = m.Digest()
	}
	return v, err
}

// verifyBranch runs a branch to where it was seen to end.
func verifyBranch(ctx context.Context, m *wasmvm.Machine, edits *changes, note recording.Branch, progress func(position, call uint64)) (recording.End, error) {
	stop, err := runToStop(ctx, m, edits, progress)
	if err != nil {
		return recording.End{}, err
	}
	if m.Position() != note.Reached {
		return recording.End{}, unexpected(m, fmt.Sprintf("%s at position %d", note.End, note.Reached), stop)
	}
	return EndOf(stop.Trap, stop.Err, stop.ExitCode), nil
}

// walker makes a machine that goes along the path of a branch once.
func (s *Story) walker(branch int) (*wasmvm.Machine, *Replayer, *changes, error) {
	edits, err := s.edits(branch)
	if err != nil {
		return nil, nil, nil, err
	}
	s.Select(branch)
	h := s.replayer(false)
	m, err := wasmvm.New(s.mod, MachineConfig(s.trunk, h))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("the recorded module cannot be replayed: %w", err)
	}
	return m, h, &changes{edits}, nil
}

// changes is the edits that are still to come on a path.
type changes struct{ list []edit }

// limit is up to where the machine may run.
func (c *changes) limit(to uint64) uint64 {
	if len(c.list) > 0 {
		return min(to, c.list[0].position)
	}
	return to
}

// apply makes the changes that are due.
func (c *changes) apply(m *wasmvm.Machine) error {
	for len(c.list) > 0 && c.list[0].position <= m.Position() {
		if err := m.ApplyEdit(&c.list[0].Edit); err != nil {
			return fmt.Errorf("the edit at position %d cannot be repeated: %w", c.list[0].position, err)
		}
		c.list = c.list[1:]
	}
	return nil
}

// runToStop runs the machine until it stops by itself.
func runToStop(ctx context.Context, m *wasmvm.Machine, edits *changes, progress func(position, call uint64)) (wasmvm.Stop, error) {
	for {
		if err := edits.apply(m); err != nil {
			return wasmvm.Stop{}, err
		}
		stop := m.Run(edits.limit(m.Position() + verifyStep))
		if stop.Reason != wasmvm.StopLimit {
			return stop, nil
		}
		if progress != nil {
			progress(m.Position(), m.HostCalls())
		}
		if err := ctx.Err(); err != nil {
			return stop, fmt.Errorf("stopped at position %d: %w", m.Position(), err)
		}
	}
}

var errPause = errors.New("pause at the last call")

// runToLastCall runs the machine until the last recorded call is done. What the
// program did after it nobody knows.
func runToLastCall(ctx context.Context, m *wasmvm.Machine, h *Replayer, edits *changes, progress func(position, call uint64)) error {
	if h.log.NumCalls() == 0 {
		return edits.apply(m)
	}
	h.Observe = func(_ *wasmvm.Machine, call uint64, c *recording.HostCall) error {
		if call == h.log.NumCalls()-1 {
			return errPause
		}
		return nil
	}
	stop, err := runToStop(ctx, m, edits, progress)
	if err != nil {
		return err
	}
	if stop.Reason != wasmvm.StopHost || !errors.Is(stop.Err, errPause) {
		return unexpected(m, "host call "+fmt.Sprint(m.HostCalls()), stop)
	}
	h.Observe = nil
	switch stop = m.Run(m.Position() + 1); stop.Reason {
	case wasmvm.StopLimit, wasmvm.StopExit: // or the exit call itself
		return nil
	}
	return unexpected(m, "the rest of that call", stop)
}

// checkEnd compares the ends of the recorded program and of the replay.
func checkEnd(m *wasmvm.Machine, r *recording.Reader, end recording.End, stop wasmvm.Stop) error {
	if !sameEnd(end, stop) {
		return unexpected(m, "the end of the program: "+end.String(), stop)
	}
	// The call that ended the program is recorded but never completed.
	done := m.HostCalls()
	if done < r.NumCalls() {
		if c, err := r.Call(done); err != nil {
			return err
		} else if c.NoReturn && (stop.Reason == wasmvm.StopExit || stop.Reason == wasmvm.StopHost) {
			done++
		}
	}
	if done != r.NumCalls() {
		return unexpected(m, fmt.Sprintf("another %d host calls", r.NumCalls()-done), stop)
	}
	return nil
}

func sameEnd(end recording.End, stop wasmvm.Stop) bool {
	switch end.Kind {
	case recording.EndExit:
		return stop.Reason == wasmvm.StopExit && stop.ExitCode == end.ExitCode
	case recording.EndTrap:
		return stop.Reason == wasmvm.StopTrap && sameTrap(end.Trap, stop.Trap.Code)
	case recording.EndStackOverflow:
		return stop.Reason == wasmvm.StopTrap && stop.Trap.Code == wasmvm.TrapStackOverflow
	case recording.EndHostError:
		return stop.Reason == wasmvm.StopHost && errors.Is(stop.Err, ErrEndOfLog)
	}
	return false
}

// sameTrap compares wazero's words for a trap with ours. It has one name for all
// that can be wrong with a table.
func sameTrap(text string, code wasmvm.TrapCode) bool {
	if text == "invalid table access" {
		switch code {
		case wasmvm.TrapTable, wasmvm.TrapUndefinedElement, wasmvm.TrapUninitializedElement:
			return true
		}
	}
	return text == code.String()
}

// unexpected is the error for a replay that stopped where it should not have.
func unexpected(m *wasmvm.Machine, recorded string, stop wasmvm.Stop) error {
	if stop.Reason == wasmvm.StopHost {
		var d *DivergenceError
		if errors.As(stop.Err, &d) || !errors.Is(stop.Err, ErrEndOfLog) {
			return stop.Err
		}
	}
	return &DivergenceError{Position: m.Position(), Call: m.HostCalls(), Recorded: recorded, Replayed: describeStop(stop)}
}

func describeStop(stop wasmvm.Stop) string {
	switch stop.Reason {
	case wasmvm.StopExit:
		return fmt.Sprintf("exit code %d", stop.ExitCode)
	case wasmvm.StopTrap:
		return "trap: " + strings.TrimPrefix(stop.Trap.Error(), "wasm trap: ")
	case wasmvm.StopHost:
		return stop.Err.Error()
	}
	return stop.Reason.String()
}

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

// Verify replays a whole recording and checks that every host call asks what was
// recorded and that the program ends as it did. The error is a *DivergenceError
// if not. progress may be nil.
func Verify(ctx context.Context, r *recording.Reader, progress func(position, call uint64)) (Verification, error) {
	var v Verification
	mod, err := wasmvm.Decode(r.Module())
	if err != nil {
		return v, fmt.Errorf("the recorded module cannot be replayed: %w", err)
	}
	h := NewReplayer(r, mod)
	m, err := wasmvm.New(mod, MachineConfig(r, h))
	if err != nil {
		return v, fmt.Errorf("the recorded module cannot be replayed: %w", err)
	}
	end, ended := r.End()
	v.End, v.Complete = end, ended && end.Kind != recording.EndInterrupted
	if v.Complete {
		var stop wasmvm.Stop
		if stop, err = runToStop(ctx, m, progress); err == nil {
			err = checkEnd(m, r, end, stop)
		}
	} else {
		v.End.Kind = recording.EndInterrupted
		err = runToLastCall(ctx, m, h, progress)
	}
	v.Position, v.Calls = m.Position(), m.HostCalls()
	if err == nil {
		v.Digest = m.Digest()
	}
	return v, err
}

// runToStop runs the machine until it stops by itself.
func runToStop(ctx context.Context, m *wasmvm.Machine, progress func(position, call uint64)) (wasmvm.Stop, error) {
	for {
		stop := m.Run(m.Position() + verifyStep)
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
func runToLastCall(ctx context.Context, m *wasmvm.Machine, h *Replayer, progress func(position, call uint64)) error {
	if h.log.NumCalls() == 0 {
		return nil
	}
	h.Observe = func(_ *wasmvm.Machine, call uint64, c *recording.HostCall) error {
		if call == h.log.NumCalls()-1 {
			return errPause
		}
		return nil
	}
	stop, err := runToStop(ctx, m, progress)
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

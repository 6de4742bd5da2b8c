package live

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

var (
	// ErrBlocked: the call has not returned yet, and Interrupt was called.
	ErrBlocked = errors.New("the host has not answered yet")
	// ErrBusy: another call is under way.
	ErrBusy = errors.New("another host call is under way")
)

// waitingLine makes calls that may wait on a goroutine of its own.
type waitingLine struct {
	work    chan api.GoModuleFunction // nil until there was such a call
	done    chan struct{}
	wake    chan struct{} // holds one Interrupt
	waiting bool          // a call was left waiting
}

func newWaitingLine() waitingLine {
	return waitingLine{done: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
}

// start makes i's call.
func (l *waitingLine) start(i *Instance, inner api.GoModuleFunction) {
	if l.work == nil {
		l.work = make(chan api.GoModuleFunction, 1)
		work, done := l.work, l.done
		go func() {
			for inner := range work {
				i.run(inner)
				done <- struct{}{}
			}
		}()
	}
	l.work <- inner
}

// stop ends the goroutine. No call may be under way.
func (l *waitingLine) stop() {
	if l.work != nil {
		close(l.work)
		l.work = nil
	}
}

// await waits for the call that was started.
func (i *Instance) await() (recording.HostCall, error) {
	l := &i.line
	select {
	case <-l.done:
	case <-l.wake:
		select {
		case <-l.done:
		default:
			l.waiting = true
			return recording.HostCall{}, fmt.Errorf("%s: %w", i.fn.DescribeCall(i.call.Args, nil), ErrBlocked)
		}
	}
	l.waiting = false
	return i.answer()
}

// Interrupt makes a Do that waits, or else the next one that would, return
// ErrBlocked. It may be called from any goroutine.
func (i *Instance) Interrupt() {
	select {
	case i.line.wake <- struct{}{}:
	default: // one is enough
	}
}

// ClearInterrupt withdraws an Interrupt that has had no effect yet. It may be
// called from any goroutine.
func (i *Instance) ClearInterrupt() {
	select {
	case <-i.line.wake:
	default:
	}
}

// Waiting describes the call that was left waiting, if there is one.
func (i *Instance) Waiting() (call string, ok bool) {
	if !i.line.waiting {
		return "", false
	}
	return i.fn.DescribeCall(i.call.Args, nil), true
}

// same reports an error unless the call is the one that waits. Its answer must not
// be lost, and a second one at the same time could meet it in the descriptor table.
func (i *Instance) same(fn *wasi.Func, imp uint32, args []uint64, mem []byte) error {
	if fn == i.fn && imp == i.call.Import && slices.Equal(args, i.call.Args) && len(mem) == i.size && fn.Digest(args, mem) == i.call.Inputs {
		return nil
	}
	return fmt.Errorf("%w: %s still waits for its answer, which must not be lost; go back to where it was made and continue from there, then this one can be made",
		ErrBusy, i.fn.DescribeCall(i.call.Args, nil))
}

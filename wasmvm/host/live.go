package host

import (
	"context"
	"errors"
	"fmt"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host/live"
	"wrev/wasmvm/wasi"
)

// Live is the real host of a program that runs on a machine of ours: it executes
// the calls that a Story does not know yet, with all their effects. It is a Beyond
// for the trunk.
type Live struct {
	Module *wasmvm.Module
	Writer *recording.Writer // of the recording, which the Story fills

	instance *live.Instance
}

// StartLive prepares a program to be run live with the same options as Record, and
// begins its recording. An error means that there is no recording.
func StartLive(ctx context.Context, wasm []byte, name, recPath string, o Options) (*Live, error) {
	s, err := o.setup(name)
	if err != nil {
		return nil, err
	}
	l := &Live{}
	if l.Module, err = decodeLive(wasm); err != nil {
		return nil, err
	}
	o.warnNothingToRun(l.Module)
	if l.instance, err = live.New(ctx, s.live(l.Module)); err != nil {
		return nil, setupError(err)
	}
	if o.Ready != nil {
		err = o.Ready()
	}
	if err == nil {
		l.Writer, err = recording.Create(recPath, o.meta(name, s), wasm)
	}
	if err != nil {
		return nil, errors.Join(err, l.instance.Close())
	}
	return l, nil
}

// decodeLive decodes a module and checks what it imports.
func decodeLive(wasm []byte) (*wasmvm.Module, error) {
	if err := sniff(wasm); err != nil {
		return nil, err
	}
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		return nil, invalid(wasm, err)
	}
	for i := range uint32(mod.NumImportedFuncs) {
		imp := mod.ImportedFunc(i)
		if err := checkImport(imp.Module, imp.Name); err != nil {
			return nil, err
		}
		if fn, _ := wasi.Lookup(imp.Name); !sameSignature(fn, mod.FuncType(i)) {
			return nil, problemf(ErrImport, "the module imports %s.%s with another signature than WASI preview 1 has; build it with another toolchain", imp.Module, imp.Name)
		}
	}
	return mod, nil
}

// live is the setup for calls that a machine of ours makes.
func (s *setup) live(mod *wasmvm.Module) live.Config {
	return live.Config{
		Args:     s.args,
		Env:      s.env,
		Module:   s.module,
		Sockets:  s.sockets,
		NoMemory: len(mod.Memories) == 0,
	}
}

// MachineConfig returns the configuration of a machine for the program.
func (l *Live) MachineConfig(r *recording.Reader, host wasmvm.Host) wasmvm.Config {
	return LiveConfig(r, host)
}

// LiveConfig returns the configuration of a machine that is not told by a recording
// where it runs out of stack. It has as much as in the replay of a recording that
// ends with that, so that an endless recursion ends.
func LiveConfig(r *recording.Reader, host wasmvm.Host) wasmvm.Config {
	c := MachineConfig(r, host)
	c.LateCalls, c.LateStackSlots = 0, overflowSlots
	return c
}

// Answer implements Beyond. A call that waits is left waiting when the machine is
// interrupted.
func (l *Live) Answer(c *Call) (recording.HostCall, recording.Source, error) {
	if c.Fn == nil {
		return recording.HostCall{}, "", fmt.Errorf("%s is not in WASI preview 1: nobody can execute it", c.Name)
	}
	for {
		answer, err := l.instance.Do(c.Fn, c.Import, c.Args, c.M.Memory())
		switch {
		case err == nil:
			return answer, recording.SourceLive, nil
		case errors.Is(err, live.ErrBlocked) && !c.M.Interrupted():
			// It was woken for something that is over.
		case errors.Is(err, live.ErrBlocked) || errors.Is(err, live.ErrBusy):
			return answer, "", problemf(ErrWaiting, "%w", err)
		default:
			return answer, "", err
		}
	}
}

// Interrupt makes Answer look whether the machine was interrupted. It may be called
// from any goroutine.
func (l *Live) Interrupt() { l.instance.Interrupt() }

// Close ends the recording, and closes the program's files and sockets.
func (l *Live) Close(end recording.End) error {
	return errors.Join(l.Writer.Close(end), l.instance.Close())
}

// EndOf is the end of the recording of a program that ended on our machine: with a
// trap, because the host failed, or else with an exit code.
func EndOf(trap *wasmvm.Trap, failed error, code uint32) recording.End {
	switch {
	case trap != nil && trap.Code == wasmvm.TrapStackOverflow:
		return recording.End{Kind: recording.EndStackOverflow, Trap: "stack overflow"}
	case trap != nil:
		return recording.End{Kind: recording.EndTrap, Trap: trap.Code.String()}
	case failed != nil:
		return recording.End{Kind: recording.EndHostError, Trap: failed.Error()}
	}
	return recording.End{Kind: recording.EndExit, ExitCode: code}
}

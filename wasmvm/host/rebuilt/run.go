package rebuilt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/answers"
	"wrev/wasmvm/host/fds"
)

// Options of a run.
type Options struct {
	Sources string // who answers what was not recorded; empty is answers.Default
	Name    string // of the new module, for its recording
	Version string // of wrev, for the recording
	Warn    func(text string)
	Output  func(fd uint32, p []byte) // what the program prints; may be nil
}

// Report says how the run compares with the recording.
type Report struct {
	Calls     uint64                      // calls of the new program
	Same      uint64                      // answered as recorded
	Otherwise map[recording.Source]uint64 // answered by others
	LeftOut   uint64                      // recorded calls that the new program did not make, up to the last one that it did
	Recorded  uint64                      // calls in the recording
	Parting   *Parting                    // nil if it asked for the same up to the end
	Before    recording.End               // how the recorded program ended
	Ended     bool                        // whether the recording says so
	End       recording.End               // how the new program ended
	Stuck     string                      // the call at which it stopped because no source had an answer
}

// Parting is where the two programs first asked for something else.
type Parting struct {
	Call     uint64 // of the new program
	Position uint64 // of it, in the new program
	New      string // what the new program asks
	Recorded string // what the recorded program asked; empty at its end
}

// Run runs a module against a recording, and writes its own recording to path. An
// error means that wrev failed; how the program ended is in the Report.
func Run(ctx context.Context, rec *recording.Reader, module []byte, path string, o Options) (rep Report, err error) {
	r := &run{rec: rec, options: o, report: Report{Otherwise: make(map[recording.Source]uint64), Recorded: rec.NumCalls()}}
	r.report.Before, r.report.Ended = rec.End()
	var old *wasmvm.Module
	if r.old, old, err = newRecorded(rec); err != nil {
		return rep, err
	}
	mod, err := wasmvm.Decode(module)
	if err != nil {
		return rep, err
	}
	if err := r.imports(old, mod); err != nil {
		return rep, err
	}
	if r.policy, err = answers.New(withoutMatched(o.Sources), answers.Options{Attached: func() bool { return false }, Visit: r.visit, Warn: o.Warn}); err != nil {
		return rep, err
	}
	defer func() { err = errors.Join(err, r.policy.Close()) }()
	meta := rec.Meta()
	meta.ModuleName, meta.ModuleSHA256, meta.WrevVersion = o.Name, "", o.Version
	r.table = fds.New(meta)
	if r.writer, err = recording.Create(path, meta, module); err != nil {
		return rep, err
	}
	if r.log, err = r.writer.Follow(); err != nil {
		return rep, errors.Join(err, r.writer.Close(recording.End{Kind: recording.EndHostError, Trap: err.Error()}))
	}
	end, err := r.run(ctx, mod)
	if closeErr := r.writer.Close(end); err == nil {
		err = closeErr
	}
	r.report.End = end
	return r.report, err
}

// withoutMatched leaves out of a list of sources the one that looks for calls with
// the same pointers.
func withoutMatched(list string) string {
	if list == "" {
		list = answers.Default
	}
	kept := slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return strings.TrimSpace(s) == string(recording.SourceMatched) })
	if len(kept) == 0 {
		return string(recording.SourceSynthetic)
	}
	return strings.Join(kept, ",")
}

// run is a run under way. It is the host of the new program, and the log that the
// policy looks at: the recording is the trunk, the run a branch from its start.
type run struct {
	rec     *recording.Reader
	old     *recorded
	options Options
	policy  *answers.Policy
	writer  *recording.Writer
	log     *recording.Reader // of what was written
	report  Report

	own     []imported      // of the new program, by its indexes
	shared  []host.Imported // by the indexes that the policy sees: the recorded program's, then others
	sources []recording.Source
	pairs   []pair
	table   *fds.Table        // of the new program
	numbers map[uint32]uint32 // descriptors of the new program for those of the recorded one
	mod     *wasmvm.Module
	visitor *wasmvm.Machine
}

// pair says which recorded call has answered a call.
type pair struct {
	recorded uint64
	ok       bool
}

// imported is a function that the new program imports.
type imported struct {
	host.Imported
	shared uint32 // its index for the policy
}

// imports gives the functions of both programs common indexes.
func (r *run) imports(old, mod *wasmvm.Module) error {
	r.mod, r.numbers = mod, make(map[uint32]uint32)
	r.shared = host.Imports(old)
	for _, imp := range host.Imports(mod) {
		if imp.Fn == nil {
			return fmt.Errorf("the module imports %s, which is not in WASI preview 1: nobody can answer it", imp.Name)
		}
		at := slices.IndexFunc(r.shared, func(s host.Imported) bool { return s.Fn == imp.Fn })
		if at < 0 {
			at = len(r.shared)
			r.shared = append(r.shared, imp)
		}
		r.own = append(r.own, imported{imp, uint32(at)})
	}
	return nil
}

// run runs the new program to its end.
func (r *run) run(ctx context.Context, mod *wasmvm.Module) (recording.End, error) {
	failed := func(err error) (recording.End, error) {
		return recording.End{Kind: recording.EndHostError, Trap: err.Error()}, err
	}
	m, err := wasmvm.New(mod, r.config(r))
	if err != nil {
		return failed(err)
	}
	for {
		stop := m.Run(m.Position() + step)
		switch {
		case stop.Reason == wasmvm.StopLimit && ctx.Err() == nil:
			continue
		case stop.Reason == wasmvm.StopLimit:
			return recording.End{Kind: recording.EndInterrupted}, ctx.Err()
		case errors.Is(stop.Err, host.ErrWaiting):
			// No source has an answer: this is as far as it goes.
			r.report.Stuck = stop.Err.Error()
			return recording.End{Kind: recording.EndInterrupted}, nil
		case stop.Err != nil:
			return failed(stop.Err)
		}
		return host.EndOf(stop.Trap, nil, stop.ExitCode), nil
	}
}

// config is that of the recorded program, but its stack has the size that ends an
// endless recursion.
func (r *run) config(h wasmvm.Host) wasmvm.Config {
	return host.LiveConfig(r.rec, h)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"wrev/checkpoint/recording"
	"wrev/gdbstub"
	"wrev/reverse"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

func runReplay(s stdio, args []string) (int, error) {
	flags := newFlagSet(s, "replay", "[serve flags] REC [-- GDB-ARG...]")
	serve := addServeFlags(flags)
	flags.BoolVar(&serve.noCache, "no-cache", false, "neither use nor write the file of checkpoints beside the recording")
	module := flags.String("module", "", "run another build, `FIXED.wasm`, against the recording: same answers while its calls match, then as --branch-answers says; say where the two parted. With --gdb, that run is opened")
	if err := parse(flags, args); err != nil {
		return 0, err
	}
	if err := serve.check(); err != nil {
		return 0, err
	}
	path, debuggerArgs, err := splitDebuggerArgs(flags.Args(), flags.ArgsLenAtDash(), serve.gdb)
	if err != nil {
		return 0, err
	}
	rec, err := openRecording(s, path)
	if err != nil {
		return 0, err
	}
	defer rec.Close()
	if *module != "" {
		return replayModule(s, rec, path, *module, serve, debuggerArgs)
	}
	session, err := newReplay(s, rec, path, serve)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	defer session.close(s)
	return session.debugged(s, serve, debuggerArgs)
}

// splitDebuggerArgs separates REC from what stands behind `--`.
func splitDebuggerArgs(args []string, dash int, debugger bool) (path string, rest []string, err error) {
	before := args
	if dash >= 0 {
		before, rest = args[:dash], args[dash:]
	}
	switch {
	case len(before) == 0:
		return "", nil, usagef("replay: no recording given; the form is `wrev replay APP.wrev`")
	case len(before) > 1:
		return "", nil, usagef("replay: takes one recording, got %s", strings.Join(before, " "))
	case len(rest) > 0 && !debugger:
		return "", nil, usagef("replay: what follows -- goes to the debugger; add --gdb, or leave it out")
	}
	return before[0], rest, nil
}

// replay is a program made ready to be debugged.
type replay struct {
	module   *wasmvm.Module
	timeline *reverse.Timeline
	branches *branching
	options  gdbstub.Options
	headline string // what is served
}

func newReplay(s stdio, rec *recording.Reader, path string, serve *serveFlags) (*replay, error) {
	mod, err := wasmvm.Decode(rec.Module())
	if err != nil {
		return nil, err
	}
	branches, warnings, err := recording.OpenBranches(rec, path)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		s.logf("warning: %s: %s", path, w)
	}
	b, err := newBranching(s, host.NewStory(rec, mod, branches), serve)
	if err != nil {
		return nil, errors.Join(err, branches.Close())
	}
	newMachine := func(h wasmvm.Host) (*wasmvm.Machine, error) {
		return wasmvm.New(mod, host.MachineConfig(rec, h))
	}
	r := &replay{module: mod, branches: b, headline: path + ": " + describeEndOf(rec)}
	r.options = gdbstub.Options{
		Name:  programName(rec.Meta().ModuleName),
		Once:  serve.once || serve.gdb,
		AtEnd: serve.atEndMode(),
	}
	b.stub(&r.options)
	options := reverse.Options{
		Budget: int64(serve.memory),
		// Beside the recording is where there is room for it; or else where
		// temporary files go.
		SpillDirs: []string{filepath.Dir(path), ""},
		Warn:      func(err error) { s.logf("warning: %v", err) },
		Cache:     checkpointCache(rec, path, serve, b.output),
		Progress:  func(p reverse.Progress) { s.progress.timeline(rec, p) },
	}
	if r.timeline, err = b.timeline(options, newMachine); err != nil {
		return nil, errors.Join(err, branches.Close())
	}
	return r, nil
}

// checkpointCache is where the checkpoints of a recording are kept. The output
// goes with them: over what a later session does not run, nothing prints it.
func checkpointCache(rec *recording.Reader, path string, serve *serveFlags, output *gdbstub.Output) *reverse.Cache {
	if serve.noCache {
		return nil
	}
	return &reverse.Cache{
		Path:      path + ".cache",
		Recording: rec.Identity(),
		Keep:      output.Saved,
		Take:      output.Restore,
	}
}

// programName is APP of APP.wasm.
func programName(module string) string {
	base := filepath.Base(module)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// debugged serves debuggers, or runs one, until that is over.
func (r *replay) debugged(s stdio, serve *serveFlags, debuggerArgs []string) (int, error) {
	r.options.Log = func(line string) { s.logf("%s", line) }
	if serve.packets {
		r.options.Trace = func(dir string, packet []byte) { s.logf("%s %q", dir, packet) }
	}
	ln, err := serve.listen()
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	if err := writePortFile(serve.portFile, ln.Addr()); err != nil {
		return 0, err
	}
	if serve.gdb {
		return r.underGDB(s, ln, debuggerArgs)
	}
	return exitOK, r.serve(s, ln)
}

// serve waits for debuggers until one of them ends it or the user does.
func (r *replay) serve(s stdio, ln net.Listener) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s.logf("%s", r.headline)
	s.logf("listening on %s; connect with:  gdb -ex 'target extended-remote %s'", ln.Addr(), ln.Addr())
	return gdbstub.Serve(ctx, ln, r.timeline, r.options)
}

// close gives the timeline up.
func (r *replay) close(s stdio) {
	if err := r.timeline.Close(); err != nil {
		s.logf("warning: %v", err) // only the next session would have gained from it
	}
	if err := r.branches.close(); err != nil {
		s.logf("warning: %v", err)
	}
}

// recordingArg parses the arguments of a command that takes one recording, and opens it.
func recordingArg(s stdio, flags *pflag.FlagSet, args []string) (rec *recording.Reader, path string, err error) {
	if err := parse(flags, args); err != nil {
		return nil, "", err
	}
	if path, err = oneFile(flags, "recording"); err != nil {
		return nil, "", err
	}
	rec, err = openRecording(s, path)
	return rec, path, err
}

// openRecording opens a recording and tells what had to be worked around.
func openRecording(s stdio, path string) (*recording.Reader, error) {
	rec, err := recording.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s: no such file; make a recording with `wrev record APP.wasm`", path)
		}
		if errors.Is(err, recording.ErrNotRecording) {
			return nil, fmt.Errorf("%w; make one with `wrev record APP.wasm`", err)
		}
		return nil, err
	}
	for _, w := range rec.Warnings() {
		s.logf("warning: %s: %s", path, w)
	}
	return rec, nil
}

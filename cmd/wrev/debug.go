package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"wrev/checkpoint/recording"
	"wrev/gdbstub"
	"wrev/reverse"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

func runDebug(s stdio, args []string) (int, error) {
	flags := newFlagSet(s, "debug", "[-o REC] [run flags] [serve flags] APP.wasm [ARG...] [-- GDB-ARG...]")
	flags.SetInterspersed(false) // flags after APP.wasm are the program's
	out := flags.StringP("output", "o", "", "keep the recording as `REC` (default: it is removed at the end)")
	stdin := flags.String("stdin", "", "the program's standard input is `FILE` (default: wrev's; with --gdb, which has that, none)")
	run := addRunFlags(flags)
	serve := addServeFlags(flags)
	if err := parse(flags, args); err != nil {
		return 0, err
	}
	if err := serve.check(); err != nil {
		return 0, err
	}
	if flags.NArg() == 0 {
		return 0, usagef("debug: no program given; the form is `wrev debug APP.wasm [ARG...]`")
	}
	app := flags.Arg(0)
	programArgs, debuggerArgs := flags.Args()[1:], []string(nil)
	if serve.gdb {
		programArgs, debuggerArgs = splitLastDash(programArgs)
	}
	options, err := run.options(s, programArgs)
	if err != nil {
		return 0, err
	}
	input, err := debugInput(s, *stdin, serve.gdb)
	if err != nil {
		return 0, err
	}
	defer input.Close()
	options.Stdin = input.Reader

	place, err := placeRecording(*out, app)
	if err != nil {
		return 0, err
	}
	options.Ready = place.room.make
	code, err := debugProgram(s, app, place, options, serve, debuggerArgs)
	return code, errors.Join(err, place.close())
}

// splitLastDash separates a program's arguments from a debugger's. The last `--`
// counts, because the program's may have one of their own.
func splitLastDash(args []string) (before, after []string) {
	for i := len(args) - 1; i >= 0; i-- {
		if args[i] == "--" {
			return args[:i], args[i+1:]
		}
	}
	return args, nil
}

// input is a program's standard input.
type input struct {
	io.Reader // nil is empty
	io.Closer
}

// debugInput opens the standard input. A debugger on this terminal has wrev's own.
func debugInput(s stdio, file string, debugger bool) (input, error) {
	switch {
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return input{}, fmt.Errorf("--stdin: %w", err)
		}
		return input{f, f}, nil
	case debugger:
		return input{nil, io.NopCloser(nil)}, nil
	}
	return input{s.in, io.NopCloser(nil)}, nil
}

// place is where the recording of a live program goes.
type place struct {
	room
	temporary string // folder to remove at the end; empty if the recording is kept
}

func placeRecording(out, app string) (*place, error) {
	if out != "" {
		return &place{room: room{path: out}}, nil
	}
	dir, err := os.MkdirTemp("", "wrev-")
	if err != nil {
		return nil, fmt.Errorf("no place for the recording: %w; name one with -o", err)
	}
	return &place{room: room{path: filepath.Join(dir, defaultRecording(app))}, temporary: dir}, nil
}

func (p *place) close() error {
	if p.temporary == "" {
		return p.undo()
	}
	if err := os.RemoveAll(p.temporary); err != nil {
		return fmt.Errorf("the recording could not be removed: %w", err)
	}
	return nil
}

// debugProgram runs a program under debuggers. The exit code is gdb's if it runs
// here, else the program's if it has ended.
func debugProgram(s stdio, app string, place *place, options host.Options, serve *serveFlags, debuggerArgs []string) (int, error) {
	wasm, err := readProgram(app)
	if err != nil {
		return 0, err
	}
	l, err := host.StartLive(context.Background(), wasm, filepath.Base(app), place.path, options)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", app, err)
	}
	if place.kept != "" {
		s.logf("the earlier %s is kept as %s", place.path, place.kept)
	}
	session, err := newLive(s, l, place, serve)
	if err != nil {
		// Nothing has run: there is nothing to keep.
		closeErr := l.Close(recording.End{Kind: recording.EndHostError, Trap: err.Error()})
		return 0, errors.Join(fmt.Errorf("%s: %w", app, err), closeErr, os.Remove(place.path))
	}
	session.headline = fmt.Sprintf("%s: live, at its start; it is recorded in %s", app, place.path)
	if place.temporary != "" {
		session.headline = fmt.Sprintf("%s: live, at its start; keep the recording with -o", app)
	}
	code, err := session.debugged(s, serve, debuggerArgs)
	end := programEnd(session.timeline)
	session.close(s)
	if closeErr := l.Close(end); closeErr != nil {
		return 0, errors.Join(err, closeErr)
	}
	if err != nil {
		return 0, err
	}
	if place.temporary == "" {
		if _, err := reportRecorded(s, place.path, end); err != nil {
			return 0, err
		}
	}
	if !serve.gdb && end.Kind != recording.EndInterrupted {
		code = exitCode(end)
	}
	return code, nil
}

// newLive makes a program that has not run ready to be debugged.
func newLive(s stdio, l *host.Live, place *place, serve *serveFlags) (*replay, error) {
	story, err := host.NewLiveStory(l.Writer, l.Module)
	if err != nil {
		return nil, err
	}
	story.Trunk = l
	b, err := newBranching(s, story, serve)
	if err != nil {
		return nil, err
	}
	if serve.gdb { // which shares this terminal: the trunk's output is there already
		b.showBranchesOnly()
	}
	session := &replay{module: l.Module, branches: b, options: gdbstub.Options{
		Name:  programName(place.path),
		Once:  serve.once || serve.gdb,
		AtEnd: serve.atEndMode(),
	}}
	b.stub(&session.options)
	newMachine := func(h wasmvm.Host) (*wasmvm.Machine, error) {
		return wasmvm.New(l.Module, l.MachineConfig(story.Recording(), h))
	}
	options := reverse.Options{
		Budget:      int64(serve.memory),
		OnInterrupt: l.Interrupt,
		SpillDirs:   []string{filepath.Dir(place.path), ""},
		Warn:        func(err error) { s.logf("warning: %v", err) },
		Progress:    func(p reverse.Progress) { s.progress.live(p) },
	}
	session.timeline, err = b.timeline(options, newMachine)
	return session, err
}

// programEnd is how the program itself ended, whatever was tried in branches.
func programEnd(t *reverse.Timeline) recording.End {
	if t.Branch() != 0 {
		t.Switch(0)
	}
	if _, known := t.End(); !known {
		return recording.End{Kind: recording.EndInterrupted}
	}
	stop := t.SeekEnd()
	return host.EndOf(stop.Trap, stop.Err, stop.ExitCode)
}

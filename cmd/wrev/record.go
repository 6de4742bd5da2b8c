package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host"
)

func runRecord(s stdio, args []string) (int, error) {
	flags := newFlagSet(s, "record", "[-o REC] [run flags] APP.wasm [ARG...]")
	flags.SetInterspersed(false) // flags after APP.wasm are the program's
	out := flags.StringP("output", "o", "", "write the recording to `REC` (default APP.wrev in the current folder)")
	debugOnTrap := flags.Bool("debug-on-trap", false, "if the program traps or fails, open the recording at its end in gdb; where this is no terminal, say with which command")
	run := addRunFlags(flags)
	if err := parse(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() == 0 {
		return 0, usagef("record: no program given; the form is `wrev record APP.wasm [ARG...]`")
	}
	app, progArgs := flags.Arg(0), flags.Args()[1:]
	options, err := run.options(s, progArgs)
	if err != nil {
		return 0, err
	}
	wasm, err := readProgram(app)
	if err != nil {
		return 0, err
	}
	if *out == "" {
		*out = defaultRecording(app)
	}
	room := room{path: *out}
	options.Ready = room.make
	end, err := host.Record(context.Background(), wasm, filepath.Base(app), *out, options)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("%s: %w", app, err), room.undo())
	}
	if room.kept != "" {
		s.logf("the earlier %s is kept as %s", *out, room.kept)
	}
	code, err := reportRecorded(s, *out, end)
	if err == nil && *debugOnTrap && failed(end) {
		err = openAtEnd(s, *out)
	}
	return code, err
}

// failed tells a program that did not end well.
func failed(end recording.End) bool { return end.Kind != recording.EndExit || end.ExitCode != 0 }

// openAtEnd opens a recording in gdb, at its end, or says how to.
func openAtEnd(s stdio, path string) error {
	if _, err := findGDB(); err != nil || !isTerminal(s.in) || !isTerminal(s.out) {
		s.logf("open it at its end with: wrev replay --gdb %s -- -ex continue", path)
		return nil
	}
	_, err := runReplay(s, []string{"--gdb", path, "--", "-ex", "continue"})
	return err
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// readProgram reads a program and says in words what is wrong with its name.
func readProgram(path string) ([]byte, error) {
	wasm, err := os.ReadFile(path)
	switch {
	case err == nil:
		return wasm, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file; give the path of a .wasm program", path)
	}
	return nil, fmt.Errorf("cannot read the program: %w", err)
}

// reportRecorded says how the program ended and what to do with the recording.
func reportRecorded(s stdio, path string, end recording.End) (int, error) {
	r, err := recording.Open(path)
	if err != nil {
		return 0, fmt.Errorf("the recording was written but cannot be read back: %w", err)
	}
	defer r.Close()
	s.logf("%s: recorded %s, %s", path, plural(r.NumCalls(), "host call"), end)
	if failed(end) {
		s.logf("look into it with: wrev replay --gdb %s", path)
	}
	return exitCode(end), nil
}

func exitCode(end recording.End) int {
	switch end.Kind {
	case recording.EndExit:
		return int(end.ExitCode)
	case recording.EndInterrupted:
		return exitIntr
	case recording.EndHostError:
		return exitFailure
	}
	return exitTrap
}

// plural is "1 host call", "12 host calls".
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", grouped(n), noun)
}

// grouped writes a number with a comma every three digits, as positions are shown everywhere.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

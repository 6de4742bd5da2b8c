package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/rebuilt"
)

// replayModule runs another build of the program against a recording, says where
// the two parted, and opens the run in gdb if that is asked for.
func replayModule(s stdio, rec *recording.Reader, path, app string, serve *serveFlags, debuggerArgs []string) (int, error) {
	wasm, err := readProgram(app)
	if err != nil {
		return 0, err
	}
	room := room{path: rebuiltRecording(path, app)}
	if err := room.make(); err != nil {
		return 0, err
	}
	report, err := rebuilt.Run(context.Background(), rec, wasm, room.path, rebuilt.Options{
		Sources: serve.branchAnswers,
		Name:    filepath.Base(app),
		Version: wrevVersion(),
		Warn:    func(text string) { s.logf("warning: %s", text) },
		Output: func(fd uint32, p []byte) {
			if fd == 1 {
				s.out.Write(p)
			} else {
				s.err.Write(p)
			}
		},
	})
	if err != nil {
		if _, statErr := os.Stat(room.path); statErr != nil { // there was nothing to write
			err = errors.Join(err, room.undo())
		}
		return 0, fmt.Errorf("%s against %s: %w", app, path, err)
	}
	if room.kept != "" {
		s.logf("the earlier %s is kept as %s", room.path, room.kept)
	}
	for _, line := range describeRebuilt(path, app, &report) {
		s.logf("%s", line)
	}
	if !serve.gdb {
		s.logf("this run is in %s; look into it with: wrev replay --gdb %s", room.path, room.path)
		return exitCode(report.End), nil
	}
	return runReplay(s, append([]string{"--gdb", room.path, "--"}, debuggerArgs...))
}

// rebuiltRecording is crash.fixed.wrev for fixed.wasm against crash.wrev.
func rebuiltRecording(path, app string) string {
	return strings.TrimSuffix(path, ".wrev") + "." + programName(app) + ".wrev"
}

// describeRebuilt says how the run compares with the recording.
func describeRebuilt(path, app string, r *rebuilt.Report) (lines []string) {
	line := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	switch p := r.Parting; {
	case p == nil:
		line("%s asks for the same as %s: %s", app, path, plural(r.Same, "host call"))
	default:
		line("%s asks for the same as %s up to host call %s, at position %s; there", app, path, grouped(p.Call), grouped(p.Position))
		recorded := p.Recorded
		if recorded == "" {
			recorded = "no more calls"
		}
		line("  recorded: %s", recorded)
		line("  now:      %s", p.New)
		line("%s answered as recorded, %s, %s left out", plural(r.Same, "call"), describeOtherwise(r), plural(r.LeftOut, "recorded call"))
	}
	if r.Stuck != "" {
		line("it cannot go on: %s", r.Stuck)
	}
	before := "not known, the recorder was interrupted"
	if r.Ended {
		before = r.Before.String()
	}
	line("recorded end: %s; now: %s", before, r.End)
	return lines
}

func describeOtherwise(r *rebuilt.Report) string {
	var parts []string
	for _, source := range slices.Sorted(maps.Keys(r.Otherwise)) {
		parts = append(parts, fmt.Sprintf("%s by %s", grouped(r.Otherwise[source]), source))
	}
	if len(parts) == 0 {
		return "none otherwise"
	}
	return "others " + strings.Join(parts, ", ")
}

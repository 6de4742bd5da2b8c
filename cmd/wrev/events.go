package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

func runEvents(s stdio, args []string) (int, error) {
	flags := newFlagSet(s, "events", "[--json] [--branch N] REC")
	asJSON := flags.Bool("json", false, "one JSON object a line")
	noReplay := flags.Bool("no-replay", false, "don't replay the program: no positions, no texts, but at once")
	branch := flags.Int("branch", 0, "the calls along the path of branch `N`")
	rec, path, err := recordingArg(s, flags, args)
	if err != nil {
		return 0, err
	}
	defer rec.Close()
	story, err := readStory(s, path, rec, false)
	if err != nil {
		return 0, err
	}
	defer story.Branches().Close()
	if b := story.Branches(); *branch < 0 || *branch >= b.Num() || b.Branch(*branch).Dropped {
		return 0, fmt.Errorf("%s: there is no branch %d; `wrev info` lists them", path, *branch)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	out := bufio.NewWriter(s.out)
	print := textEvent(out)
	if *asJSON {
		print = jsonEvent(out)
	}
	var progress func(position, call uint64)
	if isFile(s.out) { // else it would stand between the lines
		progress = func(position, call uint64) { s.progress.show(firstPass("replaying", rec, position, call)) }
	}
	err = story.Events(ctx, *branch, !*noReplay && replayable(s, path, rec), progress, print)
	s.progress.done()
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitOK, nil // the reader, such as head, has seen enough
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return exitOK, nil
}

// replayable says whether the engine can run the recorded module. If not, the events can still be listed.
func replayable(s stdio, path string, rec *recording.Reader) bool {
	_, err := wasmvm.Decode(rec.Module())
	if err != nil {
		s.logf("warning: %s: %v; the events are listed without positions", path, err)
	}
	return err == nil
}

// isFile reports whether what is written to w is not seen at once.
func isFile(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

func textEvent(out *bufio.Writer) func(host.Event) error {
	return func(e host.Event) error {
		text := e.Text
		if e.Source != "" {
			text += fmt.Sprintf("  [%s]", e.Source)
		}
		if e.Position == nil {
			_, err := fmt.Fprintf(out, "%8d  %s\n", e.Call, text)
			return err
		}
		_, err := fmt.Fprintf(out, "%8d  t=%-14s %s\n", e.Call, grouped(*e.Position), text)
		return err
	}
}

func jsonEvent(out *bufio.Writer) func(host.Event) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false) // "->" stays readable
	return func(e host.Event) error { return encoder.Encode(e) }
}

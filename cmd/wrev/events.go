package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

func runEvents(s stdio, args []string) (int, error) {
	flags := newFlagSet(s, "events", "[--json] REC")
	asJSON := flags.Bool("json", false, "one JSON object a line")
	noReplay := flags.Bool("no-replay", false, "don't replay the program: no positions, no texts, but at once")
	rec, path, err := recordingArg(s, flags, args)
	if err != nil {
		return 0, err
	}
	defer rec.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	out := bufio.NewWriter(s.out)
	print := textEvent(out)
	if *asJSON {
		print = jsonEvent(out)
	}
	err = host.Events(ctx, rec, !*noReplay && replayable(s, path, rec), print)
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

func textEvent(out *bufio.Writer) func(host.Event) error {
	return func(e host.Event) error {
		if e.Position == nil {
			_, err := fmt.Fprintf(out, "%8d  %s\n", e.Call, e.Text)
			return err
		}
		_, err := fmt.Fprintf(out, "%8d  t=%-14s %s\n", e.Call, grouped(*e.Position), e.Text)
		return err
	}
}

func jsonEvent(out *bufio.Writer) func(host.Event) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false) // "->" stays readable
	return func(e host.Event) error { return encoder.Encode(e) }
}

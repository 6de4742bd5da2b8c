package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"wrev/wasmvm/host"
)

func runVerify(s stdio, args []string) (int, error) {
	flags := newFlagSet(s, "verify", "REC")
	rec, path, err := recordingArg(s, flags, args)
	if err != nil {
		return 0, err
	}
	defer rec.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	v, err := host.Verify(ctx, rec, func(position, call uint64) { s.progress.show(firstPass("verifying", rec, position, call)) })
	s.progress.done()
	var diverged *host.DivergenceError
	switch {
	case errors.As(err, &diverged):
		return 0, fmt.Errorf("%s: %w; please report it with the recording", path, err)
	case err != nil:
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	end := v.End.String()
	if !v.Complete {
		end = "interrupted: verified up to the last recorded host call"
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tthe replay agrees with the recording\n", path)
	fmt.Fprintf(w, "positions\t%s\n", grouped(v.Position))
	fmt.Fprintf(w, "host calls\t%s\n", grouped(v.Calls))
	fmt.Fprintf(w, "end\t%s\n", end)
	fmt.Fprintf(w, "state digest\t%x\n", v.Digest)
	return exitOK, w.Flush()
}

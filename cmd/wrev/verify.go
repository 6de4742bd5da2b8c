package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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

	story, err := readStory(s, path, rec, true)
	if err != nil {
		return 0, err
	}
	defer story.Branches().Close()
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for branch := range story.Branches().Num() {
		if story.Branches().Branch(branch).Dropped {
			continue
		}
		what := path
		if branch > 0 {
			what = fmt.Sprintf("%s, branch %d", path, branch)
		}
		v, err := verifyBranch(ctx, s, story, branch)
		var diverged *host.DivergenceError
		switch {
		case errors.As(err, &diverged):
			return 0, errors.Join(fmt.Errorf("%s: %w; please report it with the recording", what, err), w.Flush())
		case err != nil:
			return 0, errors.Join(fmt.Errorf("%s: %w", what, err), w.Flush())
		}
		printVerified(w, what, branch, v)
	}
	return exitOK, w.Flush()
}

func verifyBranch(ctx context.Context, s stdio, story *host.Story, branch int) (host.Verification, error) {
	defer s.progress.done()
	return story.Verify(ctx, branch, func(position, call uint64) {
		s.progress.show(firstPass("verifying", story.Recording(), position, call))
	})
}

func printVerified(w io.Writer, what string, branch int, v host.Verification) {
	end := v.End.String()
	switch {
	case !v.Complete && branch > 0:
		end = "open: verified up to its last host call"
	case !v.Complete:
		end = "interrupted: verified up to the last recorded host call"
	}
	fmt.Fprintf(w, "%s\tthe replay agrees with the recording\n", what)
	fmt.Fprintf(w, "positions\t%s\n", grouped(v.Position))
	fmt.Fprintf(w, "host calls\t%s\n", grouped(v.Calls))
	fmt.Fprintf(w, "end\t%s\n", end)
	fmt.Fprintf(w, "state digest\t%x\n", v.Digest)
}

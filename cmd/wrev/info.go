package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"wrev/checkpoint/recording"
)

func runInfo(s stdio, args []string) (int, error) {
	flags := newFlagSet(s, "info", "REC")
	rec, path, err := recordingArg(s, flags, args)
	if err != nil {
		return 0, err
	}
	defer rec.Close()
	stat, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	branches, err := readBranches(s, path, rec)
	if err != nil {
		return 0, err
	}
	defer branches.Close()
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, row := range append(infoRows(rec, stat.Size()), branchRows(branches)...) {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	if err := rec.Verify(); err != nil {
		return 0, fmt.Errorf("%w; what comes before it can be replayed", err)
	}
	return exitOK, nil
}

// infoRows are the name and value of all there is to tell; what a program was not given is left out.
func infoRows(rec *recording.Reader, size int64) [][2]string {
	meta := rec.Meta()
	rows := [][2]string{
		{"program", fmt.Sprintf("%s (%s bytes, sha256 %s)", meta.ModuleName, grouped(uint64(len(rec.Module()))), meta.ModuleSHA256)},
		{"arguments", quotedList(meta.Args)},
	}
	if len(meta.Env) > 0 {
		rows = append(rows, [2]string{"environment", quotedList(meta.Env)})
	}
	for _, m := range meta.Mounts {
		access := "read and write"
		if m.ReadOnly {
			access = "read only"
		}
		rows = append(rows, [2]string{"mount", fmt.Sprintf("%s as %s, %s", m.Host, m.Guest, access)})
	}
	for _, l := range meta.Listen {
		rows = append(rows, [2]string{"listens on", l})
	}
	if elapsed, ok := rec.Elapsed(); ok {
		rows = append(rows, [2]string{"ran for", elapsed.Round(time.Millisecond).String()})
	}
	return append(rows,
		[2]string{"memory limit", plural(uint64(meta.MaxMemoryPages), "page") + " of 64 KiB"},
		[2]string{"recorded", fmt.Sprintf("%s on %s, wazero %s, wrev %s", meta.Start.Format(time.RFC3339), meta.GOARCH, meta.WazeroVersion, meta.WrevVersion)},
		[2]string{"host calls", grouped(rec.NumCalls())},
		[2]string{"size", grouped(uint64(size)) + " bytes"},
		[2]string{"end", describeEndOf(rec)},
	)
}

// branchRows tell of the branches that were not dropped.
func branchRows(branches *recording.Branches) (rows [][2]string) {
	for id := 1; id < branches.Num(); id++ {
		b := branches.Branch(id)
		if b.Dropped {
			continue
		}
		at, end := "at position "+grouped(b.Fork), ""
		if b.Parent != 0 {
			at = fmt.Sprintf("from branch %d %s", b.Parent, at)
		}
		if b.End != "" {
			end = ", ends with " + b.End
		}
		calls := plural(branches.NumCalls(id)-b.FirstCall, "host call")
		rows = append(rows, [2]string{fmt.Sprintf("branch %d", id), fmt.Sprintf("%s, %s of its own%s", at, calls, end)})
	}
	return rows
}

// describeEndOf also tells of a recording whose recorder was killed.
func describeEndOf(rec *recording.Reader) string {
	end, ok := rec.End()
	if !ok {
		return "none: the recorder was killed or still runs"
	}
	return end.String()
}

// quotedList shows strings so that they can be told apart.
func quotedList(list []string) string {
	quoted := make([]string, len(list))
	for i, a := range list {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	return strings.Join(quoted, " ")
}

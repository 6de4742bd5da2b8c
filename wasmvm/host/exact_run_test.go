package host

import (
	"path/filepath"
	"slices"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// TestExactWrites is the proof that the log holds what each function wrote and
// nothing else. It calls everything on two backgrounds: a byte that happens to
// be written with the value it had is seen on the other one.
func TestExactWrites(t *testing.T) {
	s := withVariants(everything())
	var runs []*oracle
	for _, background := range []byte{0xa5, 0x5a} {
		st := newStage(t)
		stop := connect(st.opt.Listen[0], 60)
		path := filepath.Join(t.TempDir(), "r.wrev")
		o, end := recordWithOracle(t, s.wasm(background), "everything", path, st.opt, nil)
		stop()
		if end != (recording.End{Kind: recording.EndExit, ExitCode: 7}) {
			t.Fatalf("the script ended with %+v", end)
		}
		o.check()
		checkErrnos(t, s, o)
		replayWithOracle(t, path, o, st.out.String())
		runs = append(runs, o)
	}
	checkNothingExtra(t, s, runs[0], runs[1])
	checkCoverage(t, runs[0])
}

func checkErrnos(t *testing.T, s script, o *oracle) {
	t.Helper()
	if len(o.calls) != len(s) {
		t.Fatalf("%d calls were logged, the script has %d", len(o.calls), len(s))
	}
	for i, c := range o.calls {
		if c.name != s[i].fn {
			t.Fatalf("call %d is %s, the script has %s", i, c.name, s[i].fn)
		}
		if s[i].want != anyErrno && s[i].want != c.errno {
			t.Errorf("step %d: %s%v returned %s, want %s", i, c.name, c.args, wasi.ErrnoName(uint32(c.errno)), wasi.ErrnoName(uint32(s[i].want)))
		}
	}
}

// checkNothingExtra compares the runs on the two backgrounds. Where a step's
// data lies, there is no background, and a zero may have been written over a
// zero.
func checkNothingExtra(t *testing.T, s script, a, b *oracle) {
	t.Helper()
	for i := range a.calls {
		ca, cb := a.calls[i], b.calls[i]
		same := slices.Equal(ca.ranges, cb.ranges)
		extra, j := 0, 0
		for _, r := range ca.ranges {
			for at := r.Addr; uint64(at) < r.End(); at++ {
				if ca.unchanged[j] && (!same || cb.unchanged[j]) && !s[i].holds(at) {
					extra++
				}
				j++
			}
		}
		if extra > tolerated(ca.name) {
			t.Errorf("call %d, %s%v -> %s: %d logged bytes were not written; logged %v and %v",
				i, ca.name, ca.args, wasi.ErrnoName(uint32(ca.errno)), extra, ca.ranges, cb.ranges)
		}
	}
}

// tolerated is how many bytes of a call may look as if they had not been written:
// times and inode numbers differ between the runs, and a byte of them may happen
// to be the background of each.
func tolerated(name string) int {
	switch name {
	case "clock_time_get", "fd_filestat_get", "path_filestat_get", "fd_readdir":
		return 1
	}
	return 0
}

// checkCoverage: each function must have been seen to succeed, unless wazero
// does not implement it, and to fail, if it can.
func checkCoverage(t *testing.T, o *oracle) {
	t.Helper()
	succeeded, failed, wrote := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range o.calls {
		if c.errno == 0 {
			succeeded[c.name] = true
		} else {
			failed[c.name] = true
		}
		wrote[c.name] = wrote[c.name] || len(c.ranges) > 0
	}
	for _, f := range wasi.Functions() {
		switch f.Name {
		case "proc_exit", "proc_raise", "fd_fdstat_set_rights":
			failed[f.Name], succeeded[f.Name] = true, true
		case "sched_yield":
			failed[f.Name] = true
		}
		if !succeeded[f.Name] || !failed[f.Name] || f.Writes() != wrote[f.Name] {
			t.Errorf("%s: succeeded %v, failed %v, wrote %v", f.Name, succeeded[f.Name], failed[f.Name], wrote[f.Name])
		}
	}
	t.Logf("%d calls compared", len(o.calls))
}

package rebuilt

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

const programs = "../../../testdata/programs/"

func module(t *testing.T, name string) []byte {
	t.Helper()
	wasm, err := os.ReadFile(programs + name)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// recordAnd records a program and runs another module against that.
func recordAnd(t *testing.T, program, other string, o host.Options, with Options) (rep Report, recorded, printed string, path string) {
	t.Helper()
	dir := t.TempDir()
	var out, again bytes.Buffer
	o.Stdout, o.Stderr = &out, &out
	if _, err := host.Record(context.Background(), module(t, program), "app", filepath.Join(dir, "a.wrev"), o); err != nil {
		t.Fatal(err)
	}
	rec, err := recording.Open(filepath.Join(dir, "a.wrev"))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	with.Output = func(_ uint32, p []byte) { again.Write(p) }
	path = filepath.Join(dir, "b.wrev")
	rep, err = Run(context.Background(), rec, module(t, other), path, with)
	if err != nil {
		t.Fatal(err)
	}
	return rep, out.String(), again.String(), path
}

// filesDir is a directory for the programs that work with files.
func filesDir(t *testing.T) recording.Mount {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"input", "old"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("this is "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return recording.Mount{Host: dir, Guest: "/data"}
}

// TestAnotherBuildAsksTheSame: the optimised build of a program has all its buffers
// elsewhere, and is the same program.
func TestAnotherBuildAsksTheSame(t *testing.T) {
	for program, o := range map[string]host.Options{
		"files":     {Args: []string{"/data"}, Mounts: []recording.Mount{filesDir(t)}},
		"inventory": {Args: []string{"/data/inventory.txt"}, Mounts: []recording.Mount{{Host: programs, Guest: "/data", ReadOnly: true}}},
		"traps":     {Args: []string{"divide"}},
		"features":  {},
	} {
		t.Run(program, func(t *testing.T) {
			rep, recorded, printed, path := recordAnd(t, program+".O0.wasm", program+".O2.wasm", o, Options{Name: "app"})
			if rep.Parting != nil {
				t.Errorf("they part at call %d:\nrecorded %s\nnew      %s", rep.Parting.Call, rep.Parting.Recorded, rep.Parting.New)
			}
			if rep.Same != rep.Recorded || rep.Calls != rep.Same || rep.LeftOut != 0 || rep.End != rep.Before {
				t.Errorf("the report is %+v", rep)
			}
			if printed != recorded {
				t.Errorf("it prints %q, recorded is %q", printed, recorded)
			}
			verify(t, path)
		})
	}
}

// verify checks that what was written is a recording of the new program.
func verify(t *testing.T, path string) {
	t.Helper()
	rec, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	mod, err := wasmvm.Decode(rec.Module())
	if err != nil {
		t.Fatal(err)
	}
	branches, _, err := recording.OpenBranches(rec, path)
	if err != nil {
		t.Fatal(err)
	}
	defer branches.Close()
	if _, err := host.NewStory(rec, mod, branches).Verify(context.Background(), 0, nil); err != nil {
		t.Error(err)
	}
}

// TestGoesOnAfterADifference: the last thing that io prints depends on padding in
// its structs, which the compiler leaves as it is.
func TestGoesOnAfterADifference(t *testing.T) {
	o := host.Options{Args: []string{"/data"}, Env: []string{"WREV_TEST=x"}, Mounts: []recording.Mount{filesDir(t)}, Stdin: strings.NewReader("some input\nin lines\n")}
	rep, recorded, printed, path := recordAnd(t, "io.O0.wasm", "io.O2.wasm", o, Options{Name: "app"})
	if p := rep.Parting; p == nil || !strings.HasPrefix(p.New, "fd_write(fd=1") || !strings.HasPrefix(p.Recorded, "fd_write(fd=1") {
		t.Fatalf("the report is %+v, parting %+v", rep, p)
	}
	if rep.Same != rep.Recorded-1 || rep.Otherwise[recording.SourceSandbox] != 1 || rep.LeftOut != 1 || rep.End != rep.Before {
		t.Errorf("the report is %+v", rep)
	}
	before, _, _ := strings.Cut(recorded, "checksum")
	if !strings.HasPrefix(printed, before) || !strings.HasSuffix(printed, "\ndone\n") {
		t.Errorf("it prints %q, recorded is %q", printed, recorded)
	}
	verify(t, path)
}

func TestAnotherProgramParts(t *testing.T) {
	mount := filesDir(t)
	rep, _, _, path := recordAnd(t, "inventory.O0.wasm", "files.O0.wasm",
		host.Options{Args: []string{"/data"}, Mounts: []recording.Mount{mount}}, Options{Name: "app"})
	if rep.Parting == nil || rep.Parting.New == rep.Parting.Recorded {
		t.Fatalf("the report is %+v", rep)
	}
	if rep.Otherwise[recording.SourceSandbox] == 0 {
		t.Errorf("calls were answered by %v, none by the sandbox", rep.Otherwise)
	}
	if entries, err := os.ReadDir(mount.Host); err != nil || len(entries) != 2 {
		t.Errorf("the real directory has %v, %v", entries, err)
	}
	verify(t, path)
}

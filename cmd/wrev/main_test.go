package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
)

// call runs the command line in-process.
func call(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(stdio{in: strings.NewReader(""), out: &out, err: &err}, args)
	return code, out.String(), err.String()
}

func TestUsage(t *testing.T) {
	tests := []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"", exitUsage, "", "no command given"},
		{"--help", exitOK, "usage: wrev COMMAND", ""},
		{"help", exitOK, "usage: wrev COMMAND", ""},
		{"help record", exitOK, "usage: wrev record", ""},
		{"help nonsense", exitUsage, "", `unknown command "nonsense"`},
		{"record --help", exitOK, "--mount", ""},
		{"--version", exitOK, "wrev ", ""},
		{"nonsense", exitUsage, "", `unknown command "nonsense"`},
		{"app.wasm", exitUsage, "", "wrev record app.wasm"},
		{"app.wrev", exitUsage, "", "wrev replay app.wrev"},
		{"record", exitUsage, "", "no program given"},
		{"record --nonsense app.wasm", exitUsage, "", "unknown flag: --nonsense; see `wrev help record`"},
		{"record --max-memory-pages x app.wasm", exitUsage, "", "see `wrev help record`"},
		{"replay", exitUsage, "", "no recording given"},
		{"replay a.wrev b.wrev", exitUsage, "", "takes one recording"},
		{"replay a.wrev -- -batch", exitUsage, "", "add --gdb"},
		{"replay --at-end never a.wrev", exitUsage, "", "must be stop or exit"},
		{"replay --checkpoint-memory lots a.wrev", exitUsage, "", "not a size"},
		{"debug", exitUsage, "", "no program given"},
		{"debug --at-end never app.wasm", exitUsage, "", "must be stop or exit"},
		{"debug --stdin no/such app.wasm", exitFailure, "", "--stdin: open no/such"},
		{"debug no/such.wasm", exitFailure, "", "no such file"},
		{"info", exitUsage, "", "no recording given"},
		{"verify a b", exitUsage, "", "takes one recording"},
		{"--debug-port=x", exitUsage, "", "not a port number"},
		{"--debug-port=7000 app.wasm", exitFailure, "", "wrev debug"},
		{"record no/such.wasm", exitFailure, "", "no such file"},
		{"info no/such.wrev", exitFailure, "", "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			code, stdout, stderr := call(strings.Fields(tt.args)...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if !strings.Contains(stdout, tt.stdout) || (tt.stdout == "") != (stdout == "") && tt.args != "" {
				t.Errorf("stdout: %q, want %q", stdout, tt.stdout)
			}
			if !strings.Contains(stderr, tt.stderr) || (tt.stderr == "") != (stderr == "") {
				t.Errorf("stderr: %q, want %q", stderr, tt.stderr)
			}
			if i := strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n"); tt.stderr != "" && !strings.HasPrefix(stderr[i+1:], "wrev: ") {
				t.Errorf("the last line of stderr does not begin with wrev: %q", stderr)
			}
		})
	}
}

func TestSplitLastDash(t *testing.T) {
	for _, test := range []struct{ args, program, debugger string }{
		{"", "", ""},
		{"a -x", "a -x", ""},
		{"a -- -batch", "a", "-batch"},
		{"a -- b --", "a -- b", ""},
		{"-- -- x", "--", "x"},
	} {
		program, debugger := splitLastDash(strings.Fields(test.args))
		if got := strings.Join(program, " "); got != test.program {
			t.Errorf("%q: the program gets %q, want %q", test.args, got, test.program)
		}
		if got := strings.Join(debugger, " "); got != test.debugger {
			t.Errorf("%q: the debugger gets %q, want %q", test.args, got, test.debugger)
		}
	}
}

func TestRoomKeepsRecordings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.wrev")
	for n, want := range []string{"", path + ".~1~", path + ".~2~"} {
		r := room{path: path}
		if err := r.make(); err != nil || r.kept != want {
			t.Fatalf("recording %d: kept %q, %v; want %q", n, r.kept, err, want)
		}
		writeRecording(t, path, strings.Repeat("x", n+1))
	}
	if got := recordedName(t, path+".~1~"); got != "x" {
		t.Errorf("the first recording was not the one kept: %q", got)
	}
}

func TestRoomUndo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.wrev")
	writeRecording(t, path, "earlier")
	r := room{path: path}
	if err := r.make(); err != nil {
		t.Fatal(err)
	}
	if err := r.undo(); err != nil {
		t.Fatal(err)
	}
	if got := recordedName(t, path); got != "earlier" {
		t.Errorf("after undo there is %q", got)
	}
	if err := r.make(); err != nil {
		t.Fatal(err)
	}
	writeRecording(t, path, "later")
	if err := r.undo(); err != nil {
		t.Fatal(err)
	}
	if got := recordedName(t, path); got != "later" {
		t.Errorf("undo replaced the new recording by %q", got)
	}
}

func TestRoomLeavesOtherFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.wasm")
	if err := os.WriteFile(path, []byte("\x00asm\x01\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := room{path: path}
	if err := r.make(); err == nil || !strings.Contains(err.Error(), "not a recording") {
		t.Errorf("kept %q, %v; want an error", r.kept, err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}

// TestFailureKeepsRecording: a command that cannot run leaves the earlier recording under its name.
func TestFailureKeepsRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.wrev")
	for _, args := range [][]string{
		{"../../testdata/bad/unknown_import.wasm"},
		{"--mount", "no/such/folder", "../../testdata/programs/io.O2.wasm"},
		{"--listen", "192.0.2.1:1", "../../testdata/programs/io.O2.wasm"}, // an address of nobody
	} {
		writeRecording(t, path, "earlier")
		if code, _, stderr := call(append([]string{"record", "-o", path}, args...)...); code != exitFailure {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
		if got := recordedName(t, path); got != "earlier" {
			t.Errorf("%v: the recording is now %q", args, got)
		}
	}
}

func writeRecording(t *testing.T, path, name string) {
	t.Helper()
	w, err := recording.Create(path, recording.Meta{ModuleName: name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(recording.End{}); err != nil {
		t.Fatal(err)
	}
}

func recordedName(t *testing.T, path string) string {
	t.Helper()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.Meta().ModuleName
}

func TestByteSize(t *testing.T) {
	tests := []struct {
		text string
		want int64 // -1: refused
		show string
	}{
		{"0", 0, "0"},
		{"1000", 1000, "1000"},
		{"64k", 64 << 10, "64K"},
		{"200M", 200 << 20, "200M"},
		{"200MiB", 200 << 20, "200M"},
		{"2GB", 2 << 30, "2G"},
		{"1536M", 1536 << 20, "1536M"},
		{"9999999999T", -1, ""},
		{"M", -1, ""},
		{"-1", -1, ""},
		{"1MM", -1, ""},
		{"", -1, ""},
	}
	for _, tt := range tests {
		var b byteSize
		err := b.Set(tt.text)
		switch {
		case (err != nil) != (tt.want < 0):
			t.Errorf("%q: error %v", tt.text, err)
		case err == nil && int64(b) != tt.want:
			t.Errorf("%q = %d, want %d", tt.text, b, tt.want)
		case err == nil && b.String() != tt.show:
			t.Errorf("%q shows as %q, want %q", tt.text, b.String(), tt.show)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}

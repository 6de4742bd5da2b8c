package gdbstub_test

import (
	"os"
	"strings"
	"testing"

	"wrev/gdbstub"
	"wrev/internal/gdbtest"
)

// TestGDB runs the real gdb on what the conversations do not tell: that it takes
// the answers as they are meant. What gdb can do with a program is tested in e2e.
func TestGDB(t *testing.T) {
	features, err := os.ReadFile("../testdata/programs/features.O0.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		wasm     []byte
		opt      gdbstub.Options
		commands []string
		want     []string // in this order
	}{
		{
			name:     "connect, look and leave",
			wasm:     features,
			opt:      gdbstub.Options{Name: "features.wasm"},
			commands: []string{"break factorial if n == 3", "continue", "bt", "monitor when", "detach"},
			want: []string{"Reading symbols from target:/wrev/features.elf", "start 0\n",
				"factorial (n=3)", "#1", "factorial (n=4)", "#3", "main", "position", "in factorial", "detached"},
		},
		{
			name:     "history is read-only",
			wasm:     features,
			commands: []string{"tbreak factorial", "continue", "print counter = 5", "print counter", "print $pc = 0", "return", "call factorial(2)", "next"},
			want: []string{"Cannot access memory", "= 10", "registers cannot be changed: history is read-only",
				"registers cannot be changed: history is read-only", "Cannot access memory", "66\t"},
		},
		{
			name:     "both ends",
			wasm:     testModule(t, "exit"),
			commands: []string{"reverse-continue", "continue", "info registers eip", "reverse-stepi", "continue", "continue", "run", "kill", "monitor exit"},
			want: []string{"No more reverse-execution history", "hi\nhi\n", "No more reverse-execution history", "<end",
				"in end", "No more reverse-execution history", "exited with code 03", "hi\nhi\n", "No more reverse-execution history", "killed"},
		},
		{
			name:     "a trap",
			wasm:     testModule(t, "divide"),
			commands: []string{"continue", "bt", "continue", "reverse-stepi", "stepi", "stepi"},
			want: []string{"wasm trap: integer divide by zero", "SIGFPE", "#0", "in end", "#1", "in _start",
				"No more reverse-execution history", "in end", "in end", "SIGFPE"},
		},
		{
			name:     "breakpoints where there is no instruction",
			wasm:     testModule(t, "exit"),
			commands: []string{"break *0xe0000004", "continue"},
			want:     []string{"Cannot insert breakpoint 1"},
		},
		{
			name:     "the end is the exit",
			wasm:     testModule(t, "exit"),
			opt:      gdbstub.Options{AtEnd: gdbstub.AtEndExit},
			commands: []string{"break fact", "continue", "delete", "continue", "print $_exitcode"},
			want:     []string{"Breakpoint 1, ", "in fact", "exited with code 03", "= 3"},
		},
		{
			name:     "seeking",
			wasm:     testModule(t, "exit"),
			commands: []string{"monitor seek 3", "maintenance flush register-cache", "bt", "monitor nonsense", "monitor help"},
			want:     []string{"position 3, in fact", "#0", "in fact", "#1", "in _start", "no monitor command \"nonsense\"", "monitor seek"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := gdbtest.Start(t, tt.wasm, tt.opt)
			out := s.GDB(t, tt.commands...)
			rest := out
			for _, want := range tt.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q is missing in what gdb printed last:\n%s\nfrom:\n%s\npackets:\n%s", want, rest, out, s.Log())
				}
				rest = after
			}
		})
	}
}

// TestGDBReconnects finds the program where the gdb before has left it.
func TestGDBReconnects(t *testing.T) {
	s := gdbtest.Start(t, testModule(t, "exit"), gdbstub.Options{})
	if out := s.GDB(t, "break fact", "continue", "continue"); !strings.Contains(out, "Breakpoint 1, ") {
		t.Errorf("the first printed:\n%s", out)
	}
	// It has ended by killing the program, as gdb in batch mode does.
	if out := s.GDB(t, "bt", "monitor when"); strings.Count(out, "in fact ()") != 3 {
		t.Errorf("the second printed:\n%s", out)
	}
}

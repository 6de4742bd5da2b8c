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
	optimized, err := os.ReadFile("../testdata/programs/features.O2.wasm")
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
			name: "variables",
			wasm: features,
			commands: []string{"tbreak factorial", "continue", "print counter = 5", "print frame.max.y = 77", "print message[1] = 'u'", "set var n = 4", "bt 1",
				"finish", "print counter", "monitor branches", "reverse-continue", "print counter", "monitor undo", "monitor redo",
				"maintenance flush dcache", "print counter", "print frame.max", "delete", "continue"},
			want: []string{"= 5", "= 77", "117 'u'", "factorial (n=4)", "Value returned is $4 = 24", "= 5",
				"1 * from 0 at 3845, to 4116; memory 0xdf0 = 05 00 00 00;", "No more reverse-execution history", "= 10",
				"branch 0, position 3845", "branch 1, position 3845", "= 5", "{x = 30, y = 77}", "24 3.5", "33 green"},
		},
		{
			name: "locals and results in wasm's locals and operands",
			wasm: optimized,
			commands: []string{"tbreak factorial", "continue", "set var n = 3", "next", "finish", "tbreak widen", "continue", "set var large = -5", "info args",
				"finish", "print/x $eax = 0x70", "next", "print w", "tbreak average", "print $cs = 3", "print $ebp = 3", "print $pc = 0"},
			want: []string{"n=5", "Value returned is $1 = 6", "small = -1", "large = -5", "Value returned is $2 = -6", "= 0x70", "-4294967184",
				"E.the program has no such register", "E.it follows from the call stack", "E.0x0 is not in the function"},
		},
		{
			name: "return",
			wasm: features,
			commands: []string{"tbreak factorial if n == 2", "continue", "return 77", "bt 2", "next", "print rest", "print $sp",
				"tbreak average", "continue", "return 2.25", "next", "print a", "tbreak halve", "continue", "return 0.5", "next", "print h",
				"tbreak widen", "continue", "return 123456789012", "next", "print w", "tbreak tick", "continue", "return", "next", "print hidden"},
			want: []string{"factorial (n=2)", "#0", "factorial (n=3)", "#1", "factorial (n=4)", "= 77", "0x114b0", "average (a=2.5, b=4.5)", "= 2.25",
				"halve (f=3)", "= 0.5", "widen (small=-1", "= 123456789012", "tick ()", "198", "= 7"},
		},
		{
			name: "jump",
			wasm: features,
			commands: []string{"tbreak set_counter", "continue", "tbreak 112", "jump 112", "print counter", "next", "next", "print counter",
				"tbreak locals", "continue", "next", "next", "next", "next", "next", "next", "print first", "tbreak 175", "jump 172", "print first", "jump main", "bt 1"},
			want: []string{"set_counter (value=11)", "112", "= 10", "= 22", "locals ()", "= 10", "locals () at", "= 1\n", "is not in the function that runs", "#0  locals"},
		},
		{
			name: "calls are refused and leave nothing behind",
			wasm: features,
			commands: []string{"tbreak factorial", "continue", "print counter = 5", "print factorial(3)", "print apply(multiply, 3, 4)", "print $sp", "bt", "monitor when",
				"next", "print counter"},
			want: []string{"E.functions of the program cannot be called from the debugger", "E.functions of the program cannot be called", "0x114d0",
				"#0  factorial (n=5)", "#1", "main", "changed here: memory 0xdf0 = 05 00 00 00\n66", "= 5"},
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

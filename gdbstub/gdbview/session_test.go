package gdbview_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wrev/gdbstub"
	"wrev/internal/gdbtest"
)

const programs = "../../testdata/programs"

// markedLines returns the lines of a C program that are marked "at: MARK".
func markedLines(t *testing.T, source string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(programs, source))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]int{}
	mark := regexp.MustCompile(`/\* at: (.*) \*/`)
	for n, line := range strings.Split(string(b), "\n") {
		if m := mark.FindStringSubmatch(line); m != nil {
			lines[m[1]] = n + 1
		}
	}
	return lines
}

// step is a gdb command and what gdb has to answer, a regular expression.
type step struct {
	command string
	want    string
}

// session runs the commands in one gdb session on a program.
func session(t *testing.T, program string, steps []step) {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join(programs, program+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, s := range steps {
		commands = append(commands, `echo @@\n`, s.command)
	}
	s := gdbtest.Start(t, wasm, gdbstub.Options{Name: program})
	answers := strings.Split(s.GDB(t, commands...), "@@\n")[1:]
	if len(answers) != len(steps) {
		t.Fatalf("%d answers to %d commands; the last:\n%s", len(answers), len(steps), answers[len(answers)-1])
	}
	for i, st := range steps {
		if !regexp.MustCompile(st.want).MatchString(answers[i]) {
			t.Errorf("%s\ngdb answers\n%s\nwant %s", st.command, answers[i], st.want)
		}
	}
}

// Functions whose results gdb cannot fetch as it does from i386 programs.
func TestFinishValues(t *testing.T) {
	at := markedLines(t, "wide.c")
	stop := func(mark, want string) []step {
		return []step{
			{fmt.Sprint("tbreak wide.c:", at[mark]), "Temporary breakpoint"},
			{"continue", fmt.Sprintf(`%s \(.*wide\.c:%d`, mark, at[mark])},
			{"finish", want},
		}
	}
	var steps []step
	for _, s := range [][]step{
		stop("half", `^.*main \(\) at .*\n.*\n$`), // and no value
		stop("multiply", `^.*main \(\) at .*\n.*\n$`),
		stop("make_one", `Value returned is \$\d+ = \{x = 41\}`),
		stop("make_two", `Value returned is \$\d+ = \{x = 1, y = 2\}`),
		stop("make_number", `Value returned is \$\d+ = \{f = 1, i = 1065353216\}`),
		stop("make_complex", `Value returned is \$\d+ = 1 \+ 2i`),
		{
			{fmt.Sprint("tbreak wide.c:", at["all made"]), "Temporary breakpoint"},
			{"continue", `main \(\)`},
			{"print h", `= 0\.625`},
			{"print m", `= 1099511627776`},
			{"print c", `= 1 \+ 2i`},
			{"print scale", `= 1\.25`},
			{"print functions", `\{0x1 <&half>\}`},
			{"print *functions[0]", `\{void \(real\)\} 0x1 <&half>`},
			{"print removed", `= <optimized out>`},
		},
	} {
		steps = append(steps, s...)
	}
	session(t, "wide.O0", steps)
}

// Optimised code: variables in locals of all numbers and on the operand stack.
func TestOptimisedVariables(t *testing.T) {
	at := markedLines(t, "wide.c")
	steps := []step{
		{fmt.Sprint("tbreak wide.c:", at["many values"]), "Temporary breakpoint"},
		{"continue", `many \(`},
		{"print *p@8", `= \{1, 2, 3, 4, 5, 6, 7, 8\}`},
	}
	for _, v := range []struct {
		letter byte
		factor int
		count  int
	}{{'a', 1, 8}, {'b', 3, 7}, {'c', 5, 7}, {'d', 7, 7}, {'e', 9, 7}} {
		for i := range v.count {
			steps = append(steps, step{
				fmt.Sprintf("print %c%d", v.letter, i),
				fmt.Sprintf(`= (%d|<optimized out>)\n`, (i+1)*v.factor),
			})
		}
	}
	steps = append(steps,
		step{"up", `main \(\)`},
		step{"print numbers", `= \{1, 2, 3, 4, 5, 6, 7, 8\}`},
		step{"down", `many \(`},
	)
	session(t, "wide.dw5.O2", steps)
}

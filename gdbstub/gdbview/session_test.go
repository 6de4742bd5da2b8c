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

// session runs the commands in one gdb session on a program and returns gdb's
// answers.
func session(t *testing.T, program string, steps []step) []string {
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
	return answers
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

// manyLocals are the variables of the function many in wide.c and their values.
func manyLocals() map[string]string {
	values := map[string]string{}
	for _, v := range []struct {
		letter byte
		factor int
		count  int
	}{{'a', 1, 8}, {'b', 3, 7}, {'c', 5, 7}, {'d', 7, 7}, {'e', 9, 7}} {
		for i := range v.count {
			values[fmt.Sprintf("%c%d", v.letter, i)] = fmt.Sprint((i + 1) * v.factor)
		}
	}
	return values
}

// Optimised code: variables in locals of all numbers.
func TestOptimisedVariables(t *testing.T) {
	at := markedLines(t, "wide.c")
	steps := []step{
		{fmt.Sprint("tbreak wide.c:", at["many"]), "Temporary breakpoint"},
		{"continue", `many \(`},
		{"print *p@8", `= \{1, 2, 3, 4, 5, 6, 7, 8\}`},
	}
	for name, value := range manyLocals() {
		steps = append(steps, step{"print " + name, fmt.Sprintf(`= %s\n`, value)})
	}
	steps = append(steps,
		step{"up", `main \(\)`},
		step{"print numbers", `= \{1, 2, 3, 4, 5, 6, 7, 8\}`},
		step{"down", `many \(`},
	)
	session(t, "wide.dw5.O2", steps)
}

// At every instruction, forwards and then backwards, a variable has its value or
// none. Many are on the operand stack for a few instructions only.
func TestOptimisedVariablesAtEachInstruction(t *testing.T) {
	const instructions = 150
	at := markedLines(t, "wide.c")
	values := manyLocals()
	for i := range 8 {
		// clang 19 gives the locals of these to other values while it
		// still says that they are there.
		delete(values, fmt.Sprint("a", i))
	}
	steps := []step{
		{fmt.Sprint("tbreak wide.c:", at["many"]), "Temporary breakpoint"},
		{"continue", `many \(`},
	}
	for _, command := range []string{"stepi", "reverse-stepi"} {
		for range instructions {
			steps = append(steps, step{command, ""}, step{"info locals", ""})
		}
	}
	shown := 0
	for _, answer := range session(t, "wide.dw5.O2", steps) {
		for line := range strings.Lines(answer) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
			want := values[name]
			if !ok || want == "" || value == "<optimized out>" {
				continue
			}
			shown++
			if value != want {
				t.Errorf("%s is %s, want %s", name, value, want)
			}
		}
	}
	if shown < 1000 {
		t.Errorf("only %d values were shown", shown)
	}
}

package gdbview

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// gdb runs commands in gdb on the image of a test program, and returns what it
// prints, complaints about the debug info included.
func gdb(t *testing.T, program string, commands ...string) string {
	t.Helper()
	if _, err := exec.LookPath("gdb"); err != nil {
		t.Fatal("gdb is not installed; run scripts/setup.sh test")
	}
	img, err := BuildELF(loadModule(t, program))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), program+".elf")
	if err := os.WriteFile(file, img.ELF, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"-nx", "-batch", "-iex", "set complaints 100000", "-ex", "file " + file}
	for _, c := range commands {
		args = append(args, "-ex", c)
	}
	out, err := exec.Command("gdb", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("gdb: %v\n%s", err, out)
	}
	return string(out)
}

// usualComplaints are what gdb says of sound debug info, too: of functions that
// the linker removed, and of how clang describes inlined ones.
var usualComplaints = regexp.MustCompile(`^During symbol reading: (cannot get low and high bounds for subprogram DIE|` +
	`Child DIE .* have different parents|missing name for subprogram DIE|.* entry has start address of zero)`)

func TestGdbHasNoComplaints(t *testing.T) {
	for _, program := range []string{
		"features.O0", "features.O2", "features.dw5.O0", "features.dw5.O2",
		"inventory.O0", "inventory.O2", "io.O2", "traps.O0", "words", "nodebug", "nonames",
	} {
		t.Run(program, func(t *testing.T) {
			out := gdb(t, program, "maint expand-symtabs", "maint check-psymtabs", "maint check-symtabs")
			for line := range strings.Lines(out) {
				if !usualComplaints.MatchString(line) {
					t.Errorf("gdb says: %s", line)
				}
			}
		})
	}
}

// featureLine returns the line of features.c marked "at: mark".
func featureLine(t *testing.T, mark string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "programs", "features.c"))
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(b), "\n") {
		if strings.Contains(line, "/* at: "+mark+" */") {
			return n + 1
		}
	}
	t.Fatalf("features.c has no line marked %q", mark)
	return 0
}

// TestGdbSeesTheProgram asks gdb what it knows without a running program.
func TestGdbSeesTheProgram(t *testing.T) {
	line := featureLine(t, "factorial result")
	tests := []struct {
		command string
		want    string // regular expression
	}{
		{"whatis main", `type = int \(int, char \*\*\)`},
		{"info line main", `starts at address 0xe0\w+ <main>`},
		{"break factorial", `Breakpoint 1 at 0xe0\w+: file .*features\.c, line 6\d\.`},
		{fmt.Sprint("info line features.c:", line), fmt.Sprintf(`Line %d of ".*features\.c" starts at address 0xe0\w+ <factorial\+\d+>`, line)},
		{"info scope features.c:factorial", `Symbol n is .*`},
		{"ptype struct rect", `(?s)struct point min;\s+struct point max;\s+enum color color;\s+const char \*label;`},
		{"print sizeof(struct tree)", `= 12`},
		{"print/d sizeof(message)", `= 32`},
		{"print &counter", `\(int \*\) 0x\w+ <counter>`},
		{"print &grid", `\(int \(\*\)\[3\]\[4\]\) 0x\w+ <grid>`},
		{"whatis operations[0]", `type = operation`},
		{"print factorial", `= \{int \(int\)\} 0xe0\w+ <factorial>`},
		{"info symbol 1", `&\w+ in section \.functable`},
		{"disassemble/r factorial", `(?s)Dump of assembler code for function factorial:\s+0xe0\w+ <\+0>:\s+90\s+nop.*lret`},
		{"info functions -q -n ^factorial$", `int factorial\(int\);`},
		{"list features.c:factorial", `factorial|No such file`},
	}
	for _, program := range []string{"features.O0", "features.O2", "features.dw5.O0", "features.dw5.O2"} {
		t.Run(program, func(t *testing.T) {
			var commands []string
			for _, tt := range tests {
				commands = append(commands, `echo @@\n`, tt.command)
			}
			answers := strings.Split(gdb(t, program, commands...), "@@\n")[1:]
			for i, tt := range tests {
				if !regexp.MustCompile(tt.want).MatchString(answers[i]) {
					t.Errorf("%s: gdb says\n%s\nwant %s", tt.command, answers[i], tt.want)
				}
			}
		})
	}
}

func TestGdbWithoutDebugInfo(t *testing.T) {
	out := gdb(t, "nodebug", "info address main", "print main", "disassemble main")
	for _, want := range []string{
		`Symbol "main" is at 0xe0\w+ in a file compiled without debugging`,
		`\{<text variable, no debug info>\} 0xe0\w+ <main>`,
		`Dump of assembler code for function main:`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("gdb says\n%s\nwant %s", out, want)
		}
	}
}

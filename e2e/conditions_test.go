package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConditions stops at breakpoints whose conditions are false a million times
// before. They are evaluated by the server, so however often that is, no packet
// tells of it: gdb asks the program to run as often as its user does.
func TestConditions(t *testing.T) {
	const where = "billion.c:25" // the innermost loop: 16384 times a generation
	script := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(script, []byte("commands\nsilent\nprint generation + 1\nend\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"billion.O0.wasm", "billion.O2.wasm"} {
		t.Run(module, func(t *testing.T) {
			srv := serve(t, mustRecord(t, program{module: module}))
			runs := make(chan struct{}, 1<<16)
			address := proxy(t, srv.address, "vCont;c", runs)
			out := gdb(t, "gdb", address, []string{
				"break " + where + " if generation == 70 && checksum != 1",
				"continue", "print generation", "info breakpoints",
				"reverse-continue",
				"condition 1 generation == 12", "continue", "print generation",
				"condition 1 generation == 1000",
				"tbreak " + where + " if generation % 30 == 0 || generation < 0", "continue", "print generation",
				"delete", "break " + where + " if generation == 50 && checksum != 1", "source " + script, "continue",
				"reverse-continue",
			})
			contains(t, out[2], "Breakpoint 1")
			contains(t, out[3], "= 70")
			contains(t, out[4], "already hit 1 time")
			contains(t, out[7], "Breakpoint 1")
			contains(t, out[8], "= 12")
			contains(t, out[11], "Temporary breakpoint 2")
			contains(t, out[12], "= 30")
			contains(t, out[16], "= 51")
			if n := len(runs); n > 8 {
				t.Errorf("the program was made to run %d times", n)
			}
		})
	}
}

// TestConditionErrors evaluates what cannot be: the program stops, and gdb says
// why.
func TestConditionErrors(t *testing.T) {
	srv := serve(t, mustRecord(t, program{module: "features.O0.wasm", code: 1}))
	out := gdb(t, "gdb", srv.address, []string{
		"break factorial if 6 / (n - 3) == 3", "continue", "continue", "print n", // n is 5, then 3
		"delete", "break factorial if *(int *)0xc0000000 == n", "run", "print n",
	})
	contains(t, out[2], "factorial (n=5)")
	contains(t, out[3], "Division by zero")
	contains(t, out[4], "= 3")
	contains(t, out[7], "Cannot access memory at address 0xc0000000")
	contains(t, out[8], "= 5")
}

// TestConditionsOnRecursion has conditions on locals, on memory and on the place
// of the frame, both ways.
func TestConditionsOnRecursion(t *testing.T) {
	for _, module := range []string{"features.O0.wasm", "features.dw5.O0.wasm"} {
		t.Run(module, func(t *testing.T) {
			srv := serve(t, mustRecord(t, program{module: module, code: 1}))
			runs := make(chan struct{}, 1<<10)
			back := proxy(t, srv.address, "bc", runs)
			var commands []string
			conditions := []string{"n == 2", "*&n == 4", "n > 1 && n < 3", "&n != 0 && n == 1", "$sp != 0 && n == 3", "$pc != 0 && $_streq(\"a\", \"a\") && n == 4"}
			for _, condition := range conditions {
				commands = append(commands, "delete", "break factorial if "+condition, "run", "print n", "tbreak sum_array", "continue", "reverse-continue", "print n")
			}
			out := gdb(t, "gdb", back, commands)
			for i, want := range []int{2, 4, 2, 1, 3, 4} {
				for _, at := range []int{4, 8} {
					if text := strings.Join(out[8*i+at], " "); !strings.HasSuffix(text, fmt.Sprintf("= %d", want)) {
						t.Errorf("%s: n is %q", conditions[i], text)
					}
				}
			}
		})
	}
}

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// walk is a gdb script that makes n steps of one kind and prints where it is
// before each.
func walk(step string, n int) string {
	return fmt.Sprintf(`set $i = 0
while $i < %d
  printf "@ %%x %%x %%x\n", $pc, $esp, $ebp
  %s
  set $i = $i + 1
end
printf "@ %%x %%x %%x\n", $pc, $esp, $ebp
`, n, step)
}

// TestMirror steps forwards by instructions, over calls and returns, and back
// again: the way back must lead through the same places.
func TestMirror(t *testing.T) {
	for _, module := range []string{"features.O0.wasm", "features.O2.wasm", "nodebug.wasm"} {
		for _, c := range []struct {
			at, step, back string
			steps          int
		}{
			{"factorial", "stepi", "reverse-stepi", 400},
			{"sum_array", "stepi", "reverse-stepi", 400},
			{"main", "nexti", "reverse-nexti", 150},
		} {
			t.Run(module+"/"+c.at, func(t *testing.T) {
				t.Parallel()
				srv := serve(t, mustRecord(t, program{module: module, code: 1}))
				there := file(t, "there.gdb", []byte(walk(c.step, c.steps)))
				back := file(t, "back.gdb", []byte(walk(c.back, c.steps)))
				out := gdb(t, "gdb", srv.address, []string{"break " + c.at, "continue", "delete", "source " + there, "source " + back})
				forward, backward := places(out[4]), places(out[5])
				if len(forward) != c.steps+1 {
					t.Fatalf("%d places on the way there", len(forward))
				}
				slices.Reverse(backward)
				for i := range forward {
					if i >= len(backward) || forward[i] != backward[i] {
						t.Fatalf("step %d: was at %s on the way there, not on the way back\nthere: %q\nback: %q",
							i, forward[i], forward[max(0, i-2):min(len(forward), i+3)], backward[max(0, min(i, len(backward))-2):min(len(backward), i+3)])
					}
				}
			})
		}
	}
}

func places(lines []string) []string {
	var list []string
	for _, l := range lines {
		if place, ok := strings.CutPrefix(l, "@ "); ok {
			list = append(list, place)
		}
	}
	return list
}

// TestMachineInterface speaks the dialect that development environments use.
func TestMachineInterface(t *testing.T) {
	srv := serve(t, mustRecord(t, program{module: "features.O0.wasm", code: 1}))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, gdbPath(t, "gdb"), "-nx", "-q", "-i=mi")
	cmd.Dir = root
	cmd.Stdin = strings.NewReader(strings.Join([]string{
		"-target-select extended-remote " + srv.address,
		"-list-target-features",
		"-break-insert translate",
		"-exec-continue",
		"-stack-list-variables --simple-values",
		"-exec-next",
		"-exec-next --reverse",
		"-break-insert widen",
		"-exec-continue --reverse",
		"-data-evaluate-expression large+1",
		"-gdb-exit", ""}, "\n"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("gdb: %v\n%s", err, out)
	}
	contains(t, []string{string(out)},
		`features=["reverse"]`,
		`*stopped,reason="breakpoint-hit",disp="keep",bkptno="1",frame={`, `func="translate"`,
		`{name="dx",arg="1",type="int",value="10"}`,
		`*stopped,reason="end-stepping-range"`,
		`*stopped,reason="breakpoint-hit",disp="keep",bkptno="1"`,
		`*stopped,reason="breakpoint-hit",disp="keep",bkptno="2",frame={`, `func="widen"`,
		`value="1234567890123456790"`)
}

package loopcode

import (
	"fmt"
	"strings"
	"testing"
)

// listing is a small loop as objdump shows it. The arguments are the address of the function's second instruction, what is between the mask and the
// jump, and what else there is.
func listing(start int, inBlock, rest string) string {
	b := "TEXT f(SB) f.go\n  f.go:1\t\t0x1000\t\t493b6610\t\tNOPL\t\t\n"
	at := start
	put := func(n int, text string) {
		b += fmt.Sprintf("  f.go:2\t\t%#x\t\t%s\t\t%s\t\t\t\n", at, strings.Repeat("90", n), text)
		at += n
	}
	put(4, "MOVZX 0(DX), R11")
	put(7, "ANDL $0x3ff, R11")
	if inBlock != "" {
		put(2, inBlock)
	}
	put(7, "LEAQ 0x2ea609(IP), CX")
	put(4, "JMP 0(CX)(R11*8)")
	for range 3 {
		put(4, "ADDQ $0x10, DX")
		put(2, fmt.Sprintf("JMP %#x", start))
	}
	for l := range strings.Lines(rest) {
		put(2, strings.TrimSpace(l))
	}
	return b + "TEXT g(SB) f.go\n  f.go:9\t\t0x2000\t\te800000000\t\tCALL 0x1\n"
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"nothing", listing(0x1005, "", "CALL runtime.gcWriteBarrier4(SB)"), ""},
		{"alignment", listing(0x100f, "", ""), "crosses a multiple of 32"},
		{"range check", listing(0x1005, "JA 0x1070", ""), "range check"},
		{"spill", listing(0x1005, "MOVQ AX, 0x8(SP)", ""), "range check"},
		{"call", listing(0x1005, "", "CALL runtime.panicdivide(SB)"), "calls a function"},
		{"detour", listing(0x1005, "", "JMP 0x102f\nMOVQ R11, DX\nJMP 0x1005"), "by way of another block"},
	} {
		code, err := parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Find(code)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := strings.Join(l.Problems(), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNotDense(t *testing.T) {
	for _, text := range []string{"TEXT f(SB) f.go\n  f.go:1\t\t0x1000\t\t90\t\tNOPL\n", listing(0x1000, "", "JMP 0(CX)(R11*8)")} {
		code, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Find(code); err == nil {
			t.Error("a switch that is not one table was accepted")
		}
	}
	if _, err := parse("nothing"); err == nil {
		t.Error("an empty disassembly was accepted")
	}
}

func TestPadding(t *testing.T) {
	for start := range 64 {
		for now := range 4 {
			l := &Loop{Start: start + 64, End: start + 64 + 22}
			n := l.Padding(now)
			if move := (n - now) * storeLen; !fits(l.Start+move, l.End+move) {
				t.Errorf("%d stores do not align a block at %d, %d now", n, start, now)
			}
		}
	}
}

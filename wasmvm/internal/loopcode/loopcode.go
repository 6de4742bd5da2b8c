package loopcode

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// half is what the dispatch block must fit into: half a cache line. Go aligns functions to as much, so it stays there wherever the function goes.
const half = 32

// Instr is one machine instruction.
type Instr struct {
	Offset int    // from the start of the function
	Len    int    // bytes
	Text   string // "JMP 0x55d645", with operands in the order of Go's assembler
	Target int    // of jumps within the function: offset of the target, else -1
}

// Loop is a function with an interpreter loop in it.
type Loop struct {
	Code  []Instr
	Start int // offset of the dispatch block
	End   int // offset behind its jump
}

// Disassemble returns the instructions of the function whose symbol matches a regular expression, in a file that Go has compiled: a program or a package.
func Disassemble(file, symbol string) ([]Instr, error) {
	out, err := exec.Command("go", "tool", "objdump", "-s", symbol, file).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool objdump %s: %w", file, err)
	}
	return parse(string(out))
}

// line matches one of objdump: file, address, bytes, text.
var line = regexp.MustCompile(`^\s+\S+:\d+\s+0x([0-9a-f]+)\s+([0-9a-f]+)\s+(.*?)\s*$`)

// parse reads the first function of objdump's output.
func parse(text string) ([]Instr, error) {
	var code []Instr
	base := uint64(0)
	functions := 0
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, "TEXT ") {
			if functions++; functions > 1 {
				break
			}
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		at, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			return nil, fmt.Errorf("objdump says %q: %w", l, err)
		}
		if len(code) == 0 {
			base = at
		}
		in := Instr{Offset: int(at - base), Len: len(m[2]) / 2, Text: m[3], Target: -1}
		if op, arg, _ := strings.Cut(in.Text, " "); strings.HasPrefix(op, "J") {
			if to, err := strconv.ParseUint(strings.Fields(arg + " -")[0], 0, 64); err == nil {
				in.Target = int(to - base)
			}
		}
		code = append(code, in)
	}
	if len(code) == 0 {
		return nil, errors.New("the function was not found in the disassembly")
	}
	return code, nil
}

// op is the instruction's mnemonic.
func (in *Instr) op() string {
	op, _, _ := strings.Cut(in.Text, " ")
	return op
}

// Find finds the loop of a function: its dispatch block ends with the function's only jump through a table.
func Find(code []Instr) (*Loop, error) {
	jump := -1
	hits := map[int]int{} // jumps back, by target
	for i := range code {
		in := &code[i]
		switch {
		case in.op() != "JMP":
		case in.Target >= 0 && in.Target < in.Offset:
			hits[in.Target]++
		case strings.Contains(in.Text, "*8)"):
			if jump >= 0 {
				return nil, errors.New("the function has two jumps through tables: the switch is not one dense switch any more")
			}
			jump = i
		}
	}
	if jump < 0 {
		return nil, errors.New("the function has no jump through a table: the switch is not dense any more")
	}
	l := &Loop{Code: code, Start: code[jump].Offset, End: code[jump].Offset + code[jump].Len}
	for at, n := range hits {
		if n > hits[l.Start] {
			l.Start = at
		}
	}
	return l, nil
}

// Problems lists what is wrong with the loop.
func (l *Loop) Problems() []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if !fits(l.Start, l.End) {
		add("the dispatch block takes bytes %d to %d and crosses a multiple of %d: run go generate, which chooses the padding before the loop", l.Start, l.End, half)
	}
	direct, detours := 0, 0
	for i := range l.Code {
		in := &l.Code[i]
		if in.Offset >= l.Start && in.Offset < l.End && !allowed[in.op()] {
			add("the dispatch block has %q, which every operation pays for: a range check or a register saved for a call", in.Text)
		}
		switch {
		case in.op() == "CALL" && !outside(in.Text):
			add("the loop calls a function at offset %#x: %s", in.Offset, in.Text)
		case in.op() == "JMP" && in.Target == l.Start:
			direct++
		case in.op() == "JMP" && l.detour(in.Target):
			detours++
		}
	}
	if detours*20 > direct {
		add("%d operations jump back by way of another block, %d directly: some case leaves a variable of the loop in another register", detours, direct)
	}
	return list
}

// allowed are the instructions of the dispatch block: load the operation, mask it, and jump through the table.
var allowed = map[string]bool{"MOVZX": true, "MOVWLZX": true, "ANDL": true, "LEAQ": true, "JMP": true}

// outside says whether a call is one the compiler makes before or after the loop.
func outside(text string) bool {
	return strings.Contains(text, "runtime.morestack") || strings.Contains(text, "runtime.gcWriteBarrier")
}

// detour says whether a block only moves registers and goes on to the dispatch block.
func (l *Loop) detour(at int) bool {
	for i := range l.Code {
		if l.Code[i].Offset != at {
			continue
		}
		for ; i < len(l.Code) && strings.HasPrefix(l.Code[i].op(), "MOV") && !strings.Contains(l.Code[i].Text, "("); i++ {
		}
		return i < len(l.Code) && l.Code[i].op() == "JMP" && l.Code[i].Target == l.Start && l.Code[i].Offset != at
	}
	return false
}

func fits(start, end int) bool { return start/half == (end-1)/half }

// storeLen is how many bytes the loop moves for each store of padding before it.
const storeLen = 8

// Padding says how many stores should be before the loop where there are some now.
func (l *Loop) Padding(now int) int {
	if fits(l.Start, l.End) {
		return now
	}
	for n := range half / storeLen {
		if move := (n - now) * storeLen; fits(l.Start+move+half, l.End+move+half) {
			return n
		}
	}
	return now
}

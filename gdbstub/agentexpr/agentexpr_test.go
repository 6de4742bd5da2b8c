package agentexpr

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
)

var (
	errNoRegister = errors.New("no such register")
	errNoMemory   = errors.New("no such memory")
)

// program is a state to read: register n holds 100n, except for frame, and memory
// at base has the bytes 0x81, 0x82, and so on.
type program struct{ frame uint64 }

const (
	memoryBase = 0x1000
	memorySize = 16
)

type access struct{}

func (access) Register(p program, n int) (uint64, error) {
	switch {
	case n == 5:
		return p.frame, nil
	case n > 8:
		return 0, errNoRegister
	}
	return 100 * uint64(n), nil
}

func (access) Load(p program, addr uint64, size int, near bool) (uint64, error) {
	base := uint64(memoryBase)
	if near {
		base = p.frame
	}
	off := addr - base
	if off > memorySize || off+uint64(size) > memorySize {
		return 0, errNoMemory
	}
	var x uint64
	for i := range size {
		x |= (0x81 + off + uint64(i)) << (8 * i)
	}
	return x, nil
}

// asm assembles operations: names, each with its operand after a colon.
func asm(t testing.TB, text string) []byte {
	t.Helper()
	var out []byte
	for _, word := range strings.Fields(text) {
		name, operand, _ := strings.Cut(word, ":")
		code := -1
		for op := range ops {
			if ops[op].name == name {
				code = op
			}
		}
		if code < 0 {
			t.Fatalf("no operation %q", name)
		}
		b, err := hex.DecodeString(operand)
		if err != nil || ops[code].supported && len(b) != int(ops[code].operand) {
			t.Fatalf("operand of %q has %d bytes", word, len(b))
		}
		out = append(append(out, byte(code)), b...)
	}
	return out
}

const minInt = "const64:8000000000000000"

var evalTests = []struct {
	code string
	want uint64
	err  error
}{
	{"const8:ff end", 0xff, nil},
	{"const16:fffe end", 0xfffe, nil},
	{"const32:fffefdfc end", 0xfffefdfc, nil},
	{"const64:0102030405060708 end", 0x0102030405060708, nil},
	{"const8:07 const8:05 add end", 12, nil},
	{"const8:07 const8:05 sub end", 2, nil},
	{"const8:05 const8:07 sub end", math.MaxUint64 - 1, nil},
	{"const8:07 const8:05 mul end", 35, nil},
	{"const8:f9 ext:08 const8:02 div_signed end", ^uint64(3) + 1, nil},
	{"const8:f9 ext:08 const8:02 rem_signed end", ^uint64(0), nil},
	{"const8:f9 const8:02 div_unsigned end", 124, nil},
	{"const8:f9 const8:02 rem_unsigned end", 1, nil},
	{minInt + " const8:ff ext:08 div_signed end", 1 << 63, nil},
	{minInt + " const8:ff ext:08 rem_signed end", 0, nil},
	{"const8:01 const8:00 div_signed end", 0, ErrDivision},
	{"const8:01 const8:00 div_unsigned end", 0, ErrDivision},
	{"const8:01 const8:00 rem_signed end", 0, ErrDivision},
	{"const8:01 const8:00 rem_unsigned end", 0, ErrDivision},
	{"const8:01 const8:3f lsh end", 1 << 63, nil},
	{"const8:01 const8:40 lsh end", 0, nil},
	{"const8:80 ext:08 const8:04 rsh_signed end", ^uint64(7), nil},
	{"const8:80 ext:08 const8:ff rsh_signed end", ^uint64(0), nil},
	{"const8:80 const8:04 rsh_unsigned end", 8, nil},
	{"const8:80 const8:40 rsh_unsigned end", 0, nil},
	{"const8:00 log_not end", 1, nil},
	{"const8:05 log_not end", 0, nil},
	{"const8:0c const8:0a bit_and end", 8, nil},
	{"const8:0c const8:0a bit_or end", 14, nil},
	{"const8:0c const8:0a bit_xor end", 6, nil},
	{"const8:00 bit_not end", math.MaxUint64, nil},
	{"const8:05 const8:05 equal end", 1, nil},
	{"const8:05 const8:06 equal end", 0, nil},
	{"const8:ff ext:08 const8:01 less_signed end", 1, nil},
	{"const8:ff ext:08 const8:01 less_unsigned end", 0, nil},
	{"const8:01 const8:ff ext:08 less_unsigned end", 1, nil},
	{"const8:80 ext:08 end", 0xffffffffffffff80, nil},
	{"const8:7f ext:08 end", 0x7f, nil},
	{"const16:8181 ext:08 end", 0xffffffffffffff81, nil},
	{"const32:80000000 ext:20 end", 0xffffffff80000000, nil},
	{"const8:ff ext:40 end", 0xff, nil},
	{"const16:ffff zero_ext:0c end", 0xfff, nil},
	{"const8:ff ext:08 zero_ext:40 end", math.MaxUint64, nil},
	{"const16:1000 ref8 end", 0x81, nil},
	{"const16:1002 ref16 end", 0x8483, nil},
	{"const16:1000 ref32 end", 0x84838281, nil},
	{"const16:1008 ref64 end", 0x908f8e8d8c8b8a89, nil},
	{"const16:1009 ref64 end", 0, errNoMemory},
	{"const8:00 ref8 end", 0, errNoMemory},
	{"reg:0003 end", 300, nil},
	{"reg:0009 end", 0, errNoRegister},
	{"const8:01 dup add end", 2, nil},
	{"const8:01 const8:02 pop end", 1, nil},
	{"const8:09 const8:02 swap sub end", ^uint64(6), nil},
	{"const8:07 const8:08 const8:09 pick:02 end", 7, nil},
	{"const8:07 const8:08 pick:00 end", 8, nil},
	{"const8:07 const8:08 pick:02 end", 0, ErrUnderflow},
	{"const8:01 const8:02 const8:03 rot end", 2, nil},
	{"const8:01 const8:02 const8:03 rot pop end", 1, nil},
	{"const8:01 const8:02 const8:03 rot pop pop end", 3, nil},
	// 0: const8 2: if_goto 8 5: const8 7: end 8: const8 10: end
	{"const8:01 if_goto:0008 const8:0a end const8:0b end", 11, nil},
	{"const8:00 if_goto:0008 const8:0a end const8:0b end", 10, nil},
	{"goto:0005 const8:0a const8:0b end", 11, nil},
	// Counts down from 200.
	{"const8:c8 const8:01 sub dup if_goto:0002 end", 0, nil},
	{"const16:1000 const8:04 const8:2a trace_quick:04 rot trace end", 42, nil},
	{"const8:2a const16:1000 const8:04 tracenz tracev:0001 trace16:0010 end", 42, nil},
	{"goto:0000", 0, ErrSteps},
	{"const8:01 goto:0000", 0, ErrOverflow},
	{"add end", 0, ErrUnderflow},
	{"const8:01 rot end", 0, ErrUnderflow},
	{"end", 0, ErrUnderflow},
	{"const8:01", 0, ErrNoEnd},
}

func TestEval(t *testing.T) {
	tested := map[Op]bool{}
	for _, c := range evalTests {
		e, err := Parse(asm(t, c.code))
		if err != nil {
			t.Errorf("%s: %v", c.code, err)
			continue
		}
		for _, in := range e.code {
			tested[in.op] = true
		}
		got, err := Eval[program](e, access{}, program{memoryBase})
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %#x, %v, want %#x, %v", c.code, got, err, c.want, c.err)
		}
	}
	for op := range ops {
		if ops[op].supported && !tested[Op(op)] {
			t.Errorf("no test for %v", Op(op))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, code := range map[string][]byte{
		"nothing":             {},
		"unknown":             {0x7f},
		"invalid":             {0x31},
		"cut off":             {byte(OpConst32), 1, 2, 3},
		"getv":                asm(t, "getv:0001"),
		"setv":                asm(t, "setv:0001"),
		"printf":              asm(t, "printf:00000000"),
		"float":               asm(t, "ref_float"),
		"jump into operand":   asm(t, "goto:0001 end"),
		"jump past the end":   asm(t, "goto:0004 end"),
		"jump far":            asm(t, "const8:01 if_goto:ffff end"),
		"longer than a jump":  make([]byte, MaxLength+1),
		"unknown at the back": append(asm(t, "const8:01 end"), 0),
	} {
		if _, err := Parse(code); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRelative(t *testing.T) {
	for code, want := range map[string]bool{
		"const8:01 end": true,
		"reg:0005 const8:08 add ref32 const8:05 equal end":     true,
		"reg:0005 const8:f0 ext:08 add ref32 ref32 end":        true,
		"const8:08 reg:0003 add ext:20 zero_ext:20 ref8 end":   true,
		"reg:0005 const8:08 sub dup ref8 swap ref8 add end":    true,
		"const8:01 reg:0005 swap pick:01 ref8 rot pop pop end": true,
		"reg:0000 end":                    true,
		"reg:0005 end":                    false,
		"reg:0005 reg:0005 sub end":       false,
		"reg:0005 reg:0006 add end":       false,
		"reg:0005 const8:02 mul end":      false,
		"reg:0005 const8:02 equal end":    false,
		"reg:0005 ext:1f ref8 end":        false,
		"reg:0005 log_not end":            false,
		"reg:0005 if_goto:0006 end":       false,
		"const8:01 reg:0005 sub ref8 end": false,
		// The same jump target with the same stacks, and with others.
		"const8:01 reg:0000 if_goto:000c ref8 goto:000c end": true,
		"const8:01 reg:0000 if_goto:000c pop reg:0005 end":   false,
		"const8:c8 const8:01 sub dup if_goto:0002 end":       false, // a loop
	} {
		e, err := Parse(asm(t, code))
		if err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		if e.Relative() != want {
			t.Errorf("%s: relative is %v", code, e.Relative())
		}
	}
}

// FuzzEval evaluates anything: it must end without a panic, and what is relative
// must not depend on where the frame is.
func FuzzEval(f *testing.F) {
	for _, c := range evalTests {
		f.Add(asm(f, c.code))
	}
	f.Add(asm(f, "pick:30"))
	f.Add(asm(f, "reg:0005 const8:08 add ref32 const8:05 equal end"))
	f.Fuzz(func(t *testing.T, code []byte) {
		e, err := Parse(code)
		if err != nil {
			return
		}
		a, errA := Eval[program](e, access{}, program{0xfffd0000})
		b, errB := Eval[program](e, access{}, program{0xf0001234})
		if e.Relative() && (a != b || !errors.Is(errA, errB)) {
			t.Errorf("% x: %#x, %v at one place and %#x, %v at another", code, a, errA, b, errB)
		}
	})
}

// TestEvalAllocates nothing, as it runs a million times.
func TestEvalAllocates(t *testing.T) {
	e, err := Parse(asm(t, "reg:0005 const8:08 add ref32 const8:05 equal end"))
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(100, func() {
		if _, err := Eval[program](e, access{}, program{0xfffd0000}); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("an evaluation makes %v allocations", n)
	}
}

func TestConstantsAreBigEndian(t *testing.T) {
	for _, op := range []Op{OpConst16, OpConst32, OpConst64} {
		size := int(ops[op].operand)
		code := append([]byte{byte(op)}, binary.BigEndian.AppendUint64(nil, 0x1122334455667788)[8-size:]...)
		e, err := Parse(append(code, byte(OpEnd)))
		if err != nil {
			t.Fatal(err)
		}
		if x, err := Eval[program](e, access{}, program{}); err != nil || x != 0x1122334455667788&(1<<(8*size)-1) {
			t.Errorf("%v: %#x, %v", op, x, err)
		}
	}
}

package wasmvm

import (
	"os"
	"strings"
	"testing"
)

// FuzzDecode checks that no bytes make the decoder, the layout, the disassembler or the lowerings panic.
func FuzzDecode(f *testing.F) {
	for _, c := range flow {
		f.Add(c.asm.bytes())
	}
	f.Add(wide().bytes())
	b, err := os.ReadFile("../testdata/kernels/fib.O2.wasm")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, wasm []byte) {
		mod, err := Decode(wasm)
		if err != nil {
			return
		}
		for i := range mod.Funcs {
			fn := &mod.Funcs[i]
			mod.Disassemble(fn.BodyStart)
			l, err := mod.Layout(fn)
			if err != nil {
				continue
			}
			mod.OperandTypes(fn, len(l.PCs)-1)
			low, err := mod.program().lower(i)
			if err != nil {
				continue
			}
			if _, err := low.preciseCode(mod); err != nil {
				t.Errorf("function %d: fast code is made, precise code is not: %v", i, err)
			}
		}
	})
}

func TestDecodeErrors(t *testing.T) {
	body := func(b ...byte) []byte { return (&asm{funcs: []asmFunc{{body: b}}}).bytes() }
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"empty", nil, "not a wasm file"},
		{"text", []byte("(module)"), "not a wasm file"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "component"},
		{"version", []byte("\x00asm\x02\x00\x00\x00"), "version"},
		{"truncated", body()[:40], "unexpected end"},
		{"relaxed simd", body(0xFD, 0x80, 0x02), "opcode 0xfd 0x100 is not supported: in function 0 at file offset"},
		{"legacy exceptions", body(0x06, 0x40), "opcode 0x06 is not supported"},
	} {
		if _, err := Decode(c.wasm); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestOperandTypes(t *testing.T) {
	a := asm{funcs: []asmFunc{{body: cat(i32c(1), f64c(0), op(OpDrop), void(OpIf, op1(OpBr, 0), op(OpNop)))}}}
	mod := a.module(t)
	want := []string{"[]", "[]", "[i32]", "[i32 f64]", "[i32]", "[]", "nil", "[]", "[]"}
	l, err := mod.Layout(&mod.Funcs[0])
	if err != nil || len(l.PCs) != len(want) || l.MaxStack != 2 {
		t.Fatalf("layout %+v, %v", l, err)
	}
	for i, w := range want {
		got := "nil"
		if ts := mod.OperandTypes(&mod.Funcs[0], i); ts != nil {
			got = "["
			for j, ty := range ts {
				if j > 0 {
					got += " "
				}
				got += ty.String()
			}
			got += "]"
		}
		if got != w {
			t.Errorf("before instruction %d: %s, want %s", i, got, w)
		}
	}
}

package debuginfo

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wrev/wasmvm"
)

func load(t testing.TB, name string) *wasmvm.Module {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "programs", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := wasmvm.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// markedLine returns the line of features.c with a comment "at: mark".
func markedLine(t *testing.T, mark string) int {
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

func TestLinesAndFunctions(t *testing.T) {
	for _, name := range []string{"features.O0", "features.dw5.O0", "features.O2", "features.dw5.O2"} {
		t.Run(name, func(t *testing.T) {
			info := New(load(t, name))
			if err := info.Err(); err != nil {
				t.Fatal(err)
			}
			for mark, fn := range map[string]string{"factorial result": "factorial"} {
				line := markedLine(t, mark)
				pcs := info.PCs("features.c", line)
				if len(pcs) == 0 {
					t.Fatalf("line %d (%s) has no code", line, fn)
				}
				for _, pc := range pcs {
					got, ok := info.LineFor(pc)
					if !ok || got.Line != line || filepath.Base(got.File) != "features.c" {
						t.Errorf("pc %#x of line %d is at %+v", pc, line, got)
					}
					if f := info.FuncName(pc); f != fn {
						t.Errorf("pc %#x of %s is in %s", pc, fn, f)
					}
				}
				want := fn + " at features.c:"
				if d := info.Describe(pcs[0]); !strings.HasPrefix(d, want) {
					t.Errorf("described as %q, want %s...", d, want)
				}
			}
		})
	}
}

func TestFuncs(t *testing.T) {
	mod := load(t, "features.O0")
	info := New(mod)
	funcs := info.Funcs("add")
	if len(funcs) != 1 {
		t.Fatalf("add: %v", funcs)
	}
	fn := mod.FuncAt(funcs[0].Low)
	if fn == nil || fn.BodyStart != funcs[0].Low || fn.BodyEnd != funcs[0].High {
		t.Errorf("add is at %+v, its body %+v", funcs[0], fn)
	}
	// Every function with a line has one from its first byte to its last.
	for pc := fn.BodyStart; pc < fn.BodyEnd; pc++ {
		if _, ok := info.LineFor(pc); !ok {
			t.Errorf("pc %#x of add has no line", pc)
		}
	}
	if f, ok := info.FuncAt(fn.CodeStart); !ok || f != funcs[0] {
		t.Errorf("FuncAt: %+v, want %+v", f, funcs[0])
	}
}

func TestWithoutDebugInfo(t *testing.T) {
	mod := load(t, "nodebug")
	info := New(mod)
	if info.Err() == nil {
		t.Error("no error without debug info")
	}
	fn := &mod.Funcs[len(mod.Funcs)-1]
	name := mod.FuncName(fn.Index)
	if got := info.Describe(fn.CodeStart); got != name {
		t.Errorf("described as %q, want %q", got, name)
	}
	if f := info.Funcs(name); len(f) == 0 || !slices.ContainsFunc(f, func(f Func) bool { return f.Low == fn.BodyStart }) {
		t.Errorf("functions named %s: %v", name, f)
	}
	if pcs := info.PCs("features.c", 1); pcs != nil {
		t.Errorf("code without debug info: %v", pcs)
	}
	if got := info.FuncName(1 << 30); got == "" {
		t.Error("no name for an impossible pc")
	}
}

// askAll asks every question once.
func askAll(mod *wasmvm.Module) {
	info := New(mod)
	for k := range mod.Funcs {
		info.Describe(mod.Funcs[k].CodeStart)
		info.FuncAt(mod.Funcs[k].BodyEnd - 1)
	}
	info.PCs("features.c", 60)
	info.Funcs("main")
}

func damage(mod *wasmvm.Module, edits []byte) (*wasmvm.Module, error) {
	file := bytes.Clone(mod.Bytes)
	for ; len(edits) >= 5; edits = edits[5:] {
		c := &mod.Custom[int(edits[0])%len(mod.Custom)]
		if len(c.Data) > 0 {
			at := int(uint32(edits[1])|uint32(edits[2])<<8|uint32(edits[3])<<16) % len(c.Data)
			file[c.Offset+at] = edits[4]
		}
	}
	return wasmvm.Decode(file)
}

func FuzzDamaged(f *testing.F) {
	mod := load(f, "features.dw5.O2")
	f.Add([]byte{})
	f.Add([]byte{2, 40, 1, 0, 0xff, 1, 3, 0, 0, 0x80})
	f.Fuzz(func(t *testing.T, edits []byte) {
		if m, err := damage(mod, edits); err == nil {
			askAll(m)
		}
	})
}

func TestDamaged(t *testing.T) {
	mod := load(t, "features.dw5.O2")
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		edits := make([]byte, 5*(1+rnd.IntN(8)))
		for k := range edits {
			edits[k] = byte(rnd.Uint32())
		}
		if m, err := damage(mod, edits); err == nil {
			askAll(m)
		}
	}
}

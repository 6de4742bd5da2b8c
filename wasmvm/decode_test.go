package wasmvm

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDecodeKernels(t *testing.T) {
	files, err := filepath.Glob("../testdata/kernels/*.wasm")
	if err != nil || len(files) == 0 {
		t.Fatalf("no kernels: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Decode(b)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		for i := range m.Funcs {
			fn := &m.Funcs[i]
			l, err := m.Layout(fn)
			if err != nil {
				t.Errorf("%s: %v", f, err)
				continue
			}
			if len(l.PCs) != len(l.Ops) || l.PCs[0] != fn.BodyStart || l.PCs[1] != fn.CodeStart {
				t.Errorf("%s: function %d: bad layout", f, fn.Index)
			}
			for k, pc := range l.PCs {
				text, n := m.Disassemble(pc)
				end := fn.BodyEnd
				if k+1 < len(l.PCs) {
					end = l.PCs[k+1]
				}
				if text == "" || pc+uint32(n) != end {
					t.Errorf("%s: %#x %q length %d, next at %#x", f, pc, text, n, end)
				}
			}
		}
	}
}

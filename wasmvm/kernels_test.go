package wasmvm

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// printHost answers fd_write and proc_exit as WASI has them and keeps the output; other calls give 0.
type printHost struct {
	out strings.Builder
}

func (h *printHost) HostCall(m *Machine, fn uint32, args, results []uint64) error {
	switch imp := m.Module().ImportedFunc(fn); imp.Name {
	case "fd_write":
		mem, n := m.Memory(), uint32(0)
		for i := range uint32(args[2]) {
			iov := mem[uint32(args[1])+8*i:]
			p, l := binary.LittleEndian.Uint32(iov), binary.LittleEndian.Uint32(iov[4:])
			h.out.Write(mem[p : p+l])
			n += l
		}
		results[0] = 0
		return m.WriteMemory(args[3], binary.LittleEndian.AppendUint32(nil, n))
	case "proc_exit":
		return &ExitError{Code: uint32(args[0])}
	}
	return nil
}

func loadModule(t testing.TB, file string) *Module {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

func newMachine(t testing.TB, mod *Module, host Host) *Machine {
	t.Helper()
	m, err := New(mod, Config{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestKernelsRun(t *testing.T) {
	files, _ := filepath.Glob("../testdata/kernels/*.wasm")
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			var h printHost
			m := newMachine(t, loadModule(t, f), &h)
			s := m.Run(1 << 60)
			if s.Reason != StopExit {
				t.Fatalf("stopped: %v %v %v at %#x", s.Reason, s.Trap, s.Err, m.PC())
			}
			t.Logf("%d instructions, %s", m.Position(), h.out.String())
			if !errors.Is(s.Err, nil) || len(h.out.String()) < 16 {
				t.Errorf("printed %q", h.out.String())
			}
		})
	}
}

// BenchmarkReplay runs the kernels in the fast tier.
func BenchmarkReplay(b *testing.B) {
	files, _ := filepath.Glob("../testdata/kernels/*.wasm")
	for _, f := range files {
		b.Run(filepath.Base(f), func(b *testing.B) {
			mod := loadModule(b, f)
			for b.Loop() {
				var h printHost
				if s := newMachine(b, mod, &h).Run(1 << 60); s.Reason != StopExit {
					b.Fatal(s.Reason)
				}
			}
		})
	}
}

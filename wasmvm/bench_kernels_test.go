package wasmvm_test

import (
	"testing"

	"wrev/internal/benchtable"
)

const kernelFolder = "../testdata/kernels"

// BenchmarkKernels measures each kernel on each engine. For ratios in one table,
// use `make bench`.
func BenchmarkKernels(b *testing.B) {
	for _, opt := range []string{"O2", "O0"} {
		kernels, err := benchtable.LoadKernels(kernelFolder, opt)
		if err != nil {
			b.Fatal(err)
		}
		for _, k := range kernels {
			for _, e := range benchtable.Engines() {
				b.Run(k.Name+"."+opt+"/"+e.Name, func(b *testing.B) {
					for range b.N {
						b.StopTimer()
						run, _, err := e.Prepare(k)
						if err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
						if err := run(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// TestKernels compares what each kernel prints in our VM with wazero's compiler.
func TestKernels(t *testing.T) {
	engines := benchtable.Engines()
	ours, compiler := engines[0], engines[2]
	for _, opt := range []string{"O2", "O0"} {
		kernels, err := benchtable.LoadKernels(kernelFolder, opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range kernels {
			t.Run(k.Name+"."+opt, func(t *testing.T) {
				_, want, err := compiler.Measure(k)
				if err != nil {
					t.Fatal(err)
				}
				_, got, err := ours.Measure(k)
				if err != nil {
					t.Fatal(err)
				}
				if got != want || got == "" {
					t.Errorf("printed %q, wazero %q", got, want)
				}
			})
		}
	}
}

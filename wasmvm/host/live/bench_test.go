package live

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"wrev/wasmvm/wasi"
)

// BenchmarkDo measures calls, and what they cost more than wazero's function does
// by itself ("ns-more/call").
func BenchmarkDo(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "out"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	config := wazero.NewModuleConfig().WithSysWalltime().WithSysNanotime().WithStdout(file).WithStderr(null)
	i := newInstance(b, Config{Module: config})
	mem := make([]byte, 65536)
	iovec(mem, buffer, 10)
	for _, bench := range []struct {
		name string
		fn   *wasi.Func
		args []uint64
	}{
		{"clock_time_get", lookup(b, "clock_time_get"), []uint64{1, 0, result}},
		{"fd_write to a file", fdWrite, []uint64{1, 0, 1, result}},
		{"fd_write to a device", fdWrite, []uint64{2, 0, 1, result}}, // may wait
	} {
		b.Run(bench.name, func(b *testing.B) { benchmarkDo(b, i, bench.fn, bench.args, mem) })
	}
}

func benchmarkDo(b *testing.B, i *Instance, fn *wasi.Func, args []uint64, mem []byte) {
	const calls = 2000
	plain, with := time.Duration(1<<62), time.Duration(1<<62)
	do(b, i, mem, fn.Name, args...) // the shadow has the iovec now
	for b.Loop() {
		start := time.Now()
		for range calls {
			i.internal(fn, args...)
		}
		middle := time.Now()
		for range calls {
			if _, err := i.Do(fn, 7, args, mem); err != nil {
				b.Fatal(err)
			}
		}
		plain = min(plain, middle.Sub(start))
		with = min(with, time.Since(middle))
	}
	b.ReportMetric(float64(plain)/calls, "ns-plain/call")
	b.ReportMetric(float64(with-plain)/calls, "ns-more/call")
	b.ReportMetric(0, "ns/op")
}

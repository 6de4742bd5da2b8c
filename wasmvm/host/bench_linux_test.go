package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental/sock"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"golang.org/x/sys/unix"

	"wrev/checkpoint/recording"
	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

// BenchmarkRecord runs programs on plain wazero and under the recorder in turns
// and reports the ratio of the least processor times ("x-plain"), and what a
// host call costs more ("ns-more/call"). Compilation is not counted.
func BenchmarkRecord(b *testing.B) {
	const calls = 1_000_000
	b.Run("clock_time_get", func(b *testing.B) { benchmarkRecord(b, clockLoop(calls), calls) })
	b.Run("fd_write", func(b *testing.B) { benchmarkRecord(b, writeLoop(calls/10), calls/10) })
	for _, name := range []string{"sha256", "nbody", "hashmap"} {
		wasm, err := os.ReadFile(filepath.Join("../../testdata/kernels", name+".O2.wasm"))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) { benchmarkRecord(b, wasm, 0) })
	}
}

func benchmarkRecord(b *testing.B, wasm []byte, calls int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	plain, recorded := time.Duration(1<<62), time.Duration(1<<62)
	for b.Loop() {
		for range 3 {
			plain = min(plain, runPlain(b, wasm))
			recorded = min(recorded, runRecorded(b, wasm))
		}
	}
	b.ReportMetric(float64(recorded)/float64(plain), "x-plain")
	if calls > 0 {
		b.ReportMetric(float64(plain)/float64(calls), "ns-plain/call")
		b.ReportMetric(float64(recorded-plain)/float64(calls), "ns-more/call")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkReplay measures what it costs to answer a call from a recording, the
// machine's part included.
func BenchmarkReplay(b *testing.B) {
	const calls = 1_000_000
	path := filepath.Join(b.TempDir(), "r.wrev")
	if _, err := Record(context.Background(), clockLoop(calls), "program", path, Options{}); err != nil {
		b.Fatal(err)
	}
	r, err := recording.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for b.Loop() {
		if _, err := Verify(context.Background(), r, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/calls, "ns/call")
}

// threadTime is the processor time of this thread, which is what a machine that
// does other work, too, can measure.
func threadTime(b *testing.B) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

func runPlain(b *testing.B, wasm []byte) time.Duration {
	ctx := context.Background()
	opt := Options{cache: compiled}
	s, err := opt.setup("program")
	if err != nil {
		b.Fatal(err)
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithDebugInfoEnabled(false).WithCompilationCache(compiled))
	defer r.Close(ctx)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		b.Fatal(err)
	}
	guest, err := r.CompileModule(ctx, wasm)
	if err != nil {
		b.Fatal(err)
	}
	return timeStart(b, ctx, r, guest, s)
}

// runRecorded is Record with a clock around the call of _start.
func runRecorded(b *testing.B, wasm []byte) time.Duration {
	ctx := context.Background()
	opt := Options{cache: compiled}
	s, err := opt.setup("program")
	if err != nil {
		b.Fatal(err)
	}
	p, err := compile(ctx, wasm, s)
	if err != nil {
		b.Fatal(err)
	}
	defer p.close(ctx)
	w, err := recording.Create(filepath.Join(b.TempDir(), "r.wrev"), opt.meta("program", s), wasm)
	if err != nil {
		b.Fatal(err)
	}
	if err := provide(ctx, p.runtime, p.guest, newRecorder(w, s.sizes())); err != nil {
		b.Fatal(err)
	}
	d := timeStart(b, ctx, p.runtime, p.guest, s)
	if err := w.Close(recording.End{}); err != nil {
		b.Fatal(err)
	}
	return d
}

func timeStart(b *testing.B, ctx context.Context, r wazero.Runtime, guest wazero.CompiledModule, s *setup) time.Duration {
	mod, err := r.InstantiateModule(sock.WithConfig(ctx, s.sockets), guest, s.module)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	from := threadTime(b)
	if end := classify(callStart(ctx, mod)); end != (recording.End{}) {
		b.Fatal(fmt.Errorf("the program ended with %+v", end))
	}
	return threadTime(b) - from
}

// loop repeats a body n times.
func loop(n int64, body func(c *wasmenc.Code)) wasmenc.Code {
	return code(func(c *wasmenc.Code) {
		i32(c, 64, n)
		c.Op(0x36, 2, 0, 0x03, 0x40)
		body(c)
		i32(c, 64, 64)
		c.Op(0x28, 2, 0)
		i32(c, 1)
		c.Op(0x6b, 0x36, 2, 0)
		i32(c, 64)
		c.Op(0x28, 2, 0, 0x0d, 0, 0x0b)
	})
}

func clockLoop(n int64) []byte {
	return small{imports: importWASI("clock_time_get"), pages: 1, export: "_start", body: loop(n, func(c *wasmenc.Code) {
		i32(c, 1)
		c.Op(0x42, 0)
		i32(c, 32)
		c.Op(0x10, 0, 0x1a)
	})}.wasm()
}

// writeLoop writes 64 bytes at a time to nowhere.
func writeLoop(n int64) []byte {
	return small{imports: importWASI("fd_write"), pages: 1, export: "_start", body: loop(n, func(c *wasmenc.Code) {
		i32(c, 0, 128)
		c.Op(0x36, 2, 0)
		i32(c, 4, 64)
		c.Op(0x36, 2, 0)
		i32(c, 1, 0, 1, 48)
		c.Op(0x10, 0, 0x1a)
	})}.wasm()
}

// BenchmarkLive measures a call that is executed live: on our machine, with what
// it costs to log it. The time of the machine's own instructions is counted.
func BenchmarkLive(b *testing.B) {
	const calls = 200_000
	wasm := clockLoop(calls)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	least := time.Duration(1 << 62)
	for b.Loop() {
		for range 3 {
			least = min(least, runLiveLoop(b, wasm))
		}
	}
	b.ReportMetric(float64(least)/calls, "ns/call")
	b.ReportMetric(0, "ns/op")
}

func runLiveLoop(b *testing.B, wasm []byte) time.Duration {
	l, err := StartLive(context.Background(), wasm, "program", filepath.Join(b.TempDir(), "r.wrev"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	story, err := NewLiveStory(l.Writer, l.Module)
	if err != nil {
		b.Fatal(err)
	}
	story.Trunk = l
	m, err := wasmvm.New(l.Module, l.MachineConfig(story.Recording(), story.Host(true)))
	if err != nil {
		b.Fatal(err)
	}
	start := threadTime(b)
	stop := m.Run(1 << 62)
	took := threadTime(b) - start
	if stop.Reason != wasmvm.StopExit {
		b.Fatal(stop.Reason, stop.Err)
	}
	if err := l.Close(EndOf(stop.Trap, nil, stop.ExitCode)); err != nil {
		b.Fatal(err)
	}
	return took
}

package recording

import (
	"encoding/binary"
	"path/filepath"
	"testing"
)

// clockCalls is a program that reads the clock in a loop: the shortest host call that matters.
type clockCalls struct {
	c    HostCall
	now  uint64
	step uint64
}

func newClockCalls() *clockCalls {
	return &clockCalls{
		c: HostCall{
			Import:  3,
			Args:    []uint64{1, 1000, 70000},
			Results: []uint64{0},
			Writes:  []MemWrite{{Addr: 70000, Data: make([]byte, 8)}},
		},
		now: 1_790_000_000_000_000_000,
	}
}

// next returns the next call. The clock's steps vary as real ones do.
func (k *clockCalls) next() *HostCall {
	k.step = k.step*6364136223846793005 + 1442695040888963407
	k.now += 60 + k.step>>60
	binary.LittleEndian.PutUint64(k.c.Writes[0].Data, k.now)
	return &k.c
}

// writeCalls is a program that prints lines.
type writeCalls struct {
	c HostCall
	n uint64
}

func (k *writeCalls) next() *HostCall {
	k.n++
	if k.n == 1 {
		k.c = HostCall{
			Import:  5,
			Args:    []uint64{1, 65000, 1, 65012},
			Results: []uint64{0},
			Writes:  []MemWrite{{Addr: 65012, Data: make([]byte, 4)}},
		}
	}
	k.c.Inputs = k.n * 0x9E3779B97F4A7C15
	binary.LittleEndian.PutUint32(k.c.Writes[0].Data, uint32(20+k.n%7))
	return &k.c
}

func BenchmarkAppend(b *testing.B) {
	clock, write := newClockCalls(), &writeCalls{}
	read := &HostCall{
		Import: 2, Args: []uint64{4, 900, 1, 910}, Results: []uint64{0},
		Writes: []MemWrite{{Addr: 1 << 20, Data: make([]byte, 4096)}, {Addr: 910, Data: make([]byte, 4)}},
	}
	for i := range read.Writes[0].Data {
		read.Writes[0].Data[i] = "the quick brown fox\n"[i%20] ^ byte(i>>8)
	}
	random := &HostCall{Import: 7, Args: []uint64{1000, 256}, Results: []uint64{0}, Writes: []MemWrite{{Addr: 1000, Data: make([]byte, 256)}}}
	seed := uint64(1)
	for _, bench := range []struct {
		name string
		cfg  config
		next func() *HostCall
	}{
		{"clock", config{slotSize: defaultSlotSize}, clock.next},
		{"fd_write", config{slotSize: defaultSlotSize}, write.next},
		{"fd_read_4096", config{slotSize: defaultSlotSize}, func() *HostCall { read.Writes[0].Data[77]++; return read }},
		{"random_256", config{slotSize: defaultSlotSize}, func() *HostCall {
			for i := 0; i < 256; i += 8 {
				seed = seed*6364136223846793005 + 1442695040888963407
				binary.LittleEndian.PutUint64(random.Writes[0].Data[i:], seed)
			}
			return random
		}},
		{"clock_write_through", config{slotSize: defaultSlotSize, writeThrough: true}, clock.next},
	} {
		b.Run(bench.name, func(b *testing.B) {
			bench.cfg.wrap = func(f file) file { return f }
			w, err := create(filepath.Join(b.TempDir(), "a.wrev"), Meta{}, nil, bench.cfg)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := w.Append(bench.next()); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if err := w.Close(End{}); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(w.chunks.end)/float64(b.N), "file-B/call")
		})
	}
}

// benchRecording writes a recording of five million calls.
func benchRecording(b *testing.B) (string, uint64) {
	const n = 5_000_000
	path := filepath.Join(b.TempDir(), "a.wrev")
	w, err := Create(path, Meta{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	clock := newClockCalls()
	for range n {
		if err := w.Append(clock.next()); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(End{}); err != nil {
		b.Fatal(err)
	}
	return path, n
}

func BenchmarkRead(b *testing.B) {
	path, n := benchRecording(b)
	b.Run("Open", func(b *testing.B) {
		for range b.N {
			r, err := Open(path)
			if err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
	})
	r, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for _, bench := range []struct {
		name string
		step uint64
	}{
		{"forward", 1},
		{"backward", n - 1},
		{"random", 1_234_577},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			i := uint64(0)
			for range b.N {
				if _, err := r.Call(i); err != nil {
					b.Fatal(err)
				}
				i = (i + bench.step) % n
			}
		})
	}
}

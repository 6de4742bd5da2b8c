package checkpoint

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkCapture takes snapshots of 64 MiB of which every page is dirty, each
// time with other bytes, as a run with checkpoints does that keeps eight.
func BenchmarkCapture(b *testing.B) {
	const size = 64 << 20
	s := NewStore(Options{HotBytes: 2 * size, Spill: Spill{Dirs: []string{b.TempDir()}}})
	data := make([]byte, size)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < size; i += 32 {
		data[i] = byte(r.Uint32())
	}
	changed := make([]uint32, size/PageSize)
	for i := range changed {
		changed[i] = uint32(i)
	}
	var images []*Image
	var im *Image
	pages := 0
	b.ResetTimer()
	for range b.N {
		b.StopTimer() // the program runs, and the background works
		for k := 0; k < size; k += 256 {
			data[k]++
		}
		s.Settle()
		b.StartTimer()
		next, n := s.Snapshot(im, data, changed)
		s.Fit(8 * size)
		im = next
		pages += n
		if images = append(images, im); len(images) > 8 {
			images[0].Release()
			images = images[1:]
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(pages), "ns/page")
	s.Settle()
	b.ReportMetric(float64(s.Bytes())/1e6, "MB")
	for _, im := range images {
		im.Release()
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRestoreAll restores 64 MiB: from raw pages, packed ones, and packed
// ones in a file.
func BenchmarkRestoreAll(b *testing.B) {
	const size = 64 << 20
	for _, c := range []struct {
		name string
		hot  int64
		fit  int64
	}{{"raw", 1 << 30, 1 << 40}, {"packed", 0, 1 << 40}, {"disk", 0, 0}} {
		b.Run(c.name, func(b *testing.B) {
			s := NewStore(Options{HotBytes: c.hot, Spill: Spill{Dirs: []string{b.TempDir()}}})
			defer s.Close()
			data := make([]byte, size)
			r := rand.New(rand.NewPCG(1, 2))
			for i := 0; i < size; i += 32 {
				data[i] = byte(r.Uint32())
			}
			im, n := s.Snapshot(nil, data, nil)
			s.Fit(c.fit)
			b.SetBytes(size)
			b.ResetTimer()
			for range b.N {
				if _, err := im.Restore(data, nil, 0, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/page")
			b.ReportMetric(float64(s.DiskBytes())/1e6, "disk-MB")
		})
	}
}

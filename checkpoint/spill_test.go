package checkpoint

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func spillTo(dirs ...string) Options {
	return Options{HotBytes: 8 * PageSize, Spill: Spill{Dirs: dirs}}
}

// noise fills a page with bytes that do not compress.
func noise(r *rand.Rand, page []byte) {
	for i := range page {
		page[i] = byte(r.Uint32())
	}
}

// history takes n snapshots of a memory of which a few pages change each time.
func history(t testing.TB, s *Store, n int, after func()) []model {
	t.Helper()
	r := rand.New(rand.NewPCG(11, 12))
	data := make([]byte, 64*PageSize)
	var models []model
	var im *Image
	for range n {
		var changed []uint32
		for range 8 {
			p := r.IntN(64)
			noise(r, pageOf(data, p))
			changed = append(changed, uint32(p))
		}
		im, _ = s.Snapshot(im, data, changed)
		models = append(models, model{im, bytes.Clone(data)})
		after()
	}
	return models
}

func restoreAll(t testing.TB, models []model) {
	t.Helper()
	for i, m := range models {
		got := make([]byte, len(m.want))
		if _, err := m.im.Restore(got, nil, 0, nil); err != nil || !bytes.Equal(got, m.want) {
			t.Fatalf("image %d: %v, or another byte at %d", i, err, firstDiff(got, m.want))
		}
	}
}

// TestSpillKeepsTheLimit stays within a limit that memory alone cannot keep,
// and everything can be restored.
func TestSpillKeepsTheLimit(t *testing.T) {
	const limit = 600 << 10
	dir := t.TempDir()
	s := NewStore(spillTo(dir))
	models := history(t, s, 100, func() {
		if n := s.Fit(limit); n > limit || n != s.Bytes() && s.Bytes() > limit {
			t.Fatalf("%d bytes are held, the limit is %d", n, limit)
		}
	})
	if s.DiskBytes() < 2<<20 {
		t.Errorf("only %d bytes went to the disk", s.DiskBytes())
	}
	restoreAll(t, models)
	for i := range models { // the odd ones first: chunks get sparse and are compacted
		if i%2 == 1 {
			models[i].im.Release()
		}
	}
	s.Settle()
	for i := range models {
		if i%2 == 0 {
			restoreAll(t, models[i:i+1])
			models[i].im.Release()
		}
	}
	checkEmpty(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// TestWalkWithSpill drives a store of which all but a little is on the disk.
func TestWalkWithSpill(t *testing.T) {
	for seed := range uint64(6) {
		w := newWalker(t, seed, spillTo(t.TempDir()))
		w.s.background = seed%2 == 0
		for i := range 300 {
			w.step()
			if i%3 == 0 {
				w.s.Fit(int64(w.r.IntN(200 << 10)))
			}
		}
		w.finish()
		if err := w.s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDiskLimit(t *testing.T) {
	o := spillTo(t.TempDir())
	o.Spill.Limit = 1 << 20
	s := NewStore(o)
	defer s.Close()
	models := history(t, s, 100, func() { s.Fit(100 << 10) })
	if n := s.DiskBytes(); n > 1<<20 || n < 1<<19 {
		t.Errorf("%d bytes are on the disk, the limit is %d", n, 1<<20)
	}
	restoreAll(t, models)
	for _, m := range models {
		m.im.Release()
	}
	checkEmpty(t, s)
}

// TestSpillFallsBack tries the folders in order, and goes on without.
func TestSpillFallsBack(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		name string
		dirs []string
		disk bool
	}{
		{"second folder", []string{none, t.TempDir()}, true},
		{"temporary folder", []string{none, ""}, true},
		{"no folder", []string{none, none}, false},
		{"not wanted", nil, false},
	} {
		var told []error
		o := spillTo(c.dirs...)
		o.Spill.OnError = func(err error) { told = append(told, err) }
		s := NewStore(o)
		models := history(t, s, 30, func() { s.Fit(100 << 10) })
		restoreAll(t, models)
		if (s.DiskBytes() > 0) != c.disk {
			t.Errorf("%s: %d bytes are on the disk", c.name, s.DiskBytes())
		}
		if wantTold := !c.disk && len(c.dirs) > 0; len(told) > 1 || (len(told) == 1) != wantTold || wantTold && !errors.Is(told[0], os.ErrNotExist) {
			t.Errorf("%s: told %v", c.name, told)
		}
		for _, m := range models {
			m.im.Release()
		}
		checkEmpty(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDiskFull closes the file under the store: what is not there yet stays in
// memory, what is there is lost and says so.
func TestDiskFull(t *testing.T) {
	var told []error
	o := spillTo(t.TempDir())
	o.Spill.OnError = func(err error) { told = append(told, err) }
	s := NewStore(o)
	models := history(t, s, 40, func() { s.Fit(300 << 10) })
	s.Settle()
	s.spill.file.f.Close()
	more := history(t, s, 40, func() { s.Fit(300 << 10) })
	s.Settle()
	if len(told) != 1 {
		t.Errorf("told %v", told)
	}
	restoreAll(t, more)
	got := make([]byte, len(models[0].want))
	if _, err := models[0].im.Restore(got, nil, 0, nil); !errors.Is(err, ErrLost) {
		t.Errorf("restoring from a file that is gone: %v", err)
	}
	for _, m := range append(models, more...) {
		m.im.Release()
	}
	if s.Pages() != 0 {
		t.Errorf("%d pages are left", s.Pages())
	}
}

// TestDamagedSpill turns a bit of each byte of the file in turn: a wrong page
// is never restored.
func TestDamagedSpill(t *testing.T) {
	s := NewStore(spillTo(t.TempDir()))
	defer s.Close()
	data := make([]byte, 3*PageSize)
	for i := range data {
		data[i] = byte(i / 100)
	}
	im, _ := s.Snapshot(nil, data, nil)
	s.Fit(0)
	f := s.spill.file.f
	size := s.DiskBytes()
	blocks := 0
	for off := range size {
		var b [1]byte
		if n, _ := f.ReadAt(b[:], off); n == 0 {
			break
		}
		if _, err := f.WriteAt([]byte{b[0] ^ 1<<(off%8)}, off); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(data))
		if _, err := im.Restore(got, nil, 0, nil); errors.Is(err, ErrLost) {
			blocks++
		} else if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("byte %d: %v, or wrong bytes", off, err)
		} else {
			t.Fatalf("byte %d is damaged and nobody noticed", off)
		}
		f.WriteAt(b[:], off)
	}
	if blocks < 100 {
		t.Errorf("the file has %d bytes", blocks)
	}
	im.Release()
}

// TestConcurrentUse restores on several goroutines while the owner takes and
// drops snapshots, and pages are packed, moved and compacted.
func TestConcurrentUse(t *testing.T) {
	s := NewStore(spillTo(t.TempDir()))
	s.background = true
	defer s.Close()
	models := history(t, s, 30, func() {})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			mine := make([]byte, len(models[0].want))
			var base *Image
			for k := range 60 {
				m := models[(k*7+g*3)%len(models)]
				if _, err := m.im.Restore(mine, base, len(mine), nil); err != nil || !bytes.Equal(mine, m.want) {
					t.Errorf("a parallel restore failed: %v", err)
					return
				}
				base = m.im
			}
		})
	}
	other := history(t, s, 40, func() { s.Fit(400 << 10) })
	for i, m := range other {
		if i%3 > 0 {
			m.im.Release()
		}
	}
	wg.Wait()
	for i, m := range other {
		if i%3 == 0 {
			restoreAll(t, other[i:i+1])
			m.im.Release()
		}
	}
	for _, m := range models {
		m.im.Release()
	}
	checkEmpty(t, s)
}

// TestBytesDuringTheBacklog compares what the store says with the heap while
// pages wait to be packed.
func TestBytesDuringTheBacklog(t *testing.T) {
	const size = 16 << 20
	r := rand.New(rand.NewPCG(3, 4))
	data := make([]byte, size)
	noise(r, data)
	all := make([]uint32, size/PageSize)
	for i := range all {
		all[i] = uint32(i)
	}
	before := heapLive()
	s := NewStore(Options{HotBytes: size / 2})
	var images []*Image
	for k := range 4 {
		for i := k; i < size; i += PageSize {
			data[i]++
		}
		im, _ := s.Snapshot(nil, data, all)
		images = append(images, im)
		s.mu.Lock()
		hot := s.hot
		s.mu.Unlock()
		if hot > 2*s.hotLimit+captureBatch*PageSize {
			t.Errorf("%d bytes wait, the limit is twice %d", hot, s.hotLimit)
		}
		// The background goes on while the heap is looked at.
		first, held, last := s.Bytes(), heapLive()-before, s.Bytes()
		t.Logf("counted %d to %d, the heap grew by %d bytes", first, last, held)
		if low, high := min(first, last), max(first, last); held < low*9/10 || held > high*11/10+1<<20 {
			t.Errorf("the store says %d to %d bytes, the heap grew by %d", low, high, held)
		}
	}
	for _, im := range images {
		im.Release()
	}
	checkEmpty(t, s)
}

package checkpoint

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// model is an image together with the bytes it must have.
type model struct {
	im   *Image
	want []byte
}

// walker drives a store by random choices and checks it against plain copies.
type walker struct {
	t      testing.TB
	s      *Store
	r      *rand.Rand
	live   []byte
	base   *Image
	dirty  []uint32
	models []model
}

func newWalker(t testing.TB, seed uint64, o Options) *walker {
	w := &walker{t: t, s: NewStore(o), r: rand.New(rand.NewPCG(seed, 1))}
	w.live = make([]byte, w.r.IntN(40*PageSize))
	return w
}

// write changes some bytes; a few values only, so that equal pages occur.
func (w *walker) write() {
	if len(w.live) == 0 {
		return
	}
	at := w.r.IntN(len(w.live))
	n := min(1+w.r.IntN(300), len(w.live)-at)
	if w.r.IntN(4) == 0 { // a whole page
		at = at / PageSize * PageSize
		n = min(PageSize, len(w.live)-at)
	}
	v := byte(w.r.IntN(3))
	for i := at; i < at+n; i++ {
		w.live[i] = v
	}
	if w.r.IntN(3) == 0 {
		for i := at; i < at+n; i++ {
			w.live[i] = byte(w.r.Uint32())
		}
	}
	for p := at / PageSize; p <= (at+n-1)/PageSize; p++ {
		w.dirty = append(w.dirty, uint32(p))
	}
}

func (w *walker) resize() {
	n := w.r.IntN(60 * PageSize)
	if w.r.IntN(20) == 0 {
		n = branchPages*PageSize + w.r.IntN(20*PageSize)
	}
	if n < len(w.live) { // what is cut off may come back as zeros
		for p := n / PageSize; p*PageSize < len(w.live); p++ {
			w.dirty = append(w.dirty, uint32(p))
		}
		w.live = w.live[:n]
		return
	}
	w.live = append(w.live, make([]byte, n-len(w.live))...)
}

func (w *walker) snapshot() {
	prev := w.base
	if w.r.IntN(10) == 0 {
		prev = nil
	}
	w.dirty = append(w.dirty, 1<<20) // outside: ignored
	im, _ := w.s.Snapshot(prev, w.live, w.dirty)
	w.models = append(w.models, model{im.Retain(), bytes.Clone(w.live)})
	w.rebase(im)
}

func (w *walker) rebase(im *Image) {
	if w.base != nil {
		w.base.Release()
	}
	w.base, w.dirty = im, w.dirty[:0]
}

func (w *walker) restore() {
	if len(w.models) == 0 {
		return
	}
	m := w.models[w.r.IntN(len(w.models))]
	valid := min(len(w.live), len(m.want))
	next := make([]byte, len(m.want))
	for i := range next {
		next[i] = 0xAA // what lies beyond valid may be anything
	}
	copy(next, w.live[:valid])
	if _, err := m.im.Restore(next, w.base, valid, w.dirty); err != nil {
		w.t.Fatal(err)
	}
	if !bytes.Equal(next, m.want) {
		w.t.Fatalf("restored bytes differ from those stored at %d", firstDiff(next, m.want))
	}
	w.live = next
	w.rebase(m.im.Retain())
}

func (w *walker) drop() {
	if len(w.models) == 0 {
		return
	}
	i := w.r.IntN(len(w.models))
	w.models[i].im.Release()
	w.models = append(w.models[:i], w.models[i+1:]...)
}

func (w *walker) step() {
	switch w.r.IntN(12) {
	case 0:
		w.resize()
	case 1, 2:
		w.snapshot()
	case 3, 4:
		w.restore()
	case 5:
		if len(w.models) > 12 || w.r.IntN(3) == 0 {
			w.drop()
		}
	default:
		w.write()
	}
}

// finish checks every image that is left and that all is freed afterwards.
func (w *walker) finish() {
	for _, m := range w.models {
		got := make([]byte, len(m.want))
		m.im.Restore(got, nil, 0, nil)
		if !bytes.Equal(got, m.want) {
			w.t.Fatalf("an image changed at %d", firstDiff(got, m.want))
		}
		m.im.Release()
	}
	if w.base != nil {
		w.base.Release()
	}
	checkEmpty(w.t, w.s)
}

// checkEmpty checks that a store of which all images are released holds
// nothing but what it keeps for reuse.
func checkEmpty(t testing.TB, s *Store) {
	t.Helper()
	s.Settle()
	s.Fit(0) // seals the open chunk
	if s.nodes != 0 || s.held != 0 || s.hot != 0 || s.indexed != 0 || s.raw != 0 || s.packed != 0 || s.spill.used != 0 || len(s.limbo) != 0 {
		t.Fatalf("after the last release: %d bytes of nodes, %d pages, %d hot, %d in the index, %d raw, %d packed, %d on disk, %d in limbo",
			s.nodes, s.held, s.hot, s.indexed, s.raw, s.packed, s.spill.used, len(s.limbo))
	}
	for what, left := range map[string]int{
		"pages":  int(s.pages.n) - len(s.pages.free),
		"slabs":  int(s.slabs.n) - len(s.slabs.free),
		"chunks": int(s.chunk.n) - len(s.chunk.free),
	} {
		if left != 1 { // number 0
			t.Fatalf("after the last release %d %s are left", left-1, what)
		}
	}
}

func firstDiff(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func TestImagesAgreeWithCopies(t *testing.T) {
	for _, hot := range []int64{0, 8 * PageSize, 1 << 30} {
		for seed := range uint64(5) {
			w := newWalker(t, seed, Options{HotBytes: hot})
			if seed%4 == 3 {
				w.s.hashOf = func(b []byte) uint64 { return uint64(b[0]) & 1 } // nearly everything collides
			}
			for range 200 {
				w.step()
			}
			w.finish()
		}
	}
}

func FuzzImages(f *testing.F) {
	f.Add(uint64(1), uint16(100), int64(0))
	f.Add(uint64(2), uint16(300), int64(1<<16))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16, hot int64) {
		o := Options{HotBytes: hot & (1<<40 - 1)}
		if seed%2 == 0 {
			o.Spill.Dirs = []string{t.TempDir()}
		}
		w := newWalker(t, seed, o)
		defer w.s.Close()
		for i := range steps % 1000 {
			w.step()
			if seed%3 == 0 && i%5 == 0 {
				w.s.Fit(int64(w.r.IntN(300 << 10)))
			}
		}
		w.finish()
	})
}

func TestEqualPagesAreStoredOnce(t *testing.T) {
	s := NewStore(Options{HotBytes: 1 << 20})
	data := bytes.Repeat([]byte{7}, 100*PageSize)
	clear(data[50*PageSize : 60*PageSize])
	a, copied := s.Snapshot(nil, data, nil)
	if copied != 90 {
		t.Errorf("90 pages are not zero, %d were copied", copied)
	}
	s.Fit(0)
	one := s.bytes()
	if s.indexed != 1 {
		t.Errorf("100 pages of two kinds, one of them zero: %d are kept, want 1", s.indexed)
	}
	data[0] = 8
	b, _ := s.Snapshot(a, data, []uint32{0, 1})
	s.Fit(0)
	if s.indexed != 2 || s.bytes() > one+2000 {
		t.Errorf("after one change: %d kept in %d bytes, before in %d; want 2", s.indexed, s.bytes(), one)
	}
	a.Release()
	b.Release()
	if s.Pages() != 0 {
		t.Errorf("%d pages are left", s.Pages())
	}
}

func TestSnapshotCostsWhatChanged(t *testing.T) {
	s := NewStore(Options{HotBytes: 1 << 30})
	data := make([]byte, 16<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(data); i += 2048 {
		data[i] = byte(r.Uint32()) | 1
	}
	im, _ := s.Snapshot(nil, data, nil)
	before := s.Bytes()
	const n = 1000 // the last slab of raw pages is 1 MiB
	for i := range n {
		data[i*4*PageSize+5]++
		next, stored := s.Snapshot(im, data, []uint32{uint32(i * 4)})
		if stored != 1 {
			t.Fatalf("one page changed, %d stored", stored)
		}
		defer next.Release()
		im = next
	}
	if each := (s.Bytes() - before) / n; each > PageSize+2200 {
		t.Errorf("a snapshot with one changed page of 16 MiB costs %d bytes", each)
	}
	copied, err := im.Restore(bytes.Clone(data), im, len(data), []uint32{3, 3 * 32})
	if copied != 2 || err != nil {
		t.Errorf("two dirty pages, %d copied: %v", copied, err)
	}
}

// heapLive is what the heap holds after collection.
func heapLive() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAccountingIsRight(t *testing.T) {
	for _, c := range []struct {
		name string
		hot  int64
		fill func(page []byte, r *rand.Rand)
	}{
		{"compressed", 0, func(p []byte, r *rand.Rand) {
			for i := 0; i < len(p); i += 16 {
				p[i] = byte(r.Uint32())
			}
		}},
		{"incompressible", 0, func(p []byte, r *rand.Rand) {
			for i := range p {
				p[i] = byte(r.Uint32())
			}
		}},
		{"raw", 1 << 40, func(p []byte, r *rand.Rand) { p[r.IntN(PageSize)] = byte(r.Uint32()) | 1 }},
	} {
		r := rand.New(rand.NewPCG(3, 4))
		data := make([]byte, 8<<20)
		before := heapLive()
		s := NewStore(Options{HotBytes: c.hot})
		var images []*Image
		var im *Image
		for range 20 {
			var changed []uint32
			for range 500 {
				p := r.IntN(len(data) / PageSize)
				c.fill(pageOf(data, p), r)
				changed = append(changed, uint32(p))
			}
			im, _ = s.Snapshot(im, data, changed)
			images = append(images, im)
		}
		held, counted := heapLive()-before, s.Bytes()
		t.Logf("%s: counted %d of %d bytes (%.1f %%), %d pages", c.name, counted, held, 100*float64(counted)/float64(held), s.Pages())
		if d := counted - held; max(d, -d)*10 > held {
			t.Errorf("%s: the store says %d bytes, the heap grew by %d: more than 10 %% off", c.name, counted, held)
		}
		for _, im := range images {
			im.Release()
		}
		runtime.KeepAlive(data)
	}
}

func TestParallelRestore(t *testing.T) {
	s := NewStore(Options{HotBytes: 4 * PageSize})
	data := make([]byte, 64*PageSize)
	var models []model
	var im *Image
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 20 {
		p := r.IntN(64)
		data[p*PageSize+i] = byte(i + 1)
		im, _ = s.Snapshot(im, data, []uint32{uint32(p)})
		models = append(models, model{im, bytes.Clone(data)})
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			mine := make([]byte, len(data))
			var base *Image
			for k := range 100 {
				m := models[(k*7+g)%len(models)]
				m.im.Restore(mine, base, len(mine), nil)
				if !bytes.Equal(mine, m.want) {
					t.Error("a parallel restore gave other bytes")
					return
				}
				base = m.im
			}
		})
	}
	for k := range 100 { // and the owner goes on meanwhile
		data[k]++
		next, _ := s.Snapshot(im, data, []uint32{0})
		next.Release()
	}
	wg.Wait()
}

func BenchmarkSnapshotOnePage(b *testing.B) {
	s := NewStore(Options{HotBytes: 64 << 20})
	data := make([]byte, 64<<20)
	for i := 0; i < len(data); i += 700 {
		data[i] = byte(i)
	}
	im, _ := s.Snapshot(nil, data, nil)
	b.ResetTimer()
	for i := range b.N {
		data[i*131%len(data)]++
		next, _ := s.Snapshot(im, data, []uint32{uint32(i * 131 % len(data) / PageSize)})
		im.Release()
		im = next
	}
}

func BenchmarkCompressPage(b *testing.B) {
	s := NewStore(Options{})
	data := make([]byte, PageSize)
	for i := 0; i < len(data); i += 4 {
		data[i] = byte(i * 7)
	}
	b.SetBytes(PageSize)
	for i := range b.N {
		data[0], data[1], data[2] = byte(i), byte(i>>8), byte(i>>16)
		im, _ := s.Snapshot(nil, data, nil)
		im.Release()
	}
}

func BenchmarkRestoreOnePage(b *testing.B) {
	for _, c := range []struct {
		name string
		hot  int64
	}{{"raw", 1 << 30}, {"packed", 0}} {
		b.Run(c.name, func(b *testing.B) {
			s := NewStore(Options{HotBytes: c.hot})
			data := make([]byte, 64<<20)
			for i := 0; i < len(data); i += 64 {
				data[i] = byte(i >> 8)
			}
			im, _ := s.Snapshot(nil, data, nil)
			b.ResetTimer()
			for i := range b.N {
				im.Restore(data, im, len(data), []uint32{uint32(i % 16384)})
			}
		})
	}
}

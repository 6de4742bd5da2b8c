package reverse

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"wrev/checkpoint"
	"wrev/checkpoint/cache"
)

// cached makes a cache file of a program's history, and damages its pages if
// asked to.
func cached(t testing.TB, p *program, tune tuning, damage bool) *Cache {
	t.Helper()
	c := &Cache{Path: filepath.Join(t.TempDir(), "app.wrev.cache"), Recording: [32]byte{1}}
	tl, err := New(p.machine(t), Options{Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	tl.setTuning(tune)
	tl.cacheMin = 1
	tl.SeekEnd()
	if err := tl.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	if damage {
		r := rand.New(rand.NewPCG(uint64(len(data)), 5))
		for range 1 + len(data)/2000 {
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
		if err := os.WriteFile(c.Path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

var cacheTuning = tuning{interval: 500, micro: 8, maxCount: 400, manyHits: 50, unit: 200, tick: 50}

func TestCacheSavesTheReplay(t *testing.T) {
	p := asking(nil)
	c := cached(t, p, cacheTuning, false)
	tl, err := New(p.machine(t), Options{Cache: c, Warn: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	tl.setTuning(cacheTuning)
	if n, _ := tl.Checkpoints(); n < 4 {
		t.Errorf("%d checkpoints were loaded", n-1)
	}
	if s := tl.SeekEnd(); s.Reason != ReasonEnd || tl.cur.replayed != 0 {
		t.Errorf("%v at %d after running %d instructions", s.Reason, s.Position, tl.cur.replayed)
	}
	sane(t, p, tl)
	end := tl.Now()
	for _, pos := range []uint64{end - 7, end / 2, end / 3, 1} {
		before := tl.cur.replayed
		if s := tl.Seek(pos); s.Reason != ReasonStep || tl.cur.replayed-before > 2*cacheTuning.interval {
			t.Errorf("%v at %d after running %d instructions", s.Reason, s.Position, tl.cur.replayed-before)
		}
		sane(t, p, tl)
	}
	old, err := os.Stat(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := tl.Close(); err != nil {
		t.Error(err)
	}
	if now, err := os.Stat(c.Path); err != nil || !os.SameFile(old, now) {
		t.Errorf("a file that had everything was written again (%v)", err)
	}
}

func TestCacheOfAnother(t *testing.T) {
	p := asking(nil)
	c := cached(t, p, cacheTuning, false)
	for name, spoil := range map[string]struct {
		do   func(c *Cache)
		want error
	}{
		"another recording": {func(c *Cache) { c.Recording[5] = 9 }, cache.ErrForeign},
		"not a cache":       {func(c *Cache) { c.Path = os.Args[0] }, cache.ErrCorrupt},
		"none":              {func(c *Cache) { c.Path += "x" }, nil},
	} {
		other := *c
		spoil.do(&other)
		var warned error
		tl, err := New(p.machine(t), Options{Cache: &other, Warn: func(err error) { warned = err }})
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := tl.Checkpoints(); n != 1 || !errors.Is(warned, spoil.want) {
			t.Errorf("%s: %d checkpoints, warning %v", name, n, warned)
		}
		if s := tl.SeekEnd(); s.Reason != ReasonEnd {
			t.Errorf("%s: %v", name, s.Reason)
		}
		sane(t, p, tl)
		if err := tl.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCacheDamage damages one byte after the other of a cache, and goes about.
func TestCacheDamage(t *testing.T) {
	p := asking(nil)
	c := cached(t, p, cacheTuning, false)
	good, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for at := 0; at < len(good); at += 1 + len(good)/40 {
		bad := append([]byte(nil), good...)
		bad[at] ^= 0x10
		if err := os.WriteFile(c.Path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		tl, err := New(p.machine(t), Options{Cache: c, Warn: func(err error) {
			if errors.Is(err, checkpoint.ErrLost) {
				lost++
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		tl.setTuning(cacheTuning)
		tl.SeekEnd()
		end := tl.Now()
		sane(t, p, tl)
		for pos := end; pos > 800; pos -= 700 {
			if s := tl.Seek(pos); s.Position != pos {
				t.Fatalf("byte %d: %v at %d, want %d: %v", at, s.Reason, s.Position, pos, s.Err)
			}
			sane(t, p, tl)
		}
		if err := tl.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if lost == 0 {
		t.Error("no page was found damaged when it was needed: the test tests nothing")
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	tl, err := New(asking(nil).machine(t), Options{Cache: &Cache{Path: filepath.Join(t.TempDir(), "none", "c")}})
	if err != nil {
		t.Fatal(err)
	}
	tl.cacheMin = 1
	if s := tl.SeekEnd(); s.Reason != ReasonEnd {
		t.Fatal(s.Reason)
	}
	if err := tl.Close(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one that tells of the folder", err)
	}
}

// TestShortHistoriesAreNotCached: running through them takes no time.
func TestShortHistoriesAreNotCached(t *testing.T) {
	c := &Cache{Path: filepath.Join(t.TempDir(), "c")}
	tl, err := New(asking(nil).machine(t), Options{Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	tl.SeekEnd()
	if err := tl.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(c.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file (%v)", err)
	}
}

// TestBranchesAreNotCached: the file is of the trunk, wherever now is.
func TestBranchesAreNotCached(t *testing.T) {
	p := asking(nil)
	for _, fork := range []uint64{0, 400} {
		c := &Cache{Path: filepath.Join(t.TempDir(), "app.wrev.cache"), Recording: [32]byte{1}}
		tl, _ := branching(t, p, false, Options{Cache: c})
		tl.setTuning(cacheTuning)
		tl.cacheMin = 1
		tl.SeekEnd()
		tl.Seek(fork)
		if _, err := tl.Edit(poke(100, 77)); err != nil {
			t.Fatal(err)
		}
		tl.saved = 0
		tl.SeekEnd()
		if err := tl.Close(); err != nil {
			t.Fatal(err)
		}
		again, book := branching(t, p, false, Options{Cache: c})
		if n, _ := again.Checkpoints(); n < 3 {
			t.Fatalf("fork at %d: %d checkpoints are kept", fork, n)
		}
		for _, s := range again.hist.list {
			again.Seek(s.pos)
			at(t, again, book, p, 0, s.pos)
		}
	}
}

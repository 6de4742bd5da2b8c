package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
)

// TestPiecesGoRound rewrites a memory again and again: the store must make do
// with the memory that its limit allows.
func TestPiecesGoRound(t *testing.T) {
	const size, limit = 2 << 20, 16 << 20
	s := NewStore(Options{HotBytes: 4 << 20, Spill: Spill{Dirs: []string{t.TempDir()}}})
	defer s.Close()
	r := rand.New(rand.NewPCG(5, 6))
	data := make([]byte, size)
	changed := make([]uint32, size/PageSize)
	for i := range changed {
		changed[i] = uint32(i)
	}
	var images []*Image
	var im *Image
	const rounds = 50
	for round := range rounds {
		for i := 0; i < size; i += 32 {
			binary.LittleEndian.PutUint64(data[i:], r.Uint64())
		}
		im, _ = s.Snapshot(im, data, changed)
		images = append(images, im)
		if n := s.Fit(limit); n > limit {
			t.Fatalf("round %d: %d bytes are held, the limit is %d", round, n, limit)
		}
	}
	s.Settle()
	if n := s.made * pieceBytes; n > 2*limit {
		t.Errorf("capturing %d bytes took %d bytes of memory", rounds*size, n)
	}
	got := make([]byte, size)
	if _, err := im.Restore(got, nil, 0, nil); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the last image: %v, or another byte at %d", err, firstDiff(got, data))
	}
	for _, im := range images {
		im.Release()
	}
	checkEmpty(t, s)
}

// TestRestoreOfManyPages restores so many pages that several goroutines load
// them, from everywhere, with dirty pages that repeat.
func TestRestoreOfManyPages(t *testing.T) {
	const pages = 5*loadBatch + 7
	for name, o := range map[string]Options{
		"raw":    {HotBytes: 1 << 30},
		"packed": {},
		"disk":   {Spill: Spill{Dirs: []string{t.TempDir()}}},
	} {
		s := NewStore(o)
		r := rand.New(rand.NewPCG(1, 2))
		data := make([]byte, pages*PageSize-100)
		for i := 0; i < len(data); i += 64 {
			data[i] = byte(r.Uint32())
		}
		noise(r, data[:100*PageSize])
		im, _ := s.Snapshot(nil, data, nil)
		s.Fit(0)
		s.Settle()
		if name == "disk" && s.DiskBytes() == 0 {
			t.Fatal("nothing is on the disk: the test tests less than it should")
		}
		other := bytes.Clone(data)
		var dirty []uint32
		for range 2 {
			for i := uint32(0); i < pages; i += 2 {
				noise(r, pageOf(other, int(i))[:8])
				dirty = append(dirty, i)
			}
		}
		if _, err := im.Restore(other, im, len(other), dirty); err != nil || !bytes.Equal(other, data) {
			t.Errorf("%s: dirty pages: %v, or another byte at %d", name, err, firstDiff(other, data))
		}
		clear(other)
		if n, err := im.Restore(other, nil, 0, nil); n != pages || err != nil || !bytes.Equal(other, data) {
			t.Errorf("%s: all pages: %d, %v, or another byte at %d", name, n, err, firstDiff(other, data))
		}
		if name == "disk" {
			if _, err := s.spill.file.f.WriteAt([]byte{1, 2, 3, 4, 5}, s.spill.end/2); err != nil {
				t.Fatal(err)
			}
			if _, err := im.Restore(other, nil, 0, nil); !errors.Is(err, ErrLost) {
				t.Errorf("a damaged file: %v, want that a page is lost", err)
			}
		}
		im.Release()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

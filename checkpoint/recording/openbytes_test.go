package recording

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// countedReads counts the bytes that are read through it.
type countedReads struct {
	io.ReaderAt
	bytes int64
}

func (c *countedReads) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, off)
	c.bytes += int64(n)
	return n, err
}

// Opening a recording, and reading its last call, does not read the other calls.
func TestOpenReadsLittle(t *testing.T) {
	const calls = 1_000_000
	path := filepath.Join(t.TempDir(), "a.wrev")
	w, err := Create(path, Meta{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	clock := newClockCalls()
	for range calls {
		if err := w.Append(clock.next()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(End{}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	counted := &countedReads{ReaderAt: f}
	r, err := newReader(counted, func() (int64, error) { return info.Size(), nil })
	if err != nil {
		t.Fatal(err)
	}
	if r.NumCalls() != calls {
		t.Fatalf("%d calls, want %d", r.NumCalls(), calls)
	}
	if limit := info.Size() / 8; counted.bytes > limit {
		t.Errorf("opening read %d bytes of a file of %d, more than %d", counted.bytes, info.Size(), limit)
	}
	if _, err := r.Call(calls - 1); err != nil {
		t.Fatal(err)
	}
	if limit := info.Size() / 4; counted.bytes > limit {
		t.Errorf("opening and the last call read %d bytes of a file of %d, more than %d", counted.bytes, info.Size(), limit)
	}
}

package recording

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fullDisk is a file on a disk that has room for so many more bytes past the end of the file, and for ever once freed.
type fullDisk struct {
	file
	mu    sync.Mutex
	room  int64
	size  int64
	freed bool
	stuck bool // Truncate fails, too
}

var errDiskFull = errors.New("no space left on device")

func (d *fullDisk) WriteAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	grow := max(off+int64(len(p))-d.size, 0)
	if grow <= d.room || d.freed {
		n, err := d.file.WriteAt(p, off)
		d.size += grow
		d.room -= grow
		return n, err
	}
	fit := int64(len(p)) - grow + d.room
	n, err := d.file.WriteAt(p[:fit], off)
	if err == nil {
		err = errDiskFull
	}
	d.size, d.room = d.size+d.room, 0
	return n, err
}

func (d *fullDisk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stuck {
		return errDiskFull
	}
	d.room += d.size - size
	d.size = size
	return d.file.Truncate(size)
}

// TestDiskFull lets the disk become full at many places, with and without a Truncate that works, and with and without room
// again before Close.
func TestDiskFull(t *testing.T) {
	calls := damageCalls()
	whole := int64(len(readFile(t, record(t, smallConfig, calls, &End{}))))
	rooms := []int64{0, 1, 4000}
	for room := (fileHeader{journalOffset, uint32(smallConfig.slotSize), numSlots}).chunksOffset(); room < whole+20; room += 41 {
		rooms = append(rooms, room)
	}
	for i, room := range rooms {
		disk := &fullDisk{room: room, stuck: i&1 != 0}
		t.Run(fmt.Sprintf("room %d of %d", room, whole), func(t *testing.T) {
			recordOnFullDisk(t, disk, i&2 != 0, calls)
		})
	}
}

// recordOnFullDisk records calls. Append must report the error, all acknowledged calls must be in the file, and nothing that
// is not a prefix of the calls.
func recordOnFullDisk(t *testing.T, disk *fullDisk, freed bool, calls []HostCall) {
	path := filepath.Join(t.TempDir(), "a.wrev")
	w, err := create(path, testMeta(), testModule, config{
		slotSize: smallConfig.slotSize,
		wrap:     func(f file) file { disk.file = f; return disk },
	})
	if err != nil {
		if _, statErr := os.Stat(path); !errors.Is(err, errDiskFull) || !errors.Is(statErr, os.ErrNotExist) {
			t.Errorf("Create: %v, the file: %v", err, statErr)
		}
		return
	}
	var failed error
	acknowledged := 0
	for i := range calls {
		if err := w.Append(&calls[i]); err == nil && failed != nil {
			t.Fatalf("call %d was accepted after an error", i)
		} else if err == nil {
			acknowledged++
		} else if failed = err; !errors.Is(err, errDiskFull) || !strings.Contains(err.Error(), path) {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	disk.mu.Lock()
	disk.freed = freed
	disk.mu.Unlock()
	closed := w.Close(End{})
	if failed != nil && !errors.Is(closed, errDiskFull) {
		t.Errorf("Append returned %v, Close %v", failed, closed)
	}
	r := checkPrefix(t, path, calls, acknowledged, acknowledged)
	if _, ok := r.End(); ok != (closed == nil) {
		t.Errorf("end %v after Close returned %v", ok, closed)
	}
	if w := r.Warnings(); len(w) > 0 && !disk.stuck {
		t.Errorf("warnings: %q", w)
	}
}

// checkPrefix opens a recording that must have at least least and at most most of the calls.
func checkPrefix(t *testing.T, path string, calls []HostCall, least, most int) *Reader {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if n := int(r.NumCalls()); n < least || n > most {
		t.Fatalf("%d calls can be read, want %d to %d; warnings: %q", n, least, most, r.Warnings())
	}
	checkCalls(t, r, calls[:r.NumCalls()])
	return r
}

// TestWriteThroughFails is a disk error where there is no mapping.
func TestWriteThroughFails(t *testing.T) {
	calls := damageCalls()
	for after := 0; after < 90; after += 5 {
		failing := &failingFile{left: after}
		path := filepath.Join(t.TempDir(), "a.wrev")
		w, err := create(path, testMeta(), testModule, config{
			slotSize: smallConfig.slotSize, writeThrough: true,
			wrap: func(f file) file { failing.file = f; return failing },
		})
		if err != nil {
			continue
		}
		acknowledged := 0
		for i := range calls {
			if w.Append(&calls[i]) != nil {
				break
			}
			acknowledged++
		}
		closed := w.Close(End{})
		r := checkPrefix(t, path, calls, acknowledged, min(acknowledged+1, len(calls)))
		if _, ok := r.End(); ok && acknowledged < len(calls) {
			t.Errorf("after %d writes: an end, Close returned %v", after, closed)
		}
	}
}

// failingFile fails after so many writes, for ever.
type failingFile struct {
	file
	mu   sync.Mutex
	left int
}

func (f *failingFile) WriteAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left--; f.left < 0 {
		return 0, errDiskFull
	}
	return f.file.WriteAt(p, off)
}

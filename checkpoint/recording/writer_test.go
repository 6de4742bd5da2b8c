package recording

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestAppendCopies changes everything that was handed to Append.
func TestAppendCopies(t *testing.T) {
	w, path := newWriter(t, config{})
	c := HostCall{Args: []uint64{0}, Results: []uint64{0}, Writes: []MemWrite{{Data: make([]byte, 8)}, {Data: make([]byte, 3)}}}
	var want []HostCall
	for i := range 300 {
		c.Args[0], c.Results[0], c.Writes[0].Data[1], c.Writes[1].Data[2] = uint64(i/2), uint64(i/3), byte(i/5), byte(i)
		want = append(want, HostCall{Args: slices.Clone(c.Args), Results: slices.Clone(c.Results), Writes: []MemWrite{
			{Data: bytes.Clone(c.Writes[0].Data)}, {Data: bytes.Clone(c.Writes[1].Data)}}})
		if err := w.Append(&c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(End{}); err != nil {
		t.Fatal(err)
	}
	checkCalls(t, mustOpen(t, path), want)
}

func TestAppendDoesNotAllocate(t *testing.T) {
	w, _ := newWriter(t, config{})
	defer w.Close(End{})
	clock, write := newClockCalls(), &writeCalls{}
	for name, next := range map[string]func() *HostCall{"clock_time_get": clock.next, "fd_write": write.next} {
		w.Append(next())
		// Enough calls for several flushes.
		allocs := testing.AllocsPerRun(5, func() {
			for range 30_000 {
				w.Append(next())
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations in 30000 calls", name, allocs)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]HostCall{
		"import":    {Import: maxImport},
		"no import": {Import: noImport},
		"args":      {Args: make([]uint64, maxValues+1)},
		"results":   {Results: make([]uint64, maxValues+1)},
		"writes":    {Writes: slices.Repeat([]MemWrite{{Data: []byte{1}}}, maxWrites+1)},
		"address":   {Writes: []MemWrite{{Addr: math.MaxUint32, Data: []byte{1, 2}}}},
		"size":      {Writes: slices.Repeat([]MemWrite{{Data: make([]byte, 1<<20)}}, 1025)},
	} {
		calls := numbers(1, 2)
		w, path := newWriter(t, config{})
		for i := range calls {
			w.Append(&calls[i])
		}
		err := w.Append(&c)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if again := w.Append(&calls[0]); again == nil {
			t.Errorf("%s: a later call was accepted, so that the log has a gap", name)
		}
		if e := w.Close(End{}); e == nil || !strings.Contains(e.Error(), err.Error()) {
			t.Errorf("%s: Close returned %v, want %v", name, e, err)
		}
		r := mustOpen(t, path)
		checkCalls(t, r, calls)
		if _, ok := r.End(); ok {
			t.Errorf("%s: an incomplete recording has an end", name)
		}
	}
}

func TestClose(t *testing.T) {
	w, path := newWriter(t, config{})
	if err := w.Close(End{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(End{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if err := w.Append(&HostCall{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if journal := data[journalOffset : journalOffset+numSlots*defaultSlotSize]; len(bytes.Trim(journal, "\x00")) > 0 {
		t.Error("the journal of a closed recording is not empty")
	}
}

func TestCreateReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.wrev")
	old, err := Create(path, testMeta(), testModule)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	w, err := Create(filepath.Join(dir, "link"), testMeta(), testModule)
	if err != nil {
		t.Fatal(err)
	}
	calls := numbers(5, 6)
	for i := range calls {
		// The first recorder is not harmed: its file is still there, only without a name.
		if err := errors.Join(old.Append(&HostCall{}), w.Append(&calls[i])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(old.Close(End{}), w.Close(End{})); err != nil {
		t.Fatal(err)
	}
	checkCalls(t, mustOpen(t, path), calls)

	for _, bad := range []string{dir, filepath.Join(dir, "none", "a.wrev")} {
		if _, err := Create(bad, testMeta(), testModule); err == nil {
			t.Errorf("created a recording at %s", bad)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestLiveReader opens a recording again and again while it is being written.
func TestLiveReader(t *testing.T) {
	for _, writeThrough := range []bool{false, true} {
		t.Run(fmt.Sprintf("write-through %v", writeThrough), func(t *testing.T) {
			calls := randomCalls(3, 20_000)
			w, path := newWriter(t, config{slotSize: 512, writeThrough: writeThrough})
			var mu sync.Mutex
			acknowledged := 0
			done := make(chan error, 1)
			go func() {
				var err error
				for i := range calls {
					if err = w.Append(&calls[i]); err != nil {
						break
					}
					mu.Lock()
					acknowledged = i + 1
					mu.Unlock()
				}
				done <- errors.Join(err, w.Close(End{}))
			}()
			for finished := false; !finished; {
				select {
				case err := <-done:
					if err != nil {
						t.Fatal(err)
					}
					finished = true
				default:
				}
				mu.Lock()
				least := acknowledged
				mu.Unlock()
				r := mustOpen(t, path)
				if r.NumCalls() < uint64(least) {
					t.Fatalf("%d calls were acknowledged, %d can be read", least, r.NumCalls())
				}
				for i := max(least-50, 0); uint64(i) < r.NumCalls(); i++ {
					if c, err := r.Call(uint64(i)); err != nil || !sameCall(c, &calls[i]) {
						t.Fatalf("call %d is %v (%v), want %v", i, c, err, calls[i])
					}
				}
				r.Close()
			}
			checkCalls(t, mustOpen(t, path), calls)
		})
	}
}

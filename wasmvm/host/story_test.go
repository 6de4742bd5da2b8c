package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
)

// teller answers the calls of bounded by counting, and waits when told to.
type teller struct {
	salt  byte
	asked int
	wait  bool
}

func (o *teller) Answer(c *Call) (recording.HostCall, recording.Source, error) {
	if o.wait {
		return recording.HostCall{}, "", fmt.Errorf("a test: %w", ErrWaiting)
	}
	o.asked++
	a := recording.HostCall{Results: []uint64{0}}
	switch c.Name {
	case "clock_time_get":
		a.Writes = []recording.MemWrite{{Addr: 32, Data: binary.LittleEndian.AppendUint64(nil, uint64(o.asked))}}
	case "random_get":
		a.Writes = []recording.MemWrite{{Addr: 128, Data: bytes.Repeat([]byte{o.salt, byte(c.N)}, 8)}}
	default:
		return a, "", fmt.Errorf("unexpected %s", c.Name)
	}
	return a, recording.SourceSynthetic, nil
}

// state is a machine's state that one can go back to.
type state struct {
	core          *wasmvm.Core
	memory, stack []byte
}

func saveState(m *wasmvm.Machine) state {
	return state{m.SaveCore(), bytes.Clone(m.Memory()), bytes.Clone(m.StackBytes())}
}

func (s state) restore(t *testing.T, m *wasmvm.Machine) {
	t.Helper()
	if err := m.RestoreCore(s.core); err != nil {
		t.Fatal(err)
	}
	copy(m.Memory(), s.memory)
	m.MarkAllDirty()
	copy(m.StackBytes(), s.stack)
}

func storyMachine(t *testing.T, s *Story, main bool) *wasmvm.Machine {
	t.Helper()
	m, err := wasmvm.New(s.mod, MachineConfig(s.Recording(), s.Host(main)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// runTo runs until so many calls are made, or the program ends.
func runTo(m *wasmvm.Machine, calls uint64) wasmvm.Stop {
	for {
		if stop := m.Run(m.Position() + 1); stop.Reason != wasmvm.StopLimit || m.HostCalls() >= calls {
			return stop
		}
	}
}

func TestStory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wrev")
	wasm := bounded(20) // 40 calls
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	w, err := recording.Create(path, recording.Meta{MaxMemoryPages: 1, GOARCH: "amd64"}, wasm)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewLiveStory(w, mod)
	if err != nil {
		t.Fatal(err)
	}
	trunk := &teller{salt: 1}
	s.Trunk = trunk
	var switched [][]int
	s.Switched = func(path []int) { switched = append(switched, path) }

	m := storyMachine(t, s, true)
	start := saveState(m)
	runTo(m, 10)
	fork, forkDigest := saveState(m), m.Digest()

	// A call that waits stays unmade, and is made when it is asked again.
	trunk.wait = true
	if stop := runTo(m, 40); stop.Reason != wasmvm.StopHost || !errors.Is(stop.Err, ErrWaiting) || m.HostCalls() != 10 {
		t.Fatalf("a call that waits: %+v after %d calls", stop, m.HostCalls())
	}
	trunk.wait = false
	stop := runTo(m, 100)
	end := m.Digest()
	if stop.Reason != wasmvm.StopExit || trunk.asked != 40 || s.Calls(0) != 40 {
		t.Fatalf("%+v, %d calls asked, %d known", stop, trunk.asked, s.Calls(0))
	}
	// What has run is repeated from the log.
	start.restore(t, m)
	if runTo(m, 10); m.Digest() != forkDigest || trunk.asked != 40 {
		t.Fatalf("going over history again: %d calls asked, same state %v", trunk.asked, m.Digest() == forkDigest)
	}

	// A branch at call 10, and one of that at call 20.
	other := &teller{salt: 2}
	s.Branch = other
	for id, first := range []uint64{1: 10, 2: 20} {
		if id == 0 {
			continue
		}
		if err := s.Branches().Add(recording.BranchEvent{Kind: recording.BranchForked, Branch: id, Parent: id - 1, Fork: m.Position(), FirstCall: first}); err != nil {
			t.Fatal(err)
		}
		s.Select(id)
		runTo(m, 20)
	}
	if stop := runTo(m, 30); stop.Reason != wasmvm.StopLimit || other.asked != 20 || m.Digest() == end {
		t.Fatalf("%+v, %d calls asked", stop, other.asked)
	}
	inBranch := m.Digest()
	want := map[recording.Source]int{recording.SourceSynthetic: 10}
	if got := s.Sources(2); !reflect.DeepEqual(got, want) || s.Calls(1) != 20 || s.Calls(2) != 30 {
		t.Fatalf("sources %v, %d and %d calls", got, s.Calls(1), s.Calls(2))
	}
	s.Select(0)
	fork.restore(t, m)
	if runTo(m, 100); m.Digest() != end {
		t.Fatal("the trunk was changed by its branch")
	}
	if !reflect.DeepEqual(switched, [][]int{{0, 1}, {0, 1, 2}, {0}}) {
		t.Fatalf("switched: %v", switched)
	}
	if err := errors.Join(s.Branches().Close(), w.Close(recording.End{})); err != nil {
		t.Fatal(err)
	}

	// It can be verified and listed.
	digests := make(map[int][32]byte)
	func() {
		r := open(t, path)
		b, _, err := recording.ReadBranches(r, path)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		look := NewStory(r, mod, b)
		for branch, calls := range []uint64{40, 20, 30} {
			v, err := look.Verify(context.Background(), branch, nil)
			if err != nil || v.Calls != calls {
				t.Fatalf("branch %d: %v, %+v", branch, err, v)
			}
			digests[branch] = v.Digest
			sources := make(map[recording.Source]int)
			err = look.Events(context.Background(), branch, true, nil, func(e Event) error {
				sources[e.Source]++
				return nil
			})
			own := map[int]int{0: 0, 1: 10, 2: 20}[branch]
			if err != nil || sources[""] != int(calls)-own || sources[recording.SourceSynthetic] != own {
				t.Fatalf("events of branch %d: %v, %v", branch, err, sources)
			}
		}
	}()
	if digests[0] != end {
		t.Fatal("verified was something else than what ran")
	}

	// Another session finds all of it.
	r := open(t, path)
	b, warnings, err := recording.OpenBranches(r, path)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	defer b.Close()
	s = NewStory(r, mod, b)
	s.Select(2)
	m = storyMachine(t, s, false)
	if runTo(m, 30); m.Digest() != inBranch {
		t.Fatal("the branch is another one after reopening")
	}
	if stop := runTo(m, 31); !errors.Is(stop.Err, ErrEndOfLog) {
		t.Fatalf("behind the log a machine that is not the main one: %+v", stop)
	}
	s.Select(0)
	m = storyMachine(t, s, false)
	if stop := runTo(m, 100); stop.Reason != wasmvm.StopExit || m.Digest() != end {
		t.Fatalf("the trunk after reopening: %+v", stop)
	}
}

package book

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/reverse"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/answers"
)

// session is a recording opened for debugging.
type session struct {
	*reverse.Timeline
	book     *Book
	story    *host.Story
	branches *recording.Branches
}

func openSession(t *testing.T, path string) *session {
	t.Helper()
	rec, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	mod, err := wasmvm.Decode(rec.Module())
	if err != nil {
		t.Fatal(err)
	}
	branches, warnings, err := recording.OpenBranches(rec, path)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	s := &session{story: host.NewStory(rec, mod, branches), branches: branches}
	if s.story.Branch, err = answers.New("synthetic", answers.Options{}); err != nil {
		t.Fatal(err)
	}
	if s.book, err = New(s.story); err != nil {
		t.Fatal(err)
	}
	machine := func(main bool) (*wasmvm.Machine, error) {
		return wasmvm.New(mod, host.MachineConfig(rec, s.story.Host(main)))
	}
	m, err := machine(true)
	if err != nil {
		t.Fatal(err)
	}
	s.Timeline, err = reverse.New(m, reverse.Options{
		Book: s.book, EndOfLog: host.ErrEndOfLog, Paused: host.ErrWaiting,
		NewMachine: func() (*wasmvm.Machine, error) { return machine(false) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *session) close(t *testing.T) {
	t.Helper()
	if err := s.book.Save(); err != nil {
		t.Fatal(err)
	}
	if err := s.branches.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// end is where the current branch ends, and the digest there.
func (s *session) end(t *testing.T) (uint64, [32]byte) {
	t.Helper()
	if stop := s.SeekEnd(); stop.Reason != reverse.ReasonEnd && stop.Reason != reverse.ReasonTrap {
		t.Fatalf("branch %d does not end: %+v", s.Branch(), stop)
	}
	return s.Now(), s.Machine().Digest()
}

// edit changes the first bytes of the program's data.
func (s *session) edit(t *testing.T, at uint64, data string) {
	t.Helper()
	s.Seek(at)
	if _, err := s.Edit(wasmvm.Edit{Kind: wasmvm.EditMemory, Addr: 16, Data: []byte(data)}); err != nil {
		t.Fatal(err)
	}
}

// Branches, and branches of branches, are there again in the next session, to
// the last bit.
func TestBookPersists(t *testing.T) {
	wasm, err := os.ReadFile("../../testdata/programs/io.O2.wasm")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "io.wrev")
	if _, err := host.Record(context.Background(), wasm, "io", path, host.Options{}); err != nil {
		t.Fatal(err)
	}

	s := openSession(t, path)
	type ending struct {
		pos    uint64
		digest [32]byte
	}
	var want []ending
	note := func() {
		pos, digest := s.end(t)
		want = append(want, ending{pos, digest})
	}
	note()
	s.edit(t, want[0].pos/2, "one")
	note()
	s.edit(t, want[1].pos/4*3, "of one")
	note()
	if _, err := s.Switch(0); err != nil {
		t.Fatal(err)
	}
	s.edit(t, want[0].pos/3, "another")
	note()
	for i, w := range want[1:] {
		if w.digest == want[0].digest {
			t.Errorf("branch %d is like the trunk", i+1)
		}
	}
	if err := s.Drop(2); err != nil {
		t.Fatal(err)
	}
	list := s.Branches()
	s.close(t)

	s = openSession(t, path)
	got := s.Branches()
	// How far the trunk goes is found out by running it, and nobody asks any more
	// for the edits of a branch that was dropped.
	got[0].Reached, got[0].End = list[0].Reached, list[0].End
	got[2].Edits = list[2].Edits
	if !reflect.DeepEqual(got, list) {
		t.Errorf("after reopening\n%+v, want\n%+v", got, list)
	}
	for _, id := range []int{3, 1, 0} {
		if _, err := s.Switch(id); err != nil {
			t.Fatalf("switch to %d: %v", id, err)
		}
		if pos, digest := s.end(t); (ending{pos, digest}) != want[id] {
			t.Errorf("branch %d ends at %d, want %d, or in another state", id, pos, want[id].pos)
		}
	}
	if n := s.story.Calls(1) - s.book.list[1].FirstCall; n == 0 || len(s.story.Sources(1)) == 0 {
		t.Errorf("branch 1 has %d calls of its own, from %v", n, s.story.Sources(1))
	}
	s.close(t)
}

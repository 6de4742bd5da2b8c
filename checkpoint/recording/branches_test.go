package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// branched makes a recording of a few calls.
func branched(t *testing.T, finish bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.wrev")
	w, err := Create(path, Meta{ModuleName: path}, []byte("module"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(10) {
		if err := w.Append(&HostCall{Import: 1, Args: []uint64{i}, Results: []uint64{0}}); err != nil {
			t.Fatal(err)
		}
	}
	if finish {
		err = w.Close(End{})
	} else {
		w.rescue()
		err = w.release()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func openBranched(t *testing.T, path string) (*Reader, *Branches, []string) {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, warnings, err := OpenBranches(r, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); b.Close() })
	return r, b, warnings
}

func branchCall(id int, n uint64) *HostCall {
	return &HostCall{
		Import: uint32(n % 3), Args: []uint64{n, uint64(id)}, Results: []uint64{n},
		Writes: []MemWrite{{Addr: uint32(n * 16), Data: []byte(fmt.Sprint("call ", n, " of ", id))}}, Inputs: n,
	}
}

// grow forks two branches and lets them make calls in turns.
func grow(t *testing.T, b *Branches, rounds int) {
	t.Helper()
	add := func(e BranchEvent) {
		t.Helper()
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	base := len(b.logs)
	add(BranchEvent{Kind: BranchForked, Branch: base, Fork: 100, FirstCall: 4})
	add(BranchEvent{Kind: BranchEdited, Branch: base, Position: 100, Calls: 4, Edit: json.RawMessage(`{"Kind":"memory","Addr":16}`)})
	add(BranchEvent{Kind: BranchForked, Branch: base + 1, Parent: base, Fork: 200, FirstCall: 4})
	rng := rand.New(rand.NewPCG(1, uint64(rounds)))
	for range rounds {
		id := base + rng.IntN(2)
		if err := b.Append(id, branchCall(id, b.NumCalls(id)), sourceCodes[rng.IntN(len(sourceCodes))]); err != nil {
			t.Fatal(err)
		}
	}
	add(BranchEvent{Kind: BranchNoted, Branch: base, Reached: 5000, End: "exit code 0"})
}

// told is everything that a reader tells of branches.
type told struct {
	events  []BranchEvent
	calls   [][]HostCall
	sources [][]Source
}

func tell(t *testing.T, b *Branches) (all told) {
	t.Helper()
	all.events = b.Events()
	for id := 1; id < len(b.logs); id++ {
		first := b.Branch(id).FirstCall
		end := b.NumCalls(id)
		var calls []HostCall
		var sources []Source
		for n := first; n < end; n++ {
			c, err := b.Call(id, n)
			s, err2 := b.Source(id, n)
			if err != nil || err2 != nil {
				t.Fatalf("branch %d call %d: %v %v", id, n, err, err2)
			}
			calls, sources = append(calls, *c), append(sources, s)
		}
		all.calls, all.sources = append(all.calls, calls), append(all.sources, sources)
	}
	return all
}

func sameBranches(t *testing.T, got *Branches, want told) {
	t.Helper()
	if g := tell(t, got); !reflect.DeepEqual(g, want) {
		t.Fatalf("branches\n got %+v\nwant %+v", g, want)
	}
}

// done tells everything and closes.
func done(t *testing.T, b *Branches) told {
	t.Helper()
	all := tell(t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestBranchesPersist(t *testing.T) {
	for _, finished := range []bool{true, false} {
		path := branched(t, finished)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, b, warnings := openBranched(t, path)
		if len(warnings) > 0 || b.Where() != path {
			t.Fatalf("warnings %q, kept in %s", warnings, b.Where())
		}
		id := r.Identity()
		grow(t, b, 500)
		want := done(t, b)
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(after), string(before)) {
			t.Fatal("the recording itself was changed")
		}
		r2, again, warnings := openBranched(t, path)
		if len(warnings)+len(r2.Warnings()) > 0 || r2.Identity() != id || r2.NumCalls() != 10 {
			t.Fatalf("finished %v: warnings %q %q, %d calls, same identity %v", finished, warnings, r2.Warnings(), r2.NumCalls(), r2.Identity() == id)
		}
		sameBranches(t, again, want)
		grow(t, again, 100) // more of them, by the next session
		want = done(t, again)
		_, third, _ := openBranched(t, path)
		sameBranches(t, third, want)
	}
}

func TestBranchesBesideTheRecording(t *testing.T) {
	path := branched(t, true)
	_, b, _ := openBranched(t, path)
	grow(t, b, 50)
	// While b holds the file, another session keeps its own beside it.
	_, c, warnings := openBranched(t, path)
	if len(warnings) != 1 || c.Where() != path+".branches" {
		t.Fatalf("warnings %q, kept in %s", warnings, c.Where())
	}
	grow(t, c, 70)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	want := done(t, c)
	_, d, warnings := openBranched(t, path)
	if len(warnings) > 0 || d.Where() != path+".branches" {
		t.Fatalf("warnings %q, kept in %s", warnings, d.Where())
	}
	sameBranches(t, d, want)
	// Who only looks is in nobody's way.
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	looked, warnings, err := ReadBranches(r, path)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	defer looked.Close()
	sameBranches(t, looked, want)
	if err := looked.Add(BranchEvent{Kind: BranchNoted, Branch: 1}); err == nil {
		t.Error("who only looks could add an event")
	}
	d.Close()

	other := branched(t, true)
	text, err := os.ReadFile(path + ".branches")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other+".branches", text, 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, _, err := OpenBranches(o, other); !errors.Is(err, ErrForeignBranches) {
		t.Fatalf("branches of another recording: %v", err)
	}
}

// A write that was torn leaves the events before it, and the next branch takes its place.
func TestBranchesTorn(t *testing.T) {
	path := branched(t, true)
	_, b, _ := openBranched(t, path)
	grow(t, b, 200)
	b.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start, _ := Open(branched(t, true))
	defer start.Close()
	for cut := int(start.usable); cut < len(whole); cut += 211 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		_, b, _ := openBranched(t, path)
		if n := len(b.Events()); n > 4 {
			t.Fatalf("cut at %d: %d events", cut, n)
		}
		grow(t, b, 5)
		want := done(t, b)
		_, again, warnings := openBranched(t, path)
		if len(warnings) > 0 {
			t.Fatalf("cut at %d: %q", cut, warnings)
		}
		sameBranches(t, again, want)
		again.Close()
	}
}

// Damage in the middle costs what follows, and what is new goes beside the recording.
func TestBranchesDamaged(t *testing.T) {
	path := branched(t, true)
	r, b, _ := openBranched(t, path)
	grow(t, b, 200)
	b.Close()
	data := readFile(t, path)
	data[r.usable+chunkHeaderSize+2] ^= 0x40
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, c, warnings := openBranched(t, path)
	if len(warnings) != 2 || c.Where() != path+".branches" || len(c.Events()) != 0 {
		t.Fatalf("%q, %d events, kept in %s", warnings, len(c.Events()), c.Where())
	}
	grow(t, c, 20)
	want := done(t, c)
	_, d, _ := openBranched(t, path)
	sameBranches(t, d, want)
	if string(readFile(t, path)) != string(data) {
		t.Fatal("the damaged recording was changed")
	}
}

func TestBranchesRefuse(t *testing.T) {
	_, b, _ := openBranched(t, branched(t, true))
	grow(t, b, 5)
	for _, e := range []BranchEvent{
		{Kind: BranchForked, Branch: 2}, {Kind: BranchForked, Branch: 4}, {Kind: BranchForked, Branch: 3, Parent: 3},
		{Kind: BranchForked, Branch: 3, Parent: 1, FirstCall: 3}, {Kind: BranchEdited, Branch: 3}, {Kind: BranchDropped}, {Kind: "x"},
	} {
		if err := b.Add(e); err == nil {
			t.Errorf("%+v was accepted", e)
		}
	}
	if err := b.Append(0, &HostCall{}, SourceLive); err == nil {
		t.Error("a call of the trunk was accepted")
	}
}

// A follower has each call at once, and the branches of a live program are in its recording.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wrev")
	w, err := Create(path, Meta{}, []byte("module"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Follow()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := w.Branches(r)
	const n = 20_000 // some chunks, and large calls between them
	want := func(i uint64) *HostCall {
		c := branchCall(0, i)
		if i%5000 == 4999 {
			c.Writes = append(c.Writes, MemWrite{Addr: 0, Data: make([]byte, 100_000)})
		}
		return c
	}
	for i := range uint64(n) {
		if err := w.Append(want(i)); err != nil {
			t.Fatal(err)
		}
		if i == n/2 {
			if err := b.Add(BranchEvent{Kind: BranchEdited, Branch: 0, Position: 7, Calls: i + 1}); err != nil {
				t.Fatal(err)
			}
			grow(t, b, 100)
		}
		for _, k := range []uint64{i, i / 2} {
			if c, err := r.Call(k); err != nil || !reflect.DeepEqual(c, want(k)) {
				t.Fatalf("call %d of %d: %v, %+v", k, i+1, err, c)
			}
		}
	}
	if r.NumCalls() != n || len(r.tail) > 5000 {
		t.Fatalf("%d calls, %d of them in memory", r.NumCalls(), len(r.tail))
	}
	branches := done(t, b)
	if err := w.Close(End{ExitCode: 3}); err != nil {
		t.Fatal(err)
	}
	if end, ok := r.End(); !ok || end.ExitCode != 3 {
		t.Fatalf("the follower's end: %v %v", end, ok)
	}
	r2, b2, warnings := openBranched(t, path)
	if len(warnings) > 0 || r2.NumCalls() != n {
		t.Fatalf("%q, %d calls", warnings, r2.NumCalls())
	}
	sameBranches(t, b2, branches)
	for i := range uint64(n) {
		if c, err := r2.Call(i); err != nil || !reflect.DeepEqual(c, want(i)) {
			t.Fatalf("call %d after reopening: %v", i, err)
		}
	}
}

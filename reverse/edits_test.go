package reverse

import (
	"errors"
	"strings"
	"testing"

	"wrev/wasmvm"
)

// poke is an edit of a byte of memory.
func poke(addr uint64, b byte) wasmvm.Edit {
	return wasmvm.Edit{Kind: wasmvm.EditMemory, Addr: addr, Data: []byte{b}}
}

// branching is a timeline over p with branches, a recording's unless live.
func branching(t testing.TB, p *program, live bool, opt Options) (*Timeline, *fakeBook) {
	t.Helper()
	book := newFakeBook(live)
	with := *p
	with.host = book.host(p)
	m := with.machine(t)
	opt.Book, opt.NewMachine = book, with.another(m)
	tl, err := New(m, opt)
	if err != nil {
		t.Fatal(err)
	}
	tl.setTuning(tuning{interval: 100, micro: 8, maxCount: 400, manyHits: 5, unit: 200})
	return tl, book
}

// at checks where the timeline is, and its state.
func at(t *testing.T, tl *Timeline, book *fakeBook, p *program, branch int, pos uint64) {
	t.Helper()
	if tl.Branch() != branch || tl.Now() != pos {
		t.Fatalf("in branch %d at %d, want %d at %d", tl.Branch(), tl.Now(), branch, pos)
	}
	q := book.along(p, branch)
	m := q.machine(t)
	q.edit(t, m)
	if q.run(t, m, pos); m.Digest() != tl.Machine().Digest() {
		t.Fatalf("branch %d: the state at %d is not that of a plain run", branch, pos)
	}
}

// gone checks the end of Undo, Redo and Switch.
func gone(t *testing.T, s Stop, err error) {
	t.Helper()
	if err != nil || s.Reason != ReasonStep {
		t.Fatalf("%v, %v", s.Reason, err)
	}
}

func TestMovementsKeepWhatWasTried(t *testing.T) {
	p := asking(nil)
	for name, move := range map[string]func(tl *Timeline){
		"Step":            func(tl *Timeline) { tl.Step() },
		"StepRange":       func(tl *Timeline) { tl.StepRange(0, 1) },
		"Continue":        func(tl *Timeline) { tl.Continue() },
		"ReverseStep":     func(tl *Timeline) { tl.ReverseStep() },
		"ReverseContinue": func(tl *Timeline) { tl.ReverseContinue() },
		"Seek":            func(tl *Timeline) { tl.Seek(700) },
		"SeekEnd":         func(tl *Timeline) { tl.SeekEnd() },
		"Switch":          func(tl *Timeline) { _, _ = tl.Switch(0) },
		"Undo":            func(tl *Timeline) { _, _ = tl.Undo() },
		"Redo":            func(tl *Timeline) { _, _ = tl.Redo() },
		"Diff":            func(tl *Timeline) { _, _ = tl.Diff(0, 0) },
	} {
		tl, book := branching(t, p, false, Options{})
		tl.Seek(300)
		if err := tl.Try(poke(5000, 1)); err != nil {
			t.Fatal(err)
		}
		if tl.Tried() != 1 || tl.Machine().Memory()[5000] != 1 || len(tl.Branches()) != 1 || len(book.list) != 1 {
			t.Fatalf("%s: %d tried, %d branches", name, tl.Tried(), len(tl.Branches()))
		}
		move(tl)
		if bs := tl.Branches(); tl.Tried() != 0 || len(bs) != 2 || bs[1].Fork != 300 || len(bs[1].Edits) != 1 {
			t.Errorf("%s: %d tried, branches %+v", name, tl.Tried(), bs)
		}
		at(t, tl, book, p, tl.Branch(), tl.Now())
	}
}

func TestABookThatFails(t *testing.T) {
	for _, live := range []bool{false, true} {
		p := asking(nil)
		tl, book := branching(t, p, live, Options{})
		tl.Seek(300)
		book.fail = errors.New("the disk is full")
		if err := tl.Try(poke(5000, 1)); err != nil {
			t.Fatal(err)
		}
		if s := tl.Step(); s.Reason != ReasonError || !errors.Is(s.Err, book.fail) || s.Position != 300 {
			t.Errorf("live %v: %v at %d: %v", live, s.Reason, s.Position, s.Err)
		}
		if tl.Tried() != 1 || tl.Machine().Memory()[5000] != 1 || len(tl.Branches()) != 1 {
			t.Errorf("live %v: the edit is lost", live)
		}
		if err := tl.Forget(); err != nil {
			t.Error(err)
		}
		at(t, tl, book, p, 0, 300)
		if s := tl.Step(); s.Reason != ReasonStep {
			t.Errorf("live %v: %v", live, s.Reason)
		}
		at(t, tl, book, p, 0, 301)
	}
}

func TestEditIsAllOrNothing(t *testing.T) {
	p := asking(nil)
	tl, book := branching(t, p, false, Options{})
	tl.Seek(300)
	if err := tl.Try(poke(5000, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := tl.Edit(poke(5001, 2), poke(1<<40, 3)); err == nil || tl.Tried() != 1 {
		t.Fatalf("%v, %d tried", err, tl.Tried())
	}
	if m := tl.Machine().Memory(); m[5000] != 1 || m[5001] != 0 {
		t.Errorf("memory has %d and %d", m[5000], m[5001])
	}
	if b, err := tl.Edit(poke(5001, 2), poke(5002, 3)); err != nil || len(b.Edits) != 3 || b.ID != 1 {
		t.Errorf("%+v, %v", b, err)
	}
	at(t, tl, book, p, 1, 300)
}

func TestEditsWithoutABook(t *testing.T) {
	tl, err := New(asking(nil).machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tl.Try(poke(0, 1)); err == nil {
		t.Error("edited where there can be no branches")
	}
	if bs := tl.Branches(); len(bs) != 1 || tl.Branch() != 0 {
		t.Errorf("%+v", bs)
	}
	for _, id := range []int{-1, 1} {
		if _, err := tl.Switch(id); err == nil {
			t.Errorf("switched to branch %d", id)
		}
		if tl.Drop(id) == nil {
			t.Errorf("dropped branch %d", id)
		}
	}
	if _, err := tl.Diff(0, 1); err == nil {
		t.Error("compared with a branch that does not exist")
	}
}

// TestTheTree walks the ways that a user would.
func TestTheTree(t *testing.T) {
	p := asking(nil)
	tl, book := branching(t, p, false, Options{})
	fork := func(pos uint64, e wasmvm.Edit) int {
		t.Helper()
		tl.Seek(pos)
		b, err := tl.Edit(e)
		if err != nil {
			t.Fatal(err)
		}
		return b.ID
	}
	if fork(400, poke(5000, 1)) != 1 || fork(400, poke(5001, 1)) != 1 {
		t.Fatal("edits at a fresh fork do not join")
	}
	if fork(600, poke(5000, 2)) != 2 { // the head of a branch is history like any other
		t.Fatal("no new branch")
	}
	tl.Seek(650)
	for _, back := range []struct {
		branch int
		pos    uint64
	}{{1, 600}, {0, 400}} {
		s, err := tl.Undo()
		gone(t, s, err)
		at(t, tl, book, p, back.branch, back.pos)
	}
	if _, err := tl.Undo(); err == nil || !strings.Contains(err.Error(), "nothing to undo") {
		t.Errorf("%v", err)
	}
	for _, on := range []struct {
		branch int
		pos    uint64
	}{{1, 600}, {2, 650}} {
		s, err := tl.Redo()
		gone(t, s, err)
		at(t, tl, book, p, on.branch, on.pos)
	}
	if _, err := tl.Redo(); err == nil {
		t.Error("redone what was not undone")
	}
	// In front of the fork now is in the parent's history, and still on the path.
	tl.Seek(399)
	at(t, tl, book, p, 2, 399)
	if id := fork(200, poke(6000, 1)); id != 3 || tl.Branches()[3].Parent != 0 {
		t.Errorf("branch %d of %d", id, tl.Branches()[id].Parent)
	}
	s, err := tl.Switch(2)
	gone(t, s, err)
	at(t, tl, book, p, 2, 200)
	if err := tl.Drop(1); err == nil {
		t.Error("dropped an ancestor")
	}
	s, err = tl.Switch(3)
	gone(t, s, err)
	if err := tl.Drop(1); err != nil || !book.list[2].Dropped || !tl.Branches()[1].Dropped {
		t.Errorf("%v, %+v", err, tl.Branches())
	}
	if _, err := tl.Switch(2); err == nil {
		t.Error("switched to a dropped branch")
	}
	if id := fork(300, poke(1, 1)); id != 4 {
		t.Errorf("branch %d: the number of a dropped one is used again", id)
	}
}

// TestAnotherSession opens the branches that a book has from before.
func TestAnotherSession(t *testing.T) {
	p := asking(nil)
	first, book := branching(t, p, false, Options{})
	first.Seek(400)
	for _, pos := range []uint64{400, 500, 450} {
		first.Seek(pos)
		if _, err := first.Edit(poke(pos, 1)); err != nil {
			t.Fatal(err)
		}
		first.Seek(pos + 60)
	}
	first.SeekEnd()
	with := *p
	with.host = book.host(p)
	book.sel = 0
	tl, err := New(with.machine(t), Options{Book: book})
	if err != nil {
		t.Fatal(err)
	}
	at(t, tl, book, p, 0, 0)
	for id, want := range []uint64{0, 500, 560, first.Now()} {
		if id == 0 {
			continue
		}
		s, err := tl.Switch(id)
		gone(t, s, err)
		at(t, tl, book, p, id, want)
	}
	if b, err := tl.Edit(poke(7000, 7)); err != nil || b.ID != 4 || b.Parent != 3 {
		t.Errorf("an edit where a branch is known to end: %+v, %v", b, err)
	}
}

func TestBadBooks(t *testing.T) {
	e := func(pos uint64) PlacedEdit { return PlacedEdit{Position: pos, Edit: poke(0, 1)} }
	for name, list := range map[string][]Branch{
		"empty":          {},
		"not its index":  {{ID: 1}},
		"later parent":   {{}, {ID: 1, Parent: 2}, {ID: 2}},
		"own parent":     {{}, {ID: 1, Parent: 1}},
		"negative":       {{}, {ID: 1, Parent: -1}},
		"before parent":  {{}, {ID: 1, Fork: 10}, {ID: 2, Parent: 1, Fork: 9}},
		"dropped parent": {{}, {ID: 1, Fork: 10, Dropped: true}, {ID: 2, Parent: 1, Fork: 19}},
		"dropped trunk":  {{Dropped: true}},
		"forked trunk":   {{Fork: 5}},
		"early edit":     {{}, {ID: 1, Fork: 10, Edits: []PlacedEdit{e(9)}}},
		"disorder":       {{Edits: []PlacedEdit{e(9), e(8)}}},
	} {
		book := newFakeBook(false)
		book.list = list
		if _, err := New(asking(nil).machine(t), Options{Book: book}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestAnEditThatDoesNotApply has a book from a file that was tampered with.
func TestAnEditThatDoesNotApply(t *testing.T) {
	book := newFakeBook(false)
	book.list = append(book.list, Branch{ID: 1, Fork: 100, Reached: 200, Edits: []PlacedEdit{
		{Position: 100, Edit: poke(1<<40, 1)}, {Position: 100, Edit: poke(9000, 1)},
	}})
	var warned []error
	tl, err := New(asking(nil).machine(t), Options{Book: book, Warn: func(err error) { warned = append(warned, err) }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := tl.Switch(1)
	gone(t, s, err)
	if len(warned) != 1 || !strings.Contains(warned[0].Error(), "position 100") || tl.Machine().Memory()[9000] != 1 {
		t.Errorf("%v", warned)
	}
}

func TestEditsAtALiveHead(t *testing.T) {
	p := asking(nil)
	tl, book := branching(t, p, true, Options{})
	for _, pos := range []uint64{0, 300, 300, 500} {
		tl.Seek(pos)
		if b, err := tl.Edit(poke(5000+pos, 1)); err != nil || b.ID != 0 {
			t.Fatalf("%+v, %v", b, err)
		}
		at(t, tl, book, p, 0, pos)
	}
	if _, known := tl.End(); known {
		t.Error("the end of what still runs is known")
	}
	if _, err := tl.Undo(); err == nil || !strings.Contains(err.Error(), "cannot be undone") {
		t.Errorf("%v", err)
	}
	for _, pos := range []uint64{499, 300, 299, 0, 300, 700} {
		tl.Seek(pos)
		at(t, tl, book, p, 0, pos)
	}
	tl.Seek(300)
	if b, err := tl.Edit(poke(6000, 1)); err != nil || b.ID != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	at(t, tl, book, p, 1, 300)
	s, err := tl.Switch(0)
	gone(t, s, err)
	tl.SeekEnd()
	if b, err := tl.Edit(poke(6001, 1)); err != nil || b.ID != 2 {
		t.Errorf("an edit where the program has ended: %+v, %v", b, err)
	}
	at(t, tl, book, p, 2, tl.Now())
}

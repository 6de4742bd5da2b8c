package reverse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// branchWalk is a random walk through a tree of branches. Each branch has its own
// naive model, made by a plain run along its path.
type branchWalk struct {
	walk
	p      *program
	book   *fakeBook
	watch  []Watch
	models []*model
	kept   [][]visit // states seen, by branch
	state  []branchState
	cur    int
	left   uint64 // now, before a change of branches
}

// branchState is what is to be expected of a branch.
type branchState struct {
	reached, at uint64
	ended       bool
	redo        int
}

func newBranchWalk(t testing.TB, seed uint64, p *program) *branchWalk {
	r := rand.New(rand.NewPCG(seed, 99))
	book := newFakeBook(r.IntN(2) == 0)
	with := *p
	with.host = book.host(p)
	m := with.machine(t)
	w := &branchWalk{p: p, book: book, watch: candidates(r, m.Module())}
	w.walk = walk{t: t, r: r, a: active{map[uint32]bool{}, map[uint32]uint64{}, map[Watch]bool{}}}
	mo, ok := buildModel(t, book.along(p, 0), w.watch)
	if !ok {
		return nil
	}
	tl, err := New(m, Options{
		Budget: []int64{1, 60_000, 400_000, DefaultBudget}[r.IntN(4)], NewMachine: with.another(m), Workers: 1 + r.IntN(3), Book: book,
		Warn: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tl.Close(); err != nil {
			t.Error(err)
		}
	})
	w.tl = tl
	tl.setTuning(randomTuning(r))
	tl.hist.trim(tl.Now())
	w.models, w.kept, w.state = []*model{mo}, make([][]visit, 1), make([]branchState, 1)
	w.mo = mo
	return w
}

// owner is the branch that now belongs to.
func (w *branchWalk) owner(pos uint64) int {
	id := w.cur
	for id > 0 && w.book.list[id].Fork > pos {
		id = w.book.list[id].Parent
	}
	return id
}

// arrived takes account of where the walk has got to.
func (w *branchWalk) arrived() {
	w.t.Helper()
	now := w.tl.Now()
	if w.tl.Branch() != w.cur {
		w.t.Fatalf("%s: in branch %d, want %d", w.p.name, w.tl.Branch(), w.cur)
	}
	if s := &w.state[w.cur]; w.owner(now) == w.cur {
		s.reached = max(s.reached, now)
		// A host that fails may do better the next time, where there may be one.
		lasting := w.mo.last.Reason != wasmvm.StopHost || !w.book.Growing(w.cur)
		s.ended = s.ended || w.told && lasting
		if b := w.book.list[w.cur]; b.Reached != s.reached || (b.End != "") != s.ended {
			w.t.Fatalf("%s: the book has it reach %d and end %q, want %d, %v", w.p.name, b.Reached, b.End, s.reached, s.ended)
		}
	}
	m := w.tl.Machine()
	w.kept[w.cur] = append(w.kept[w.cur], visit{m.Position(), m.Digest(), m.HostCalls()})
	w.limits()
}

// moves moves as a walk does in the current branch.
func (w *branchWalk) moves() {
	w.move()
	w.seen = nil
	w.arrived()
}

// randomEdit is an edit that may make sense at the present state.
func (w *branchWalk) randomEdit() wasmvm.Edit {
	r, m := w.r, w.tl.Machine()
	depth := m.Depth()
	frame := r.IntN(max(1, depth))
	var e wasmvm.Edit
	for k, f := range m.Frames() {
		if depth-1-k != frame {
			continue
		}
		e.Frame, e.Func = frame, f.Func().Index
		fn := w.tl.Module().FuncByIndex(e.Func)
		l, err := w.tl.Module().Layout(fn)
		if err != nil {
			w.t.Fatal(err)
		}
		switch r.IntN(10) {
		case 0, 1, 2:
			e.Kind, e.Index = wasmvm.EditLocal, uint32(r.IntN(len(fn.Locals)+1))
		case 3:
			e.Kind, e.Index = wasmvm.EditOperand, uint32(r.IntN(f.NumOperands()+1))
		case 4:
			e.Kind, e.PC = wasmvm.EditPC, l.PCs[r.IntN(len(l.PCs))]
		case 5:
			e.Kind = wasmvm.EditReturn
			for range fn.Type.Results {
				e.Values = append(e.Values, uint64(r.IntN(4)))
			}
		}
	}
	if e.Kind == 0 {
		e = wasmvm.Edit{Kind: wasmvm.EditMemory, Addr: uint64(r.IntN(0x3000)), Data: []byte{byte(r.Uint32()), byte(r.Uint32())}[:1+r.IntN(2)]}
		if n := len(w.tl.Module().Globals); n > 0 && r.IntN(2) == 0 {
			e = wasmvm.Edit{Kind: wasmvm.EditGlobal, Index: uint32(r.IntN(n))}
		}
	}
	e.Bits[0] = uint64(r.IntN(8)) << (r.IntN(2) * r.IntN(28))
	return e
}

// edit tries edits and keeps them, or not.
func (w *branchWalk) edit() {
	before := w.tl.Machine().Digest()
	var edits []wasmvm.Edit
	for range 1 + w.r.IntN(2) {
		e, as := w.randomEdit(), w.tl.Machine().Digest()
		if err := w.tl.Try(e); err == nil {
			edits = append(edits, e)
		} else if w.tl.Machine().Digest() != as {
			w.t.Fatalf("%s: a refused edit, %v, has changed something", w.p.name, err)
		}
	}
	if w.tl.Tried() != len(edits) {
		w.t.Fatalf("%s: %d edits wait, want %d", w.p.name, w.tl.Tried(), len(edits))
	}
	if len(edits) == 0 {
		return
	}
	want := w.expected(edits)
	saved := w.book.list
	w.book.list = slices.Clone(saved)
	if want.ID == len(saved) {
		w.book.list = append(w.book.list, want)
	} else {
		w.book.list[want.ID] = want
	}
	mo, ok := buildModel(w.t, w.book.along(w.p, want.ID), w.watch)
	w.book.list = saved
	if !ok || w.r.IntN(4) == 0 {
		if err := w.tl.Forget(); err != nil || w.tl.Machine().Digest() != before || w.tl.Tried() != 0 {
			w.t.Fatalf("%s: the edit is not forgotten: %v", w.p.name, err)
		}
		w.told = false
		w.arrived()
		return
	}
	w.keep(want, mo)
}

// expected is the branch that edits at now are to make, or to become part of.
func (w *branchWalk) expected(edits []wasmvm.Edit) Branch {
	now, calls := w.tl.Now(), w.tl.Machine().HostCalls()
	b := w.book.list[w.cur]
	s := w.state[w.cur]
	head := s.reached == now && w.owner(now) == w.cur && !s.ended && w.book.Growing(w.cur)
	for _, c := range w.book.list[1:] {
		head = head && (c.Parent != w.cur || c.Fork != now || c.Dropped)
	}
	if !head || w.cur > 0 && now != b.Fork {
		b = Branch{ID: len(w.book.list), Parent: w.owner(now), Fork: now, FirstCall: calls}
	}
	b.Edits = slices.Clone(b.Edits)
	for _, e := range edits {
		b.Edits = append(b.Edits, PlacedEdit{now, calls, e})
	}
	b.Reached, b.End = now, ""
	return b
}

func (w *branchWalk) keep(want Branch, mo *model) {
	w.state[w.cur].at = w.tl.Now()
	got, err := w.tl.Keep()
	if err != nil || got.ID != want.ID || got.Parent != want.Parent || got.Fork != want.Fork || got.FirstCall != want.FirstCall || len(got.Edits) != len(want.Edits) {
		w.t.Fatalf("%s: %v, kept as %+v, want %+v", w.p.name, err, got, want)
	}
	if w.cur = got.ID; w.cur == len(w.models) {
		w.models, w.kept = append(w.models, nil), append(w.kept, nil)
		w.state = append(w.state, branchState{reached: want.Fork, at: want.Fork})
		w.told = false
	}
	w.kept[w.cur] = slices.DeleteFunc(w.kept[w.cur], func(v visit) bool { return v.pos == want.Reached })
	w.models[w.cur], w.mo = mo, mo
	w.arrived()
}

// to is the move to another branch.
func (w *branchWalk) to(what string, id int, pos uint64, s Stop, err error) {
	if err != nil {
		w.t.Fatalf("%s: %s: %v", w.p.name, what, err)
	}
	w.state[w.cur].at = w.left
	if id != w.cur {
		w.told = false
	}
	w.cur, w.mo = id, w.models[id]
	w.mo.check(w.t, what, &w.a, s, expected{ReasonStep, pos, nil})
	w.arrived()
}

func (w *branchWalk) change() {
	w.left = w.tl.Now()
	b := w.book.list[w.cur]
	switch id := w.r.IntN(len(w.models)); w.r.IntN(9) {
	case 0, 1:
		if b.ID == 0 {
			if _, err := w.tl.Undo(); err == nil {
				w.t.Fatalf("%s: undone in the trunk", w.p.name)
			}
			return
		}
		w.state[b.Parent].redo = b.ID
		s, err := w.tl.Undo()
		w.to("Undo", b.Parent, b.Fork, s, err)
	case 2, 3:
		redo := w.state[w.cur].redo
		if redo == 0 || w.book.list[redo].Dropped {
			if _, err := w.tl.Redo(); err == nil {
				w.t.Fatalf("%s: redone what was not undone", w.p.name)
			}
			return
		}
		s, err := w.tl.Redo()
		w.to("Redo", redo, max(w.state[redo].at, w.book.list[redo].Fork), s, err)
	case 4, 5:
		if w.book.list[id].Dropped {
			if _, err := w.tl.Switch(id); err == nil {
				w.t.Fatalf("%s: in a dropped branch", w.p.name)
			}
			return
		}
		pos := w.state[id].at
		if id == w.cur {
			pos = w.left
		}
		s, err := w.tl.Switch(id)
		w.to(fmt.Sprintf("Switch(%d)", id), id, pos, s, err)
	case 6:
		w.drop(id)
	case 7:
		if calls := w.tl.Machine().HostCalls(); calls > 0 {
			visited(w.t, w.tl, w.book, w.p, w.cur, w.r.Uint64N(calls))
		}
	case 8:
		w.compare(id)
	}
}

// compare compares the current branch with another; that it does no harm shows
// in what comes after.
func (w *branchWalk) compare(id int) {
	d, err := w.tl.Diff(w.cur, id)
	if bad := id == w.cur || w.book.list[id].Dropped; (err != nil) != bad {
		w.t.Fatalf("%s: comparing branches %d and %d: %v", w.p.name, w.cur, id, err)
	}
	if w.tl.Now() != w.left {
		w.t.Fatalf("%s: comparing went from %d to %d", w.p.name, w.left, w.tl.Now())
	}
	if err == nil && d.Write != nil && d.Write.A != nil && d.Write.A.Position < d.Parts {
		w.t.Fatalf("%s: %+v", w.p.name, d.Write.A)
	}
	w.arrived()
}

func (w *branchWalk) under(id, root int) bool {
	for id > root {
		id = w.book.list[id].Parent
	}
	return id == root
}

func (w *branchWalk) drop(id int) {
	refused := w.book.list[id].Dropped || w.under(w.cur, id)
	if err := w.tl.Drop(id); (err != nil) != refused {
		w.t.Fatalf("%s: dropping branch %d: %v, refused should be %v", w.p.name, id, err, refused)
	}
	for k, b := range w.tl.Branches() {
		if !refused && w.under(k, id) && !b.Dropped || b.Dropped != w.book.list[k].Dropped {
			w.t.Fatalf("%s: after dropping %d, branch %d is dropped: %v", w.p.name, id, k, b.Dropped)
		}
	}
}

func (w *branchWalk) run(moves int) {
	for range moves {
		for w.r.IntN(3) == 0 {
			w.toggle()
		}
		switch k := w.r.IntN(10); {
		case k < 2 && len(w.models) < 12:
			w.edit()
		case k < 4:
			w.change()
		default:
			w.moves()
		}
	}
	for id, seen := range w.kept {
		w.models[id].verify(w.t, []wasmvm.Tier{wasmvm.TierPrecise, wasmvm.TierAuto}[w.r.IntN(2)], seen)
	}
}

func TestBranchWalksOverRandomPrograms(t *testing.T) {
	forked := 0
	for seed := range uint64(25) {
		p := random(seed, randmod.Options{Fuel: 60})
		if w := newBranchWalk(t, seed, p); w != nil {
			w.run(80)
			forked += len(w.models) - 1
		}
	}
	if forked < 50 {
		t.Errorf("only %d branches were made", forked)
	}
}

func TestBranchWalksOverHandmadePrograms(t *testing.T) {
	for i, p := range []*program{asking(nil), asking(&wasmvm.ExitError{Code: 7}), asking(errLog), deep(60), growing(), loops(300, 1<<14)} {
		for seed := range uint64(3) {
			w := newBranchWalk(t, seed+uint64(i)*100, p)
			if w == nil {
				t.Fatalf("%s runs too long", p.name)
			}
			w.run(80)
		}
	}
}

func FuzzBranchWalk(f *testing.F) {
	f.Add(uint64(1), []byte("a seed"))
	f.Add(uint64(2), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		p := fromGenerator("fuzzed", randmod.FromBytes(data, randmod.Options{Fuel: 40}))
		if w := newBranchWalk(t, seed, p); w != nil {
			w.run(50)
		}
	})
}

// TestHelpersCrossEdits has a helper scan over an edit that makes stops of its own.
func TestHelpersCrossEdits(t *testing.T) {
	p := loops(300, 1<<14)
	tl, _ := branching(t, p, false, Options{Workers: 2})
	if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Addr: 1 << 13, Len: 64}); err != nil {
		t.Fatal(err)
	}
	tl.Seek(2000)
	f := tl.Module().Funcs[0]
	if _, err := tl.Edit(wasmvm.Edit{Kind: wasmvm.EditLocal, Func: f.Index, Index: 1, Bits: [2]uint64{5000}}); err != nil {
		t.Fatal(err)
	}
	tl.SeekEnd()
	seg := segment{tl.hist.list[0], tl.Now()}
	cursors := tl.workers(2)
	if len(cursors) != 2 {
		t.Fatalf("%d cursors", len(cursors))
	}
	var last [2]lastHit
	for i, c := range cursors {
		var ev event
		if last[i], ev = c.scan(seg, patience{}, nil); ev.kind != eventLimit {
			t.Fatalf("cursor %d: %+v", i, ev)
		}
	}
	if !last[0].found || last[0].pos != last[1].pos || cursors[0].m.Digest() != cursors[1].m.Digest() {
		t.Errorf("the last stop is at %d, the helper's at %d", last[0].pos, last[1].pos)
	}
}

package reverse

import (
	"errors"
	"slices"
	"testing"

	"wrev/wasmvm"
)

// naiveDiff compares two plain runs write by write.
func naiveDiff(t *testing.T, book *fakeBook, p *program, a, b int, from uint64) (x, y *MemoryWrite) {
	t.Helper()
	var lists [2][]MemoryWrite
	for i, id := range []int{a, b} {
		q := book.along(p, id)
		m := q.machine(t)
		m.SetTier(wasmvm.TierPrecise)
		q.edit(t, m)
		q.run(t, m, from)
		m.SetWatches([]wasmvm.Watch{{Kind: wasmvm.WatchWrite, Len: 1 << 32}})
		before := slices.Clone(m.Memory())
		for limit := book.list[id].Reached; m.Position() < limit; {
			pos, calls := m.Position(), m.HostCalls()
			st := m.Run(pos + 1)
			if m.Position() == pos {
				break
			}
			if m.HostCalls() > calls {
				for _, k := range changedBytes(before, m.Memory()) {
					lists[i] = append(lists[i], MemoryWrite{pos, uint64(k), []byte{m.Memory()[k]}})
				}
			} else {
				for _, h := range st.Watches {
					lists[i] = append(lists[i], MemoryWrite{pos, h.Addr, slices.Clone(m.Memory()[h.Addr : h.Addr+h.Len])})
				}
			}
			if q.edit(t, m) || len(st.Watches) > 0 {
				copy(before, m.Memory())
			}
		}
	}
	for k := range min(len(lists[0]), len(lists[1])) {
		if x, y := &lists[0][k], &lists[1][k]; x.Addr != y.Addr || !slices.Equal(x.Data, y.Data) {
			return x, y
		}
	}
	return nil, nil
}

func sameWrite(a, b *MemoryWrite) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Position == b.Position && a.Addr == b.Addr && slices.Equal(a.Data, b.Data)
}

// TestDiff compares branches that were forked here and there with each other.
func TestDiff(t *testing.T) {
	p := asking(nil)
	calls, writes := 0, 0
	edits := []wasmvm.Edit{
		poke(100, 77), poke(116, 77), // copied, written
		poke(40000, 77), // never looked at
		{Kind: wasmvm.EditLocal, Func: 2, Index: 1, Bits: [2]uint64{5}},
		{Kind: wasmvm.EditGlobal, Bits: [2]uint64{5}},
	}
	for k, edited := range [][]uint64{{300, 500}, {300, 300}, {0, 700}, {300, 301}, {700, 400}} {
		tl, book := branching(t, p, false, Options{})
		tl.SeekEnd()
		for i, pos := range edited {
			gone0, err := tl.Switch(0)
			gone(t, gone0, err)
			tl.Seek(pos)
			if _, err := tl.Edit(edits[(i+k)%len(edits)]); err != nil {
				t.Fatal(err)
			}
			tl.SeekEnd()
		}
		tl.Seek(tl.Now() / 2)
		now, branch := tl.Now(), tl.Branch()
		for a := range 3 {
			for b := range 3 {
				if a == b {
					continue
				}
				d, err := tl.Diff(a, b)
				if err != nil {
					t.Fatal(err)
				}
				at(t, tl, book, p, branch, now)
				checkCall(t, book, p, &d)
				x, y := naiveDiff(t, book, p, a, b, d.Parts)
				if d.Write == nil != (x == nil) || x != nil && (!sameWrite(d.Write.A, x) || !sameWrite(d.Write.B, y)) {
					t.Errorf("edits at %v, branches %d and %d: %+v, want %+v and %+v", edited, a, b, d.Write, x, y)
				}
				if d.Call != nil {
					calls++
				}
				if d.Write != nil {
					writes++
				}
			}
		}
	}
	if calls == 0 || writes == 0 {
		t.Errorf("%d calls and %d writes differ: the test tests little", calls, writes)
	}
}

// checkCall compares the first differing call with what the book says, and where
// it is with plain runs.
func checkCall(t *testing.T, book *fakeBook, p *program, d *Difference) {
	t.Helper()
	n := forever
	for _, id := range []int{d.A, d.B} { // all are forked from the trunk
		if id > 0 {
			n = min(n, book.list[id].FirstCall)
		}
	}
	for ; n < min(book.Calls(d.A), book.Calls(d.B)); n++ {
		x, err1 := book.Call(d.A, n)
		y, err2 := book.Call(d.B, n)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if !sameCall(x, y) {
			break
		}
	}
	if n == min(book.Calls(d.A), book.Calls(d.B)) {
		if d.Call != nil {
			t.Errorf("%d and %d: call %d differs, but it does not", d.A, d.B, d.Call.N)
		}
		return
	}
	if d.Call == nil || d.Call.N != n {
		t.Fatalf("%d and %d: %+v, want call %d", d.A, d.B, d.Call, n)
	}
	for id, pos := range map[int]uint64{d.A: d.Call.PosA, d.B: d.Call.PosB} {
		q := book.along(p, id)
		m := q.machine(t)
		q.edit(t, m)
		if q.run(t, m, pos); m.HostCalls() != n {
			t.Errorf("branch %d: %d calls are made at %d, want %d", id, m.HostCalls(), pos, n)
		}
		if q.run(t, m, pos+1); m.HostCalls() != n+1 {
			t.Errorf("branch %d: no call is made at %d", id, pos)
		}
	}
}

// TestDiffOfAnOpenBranch: what is not known yet is no difference.
func TestDiffOfAnOpenBranch(t *testing.T) {
	p := loops(300, 1<<14)
	tl, _ := branching(t, p, false, Options{})
	tl.SeekEnd()
	tl.Seek(1000)
	if _, err := tl.Edit(poke(60000, 1)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if d, err := tl.Diff(0, 1); err != nil || d.Write != nil || d.Call != nil || d.Parts != 1000 {
			t.Errorf("%+v, %v", d, err)
		}
		tl.Seek(tl.Now() + 500)
	}
	// One that ended has no more writes: where the other goes on is a difference.
	l, err := tl.Module().Layout(&tl.Module().Funcs[0])
	if err != nil {
		t.Fatal(err)
	}
	tl.Seek(2000)
	if _, err := tl.Edit(wasmvm.Edit{Kind: wasmvm.EditPC, PC: l.PCs[len(l.PCs)-1]}); err != nil {
		t.Fatal(err)
	}
	tl.SeekEnd()
	d, err := tl.Diff(2, 0)
	if err != nil || d.Write == nil || d.Write.A != nil || d.Write.B == nil || d.Write.B.Position < 2000 {
		t.Errorf("%+v, %v", d.Write, err)
	}
}

func TestDiffIsInterrupted(t *testing.T) {
	p := loops(2000, 1<<14)
	told := 0
	var tl *Timeline
	tl, book := branching(t, p, false, Options{Progress: func(pr Progress) {
		if pr.Kind == ProgressScan {
			told++
			tl.Interrupt()
		}
	}})
	tl.prog.every, tl.cur.tickEvery = 0, 100
	tl.SeekEnd()
	tl.Seek(1000)
	if _, err := tl.Edit(poke(60000, 1)); err != nil {
		t.Fatal(err)
	}
	tl.Seek(5000)
	if _, err := tl.Diff(0, 1); !errors.Is(err, ErrInterrupted) || told == 0 {
		t.Errorf("%v, told %d times", err, told)
	}
	tl.ClearInterrupt()
	at(t, tl, book, p, 1, 5000)
	if s := tl.Step(); s.Reason != ReasonStep {
		t.Errorf("%v", s.Reason)
	}
}

package reverse

import (
	"testing"
)

// TestStepRangeOverALoop steps over a loop on one line. It must take few runs of
// the machine, each of which a stop in the range would be.
func TestStepRangeOverALoop(t *testing.T) {
	tl, err := New(loops(100_000, 1<<14).machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	fn := tl.Machine().Func()
	l, err := tl.Module().Layout(fn)
	if err != nil {
		t.Fatal(err)
	}
	tl.Step()
	last := l.PCs[len(l.PCs)-1]
	s := tl.StepRange(l.PCs[1], last)
	if pc := tl.Machine().PC(); s.Reason != ReasonStep || pc != last {
		t.Fatalf("%v at %#x, want the end of the function at %#x", s.Reason, pc, last)
	}
	if s.Position < 100_000 {
		t.Fatalf("the loop ended at position %d", s.Position)
	}
	if n := tl.cur.runs; n > 200 {
		t.Errorf("the machine was run %d times", n)
	}
	if len(tl.cur.fences) > 0 {
		t.Error("fences are left behind")
	}
	if s := tl.SeekEnd(); s.Reason != ReasonEnd {
		t.Errorf("running on ends with %v", s.Reason)
	}
}

package reverse

import (
	"testing"

	"wrev/wasmvm"
)

// TestMillionFrames goes back and forth at the bottom of a recursion of a million
// frames, whose stack takes 40 MB or more. What it may cost is counted in
// instructions and pages.
func TestMillionFrames(t *testing.T) {
	const depth = 1_000_000
	p := deep(depth)
	tl, err := New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	fixed := defaultTuning
	fixed.span = 0 // the clock must not decide how many checkpoints there are
	tl.setTuning(fixed)
	if s := tl.SeekEnd(); s.Reason != ReasonEnd {
		t.Fatalf("the program ended with %v", s.Reason)
	}
	end := tl.Now()
	tl.Seek(end / 8) // about where it is deepest for the first time
	m := tl.Machine()
	if n := m.Depth(); n < depth/2 {
		t.Fatalf("only %d frames in the middle", n)
	}
	pages := len(m.StackBytes()) / wasmvm.PageSize
	bottom := tl.Now()
	for range 200 { // the first ones leave checkpoints behind
		tl.ReverseStep()
	}
	replayed, copied := tl.cur.replayed, tl.cur.copied
	const steps = 200
	for i := range uint64(steps) {
		if s := tl.ReverseStep(); s.Reason != ReasonStep || s.Position != bottom-201-i {
			t.Fatalf("step back %d: %v at %d, from %d", i, s.Reason, s.Position, bottom)
		}
	}
	if n := (tl.cur.replayed - replayed) / steps; n > 2*tl.tune.micro {
		t.Errorf("a step back replays %d instructions", n)
	}
	if n := (tl.cur.copied - copied) / steps; n > 16 {
		t.Errorf("a step back copies %d pages of a stack of %d", n, pages)
	}
	// The checkpoints of all these steps share what lies below them. A quarter is
	// memory made ready for the next ones.
	if _, bytes := tl.Checkpoints(); bytes > int64(4*pages*wasmvm.PageSize) {
		t.Errorf("the checkpoints take %d bytes, the stack %d", bytes, pages*wasmvm.PageSize)
	}
	at := tl.Now()
	want := m.Digest()
	tl.Seek(0)
	if tl.Seek(at); m.Digest() != want {
		t.Error("another state after going away and coming back")
	}
}

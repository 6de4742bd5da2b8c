package reverse

import (
	"math/rand/v2"
	"testing"

	"wrev/checkpoint"
)

// paperHistory is a history whose checkpoints hold one byte each.
type paperHistory struct {
	history
	empty *checkpoint.Image
}

func newPaperHistory(maxCount int, near uint64) *paperHistory {
	h := &paperHistory{}
	h.store = checkpoint.NewStore(checkpoint.Options{})
	h.maxCount, h.near, h.budget = maxCount, near, 1<<40
	h.empty, _ = h.store.Snapshot(nil, []byte{1}, nil)
	h.leave(0)
	return h
}

func (h *paperHistory) leave(pos uint64) {
	if !h.has(pos) || len(h.list) == 0 {
		h.add(&snapshot{pos: pos, mem: h.empty.Retain(), stack: h.empty.Retain()})
	}
	h.trim(pos)
}

// gaps checks that gaps grow with the distance from now at most: that going
// back by d replays at most d/share and what is always near.
func (h *paperHistory) gaps(t *testing.T, now uint64, share float64) {
	t.Helper()
	for i := 0; i+1 < len(h.list) && h.list[i].pos < now; i++ {
		next := min(h.list[i+1].pos, now)
		gap, distance := float64(next-h.list[i].pos), float64(now-h.list[i].pos)
		if gap > (distance+float64(h.near))/share+float64(h.near) {
			t.Fatalf("now is %d: between %d and %d there is no checkpoint", now, h.list[i].pos, next)
		}
	}
}

func TestRetentionForwards(t *testing.T) {
	h := newPaperHistory(100, 1000)
	for pos := uint64(1000); pos <= 5_000_000; pos += 1000 {
		h.leave(pos)
		if len(h.list) > 100 || h.list[0].pos != 0 {
			t.Fatalf("%d checkpoints, the first at %d", len(h.list), h.list[0].pos)
		}
	}
	h.gaps(t, 5_000_000, 1)
	// Far from now they are about as dense as anywhere.
	for i := 1; i < len(h.list); i++ {
		if gap := h.list[i].pos - h.list[i-1].pos; gap > 5_000_000/40 {
			t.Errorf("between %d and %d there is no checkpoint", h.list[i-1].pos, h.list[i].pos)
		}
	}
}

func TestRetentionWithMovingNow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	h := newPaperHistory(200, 100)
	for range 200 {
		now := uint64(r.IntN(10_000_000))
		// A ladder up to now, as a seek leaves it.
		for pos := h.atOrBefore(now).pos; now-pos > 200; {
			pos += (now - pos) / 2
			h.leave(pos)
		}
		h.gaps(t, now, 1)
		if len(h.list) > 200 || h.list[0].pos != 0 {
			t.Fatalf("%d checkpoints, the first at %d", len(h.list), h.list[0].pos)
		}
	}
}

func TestBudgetIsKept(t *testing.T) {
	const area = 1 << 18
	p := loops(10_000, area)
	for _, budget := range []int64{1, 100 << 10, 400 << 10, 2 << 20} {
		tl, err := New(p.machine(t), Options{Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		tl.setTuning(tuning{interval: 2000, micro: 50, maxCount: 1000, manyHits: 10})
		var most int64
		for tl.Now() < 100_000 {
			tl.Seek(tl.Now() + 2500)
			n, bytes := tl.Checkpoints()
			if most = max(most, bytes); bytes > budget && n > 1 {
				t.Fatalf("budget %d: %d checkpoints take %d", budget, n, bytes)
			}
		}
		n, bytes := tl.Checkpoints()
		t.Logf("budget %d: at most %d bytes; %d checkpoints take %d", budget, most, n, bytes)
		if budget >= 400<<10 && n < 3 {
			t.Errorf("budget %d: %d checkpoints are left", budget, n)
		}
		at := tl.Now()
		if s := tl.ReverseStep(); s.Reason != ReasonStep || s.Position != at-1 {
			t.Errorf("budget %d: %v at %d, want a step to %d", budget, s.Reason, s.Position, at-1)
		}
		sane(t, p, tl)
	}
}

func TestBadBudget(t *testing.T) {
	if _, err := New(growing().machine(t), Options{Budget: -1}); err == nil {
		t.Error("a negative budget is accepted")
	}
}

// TestStepsBackDoNotReplay counts the instructions that stepping back costs.
func TestStepsBackDoNotReplay(t *testing.T) {
	p := loops(50_000, 1<<16)
	tl, err := New(p.machine(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tl.SeekEnd()
	start := tl.cur.replayed
	tl.ReverseStep()
	first := tl.cur.replayed - start
	const steps = 5_000
	for range steps {
		tl.ReverseStep()
	}
	ran := tl.cur.replayed - start - first
	if first > defaultTuning.interval || ran/steps > 4*defaultTuning.micro {
		t.Errorf("the first step back ran %d instructions, the next %d each", first, ran/steps)
	}
}

// TestThinning goes to many places, leaving the checkpoints of a seek each time.
func TestThinning(t *testing.T) {
	const interval, length = 50_000, 10_000_000
	h := newPaperHistory(1<<30, 100)
	for pos := uint64(interval); pos <= length; pos += interval {
		h.leave(pos)
	}
	plain := len(h.list)
	r := rand.New(rand.NewPCG(2, 9))
	for range 300 {
		now := uint64(r.IntN(length))
		h.thin(now, interval)
		if len(h.list) > plain+150 {
			t.Fatalf("%d checkpoints, %d without the seeks", len(h.list), plain)
		}
		left := 0
		for pos := h.atOrBefore(now).pos; now-pos > 200; left++ {
			pos = now - (now-pos)*(rungShare-1)/rungShare
			h.leave(pos)
		}
		before := len(h.list)
		if h.thin(now, interval); before-len(h.list) > left/4 {
			t.Fatalf("of the %d checkpoints that a seek to %d left, %d went at once", left, now, before-len(h.list))
		}
		h.gaps(t, now, 1)
		for i := 1; i < len(h.list); i++ {
			if gap := h.list[i].pos - h.list[i-1].pos; gap > interval {
				t.Fatalf("between %d and %d there is no checkpoint", h.list[i-1].pos, h.list[i].pos)
			}
		}
	}
}

package reverse

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"wrev/wasmvm"
)

// wide is a history of so many rounds of loops, each of which writes a word of an area
// of memory and the next to the following page quarter.
func wide(t testing.TB, area, rounds int) *Timeline {
	t.Helper()
	tl, _ := branching(t, loops(rounds, area), false, Options{})
	tl.setTuning(defaultTuning)
	return tl
}

// TestAThousandBranches counts the bytes that branches take in which a few pages
// of memory change.
func TestAThousandBranches(t *testing.T) {
	const area, branches, limit = 64 << 20, 1000, 200 << 20
	tl := wide(t, area, 140_000) // every page twice
	end := tl.SeekEnd().Position
	tl.Seek(end - 400_000)
	tl.leave() // so that all of memory is stored once
	_, before := tl.Checkpoints()
	for i := range uint64(branches) {
		s, err := tl.Switch(0)
		gone(t, s, err)
		tl.Seek(end - 400_000 + 397*i)
		if _, err := tl.Edit(poke(area+100+i%1000, byte(i)+1)); err != nil {
			t.Fatal(err)
		}
		tl.Seek(tl.Now() + 200)
	}
	n, after := tl.Checkpoints()
	t.Logf("%d checkpoints; %d bytes before, %d after", n, before, after)
	if after-before > limit {
		t.Errorf("%d branches take %d bytes more", branches, after-before)
	}
	for _, id := range []int{1, 500, 1000, 0} {
		s, err := tl.Switch(id)
		gone(t, s, err)
	}
	if got := tl.Branches(); len(got) != branches+1 {
		t.Errorf("%d branches", len(got))
	}
}

// BenchmarkFork edits a byte and resumes, in a history over 256 MB of memory.
// Fresh: behind a run that changed much since the last checkpoint.
func BenchmarkFork(b *testing.B) {
	for _, fresh := range []bool{false, true} {
		name := "after a seek"
		if fresh {
			name = "after a run"
		}
		b.Run(name, func(b *testing.B) {
			tl := wide(b, 256<<20, 2_000_000)
			end := tl.SeekEnd().Position
			r := rand.New(rand.NewPCG(1, 2))
			var took []time.Duration
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				if _, err := tl.Switch(0); err != nil {
					b.Fatal(err)
				}
				pos := end/2 + r.Uint64N(end/2)
				if fresh { // all memory is written in 5.2 million instructions
					tl.Seek(pos - 6_000_000)
					tl.cur.run(pos)
				} else {
					tl.Seek(pos)
				}
				b.StartTimer()
				start := time.Now()
				if _, err := tl.Edit(poke(256<<20+8, 1)); err != nil {
					b.Fatal(err)
				}
				if s := tl.Step(); s.Reason != ReasonStep {
					b.Fatal(s.Reason)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "ms-median")
			b.ReportMetric(took[len(took)-1].Seconds()*1e3, "ms-worst")
		})
	}
}

// BenchmarkSwitch goes to and fro among 100 branches over 64 MB of memory, and
// for comparison among as many positions of one.
func BenchmarkSwitch(b *testing.B) {
	const branches = 100
	tl := wide(b, 64<<20, 2_000_000)
	end := tl.SeekEnd().Position
	r := rand.New(rand.NewPCG(1, 2))
	var at []uint64
	for range branches {
		if _, err := tl.Switch(0); err != nil {
			b.Fatal(err)
		}
		tl.Seek(end/2 + r.Uint64N(end/4))
		if _, err := tl.Edit(poke(64<<20+8, 1)); err != nil {
			b.Fatal(err)
		}
		at = append(at, tl.Seek(tl.Now()+1_000_000).Position)
	}
	b.Run("branches", func(b *testing.B) {
		for range b.N {
			if _, err := tl.Switch(1 + r.IntN(branches)); err != nil {
				b.Fatal(err)
			}
		}
	})
	if _, err := tl.Switch(0); err != nil {
		b.Fatal(err)
	}
	b.Run("positions", func(b *testing.B) {
		for range b.N {
			tl.Seek(at[r.IntN(branches)])
		}
	})
}

// BenchmarkDiff compares two branches that write the same: in one what was edited
// is never looked at, in the other nobody knows.
func BenchmarkDiff(b *testing.B) {
	for name, e := range map[string]wasmvm.Edit{"memory": poke(1<<20+8, 1), "global": {Kind: wasmvm.EditGlobal, Index: 1}} {
		b.Run(name, func(b *testing.B) {
			tl := wide(b, 1<<20, 200_000)
			tl.SeekEnd()
			tl.Seek(1000)
			if _, err := tl.Edit(e); err != nil {
				b.Fatal(err)
			}
			end := tl.SeekEnd().Position
			b.ResetTimer()
			for range b.N {
				if d, err := tl.Diff(0, 1); err != nil || d.Write != nil {
					b.Fatal(d, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(end), "ns/instr")
		})
	}
}

package wasmvm

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// quietHost answers fd_write.
type quietHost struct{}

func (quietHost) HostCall(m *Machine, _ uint32, args, results []uint64) error {
	results[0] = 0
	return m.WriteMemory(args[3], binary.LittleEndian.AppendUint32(nil, 1))
}

// TestBreakpointsInFusedWords sets and clears breakpoints at random in code that is full of fused words. Both tiers must stop at the same positions, and no
// trace may stay behind.
func TestBreakpointsInFusedWords(t *testing.T) {
	for _, name := range []string{"list.O2", "hashmap.O0", "interp.O0", "nbody.O2"} {
		t.Run(name, func(t *testing.T) {
			wasm, err := os.ReadFile("../testdata/kernels/" + name + ".wasm")
			if err != nil {
				t.Fatal(err)
			}
			mod, err := Decode(wasm)
			if err != nil {
				t.Fatal(err)
			}
			var ms [2]*Machine
			for i := range ms {
				if ms[i], err = New(mod, Config{Host: quietHost{}}); err != nil {
					t.Fatal(err)
				}
				// Far enough for all that matters to be lowered and called.
				if s := ms[i].Run(30000); s.Reason != StopLimit {
					t.Fatal(s)
				}
			}
			ms[1].SetTier(TierPrecise)
			before := slices.Clone(ms[0].words)
			fused := 0
			for i := range before {
				if before[i].base() != before[i].op {
					fused++
				}
			}
			if fused < 20 {
				t.Fatalf("only %d words are fused", fused)
			}
			breakAndRun(t, ms)
			for _, m := range ms {
				m.ClearBreakpoints()
			}
			for i := range before {
				if w := ms[0].words[i]; w.op != before[i].op {
					t.Fatalf("word %d was %s and is %s when all breakpoints are gone", i, opNames[before[i].op], opNames[w.op])
				}
			}
		})
	}
}

// breakAndRun changes breakpoints in the current function and runs, again and again, until the machines have come far.
func breakAndRun(t *testing.T, ms [2]*Machine) {
	r := rand.New(rand.NewPCG(7, 7))
	stops := 0
	for range 400 {
		pcs := ms[0].lowered[ms[0].cur].layout.PCs
		pc := pcs[r.IntN(len(pcs))]
		set := r.IntN(3) > 0
		limit := ms[0].Position() + 1 + uint64(r.IntN(3000))
		var got [2]Stop
		for i, m := range ms {
			if set {
				if err := m.SetBreakpoint(pc); err != nil {
					t.Fatal(err)
				}
			} else {
				m.ClearBreakpoint(pcs[len(pcs)/2])
			}
			got[i] = m.Run(limit)
		}
		if got[0].Reason != got[1].Reason || ms[0].Position() != ms[1].Position() || ms[0].Digest() != ms[1].Digest() {
			t.Fatalf("fast: %v at %d, precise: %v at %d", got[0].Reason, ms[0].Position(), got[1].Reason, ms[1].Position())
		}
		if got[0].Reason == StopBreakpoint {
			stops++
		}
		if stops%20 == 19 {
			ms[0].ClearBreakpoints()
			ms[1].ClearBreakpoints()
		}
	}
	if stops < 50 {
		t.Errorf("only %d stops at breakpoints", stops)
	}
}

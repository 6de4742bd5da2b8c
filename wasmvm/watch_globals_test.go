package wasmvm_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// globalStop is a change of some globals, which are numbered as they are watched.
type globalStop struct {
	position uint64
	indexes  []int
}

// TestRandomGlobalWatches runs from change to change of random globals, in both tiers, with breakpoints set and cleared and watches replaced on the way,
// and compares the stops with single steps.
func TestRandomGlobalWatches(t *testing.T) {
	stops := 0
	forHistories(t, 3, func(seed uint64, m *randmod.Module, mod *wasmvm.Module, h *history, r *rand.Rand) {
		var watches []wasmvm.Watch
		for range 1 + r.IntN(3) {
			watches = append(watches, wasmvm.Watch{Kind: wasmvm.WatchGlobal, Addr: r.Uint64N(uint64(len(m.Globals)) + 1)})
		}
		want := globalChanges(t, m, mod, h, watches)
		plan := r.Uint64()
		for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
			vm, _ := newRandomOf(t, m, mod, tier)
			r := rand.New(rand.NewPCG(plan, 8))
			vm.SetWatches(watches)
			i := 0
			for vm.Position() < h.end() {
				disturb(t, vm, h, watches, r)
				s := vm.Run(h.end())
				if s.Reason == wasmvm.StopBreakpoint {
					continue
				}
				if s.Reason != wasmvm.StopWatch {
					break
				}
				got := globalStop{position: vm.Position()}
				for _, w := range s.Watches {
					got.indexes = append(got.indexes, w.Index)
				}
				if i >= len(want) || got.position != want[i].position || !slices.Equal(got.indexes, want[i].indexes) {
					t.Fatalf("seed %d, %s, %v: stop %d of %d is %+v, want %+v", seed, tierName(tier), watches, i, len(want), got, want[min(i, len(want)):min(i+1, len(want))])
				}
				i++
			}
			if stops += i; i != len(want) {
				t.Fatalf("seed %d, %s, %v: %d of %d stops", seed, tierName(tier), watches, i, len(want))
			}
		}
	})
	if stops < 1000 {
		t.Errorf("only %d stops in all", stops)
	}
}

// globalChanges finds the changes by single steps.
func globalChanges(t *testing.T, m *randmod.Module, mod *wasmvm.Module, h *history, watches []wasmvm.Watch) (list []globalStop) {
	t.Helper()
	vm, _ := newRandomOf(t, m, mod, wasmvm.TierPrecise)
	values := func() [][2]uint64 {
		var vs [][2]uint64
		for i := range mod.Globals {
			vs = append(vs, vm.GlobalBits(i))
		}
		return vs
	}
	for before := values(); vm.Position() < h.end(); {
		vm.Run(vm.Position() + 1)
		stop := globalStop{position: vm.Position()}
		after := values()
		for i, w := range watches {
			if w.Addr < uint64(len(after)) && before[w.Addr] != after[w.Addr] {
				stop.indexes = append(stop.indexes, i)
			}
		}
		if before = after; stop.indexes != nil {
			list = append(list, stop)
		}
	}
	return list
}

// disturb changes what must make no difference to watched globals.
func disturb(t *testing.T, vm *wasmvm.Machine, h *history, watches []wasmvm.Watch, r *rand.Rand) {
	t.Helper()
	switch r.IntN(8) {
	case 0:
		if err := vm.SetBreakpoint(h.pcs[r.IntN(len(h.pcs))]); err != nil {
			t.Fatal(err)
		}
	case 1:
		vm.ClearBreakpoint(h.pcs[r.IntN(len(h.pcs))])
	case 2:
		vm.ClearBreakpoints()
	case 3:
		vm.SetWatches(nil)
		vm.SetWatches(watches)
	}
}

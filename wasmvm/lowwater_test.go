package wasmvm_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// TestLowWater runs random modules in random pieces and tiers, begins new periods at random, and checks that what the machine says is unchanged is, and
// that a run with marks ends as one without.
func TestLowWater(t *testing.T) {
	kept := 0
	for seed := range uint64(40) {
		m := randmod.Generate(seed, randmod.Options{Fuel: 1500})
		plain, _ := newRandom(t, m, wasmvm.TierAuto)
		want := runToEnd(t, plain)
		vm, _ := newRandom(t, m, wasmvm.TierAuto)
		r := rand.New(rand.NewPCG(seed, 13))
		var base []byte
		for {
			vm.SetTier(wasmvm.Tier(r.IntN(2)))
			s := vm.Run(vm.Position() + r.Uint64N(3000))
			from := vm.StackDirtyFrom()
			if from > len(vm.StackBytes()) || from > len(base) || !bytes.Equal(base[:from], vm.StackBytes()[:from]) {
				t.Fatalf("seed %d, position %d: the stack changed below %d", seed, vm.Position(), from)
			}
			kept += from
			if s.Reason != wasmvm.StopLimit {
				if s.Reason != want.Reason || vm.Digest() != plain.Digest() {
					t.Fatalf("seed %d: ends at %d by %v, without marks at %d by %v", seed, vm.Position(), s.Reason, plain.Position(), want.Reason)
				}
				break
			}
			switch r.IntN(4) {
			case 0:
				core, stack, memory := vm.SaveCore(), bytes.Clone(vm.StackBytes()), bytes.Clone(vm.Memory())
				if err := vm.RestoreCore(core); err != nil || vm.StackDirtyFrom() != 0 {
					t.Fatalf("seed %d: %v, all is unknown after a restore, but it is kept below %d", seed, err, vm.StackDirtyFrom())
				}
				copy(vm.StackBytes(), stack)
				copy(vm.Memory(), memory)
				base = nil
			case 1, 2:
				vm.ResetDirty()
				base = bytes.Clone(vm.StackBytes())
			}
		}
	}
	if kept == 0 {
		t.Error("nothing was ever kept")
	}
}

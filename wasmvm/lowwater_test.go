package wasmvm_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// TestLowWater runs random modules in random pieces and tiers, begins new periods at random, and checks that what the machine says is unchanged is, and
// that a run with marks ends as one without.
func TestLowWater(t *testing.T) {
	kept, keptFrames := 0, 0
	for seed := range uint64(40) {
		m := randmod.Generate(seed, randmod.Options{Fuel: 1500})
		plain, _ := newRandom(t, m, wasmvm.TierAuto)
		want := runToEnd(t, plain)
		vm, _ := newRandom(t, m, wasmvm.TierAuto)
		r := rand.New(rand.NewPCG(seed, 13))
		var base []byte
		var noted []activation
		since := 0
		for {
			vm.SetTier(wasmvm.Tier(r.IntN(2)))
			s := vm.Run(vm.Position() + r.Uint64N(3000))
			from := vm.StackDirtyFrom()
			if from > len(vm.StackBytes()) || from > len(base) || !bytes.Equal(base[:from], vm.StackBytes()[:from]) {
				t.Fatalf("seed %d, position %d: the stack changed below %d", seed, vm.Position(), from)
			}
			kept += from
			below := vm.FramesKept(since)
			if now := activations(vm, below); !slices.Equal(now, outside(noted, below)) {
				t.Fatalf("seed %d, position %d: the frames below slot %d were %v, are %v", seed, vm.Position(), below, noted, now)
			} else {
				keptFrames += len(now)
			}
			if s.Reason != wasmvm.StopLimit {
				if s.Reason != want.Reason || vm.Digest() != plain.Digest() {
					t.Fatalf("seed %d: ends at %d by %v, without marks at %d by %v", seed, vm.Position(), s.Reason, plain.Position(), want.Reason)
				}
				break
			}
			if r.IntN(3) == 0 {
				stale := since
				since, noted = vm.NoteFrames(), activations(vm, math.MaxInt)
				if vm.FramesKept(stale) != 0 {
					t.Fatalf("seed %d: frames are kept since a period that has ended", seed)
				}
			}
			switch r.IntN(4) {
			case 0:
				core, stack, memory := vm.SaveCore(), bytes.Clone(vm.StackBytes()), bytes.Clone(vm.Memory())
				if err := vm.RestoreCore(core); err != nil || vm.StackDirtyFrom() != 0 {
					t.Fatalf("seed %d: %v, all is unknown after a restore, but it is kept below %d", seed, err, vm.StackDirtyFrom())
				}
				copy(vm.StackBytes(), stack)
				copy(vm.Memory(), memory)
				if kept := vm.FramesKept(since); kept != 0 {
					t.Fatalf("seed %d: all is unknown after a restore, but frames are kept below slot %d", seed, kept)
				}
				base, noted = nil, nil
			case 1, 2:
				vm.ResetDirty()
				base = bytes.Clone(vm.StackBytes())
			}
		}
	}
	if kept == 0 || keptFrames == 0 {
		t.Errorf("%d bytes and %d frames were ever kept", kept, keptFrames)
	}
}

// activation is what tells a waiting frame from others.
type activation struct {
	base int
	fn   *wasmvm.Func
	call uint32
}

// activations are the frames that begin below a slot, outermost last. What the innermost frame of all does next is not asked.
func activations(vm *wasmvm.Machine, below int) (as []activation) {
	inner := -1
	for i, f := range vm.Frames() {
		a := activation{base: f.Base(), fn: f.Func()}
		if vm.FrameAt(int(f.Func().Index)-vm.Module().NumImportedFuncs, f.Base(), f.PC(), inner) != f {
			panic(fmt.Sprintf("at position %d frame %d is another one if it is asked for alone", vm.Position(), i))
		}
		inner = f.Base()
		if i > 0 {
			a.call = f.PC()
		}
		as = append(as, a)
	}
	return outside(as, below)
}

func outside(as []activation, below int) []activation {
	i := slices.IndexFunc(as, func(a activation) bool { return a.base < below })
	if i < 0 {
		return nil
	}
	return as[i:]
}

package wasmvm_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"wrev/internal/benchtable"
	"wrev/wasmvm"
)

// TestWatchesInKernels sets random watches on and beside what real programs use, at random places of a run. Both tiers must stop at the same positions with
// the same hits, and change the same state between.
func TestWatchesInKernels(t *testing.T) {
	hits, quiet := 0, 0
	for _, opt := range []string{"O2", "O0"} {
		kernels, err := benchtable.LoadKernels(kernelFolder, opt)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range kernels {
			r := rand.New(rand.NewPCG(uint64(i), 41))
			var vms [2]*wasmvm.Machine
			mod, err := wasmvm.Decode(k.Wasm)
			if err != nil {
				t.Fatal(err)
			}
			for j := range vms {
				if vms[j], err = wasmvm.New(mod, wasmvm.Config{Host: quietHost{}}); err != nil {
					t.Fatal(err)
				}
			}
			for round := range 8 {
				at := vms[0].Position() + r.Uint64N(1<<(10+2*round))
				for j, vm := range vms {
					vm.SetTier(wasmvm.TierAuto)
					vm.SetWatches(nil)
					vm.Run(at)
					if j == 1 {
						vm.SetTier(wasmvm.TierPrecise)
					}
				}
				watches := watchesNearby(vms[1], r)
				vms[0].Run(vms[1].Position())
				n := compareWatches(t, k, vms, watches, vms[0].Position()+100_000)
				if hits += n; n == 0 {
					quiet++
				}
			}
		}
	}
	if hits < 3000 || quiet < 20 {
		t.Errorf("%d hits, %d rounds without any: too few to tell", hits, quiet)
	}
}

// watchesNearby draws ranges on and beside the bytes that the next instructions access.
func watchesNearby(vm *wasmvm.Machine, r *rand.Rand) (list []wasmvm.Watch) {
	vm.SetWatches([]wasmvm.Watch{{Kind: wasmvm.WatchRead | wasmvm.WatchWrite, Len: 1 << 32}})
	near := vm.Position() + 20_000
	for range 1 + r.IntN(6) {
		for range 1 + r.IntN(60) {
			s := vm.Run(near)
			if s.Reason != wasmvm.StopWatch {
				return list
			}
			if r.IntN(8) == 0 {
				w := wasmvm.Watch{Kind: wasmvm.WatchKind(1 + r.IntN(3)), Addr: s.Watches[0].Addr + r.Uint64N(64), Len: 1 + r.Uint64N(8)}
				w.Addr -= min(w.Addr, r.Uint64N(32))
				list = append(list, w)
			}
		}
	}
	return list
}

// compareWatches runs a fast and a precise machine to a position, or through some stops at watches, and returns how many.
func compareWatches(t *testing.T, k benchtable.Kernel, vms [2]*wasmvm.Machine, watches []wasmvm.Watch, limit uint64) int {
	t.Helper()
	for _, vm := range vms {
		vm.SetWatches(watches)
	}
	for n := range 200 {
		want, got := vms[1].Run(limit), vms[0].Run(limit)
		if vms[0].Position() != vms[1].Position() || got.Reason != want.Reason || !reflect.DeepEqual(got.Watches, want.Watches) {
			t.Fatalf("%s.%s, watches %+v: stop %d is at %d: %+v; in the precise tier at %d: %+v", k.Name, k.Opt, watches, n, vms[0].Position(), got, vms[1].Position(), want)
		}
		if n%16 == 0 || want.Reason != wasmvm.StopWatch {
			if vms[0].Digest() != vms[1].Digest() {
				t.Fatalf("%s.%s, watches %+v: the states differ at %d", k.Name, k.Opt, watches, vms[0].Position())
			}
		}
		if want.Reason != wasmvm.StopWatch {
			return n
		}
	}
	return 200
}

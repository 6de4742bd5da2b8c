package wasmvm_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// The long runs are the short ones of the tests with other bounds; scripts/fuzz.sh sets them.
var (
	diffFor  = flag.Duration("difffor", 0, "how long TestDifferentialRun, TestBinaryenModules and TestNumericPairs go on; 0 means for a fixed number of modules")
	diffSeed = flag.Uint64("diffseed", 0, "the seed of the first module of these")
)

// forSeeds calls check in a subtest for each of n seeds, or for as long as -difffor
// says, and goes on after a failure. check returns the kind of its module, by which
// they are counted.
func forSeeds(t *testing.T, n int, check func(t *testing.T, seed uint64) (kind string)) {
	t.Helper()
	kinds, failures := map[string]int{}, []uint64{}
	began := time.Now()
	tried := 0
	for ; tried < n || time.Since(began) < *diffFor; tried++ {
		seed := *diffSeed + uint64(tried)
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v\n%s", p, debug.Stack())
				}
			}()
			kinds[check(t, seed)]++
		})
		if !ok {
			failures = append(failures, seed)
		}
	}
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Logf("%6d modules: %s", kinds[name], name)
	}
	t.Logf("%d modules tried from seed %d, %d differences found: %d", tried, *diffSeed, len(failures), failures)
}

// TestDifferentialRun runs random modules in every way that there is and compares
// with wazero's compiler, and the ways with each other.
func TestDifferentialRun(t *testing.T) {
	forSeeds(t, 100, func(t *testing.T, seed uint64) string {
		o := options(seed)
		if seed%2 == 0 {
			o.Fuel = 60 // more modules in the same time
		}
		m := randmod.Generate(1e9+seed, o)
		r := rand.New(rand.NewPCG(seed, 11))
		checkModule(t, m, r)
		if !t.Failed() {
			checkLimits(t, m, r)
		}
		if !t.Failed() {
			checkArmed(t, m, r)
		}
		return m.Features.String()
	})
}

// checkArmed runs a module to random positions by two machines in turn, the state
// going from one to the other, at times in its portable form. On the way it changes
// tiers, breakpoints and watches at random: none may change what the program does.
func checkArmed(t *testing.T, m *randmod.Module, r *rand.Rand) {
	t.Helper()
	plain, _ := newRandom(t, m, wasmvm.TierPrecise)
	last := runToEnd(t, plain)
	end := plain.Position()
	vms := make([]*wasmvm.Machine, 3) // the last one steps from position to position undisturbed
	for i := range vms {
		vms[i], _ = newRandomOf(t, m, plain.Module(), wasmvm.TierAuto)
	}
	clean, vm, other := vms[2], vms[0], vms[1]
	for _, p := range randomPositions(r, end, 10) {
		clean.Run(p)
		rearm(t, vm, r)
		runThrough(t, vm, p)
		if got, want := stateOf(vm), stateOf(clean); got != want {
			t.Fatalf("position %d of %d: another state\n%v\nshould be\n%v", p, end, got, want)
		}
		if r.IntN(2) == 0 {
			handOver(t, vm, other, r.IntN(2) == 0)
			vm, other = other, vm
		}
	}
	if s := runThrough(t, vm, 1<<62); s.Reason != last.Reason || vm.Position() != end || vm.Digest() != plain.Digest() {
		t.Fatalf("ended at %d by %v, %v instead of at %d by %v, %v", vm.Position(), s.Reason, trapOf(s), end, last.Reason, trapOf(last))
	}
}

// rearm changes everything about a machine that must make no difference.
func rearm(t *testing.T, vm *wasmvm.Machine, r *rand.Rand) {
	t.Helper()
	vm.SetTier(wasmvm.Tier(r.IntN(2)))
	if r.IntN(4) == 0 {
		vm.ClearBreakpoints()
	}
	for range r.IntN(4) {
		fn := &vm.Module().Funcs[r.IntN(len(vm.Module().Funcs))]
		l, err := vm.Module().Layout(fn)
		if err != nil {
			t.Fatal(err)
		}
		if err := vm.SetBreakpoint(l.PCs[r.IntN(len(l.PCs))]); err != nil {
			t.Fatal(err)
		}
	}
	if vm.Memory() == nil || r.IntN(3) == 0 {
		vm.SetWatches(nil)
		return
	}
	var list []wasmvm.Watch
	for range r.IntN(4) {
		list = append(list, wasmvm.Watch{Kind: wasmvm.WatchKind(1 + r.IntN(3)), Addr: r.Uint64N(0x3000), Len: 1 + r.Uint64N(64)})
	}
	vm.SetWatches(list)
}

// runThrough runs to a position past all stops on the way.
func runThrough(t *testing.T, vm *wasmvm.Machine, p uint64) wasmvm.Stop {
	t.Helper()
	for vm.Position() < p {
		s := vm.Run(p)
		switch s.Reason {
		case wasmvm.StopBreakpoint, wasmvm.StopWatch, wasmvm.StopLimit:
		case wasmvm.StopTrap, wasmvm.StopExit:
			if p < 1<<62 {
				t.Fatalf("on the way to %d stopped at %d: %v, %v", p, vm.Position(), s.Reason, trapOf(s))
			}
			return s
		default:
			t.Fatalf("on the way to %d stopped at %d: %v, %v", p, vm.Position(), s.Reason, s.Err)
		}
	}
	return wasmvm.Stop{Reason: wasmvm.StopLimit}
}

// handOver brings the state of one machine into another one.
func handOver(t *testing.T, from, to *wasmvm.Machine, portable bool) {
	t.Helper()
	s := takeSnapshot(from)
	if portable {
		b, err := from.EncodeState(nil, s.core, s.stack)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if s.core, s.stack, err = to.DecodeState(b); err != nil {
			t.Fatalf("decode: %v", err)
		}
	}
	s.restore(t, to)
}

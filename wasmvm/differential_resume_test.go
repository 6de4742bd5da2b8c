package wasmvm_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// errHostDown is what a host that does not answer returns.
var errHostDown = errors.New("the host does not answer")

// flakyHost refuses every call once, or ends the program at one of them.
type flakyHost struct {
	randomHost
	refused map[uint64]bool
	exitAt  uint64 // call number + 1; 0 means never
}

func (h *flakyHost) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	n := m.HostCalls()
	if n+1 == h.exitAt {
		return &wasmvm.ExitError{Code: 7}
	}
	if !h.refused[n] {
		h.refused[n] = true
		return errHostDown
	}
	return h.randomHost.HostCall(m, fn, args, results)
}

func newFlaky(t *testing.T, m *randmod.Module, tier wasmvm.Tier, exitAt uint64) *wasmvm.Machine {
	t.Helper()
	mod, err := wasmvm.Decode(m.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	h := &flakyHost{randomHost: randomHost{mod: m}, refused: map[uint64]bool{}, exitAt: exitAt}
	vm, err := wasmvm.New(mod, wasmvm.Config{Host: h, MaxMemoryPages: randmod.MaxPages, NaN: nanRule()})
	if err != nil {
		t.Fatal(err)
	}
	vm.SetTier(tier)
	return vm
}

// TestHostErrors checks that a host's error completes nothing: the stop says so, the
// state is that before the call, and running on gives the run that there would have
// been without it.
func TestHostErrors(t *testing.T) {
	for seed := range uint64(60) {
		m := randmod.Generate(seed, randmod.Options{})
		plain, _ := newRandom(t, m, wasmvm.TierAuto)
		want := runToEnd(t, plain)
		for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
			vm := newFlaky(t, m, tier, 0)
			errs := uint64(0)
			s := vm.Run(1 << 62)
			for ; s.Reason == wasmvm.StopHost; s = vm.Run(1 << 62) {
				if !errors.Is(s.Err, errHostDown) || vm.HostCalls() != errs {
					t.Fatalf("seed %d, %s: stop at call %d after %d errors: %v", seed, tierName(tier), vm.HostCalls(), errs, s.Err)
				}
				errs++
			}
			if s.Reason != want.Reason || vm.Position() != plain.Position() || vm.Digest() != plain.Digest() || vm.HostCalls() != plain.HostCalls() {
				t.Fatalf("seed %d, %s: ended at %d by %v, should be %d by %v", seed, tierName(tier), vm.Position(), s.Reason, plain.Position(), want.Reason)
			}
		}
	}
}

// TestExitInHostCall ends programs by a host call and checks that running on gives
// the same stop in the same state.
func TestExitInHostCall(t *testing.T) {
	exits := 0
	for seed := range uint64(90) {
		m := randmod.Generate(seed, randmod.Options{})
		vm, _ := newRandom(t, m, wasmvm.TierAuto)
		runToEnd(t, vm)
		if vm.HostCalls() == 0 {
			continue
		}
		exits++
		at := 1 + seed%vm.HostCalls()
		var digests [2][32]byte
		for i, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
			vm := newFlaky(t, m, tier, at)
			for range 2 { // past every refusal, and once more at the end
				s := vm.Run(1 << 62)
				for s.Reason == wasmvm.StopHost {
					s = vm.Run(1 << 62)
				}
				if s.Reason != wasmvm.StopExit || s.ExitCode != 7 || vm.HostCalls() != at-1 {
					t.Fatalf("seed %d, %s: %v, code %d, after %d calls", seed, tierName(tier), s.Reason, s.ExitCode, vm.HostCalls())
				}
				if d := vm.Digest(); digests[i] != ([32]byte{}) && digests[i] != d {
					t.Fatalf("seed %d, %s: the state changed by running at the end", seed, tierName(tier))
				}
				digests[i] = vm.Digest()
			}
		}
		if digests[0] != digests[1] {
			t.Fatalf("seed %d: the tiers end in different states", seed)
		}
	}
	if exits < 20 {
		t.Errorf("only %d modules call the host", exits)
	}
}

// TestStackOverflow lets random recursion overflow a small stack, which must happen
// at the same position in both tiers and in mixes of them.
func TestStackOverflow(t *testing.T) {
	overflows := 0
	for seed := range uint64(100) {
		m := randmod.Generate(seed, randmod.Options{Fuel: 2000})
		mod, err := wasmvm.Decode(m.Wasm)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 9))
		var end uint64
		var digest [32]byte
		for i := range 3 {
			vm, err := wasmvm.New(mod, wasmvm.Config{Host: &randomHost{mod: m}, MaxMemoryPages: randmod.MaxPages, NaN: nanRule(), MaxStackSlots: 400})
			if err != nil {
				t.Fatal(err)
			}
			s := wasmvm.Stop{Reason: wasmvm.StopLimit}
			for limit := uint64(0); s.Reason == wasmvm.StopLimit; {
				switch {
				case i == 2:
					limit += 1 + r.Uint64N(500)
					vm.SetTier(wasmvm.Tier(r.IntN(2)))
				default:
					limit = 1 << 62
					vm.SetTier(wasmvm.Tier(i))
				}
				s = vm.Run(limit)
			}
			if s.Reason == wasmvm.StopTrap && s.Trap.Code == wasmvm.TrapStackOverflow {
				overflows++
			}
			if i == 0 {
				end, digest = vm.Position(), vm.Digest()
			} else if vm.Position() != end || vm.Digest() != digest {
				t.Fatalf("seed %d, run %d: ended at %d by %v instead of at %d", seed, i, vm.Position(), trapOf(s), end)
			}
		}
	}
	if overflows < 30 {
		t.Errorf("only %d runs overflow the stack", overflows)
	}
}

// TestInterrupts interrupts runs from another goroutine all the time; where that hits
// is a matter of chance, what comes out is not.
func TestInterrupts(t *testing.T) {
	for seed := range uint64(20) {
		m := randmod.Generate(seed, randmod.Options{Fuel: 3000})
		plain, _ := newRandom(t, m, wasmvm.TierAuto)
		runToEnd(t, plain)
		vm, _ := newRandomOf(t, m, plain.Module(), wasmvm.TierAuto)
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					vm.Interrupt()
				}
			}
		})
		s := vm.Run(1 << 62)
		for n := 0; s.Reason == wasmvm.StopInterrupt; n++ {
			if n == 200 { // a machine that is always interrupted at once gets nowhere
				close(done)
				wg.Wait()
				vm.ClearInterrupt()
			}
			vm.SetTier(wasmvm.Tier(n % 2))
			s = vm.Run(1 << 62)
		}
		select {
		case <-done:
		default:
			close(done)
			wg.Wait()
		}
		if vm.Position() != plain.Position() || vm.Digest() != plain.Digest() {
			t.Fatalf("seed %d: ended at %d by %v instead of at %d", seed, vm.Position(), s.Reason, plain.Position())
		}
	}
}

// TestSharedModule runs several machines of one module at the same time, with
// breakpoints in some of them.
func TestSharedModule(t *testing.T) {
	m := randmod.Generate(4, randmod.Options{})
	first, _ := newRandom(t, m, wasmvm.TierAuto)
	runToEnd(t, first)
	var wg sync.WaitGroup
	for i := range 6 {
		vm, _ := newRandomOf(t, m, first.Module(), wasmvm.Tier(i%2))
		wg.Go(func() {
			if i >= 3 {
				for k := range vm.Module().Funcs {
					if err := vm.SetBreakpoint(vm.Module().Funcs[k].BodyStart); err != nil {
						t.Error(err)
					}
				}
			}
			for vm.Run(1<<62).Reason == wasmvm.StopBreakpoint {
			}
			if vm.Digest() != first.Digest() {
				t.Errorf("machine %d ended in another state", i)
			}
		})
	}
	wg.Wait()
}

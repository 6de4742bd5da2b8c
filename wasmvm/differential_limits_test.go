package wasmvm_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
	"wrev/wasmvm/internal/testkit"
)

// runToEnd runs a machine until its program ends and returns the stop.
func runToEnd(t testing.TB, vm *wasmvm.Machine) wasmvm.Stop {
	t.Helper()
	stop := vm.Run(1 << 62)
	if stop.Reason != wasmvm.StopExit && stop.Reason != wasmvm.StopTrap {
		t.Fatalf("the program ended by reason %v, %v", stop.Reason, stop.Err)
	}
	return stop
}

// trapOf is the stop's trap as an error, nil if the program ended normally.
func trapOf(s wasmvm.Stop) error {
	if s.Trap == nil {
		return nil
	}
	return s.Trap
}

// randomPositions draws n ascending positions up to end, neighbours among them.
func randomPositions(r *rand.Rand, end uint64, n int) []uint64 {
	var list []uint64
	for range n {
		p := r.Uint64N(end + 1)
		list = append(list, p)
		if r.IntN(3) == 0 && p < end {
			list = append(list, p+1)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// state is a machine's state at a stop: the digest, and the frames spelled out, so
// that a mistake in the digest does not hide one in the frames.
type state struct {
	pc     uint32
	frames frameBytes
	digest [32]byte
}

func stateOf(vm *wasmvm.Machine) state {
	var b []byte
	num := func(vs ...uint64) {
		for _, v := range vs {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	bits := func(n int, value func(int) [2]uint64) {
		num(uint64(n))
		for i := range n {
			v := value(i)
			num(v[:]...)
		}
	}
	for _, f := range vm.Frames() {
		num(uint64(f.Func().Index), uint64(f.PC()))
		bits(len(f.Func().Locals), f.LocalBits)
		bits(f.NumOperands(), f.OperandBits)
	}
	return state{vm.PC(), frameBytes(b), vm.Digest()}
}

// frameBytes are frames as numbers: function, program counter, number of locals and they, number of operands and they. Text is made of them
// only to be read, since stacks are deep at times.
type frameBytes string

func (s frameBytes) String() string {
	num := func() uint64 {
		v := binary.LittleEndian.Uint64([]byte(s[:8]))
		s = s[8:]
		return v
	}
	var b strings.Builder
	for n := 0; len(s) > 0; n++ {
		fmt.Fprintf(&b, "%d: function %d at %#x", n, num(), num())
		for _, what := range []string{"locals", "operands"} {
			fmt.Fprintf(&b, ", %s", what)
			for range num() {
				fmt.Fprintf(&b, " %#x", [2]uint64{num(), num()})
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// checkLimits runs a module to random positions in the fast tier, in the precise
// tier and in random mixes of both, and compares the digest of the state at each.
func checkLimits(t *testing.T, m *randmod.Module, r *rand.Rand) {
	t.Helper()
	want := testkit.RunOracle(t, m, nil)
	vm, h := newRandom(t, m, wasmvm.TierAuto)
	stop := runToEnd(t, vm)
	compare(t, "one run", want, observe(t, vm, h, trapOf(stop)))
	end := vm.Position()
	stops := randomPositions(r, end, 12)
	states := map[uint64]state{}
	auto := func(int) wasmvm.Tier { return wasmvm.TierAuto }
	precise := func(int) wasmvm.Tier { return wasmvm.TierPrecise }
	mixed := func(int) wasmvm.Tier { return []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise}[r.IntN(2)] }
	for i, tier := range []func(int) wasmvm.Tier{precise, auto, mixed} {
		name := []string{"precise", "auto", "mixed"}[i]
		vm, h := newRandom(t, m, wasmvm.TierAuto)
		for k, p := range stops {
			vm.SetTier(tier(k))
			s := vm.Run(p)
			if vm.Position() != p {
				t.Fatalf("%s: run to %d of %d stopped at %d by reason %v, %v", name, p, end, vm.Position(), s.Reason, trapOf(s))
			}
			if s.Reason != wasmvm.StopLimit {
				t.Fatalf("%s: run to %d of %d: reason %v instead of the limit", name, p, end, s.Reason)
			}
			now := stateOf(vm)
			if first, ok := states[p]; !ok {
				states[p] = now
			} else if first != now {
				t.Errorf("%s: another state at position %d of %d:\n%v\nshould be\n%v", name, p, end, now, first)
			}
		}
		vm.SetTier(tier(0))
		last := runToEnd(t, vm)
		if vm.Position() != end {
			t.Errorf("%s: ended at %d instead of %d", name, vm.Position(), end)
		}
		compare(t, name, want, observe(t, vm, h, trapOf(last)))
		digest := vm.Digest()
		if again := vm.Run(1 << 62); again.Reason != last.Reason || vm.Position() != end || vm.Digest() != digest {
			t.Errorf("%s: running on at the end gives %v at %d instead of %v at %d", name, again.Reason, vm.Position(), last.Reason, end)
		}
		if t.Failed() {
			return
		}
	}
}

// TestRandomLimits compares states in mid-run between the tiers.
func TestRandomLimits(t *testing.T) {
	for seed := range uint64(200) {
		checkLimits(t, randmod.Generate(seed, options(seed)), rand.New(rand.NewPCG(seed, 3)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// snapshot is what has to be kept to come back to a position.
type snapshot struct {
	core          *wasmvm.Core
	memory, stack []byte
	digest        [32]byte
}

func takeSnapshot(vm *wasmvm.Machine) snapshot {
	return snapshot{vm.SaveCore(), bytes.Clone(vm.Memory()), bytes.Clone(vm.StackBytes()), vm.Digest()}
}

func (s snapshot) restore(t *testing.T, vm *wasmvm.Machine) {
	t.Helper()
	if err := vm.RestoreCore(s.core); err != nil {
		t.Fatal(err)
	}
	copy(vm.Memory(), s.memory)
	copy(vm.StackBytes(), s.stack)
	if vm.Digest() != s.digest {
		t.Fatalf("another state after restoring position %d", vm.Position())
	}
}

// TestRandomRestore jumps between saved states in any order, into the machine that
// saved them and into another one, and compares states on the way forward.
func TestRandomRestore(t *testing.T) {
	for seed := range uint64(120) {
		m := randmod.Generate(seed, options(seed))
		r := rand.New(rand.NewPCG(seed, 4))
		vm, _ := newRandom(t, m, wasmvm.TierAuto)
		runToEnd(t, vm)
		end := vm.Position()
		vm, _ = newRandomOf(t, m, vm.Module(), wasmvm.TierAuto)
		other, _ := newRandomOf(t, m, vm.Module(), wasmvm.TierPrecise)
		var saved []snapshot
		for _, p := range randomPositions(r, end, 8) {
			vm.Run(p)
			saved = append(saved, takeSnapshot(vm))
		}
		for range 12 {
			i := r.IntN(len(saved))
			to := []*wasmvm.Machine{vm, other}[r.IntN(2)]
			saved[i].restore(t, to)
			j := i + r.IntN(len(saved)-i)
			to.Run(saved[j].core.Position())
			if to.Digest() != saved[j].digest {
				t.Fatalf("seed %d: from %d to %d of %d: another state", seed, saved[i].core.Position(), saved[j].core.Position(), end)
			}
		}
	}
}

// TestRandomDirty checks that every page whose bytes changed is reported dirty.
func TestRandomDirty(t *testing.T) {
	for seed := range uint64(120) {
		m := randmod.Generate(seed, options(seed))
		r := rand.New(rand.NewPCG(seed, 5))
		vm, _ := newRandom(t, m, wasmvm.TierAuto)
		runToEnd(t, vm)
		end := vm.Position()
		vm, _ = newRandomOf(t, m, vm.Module(), wasmvm.TierAuto)
		vm.ResetDirty()
		before := bytes.Clone(vm.Memory())
		for _, p := range randomPositions(r, end, 10) {
			vm.SetTier([]wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise}[r.IntN(2)])
			vm.Run(p)
			dirty := vm.Dirty(nil)
			after := vm.Memory()
			for page := 0; page*wasmvm.PageSize < len(before); page++ {
				at := page * wasmvm.PageSize
				if !bytes.Equal(before[at:at+wasmvm.PageSize], after[at:at+wasmvm.PageSize]) && !slices.Contains(dirty, uint32(page)) {
					t.Fatalf("seed %d, up to position %d: page %d changed and is not dirty", seed, p, page)
				}
			}
			before = bytes.Clone(after)
			vm.ResetDirty()
		}
	}
}

// TestDigestNotices changes one bit of the state at a time: the digest must change
// with it, and be the old one when the bit is back.
func TestDigestNotices(t *testing.T) {
	m := randmod.Generate(11, randmod.Options{})
	vm, _ := newRandom(t, m, wasmvm.TierAuto)
	runToEnd(t, vm)
	end := vm.Position()
	vm, _ = newRandomOf(t, m, vm.Module(), wasmvm.TierAuto)
	seen := map[[32]byte]string{}
	for _, p := range []uint64{0, 1, end / 3, end / 2, end - 1} {
		vm.Run(p)
		clean := vm.Digest()
		check := func(what string, flip func()) {
			t.Helper()
			flip()
			d := vm.Digest()
			if before, ok := seen[d]; ok {
				t.Errorf("position %d, %s: the same digest as of %s", p, what, before)
			}
			seen[d] = fmt.Sprintf("position %d, %s", p, what)
			flip()
			if vm.Digest() != clean {
				t.Errorf("position %d, %s: another digest after it was changed back", p, what)
			}
		}
		check("nothing changed", func() {})
		flip := func(e wasmvm.Edit, v [2]uint64) {
			t.Helper()
			e.Bits = [2]uint64{v[0] ^ 1, v[1]}
			if err := vm.ApplyEdit(&e); err != nil {
				t.Fatal(err)
			}
		}
		depth := vm.Depth()
		for n, f := range vm.Frames() {
			for i, typ := range f.Func().Locals {
				if typ.IsRef() {
					continue // not every number is a reference
				}
				e := wasmvm.Edit{Kind: wasmvm.EditLocal, Frame: depth - 1 - n, Func: f.Func().Index, Index: uint32(i)}
				check(fmt.Sprintf("frame %d local %d", n, i), func() { flip(e, f.LocalBits(i)) })
			}
		}
		for i, g := range vm.Module().Globals {
			if !g.Type.IsRef() && g.Mutable {
				check(fmt.Sprintf("global %d", i), func() { flip(wasmvm.Edit{Kind: wasmvm.EditGlobal, Index: uint32(i)}, vm.GlobalBits(i)) })
			}
		}
		for _, at := range []int{0, 4095, len(vm.Memory()) - 1} {
			check(fmt.Sprintf("memory at %#x", at), func() { vm.Memory()[at] ^= 1 })
		}
	}
}

package wasmvm_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"wrev/internal/benchtable"
	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// saved is a whole state in its portable form.
type saved struct{ state, memory []byte }

func encode(t testing.TB, vm *wasmvm.Machine) saved {
	t.Helper()
	state, err := vm.EncodeState(nil, vm.SaveCore(), vm.StackBytes())
	if err != nil {
		t.Fatalf("position %d: %v", vm.Position(), err)
	}
	return saved{state, bytes.Clone(vm.Memory())}
}

// load makes a saved state the machine's.
func (s saved) load(vm *wasmvm.Machine) error {
	core, stack, err := vm.DecodeState(s.state)
	if err != nil {
		return err
	}
	if err := vm.RestoreCore(core); err != nil {
		return err
	}
	if n := copy(vm.StackBytes(), stack); n != len(stack) || n != len(vm.StackBytes()) {
		return fmt.Errorf("%d bytes of stack decoded, %d live", len(stack), len(vm.StackBytes()))
	}
	clear(vm.Memory()[copy(vm.Memory(), s.memory):])
	return nil
}

// checkPortable runs vm to random positions, carries its state over to other, a machine of another decoding of the module, and checks that both go on in
// the same way.
func checkPortable(t *testing.T, vm, other *wasmvm.Machine, r *rand.Rand, times int, stride uint64) {
	t.Helper()
	for range times {
		vm.Run(vm.Position() + r.Uint64N(stride))
		s := encode(t, vm)
		if err := s.load(other); err != nil {
			t.Fatalf("position %d: %v", vm.Position(), err)
		}
		if vm.Digest() != other.Digest() {
			t.Fatalf("position %d: the decoded state differs", vm.Position())
		}
		if again := encode(t, other); !bytes.Equal(s.state, again.state) {
			t.Fatalf("position %d: the decoded state is encoded differently", vm.Position())
		}
		to := vm.Position() + r.Uint64N(200)
		a, b := vm.Run(to), other.Run(to)
		if a.Reason != b.Reason || vm.Digest() != other.Digest() {
			t.Fatalf("position %d: ends at %d by %v, decoded at %d by %v", to, vm.Position(), a.Reason, other.Position(), b.Reason)
		}
	}
}

func TestPortableState(t *testing.T) {
	tiers := []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise}
	for seed := range uint64(150) {
		m := randmod.Generate(seed, options(seed))
		other, err := wasmvm.Decode(m.Wasm)
		if err != nil {
			t.Fatal(err)
		}
		wasmvm.LowerBackwards(other)
		for i := range tiers {
			vm, _ := newRandom(t, m, tiers[i])
			to, _ := newRandomOf(t, m, other, tiers[1-i])
			checkPortable(t, vm, to, rand.New(rand.NewPCG(seed, 11)), 12, 2000)
		}
	}
}

func TestPortableStateOfKernels(t *testing.T) {
	for _, opt := range []string{"O2", "O0"} {
		kernels, err := benchtable.LoadKernels(kernelFolder, opt)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range kernels {
			var vms [2]*wasmvm.Machine
			for j := range vms {
				mod, err := wasmvm.Decode(k.Wasm)
				if err != nil {
					t.Fatal(err)
				}
				if j == 1 {
					wasmvm.LowerBackwards(mod)
				}
				if vms[j], err = wasmvm.New(mod, wasmvm.Config{Host: quietHost{}}); err != nil {
					t.Fatal(err)
				}
			}
			vms[i%2].SetTier(wasmvm.TierPrecise)
			checkPortable(t, vms[0], vms[1], rand.New(rand.NewPCG(uint64(i), 12)), 10, 200_000)
		}
	}
}

// quietHost answers every call with zeros.
type quietHost struct{}

func (quietHost) HostCall(*wasmvm.Machine, uint32, []uint64, []uint64) error { return nil }

// TestStateErrors checks that states of the wrong kind are refused with a reason.
func TestStateErrors(t *testing.T) {
	m := randmod.Generate(3, randmod.Options{})
	vm, _ := newRandom(t, m, wasmvm.TierAuto)
	vm.Run(500)
	good := encode(t, vm).state
	change := func(at int, b byte) []byte {
		s := bytes.Clone(good)
		s[at] = b
		return s
	}
	for _, c := range []struct {
		name  string
		state []byte
		want  string
	}{
		{"nothing", nil, "end of input"},
		{"version", change(0, wasmvm.StateVersion+1), fmt.Sprintf("want version %d", wasmvm.StateVersion)},
		{"cut", good[:len(good)-1], "end of input"},
		{"long", append(bytes.Clone(good), 0), "1 bytes too many"},
		{"no frames", append([]byte{wasmvm.StateVersion, 0}, make([]byte, 100)...), "do not fit the frames"},
		{"no such function", []byte{wasmvm.StateVersion, 0xFF, 0xFF, 3, 0}, "frame kind"},
	} {
		if _, _, err := vm.DecodeState(c.state); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	other, _ := newRandom(t, m, wasmvm.TierAuto)
	if _, err := other.EncodeState(nil, vm.SaveCore(), vm.StackBytes()); err == nil {
		t.Error("a state of another decoding of the module was encoded")
	}
	if _, err := vm.EncodeState(nil, vm.SaveCore(), nil); err == nil {
		t.Error("a state without its stack was encoded")
	}
}

// TestSharedTables checks that states whose tables are as New made them do not hold tables of their own.
func TestSharedTables(t *testing.T) {
	kernels, err := benchtable.LoadKernels(kernelFolder, "O2")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := wasmvm.Decode(kernels[0].Wasm) // callind: has a table and never changes it
	if err != nil {
		t.Fatal(err)
	}
	vm, err := wasmvm.New(mod, wasmvm.Config{Host: quietHost{}})
	if err != nil {
		t.Fatal(err)
	}
	vm.Run(10_000)
	if len(mod.Tables) == 0 {
		t.Fatal("the kernel has no table")
	}
	s := encode(t, vm)
	core, _, err := vm.DecodeState(s.state)
	if err != nil {
		t.Fatal(err)
	}
	if empty := 200 + 16*len(mod.Globals) + 4*2; core.Size() > empty {
		t.Errorf("the decoded state takes %d bytes, should be at most %d", core.Size(), empty)
	}
}

// FuzzDecodeState checks that a state made of any bytes either is refused or can be looked at, run on and saved in both tiers. (Not with the same result: a
// local may have a value that the code before rules out, which only the precise tier believes.)
func FuzzDecodeState(f *testing.F) {
	const kinds = 16
	var mods [kinds]*randmod.Module
	var decoded [kinds]*wasmvm.Module
	for i := range mods {
		mods[i] = randmod.Generate(uint64(i), randmod.Options{Fuel: 100})
		var err error
		if decoded[i], err = wasmvm.Decode(mods[i].Wasm); err != nil {
			f.Fatal(err)
		}
		vm, _ := newRandomOf(f, mods[i], decoded[i], wasmvm.TierAuto)
		for range 3 {
			vm.Run(vm.Position() + 300)
			f.Add(uint8(i), encode(f, vm).state)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, state []byte) {
		i := kind % kinds
		for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
			vm, _ := newRandomOf(t, mods[i], decoded[i], tier)
			if err := (saved{state: state}).load(vm); err != nil {
				return
			}
			before := encode(t, vm)
			if err := before.load(vm); err != nil {
				t.Fatalf("what was decoded is encoded so that it is refused: %v", err)
			}
			vm.Run(vm.Position() + 5000)
			vm.Digest()
			if err := encode(t, vm).load(vm); err != nil {
				t.Fatalf("the state after running on is refused: %v", err)
			}
		}
	})
}

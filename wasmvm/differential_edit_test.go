package wasmvm_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// randomEdit draws an edit that may or may not make sense in a machine's state.
func randomEdit(r *rand.Rand, vm *wasmvm.Machine) wasmvm.Edit {
	frames := outermostFirst(vm)
	value := func() [2]uint64 {
		switch r.IntN(4) {
		case 0:
			return [2]uint64{r.Uint64(), r.Uint64()}
		case 1:
			return [2]uint64{r.Uint64()}
		case 2:
			return [2]uint64{uint64(r.Uint32())}
		}
		return [2]uint64{r.Uint64N(8)}
	}
	e := wasmvm.Edit{Kind: wasmvm.EditKind(1 + r.IntN(6)), Bits: value()}
	if len(frames) == 0 || e.Kind == wasmvm.EditMemory {
		e = wasmvm.Edit{Kind: wasmvm.EditMemory, Addr: r.Uint64N(0x3000), Data: make([]byte, 1+r.IntN(9))}
		for i := range e.Data {
			e.Data[i] = byte(r.Uint32())
		}
		return e
	}
	if e.Kind == wasmvm.EditGlobal {
		e.Index = uint32(r.IntN(len(vm.Module().Globals) + 1))
		return e
	}
	e.Frame = len(frames) - 1
	if r.IntN(2) == 0 {
		e.Frame = r.IntN(len(frames))
	}
	f := frames[e.Frame]
	e.Func = f.Func().Index
	switch e.Kind {
	case wasmvm.EditLocal:
		e.Index = uint32(r.IntN(len(f.Func().Locals) + 1))
	case wasmvm.EditOperand:
		e.Index = uint32(r.IntN(f.NumOperands() + 1))
	case wasmvm.EditPC:
		l, err := vm.Module().Layout(f.Func())
		if err != nil {
			return e
		}
		e.PC, e.Bits = l.PCs[r.IntN(len(l.PCs))], [2]uint64{}
	case wasmvm.EditReturn:
		e.Bits = [2]uint64{}
		for _, typ := range f.Func().Type.Results {
			v := value()
			e.Values = append(e.Values, v[:typ.Slots()]...)
		}
	}
	return e
}

// outermostFirst lists a machine's frames, the outermost first.
func outermostFirst(vm *wasmvm.Machine) []wasmvm.Frame {
	var list []wasmvm.Frame
	for _, f := range vm.Frames() {
		list = append(list, f)
	}
	slices.Reverse(list)
	return list
}

// checkEdits runs a module by the precise tier, and by machines that change tiers, hand over their state and are interrupted by breakpoints and watches, applies the same edits to
// all at random positions, and compares what they make of them.
func checkEdits(t *testing.T, m *randmod.Module, r *rand.Rand, applied map[wasmvm.EditKind]int) {
	t.Helper()
	exact, _ := newRandom(t, m, wasmvm.TierPrecise)
	runToEnd(t, exact)
	end := exact.Position()
	exact, _ = newRandomOf(t, m, exact.Module(), wasmvm.TierPrecise)
	auto, _ := newRandomOf(t, m, exact.Module(), wasmvm.TierAuto)
	vm, _ := newRandomOf(t, m, exact.Module(), wasmvm.TierAuto)
	other, _ := newRandomOf(t, m, exact.Module(), wasmvm.TierAuto)
	for range 12 {
		p := exact.Position() + r.Uint64N([]uint64{4, 40, 1 + end/6}[r.IntN(3)])
		want := runOn(exact, p)
		if got := runOn(auto, p); got.Reason != want.Reason {
			t.Fatalf("on the way to %d: stopped by %v at %d instead of %v at %d", p, got.Reason, auto.Position(), want.Reason, exact.Position())
		}
		if rearm(t, vm, r); r.IntN(3) == 0 {
			vm.ClearBreakpoints()
			vm.SetWatches(nil)
			vm.SetTier(wasmvm.TierAuto)
		}
		runOn(vm, p)
		sameState(t, "run", exact, auto, vm)
		for range r.IntN(3) {
			e := randomEdit(r, exact)
			wantErr := exact.ApplyEdit(&e)
			for _, vm := range []*wasmvm.Machine{auto, vm} {
				if err := vm.ApplyEdit(&e); !reflect.DeepEqual(err, wantErr) {
					t.Fatalf("position %d, %v: %v, want %v", p, &e, err, wantErr)
				}
			}
			if wantErr == nil {
				applied[e.Kind]++
			}
			sameState(t, e.String(), exact, auto, vm)
		}
		if r.IntN(2) == 0 {
			handOver(t, vm, other, r.IntN(2) == 0)
			vm, other = other, vm
		}
	}
}

func sameState(t *testing.T, what string, want *wasmvm.Machine, vms ...*wasmvm.Machine) {
	t.Helper()
	for i, vm := range vms {
		if vm.Position() != want.Position() || vm.Digest() != want.Digest() {
			t.Fatalf("after %s, machine %d: position %d, want %d\n%v\nshould be\n%v", what, i, vm.Position(), want.Position(), stateOf(vm), stateOf(want))
		}
	}
}

// runOn runs to a position past breakpoints and watches.
func runOn(vm *wasmvm.Machine, p uint64) wasmvm.Stop {
	for {
		if s := vm.Run(p); s.Reason != wasmvm.StopBreakpoint && s.Reason != wasmvm.StopWatch {
			return s
		}
	}
}

// TestDifferentialEdits checks that after any edits, of any activation, code runs in the same way in whatever tier.
func TestDifferentialEdits(t *testing.T) {
	applied := map[wasmvm.EditKind]int{}
	for seed := range uint64(250) {
		m := randmod.Generate(2e9+seed, options(seed))
		if checkEdits(t, m, rand.New(rand.NewPCG(seed, 21)), applied); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for k := wasmvm.EditMemory; k <= wasmvm.EditReturn; k++ {
		if applied[k] < 50 {
			t.Errorf("only %d edits of kind %v were applied", applied[k], k)
		}
	}
}

// FuzzEdit decodes edits from anywhere and applies them: nothing must break, and what is refused must change nothing.
func FuzzEdit(f *testing.F) {
	m := randmod.Generate(8, randmod.Options{Fuel: 100})
	mod, err := wasmvm.Decode(m.Wasm)
	if err != nil {
		f.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 22))
	vm, _ := newRandomOf(f, m, mod, wasmvm.TierAuto)
	vm.Run(700)
	for range 60 {
		b, err := json.Marshal(randomEdit(r, vm))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(700), b)
	}
	f.Add(uint16(0), []byte(`{"kind":"return","frame":-1}`))
	f.Fuzz(func(t *testing.T, p uint16, b []byte) {
		var e wasmvm.Edit
		if json.Unmarshal(b, &e) != nil {
			return
		}
		again, err := json.Marshal(e)
		var same wasmvm.Edit
		if err != nil || json.Unmarshal(again, &same) != nil || same.String() != e.String() {
			t.Fatalf("%s: written as %s, %v", b, again, err)
		}
		vm, _ := newRandomOf(t, m, mod, wasmvm.TierAuto)
		exact, _ := newRandomOf(t, m, mod, wasmvm.TierPrecise)
		vm.Run(uint64(p))
		exact.Run(uint64(p))
		if err := vm.ApplyEdit(&e); err != nil {
			sameState(t, "a refused edit", exact, vm)
			return
		}
		if err := exact.ApplyEdit(&e); err != nil {
			t.Fatal(err)
		}
		vm.Run(vm.Position() + 3000)
		exact.Run(exact.Position() + 3000)
		sameState(t, e.String(), exact, vm)
	})
}

package wasmvm_test

import (
	"math/rand/v2"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// TestRangeExits checks on histories made by single steps that no run leaves a range but by an exit.
func TestRangeExits(t *testing.T) {
	left := 0
	forHistories(t, 20, func(seed uint64, m *randmod.Module, mod *wasmvm.Module, h *history, r *rand.Rand) {
		pc := h.pcs[r.IntN(len(h.pcs))]
		fn := mod.FuncAt(pc)
		lo := fn.BodyStart + r.Uint32N(pc-fn.BodyStart+1)
		hi := pc + 1 + r.Uint32N(fn.BodyEnd-pc)
		exits, ok := mod.RangeExits(lo, hi)
		if !ok {
			t.Fatalf("seed %d: [%#x, %#x) is part of a function, but has no exits", seed, lo, hi)
		}
		is := map[uint32]bool{}
		for _, pc := range exits {
			is[pc] = true
		}
		inside := func(pc uint32) bool { return pc >= lo && pc < hi }
		for i, pc := range h.pcs[:h.end()] {
			if next := h.pcs[i+1]; inside(pc) && !inside(next) {
				if left++; !is[pc] && !is[next] {
					text, _ := mod.Disassemble(pc)
					t.Fatalf("seed %d: %s at %#x left [%#x, %#x) for %#x, which is no exit", seed, text, pc, lo, hi, next)
				}
			}
		}
	})
	if left < 1000 {
		t.Errorf("ranges were left only %d times", left)
	}
	mod, err := wasmvm.Decode(randmod.Generate(1, randmod.Options{}).Wasm)
	if err != nil {
		t.Fatal(err)
	}
	fn := &mod.Funcs[0]
	for _, bad := range [][2]uint32{{fn.BodyStart, fn.BodyStart}, {fn.BodyStart, fn.BodyEnd + 1}, {0, fn.BodyStart}, {^uint32(0), 1}} {
		if _, ok := mod.RangeExits(bad[0], bad[1]); ok {
			t.Errorf("[%#x, %#x) has exits", bad[0], bad[1])
		}
	}
}

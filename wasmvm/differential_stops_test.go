package wasmvm_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// access is one access to linear memory by a completed instruction.
type access struct {
	kind      wasmvm.WatchKind
	addr, len uint64
}

// history is a whole run, instruction by instruction.
type history struct {
	pcs      []uint32            // by position; the last is the instruction that ends the program
	accesses map[uint64][]access // by the position of the instruction
}

// maxHistory is how many instructions of a run are kept; the fuel of the modules
// that are used makes most runs shorter.
const maxHistory = 6000

// recordHistory steps through a run. It finds accesses by reading operands, so it
// depends on nothing but a correct state at each position.
func recordHistory(t *testing.T, m *randmod.Module, mod *wasmvm.Module) *history {
	t.Helper()
	vm, host := newRandomOf(t, m, mod, wasmvm.TierPrecise)
	h := &history{pcs: []uint32{vm.PC()}, accesses: map[uint64][]access{}}
	f := newFlow(mod)
	for len(h.pcs) <= maxHistory {
		p := vm.Position()
		list := operandAccesses(t, f, vm)
		calls := len(host.calls)
		var before []byte
		if isCall(t, f, vm) {
			before = slices.Clone(vm.Memory())
		}
		if s := vm.Run(p + 1); s.Reason != wasmvm.StopLimit {
			break
		}
		if len(host.calls) > calls {
			c := host.calls[calls]
			_, writes := m.Answer(uint64(calls), c.Import, c.Args, before)
			for _, w := range writes {
				list = append(list, access{wasmvm.WatchWrite, uint64(w.Addr), uint64(len(w.Data))})
			}
		}
		h.accesses[p] = list
		h.pcs = append(h.pcs, vm.PC())
	}
	return h
}

// isCall says whether the next instruction is a call, which the host may answer.
func isCall(t *testing.T, f *flow, vm *wasmvm.Machine) bool {
	t.Helper()
	at, err := f.locate(vm.PC())
	if err != nil {
		t.Fatal(err)
	}
	return isCallOp(at.fn.Ops[at.i])
}

// widths of the load and store opcodes 0x28 to 0x3E.
var widths = []uint64{4, 8, 4, 8, 1, 1, 2, 2, 1, 1, 2, 2, 4, 4, 4, 8, 4, 8, 1, 2, 1, 2, 4}

// operandAccesses computes what the next instruction will access if it does not trap.
func operandAccesses(t *testing.T, f *flow, vm *wasmvm.Machine) []access {
	t.Helper()
	at, err := f.locate(vm.PC())
	if err != nil {
		t.Fatal(err)
	}
	var frame wasmvm.Frame
	for _, fr := range vm.Frames() {
		frame = fr
		break
	}
	operand := func(fromTop int) uint64 { return uint64(uint32(frame.Operand(frame.NumOperands() - 1 - fromTop))) }
	read, write := wasmvm.WatchRead, wasmvm.WatchWrite
	switch op := at.fn.Ops[at.i]; op {
	case wasmvm.OpMemoryFill, wasmvm.OpMemoryInit, wasmvm.OpMemoryCopy:
		n := operand(0)
		if n == 0 {
			return nil
		}
		list := []access{{write, operand(2), n}}
		if op == wasmvm.OpMemoryCopy {
			list = append(list, access{read, operand(1), n})
		}
		return list
	default:
		return plainAccess(f, at, op, operand)
	}
}

// plainAccess is that of a load, a store or an atomic instruction.
func plainAccess(f *flow, at place, op wasmvm.Opcode, operand func(fromTop int) uint64) []access {
	width, address, kind := uint64(0), 0, wasmvm.WatchRead // the address's place under the top
	offset := 2                                            // in the list of immediates, the opcode behind the prefix included
	switch sub := int(op & 0xFFFF); {
	case op>>16 == 0xFD:
		width, address, kind = vectorAccess(sub)
	case op>>16 == 0xFE:
		width, address, kind = atomicAccess(sub)
	case op >= wasmvm.OpI32Load && op <= wasmvm.OpI64Store32:
		width, offset = widths[op-wasmvm.OpI32Load], 1
		if op >= 0x36 {
			address, kind = 1, wasmvm.WatchWrite
		}
	}
	if width == 0 {
		return nil
	}
	return []access{{kind, operand(address) + f.immediates(at.fn, at.i, offset+1)[offset], width}}
}

// vectorAccess describes an instruction behind the prefix 0xFD; width is 0 if it does not access memory.
func vectorAccess(op int) (width uint64, address int, kind wasmvm.WatchKind) {
	switch {
	case op == 0:
		return 16, 0, wasmvm.WatchRead
	case op >= 1 && op <= 6 || op == 93:
		return 8, 0, wasmvm.WatchRead
	case op >= 7 && op <= 10:
		return 1 << (op - 7), 0, wasmvm.WatchRead
	case op == 11:
		return 16, 1, wasmvm.WatchWrite
	case op == 92:
		return 4, 0, wasmvm.WatchRead
	case op >= 84 && op <= 87:
		return 1 << (op - 84), 1, wasmvm.WatchRead
	case op >= 88 && op <= 91:
		return 1 << (op - 88), 1, wasmvm.WatchWrite
	}
	return 0, 0, 0
}

// atomicAccess describes an instruction behind the prefix 0xFE. A compare-exchange
// counts as a write even if it finds another value.
func atomicAccess(op int) (width uint64, address int, kind wasmvm.WatchKind) {
	widths := []uint64{4, 8, 1, 2, 1, 2, 4}
	switch {
	case op == 1 || op == 2:
		return 2 << op, 2, wasmvm.WatchRead
	case op >= 0x10 && op <= 0x16:
		return widths[op-0x10], 0, wasmvm.WatchRead
	case op >= 0x17 && op <= 0x1D:
		return widths[op-0x17], 1, wasmvm.WatchWrite
	case op >= 0x1E && op <= 0x47:
		return widths[(op-0x1E)%7], 1, wasmvm.WatchRead | wasmvm.WatchWrite
	case op >= 0x48 && op <= 0x4E:
		return widths[op-0x48], 2, wasmvm.WatchRead | wasmvm.WatchWrite
	}
	return 0, 0, 0
}

// end is the last position of the history.
func (h *history) end() uint64 { return uint64(len(h.pcs) - 1) }

// TestRandomBreakpoints runs from breakpoint to breakpoint in both tiers, setting and
// clearing some on the way, and compares the stops with a history made by single steps.
func TestRandomBreakpoints(t *testing.T) {
	forHistories(t, 6, func(seed uint64, m *randmod.Module, mod *wasmvm.Module, h *history, r *rand.Rand) {
		points := map[uint32]bool{}
		for range 1 + r.IntN(3) {
			points[h.pcs[r.IntN(len(h.pcs))]] = true
		}
		plan := r.Uint64()
		for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
			vm, _ := newRandomOf(t, m, mod, tier)
			runBreakpoints(t, vm, h, maps.Clone(points), rand.New(rand.NewPCG(plan, 7)))
			if t.Failed() {
				t.Fatalf("seed %d, %s, breakpoints %#x", seed, tierName(tier), slices.Sorted(maps.Keys(points)))
			}
		}
	})
}

func runBreakpoints(t *testing.T, vm *wasmvm.Machine, h *history, points map[uint32]bool, r *rand.Rand) {
	t.Helper()
	for pc := range points {
		if err := vm.SetBreakpoint(pc); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; ; n++ {
		want := vm.Position() + 1
		for want <= h.end() && !points[h.pcs[want]] {
			want++
		}
		s := vm.Run(h.end() + 1)
		if want > h.end() {
			if vm.Position() < h.end() {
				t.Errorf("stop %d: stopped at %d of %d by %v; no breakpoint is left", n, vm.Position(), h.end(), s.Reason)
			}
			return
		}
		if s.Reason != wasmvm.StopBreakpoint || vm.Position() != want {
			t.Errorf("stop %d: stopped at %d by %v, should be at %d of %d", n, vm.Position(), s.Reason, want, h.end())
			return
		}
		switch r.IntN(12) {
		case 0:
			vm.ClearBreakpoint(vm.PC())
			delete(points, vm.PC())
		case 1:
			vm.ClearBreakpoints()
			clear(points)
			fallthrough
		case 2:
			pc := h.pcs[r.IntN(len(h.pcs))]
			points[pc] = true
			if err := vm.SetBreakpoint(pc); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRandomWatches runs from watch stop to watch stop in both tiers and compares
// the stops with the accesses of the history.
func TestRandomWatches(t *testing.T) {
	forHistories(t, 6, func(seed uint64, m *randmod.Module, mod *wasmvm.Module, h *history, r *rand.Rand) {
		if !m.Memory {
			return
		}
		watches := randomWatches(r, h)
		type stop struct {
			position uint64
			indexes  []int
		}
		var want []stop
		for p := range h.end() {
			if hit := touched(watches, h.accesses[p]); len(hit) > 0 {
				want = append(want, stop{p + 1, hit})
			}
		}
		for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
			vm, _ := newRandomOf(t, m, mod, tier)
			vm.SetWatches(watches)
			for i := 0; ; i++ {
				s := vm.Run(h.end())
				if s.Reason != wasmvm.StopWatch {
					if i != len(want) {
						t.Fatalf("seed %d, %s, %v: %d stops instead of %d; stopped at %d by reason %v, missing %+v", seed, tierName(tier), watches, i, len(want), vm.Position(), s.Reason, want[i])
					}
					break
				}
				got := stop{position: vm.Position()}
				for _, w := range s.Watches {
					got.indexes = append(got.indexes, w.Index)
				}
				slices.Sort(got.indexes)
				if i >= len(want) || got.position != want[i].position || !slices.Equal(got.indexes, want[i].indexes) {
					t.Fatalf("seed %d, %s, %v: stop %d of %d is %+v; should be %+v", seed, tierName(tier), watches, i, len(want), got, want[min(i, len(want)):min(i+1, len(want))])
				}
			}
		}
	})
}

// randomWatches draws ranges, most of them near an access of the history.
func randomWatches(r *rand.Rand, h *history) []wasmvm.Watch {
	var list []wasmvm.Watch
	for range 1 + r.IntN(3) {
		w := wasmvm.Watch{Kind: wasmvm.WatchKind(1 + r.IntN(3)), Addr: r.Uint64N(0x3000), Len: 1 + r.Uint64N(8)}
		if a := h.accesses[r.Uint64N(h.end()+1)]; len(a) > 0 {
			w.Addr = a[0].addr + r.Uint64N(4)
		}
		if r.IntN(8) == 0 {
			w.Len = 5000 // more than a page
		}
		list = append(list, w)
	}
	return list
}

// touched lists the watches that some access touches.
func touched(watches []wasmvm.Watch, accesses []access) []int {
	var hit []int
	for i, w := range watches {
		for _, a := range accesses {
			if w.Kind&a.kind != 0 && a.addr < w.Addr+w.Len && w.Addr < a.addr+a.len {
				hit = append(hit, i)
				break
			}
		}
	}
	return hit
}

// forHistories calls check several times for each of some random modules.
func forHistories(t *testing.T, times int, check func(uint64, *randmod.Module, *wasmvm.Module, *history, *rand.Rand)) {
	t.Helper()
	for seed := range uint64(80) {
		o := options(seed)
		o.Fuel = 20
		m := randmod.Generate(seed, o)
		mod, err := wasmvm.Decode(m.Wasm)
		if err != nil {
			t.Fatal(err)
		}
		h := recordHistory(t, m, mod)
		r := rand.New(rand.NewPCG(seed, 6))
		for range times {
			check(seed, m, mod, h, r)
		}
	}
}

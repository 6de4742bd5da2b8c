package wasmvm_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"wrev/internal/wasmenc"
	"wrev/wasmvm"
	"wrev/wasmvm/internal/testkit"
)

// proposalModule is a module whose function 0, of type 0, is _start. It has a shared memory of one page, a table of all its functions, tag 0 of type 1
// (a parameter i32), a mutable global of type exnref and one of type i32. Type 2 is [i32] -> [i32].
type proposalModule []proposalFunc

type proposalFunc struct {
	typ    int
	locals string // i, l or x: i32, i64, exnref
	body   func(c *code)
}

// code is wasmenc.Code with the instructions that the tests need.
type code struct{ wasmenc.Code }

func (c *code) i32(v int64)  { c.Op(0x41); c.S(int64(int32(v))) }
func (c *code) i64(v int64)  { c.Op(0x42); c.S(v) }
func (c *code) get(i int)    { c.OpU(0x20, i) }
func (c *code) set(i int)    { c.OpU(0x21, i) }
func (c *code) call(i int)   { c.OpU(0x10, i) }
func (c *code) throw()       { c.OpU(0x08, 0) }
func (c *code) end()         { c.Op(0x0B) }
func (c *code) unreachable() { c.Op(0x00) }
func (c *code) block(t byte) { c.Op(0x02, t) }

// store stores an i32 that value pushes.
func (c *code) store(at int64, value func()) {
	c.i32(at)
	value()
	c.OpU(0x36, 2, 0)
}

// try is a try_table without results with one clause.
func (c *code) try(clause ...int) {
	c.OpU(0x1F, 0x40, 1)
	for _, v := range clause {
		c.U(uint64(v))
	}
}

// count makes local i count up to n around a body.
func (c *code) count(i int, n int64, body func()) {
	c.Op(0x03, 0x40)
	body()
	c.get(i)
	c.i32(1)
	c.Op(0x6A)
	c.OpU(0x22, i)
	c.i32(n)
	c.Op(0x49) // lt_u
	c.OpU(0x0D, 0)
	c.end()
}

func (m proposalModule) bytes() []byte {
	c := wasmenc.Code(wasmenc.Header)
	c.Section(1, 3, wasmenc.Code{0x60, 0, 0, 0x60, 1, 0x7F, 0, 0x60, 1, 0x7F, 1, 0x7F})
	var funcs, bodies, elems wasmenc.Code
	for i, f := range m {
		funcs.U(uint64(f.typ))
		elems.U(uint64(i))
		var b code
		b.U(uint64(len(f.locals)))
		for _, l := range f.locals {
			b.Op(1, map[rune]byte{'i': 0x7F, 'l': 0x7E, 'x': 0x69}[l])
		}
		f.body(&b)
		b.end()
		bodies.Bytes(b.Code)
	}
	n := len(m)
	c.Section(3, n, funcs)
	c.Section(4, 1, wasmenc.Code{0x70, 0, byte(n)})
	c.Section(5, 1, wasmenc.Code{3, 1, 1})
	c.Section(13, 1, wasmenc.Code{0, 1})
	c.Section(6, 2, wasmenc.Code{0x69, 1, 0xD0, 0x69, 0x0B, 0x7F, 1, 0x41, 6, 0x41, 7, 0x6C, 0x0B})
	var exports wasmenc.Code
	exports.Name("_start")
	exports.Op(0, 0)
	exports.Name("memory")
	exports.Op(2, 0)
	c.Section(7, 2, exports)
	c.Section(9, 1, append(wasmenc.Code{0, 0x41, 0, 0x0B, byte(n)}, elems...))
	c.Section(10, n, bodies)
	return c
}

// caught runs a body under a try_table and stores what its exception carries.
func caught(c *code, at int64, body func()) {
	c.store(at, func() {
		c.block(0x7F)
		c.try(0, 0, 0)
		body()
		c.end()
		c.unreachable()
		c.end()
	})
}

// proposals are programs that end by returning or, if trap is set, by that trap.
var proposals = []struct {
	name string
	trap string
	mod  proposalModule
}{
	{"locals go back to the try_table", "", proposalModule{{0, "iil", func(c *code) {
		c.i32(1)
		c.set(0)
		caught(c, 0, func() {
			c.i32(2)
			c.set(0)
			c.i64(3)
			c.set(2)
			caught(c, 4, func() { c.i32(4); c.set(1); c.i32(5); c.throw() })
			c.store(8, func() { c.get(1) })
			c.i32(6)
			c.throw()
		})
		c.store(12, func() { c.get(0) })
		c.store(16, func() { c.get(2); c.Op(0xA7) })
	}}}},
	{"an exception passes frames and is thrown again", "", proposalModule{
		{0, "i", func(c *code) {
			c.count(0, 20, func() { caught(c, 0, func() { c.get(0); c.call(1); c.Op(0x1A) }) })
			c.store(4, func() { c.get(0) })
		}},
		{2, "x", func(c *code) {
			c.block(0x69)
			c.try(3, 0) // catch_all_ref
			c.get(0)
			c.call(2)
			c.Op(0x0F)
			c.end()
			c.unreachable()
			c.end()
			c.set(1)
			c.store(8, func() { c.get(0) })
			c.get(1)
			c.Op(0x0A) // throw_ref
		}},
		{2, "", func(c *code) { c.get(0); c.i32(3); c.Op(0x6C); c.throw() }},
	}},
	{"more exceptions than the table holds", "", proposalModule{{0, "ix", func(c *code) {
		// wazero does not keep an exception alive for a reference but the last one's, so only that is used again.
		c.count(0, 1500, func() {
			c.block(0x69)
			c.try(3, 0)
			c.get(0)
			c.throw()
			c.end()
			c.unreachable()
			c.end()
			c.set(1)
			c.get(1)
			c.OpU(0x24, 0)
		})
		caught(c, 0, func() { c.OpU(0x23, 0); c.Op(0x0A) })
	}}}},
	{"nobody catches", "uncaught exception", proposalModule{{0, "", func(c *code) {
		c.try(2, 0)
		c.end()
		c.i32(1)
		c.throw()
	}}}},
	{"throw_ref of null", "null reference", proposalModule{{0, "x", func(c *code) { c.get(0); c.Op(0x0A) }}}},
	{"tail calls", "", proposalModule{
		{0, "", func(c *code) {
			c.store(0, func() { c.i32(3000); c.call(1) })
			c.store(4, func() { c.i32(77); c.call(3) })
		}},
		{2, "i", func(c *code) { // direct, to a function of another frame size
			c.get(0)
			c.i32(1)
			c.Op(0x6B)
			c.OpU(0x12, 2)
		}},
		{2, "illi", func(c *code) { // indirect
			c.get(0)
			c.Op(0x45, 0x04, 0x40)
			c.i32(99)
			c.Op(0x0F)
			c.end()
			c.get(0)
			c.i32(1)
			c.OpU(0x13, 2, 0)
		}},
		{2, "", func(c *code) { c.get(0); c.OpU(0xD2, 4); c.OpU(0x15, 2) }}, // return_call_ref
		{2, "l", func(c *code) { c.get(0); c.i32(1); c.Op(0x6A) }},
	}},
	{"references", "", proposalModule{
		{0, "", func(c *code) {
			c.store(0, func() { c.i32(20); c.OpU(0xD2, 1); c.Op(0xD4); c.OpU(0x14, 2) })
			c.block(0x40)
			c.Op(0xD0, 2)
			c.OpU(0xD5, 0) // br_on_null
			c.Op(0x00)
			c.end()
			c.block(0x70)
			c.OpU(0xD2, 1)
			c.OpU(0xD6, 0) // br_on_non_null
			c.Op(0x00)
			c.end()
			c.Op(0xD1)
			c.OpU(0x24, 1)
		}},
		{2, "", func(c *code) { c.get(0); c.OpU(0x23, 1); c.Op(0x6A) }},
	}},
	{"call of null", "null reference", proposalModule{{0, "", func(c *code) { c.i32(1); c.Op(0xD0, 2); c.OpU(0x14, 2); c.Op(0x1A) }}}},
	{"atomics", "", proposalModule{{0, "i", func(c *code) {
		for sub := 0x1E; sub < 0x4F; sub++ {
			width := (sub - 0x1E) % 7
			wide := width == 1 || width > 3
			push := c.i32
			if wide {
				push = c.i64
			}
			if sub < 0x48 {
				c.i32(int64(8 * (sub & 3)))
				push(-0x123456789 >> (sub & 7) << 3)
			} else {
				c.i32(16)
				push(-1)
				push(int64(sub) * 0x10101)
			}
			c.OpU(0xFE, sub, []int{2, 3, 0, 1, 0, 1, 2}[width], 64)
			if wide {
				c.Op(0xA7)
			}
			c.set(0)
			c.store(int64(256+4*sub), func() { c.get(0) })
		}
		c.OpU(0xFE, 3, 0)
		c.store(4, func() { c.i32(0); c.i32(1); c.i64(1000); c.OpU(0xFE, 1, 2, 0) })    // not equal
		c.store(8, func() { c.i32(2048); c.i32(0); c.i64(1000); c.OpU(0xFE, 1, 2, 0) }) // times out
		c.store(12, func() { c.i32(0); c.i32(5); c.OpU(0xFE, 0, 2, 0) })
	}}}},
	{"unaligned", "unaligned atomic", proposalModule{{0, "", func(c *code) { c.i32(2); c.i32(1); c.OpU(0xFE, 0x1E, 2, 0); c.Op(0x1A) }}}},
	{"out of bounds", "out of bounds memory access", proposalModule{{0, "", func(c *code) { c.i32(-2); c.OpU(0xFE, 0x10, 2, 0); c.Op(0x1A) }}}},
}

// TestProposals compares the programs with wazero's compiler, and their states at every position, or at some hundreds, in both tiers.
func TestProposals(t *testing.T) {
	for _, p := range slices.Concat(proposals, strayTries) {
		t.Run(p.name, func(t *testing.T) {
			wasm := p.mod.bytes()
			memory, trap := proposalOracle(t, wasm)
			mod, err := wasmvm.Decode(wasm)
			if err != nil {
				t.Fatal(err)
			}
			fast, precise, seeking := proposalMachine(t, mod), proposalMachine(t, mod), proposalMachine(t, mod)
			precise.SetTier(wasmvm.TierPrecise)
			stop := fast.Run(1 << 40)
			if (p.trap == "") != (trap == nil) || p.trap != "" && (stop.Trap == nil || !bytes.Contains([]byte(trap.Error()), []byte(p.trap)) || stop.Trap.Error() != "wasm trap: "+p.trap) {
				t.Fatalf("ended by %v (%v), wazero by %v", stop.Reason, stop.Trap, trap)
			}
			if trap == nil && !bytes.Equal(fast.Memory(), memory) {
				i := firstDifference(fast.Memory(), memory)
				t.Fatalf("memory differs at %d: % x, wazero % x", i, fast.Memory()[i:i+8], memory[i:i+8])
			}
			end, last := fast.Position(), fast.Digest()
			fast = proposalMachine(t, mod)
			for at := uint64(0); at <= end; at += 1 + end/400 {
				fast.Run(at)
				precise.Run(at)
				if fast.Position() != at || fast.Digest() != precise.Digest() {
					t.Fatalf("states differ at %d (%d)", at, fast.Position())
				}
				s := takeSnapshot(fast)
				s.restore(t, seeking)
				b, err := fast.EncodeState(nil, fast.SaveCore(), fast.StackBytes())
				if err != nil || seeking.Digest() != fast.Digest() {
					t.Fatalf("restored state at %d differs (%v)", at, err)
				}
				if s.core, s.stack, err = seeking.DecodeState(b); err != nil {
					t.Fatalf("state at %d: %v", at, err)
				}
				s.restore(t, seeking)
				if at%7 == 0 {
					if seeking.Run(1 << 40); seeking.Digest() != last {
						t.Fatalf("going on from %d ends elsewhere", at)
					}
				}
			}
		})
	}
}

func proposalMachine(t *testing.T, mod *wasmvm.Module) *wasmvm.Machine {
	t.Helper()
	m, err := wasmvm.New(mod, wasmvm.Config{MaxStackSlots: 4096})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func proposalOracle(t *testing.T, wasm []byte) (memory []byte, trap error) {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(testkit.Features))
	defer r.Close(ctx)
	m, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	_, trap = m.ExportedFunction("_start").Call(ctx)
	view, _ := m.Memory().Read(0, m.Memory().Size())
	return bytes.Clone(view), trap
}

// TestTailCallStack makes ten million tail calls in a stack of a few frames, in pieces, with an interruption.
func TestTailCallStack(t *testing.T) {
	m := proposalModule{
		{0, "", func(c *code) { c.store(0, func() { c.i32(10_000_000); c.call(1) }) }},
		{2, "il", func(c *code) {
			c.get(0)
			c.Op(0x45, 0x04, 0x40)
			c.i32(7)
			c.Op(0x0F)
			c.end()
			c.get(0)
			c.i32(1)
			c.Op(0x6B)
			c.OpU(0x12, 1)
		}},
	}
	mod, err := wasmvm.Decode(m.bytes())
	if err != nil {
		t.Fatal(err)
	}
	vm, err := wasmvm.New(mod, wasmvm.Config{MaxStackSlots: 64})
	if err != nil {
		t.Fatal(err)
	}
	vm.Run(1_000_003)
	if vm.Position() != 1_000_003 || vm.Depth() != 2 {
		t.Fatalf("at %d with %d frames", vm.Position(), vm.Depth())
	}
	vm.Interrupt()
	if s := vm.Run(1 << 40); s.Reason != wasmvm.StopInterrupt {
		t.Fatalf("stopped by %v", s.Reason)
	}
	if s := vm.Run(1 << 40); s.Reason != wasmvm.StopExit || vm.Memory()[0] != 7 {
		t.Fatalf("ended by %v with %d", s.Reason, vm.Memory()[0])
	}
}

// TestAtomicWatch checks that a read-modify-write counts as a read and as a write, and marks its page.
func TestAtomicWatch(t *testing.T) {
	m := proposalModule{{0, "", func(c *code) { c.i32(8); c.i32(1); c.OpU(0xFE, 0x1E, 2, 0); c.Op(0x1A) }}}
	mod, err := wasmvm.Decode(m.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []wasmvm.WatchKind{wasmvm.WatchRead, wasmvm.WatchWrite} {
		vm := proposalMachine(t, mod)
		vm.ResetDirty()
		vm.SetWatches([]wasmvm.Watch{{Kind: kind, Addr: 9, Len: 1}})
		s := vm.Run(1 << 40)
		if s.Reason != wasmvm.StopWatch || len(s.Watches) != 1 || s.Watches[0].Kind != kind || vm.Position() != 4 || len(vm.Dirty(nil)) != 1 {
			t.Errorf("kind %d: %+v at %d, dirty %v", kind, s, vm.Position(), vm.Dirty(nil))
		}
	}
}

// TestWaitForEver checks that a wait that nobody can end is an end of the history, again and again.
func TestWaitForEver(t *testing.T) {
	m := proposalModule{{0, "", func(c *code) { c.i32(8); c.i32(0); c.i64(-1); c.OpU(0xFE, 1, 2, 0); c.Op(0x1A) }}}
	mod, err := wasmvm.Decode(m.bytes())
	if err != nil {
		t.Fatal(err)
	}
	vm := proposalMachine(t, mod)
	for range 2 {
		if s := vm.Run(1 << 40); s.Reason != wasmvm.StopHost || s.Err == nil || errors.Is(s.Err, errHostDown) || vm.Position() != 4 {
			t.Fatalf("%v (%v) at %d", s.Reason, s.Err, vm.Position())
		}
	}
}

// TestExceptionsKept checks that an exception that a global refers to outlives thousands of others, and that the table stays small. wazero cannot be
// asked: it forgets all but the last.
func TestExceptionsKept(t *testing.T) {
	m := proposalModule{{0, "ix", func(c *code) {
		c.count(0, 5000, func() {
			c.block(0x69)
			c.try(3, 0)
			c.get(0)
			c.throw()
			c.end()
			c.unreachable()
			c.end()
			c.set(1)
			c.get(0)
			c.i32(1023)
			c.Op(0x71, 0x45, 0x04, 0x40) // every 1024th stays in the global
			c.get(1)
			c.OpU(0x24, 0)
			c.end()
		})
		caught(c, 0, func() { c.OpU(0x23, 0); c.Op(0x0A) })
	}}}
	mod, err := wasmvm.Decode(m.bytes())
	if err != nil {
		t.Fatal(err)
	}
	vm := proposalMachine(t, mod)
	s := vm.Run(1 << 40)
	if got := binary.LittleEndian.Uint32(vm.Memory()); s.Reason != wasmvm.StopExit || got != 4096 {
		t.Fatalf("ended by %v with %d", s.Reason, got)
	}
	b, err := vm.EncodeState(nil, vm.SaveCore(), vm.StackBytes())
	if err != nil || len(b) > 4096 {
		t.Errorf("a state of %d bytes, %v", len(b), err)
	}
}

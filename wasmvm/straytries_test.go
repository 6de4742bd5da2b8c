package wasmvm_test

import (
	"testing"

	"wrev/wasmvm"
)

// emptyTry is a try_table without clauses around nothing.
func (c *code) emptyTry() {
	c.OpU(0x1F, 0x40, 0)
	c.end()
}

func (c *code) throwing(v int64) {
	c.i32(v)
	c.throw()
}

// once throws v unless it has before, which it notes at an address.
func (c *code) once(at, v int64) {
	c.i32(at)
	c.OpU(0x28, 2, 0)
	c.Op(0x45, 0x04, 0x40)
	c.store(at, func() { c.i32(1) })
	c.throwing(v)
	c.end()
}

// strayTries are programs whose try_tables wazero ends elsewhere than the specification does.
var strayTries = []struct {
	name string
	trap string
	mod  proposalModule
}{
	{"a try_table without clauses ends the one around it", "uncaught exception", proposalModule{{0, "", func(c *code) {
		caught(c, 0, func() { c.emptyTry(); c.throwing(5) })
	}}}},
	{"a try_table without clauses ends that of the caller", "", proposalModule{
		{0, "i", func(c *code) {
			caught(c, 4, func() {
				c.i32(1)
				c.set(0)
				caught(c, 0, func() { c.i32(2); c.set(0); c.call(1); c.throwing(7) })
				c.unreachable()
			})
			c.store(8, func() { c.get(0) })
		}},
		{0, "", (*code).emptyTry},
	}},
	{"a return out of a try_table without clauses", "uncaught exception", proposalModule{
		{0, "", func(c *code) { caught(c, 0, func() { c.call(1); c.throwing(7) }) }},
		{0, "", func(c *code) { c.OpU(0x1F, 0x40, 0); c.Op(0x0F); c.end() }},
	}},
	{"a tail call out of a try_table without clauses", "uncaught exception", proposalModule{
		{0, "", func(c *code) { caught(c, 0, func() { c.call(1); c.unreachable() }) }},
		{0, "", func(c *code) { c.OpU(0x1F, 0x40, 0); c.OpU(0x12, 2); c.end() }},
		{0, "", func(c *code) { c.throwing(9) }},
	}},
	{"a branch to its label leaves a try_table active, each time", "", proposalModule{{0, "i", func(c *code) {
		c.block(0x40)
		c.count(0, 300, func() {
			c.try(2, 1)
			c.OpU(0x0C, 0)
			c.end()
		})
		c.throwing(9)
		c.end()
		c.store(0, func() { c.get(0) })
	}}}},
	{"a branch to its label that is not taken", "uncaught exception", proposalModule{{0, "i", func(c *code) {
		c.block(0x40)
		c.try(2, 0)
		c.get(0)
		c.OpU(0x0D, 0)
		c.end()
		c.throwing(9)
		c.end()
	}}}},
	{"a try_table of a function that has returned", "", proposalModule{
		{0, "i", func(c *code) {
			c.i32(11)
			c.set(0)
			c.store(0, func() { c.i32(7); c.call(1) })
			c.i32(12)
			c.set(0)
			c.once(20, 5)
			c.store(4, func() { c.get(0) })
		}},
		{2, "i", func(c *code) {
			c.block(0x7F)
			c.i32(3)
			c.set(1)
			c.try(0, 0, 0)
			c.i32(4)
			c.set(1)
			c.OpU(0x0C, 0)
			c.end()
			c.get(0)
			c.Op(0x0F)
			c.end()
			c.get(1)
			c.Op(0x6A)
		}},
	}},
	{"a clause leads out of another try_table", "", proposalModule{{0, "i", func(c *code) {
		c.block(0x7F) // of the outer clause
		c.block(0x7F) // of the inner one
		c.try(0, 0, 1)
		c.try(0, 0, 1)
		c.throwing(1)
		c.end()
		c.end()
		c.unreachable()
		c.end()
		c.set(0)
		c.store(0, func() { c.get(0) })
		c.throwing(2)
		c.end()
		c.set(0)
		c.store(4, func() { c.get(0) })
	}}}},
	{"a clause leads to the label of another try_table", "", proposalModule{{0, "", func(c *code) {
		c.block(0x40)
		c.try(2, 0)
		c.try(2, 0)
		c.throwing(1)
		c.end()
		c.end()
		c.store(0, func() { c.i32(1) })
		c.throwing(2)
		c.end()
		c.store(4, func() { c.i32(2) })
	}}}},
	{"a br_table with one label leaves a try_table active", "", proposalModule{{0, "i", func(c *code) {
		c.block(0x40)
		c.block(0x40)
		c.try(2, 1)
		c.get(0)
		c.OpU(0x0E, 0, 1)
		c.end()
		c.end()
		c.store(0, func() { c.i32(1) })
		c.throwing(2)
		c.end()
		c.store(4, func() { c.i32(2) })
	}}}},
	{"a br_table with several labels", "", proposalModule{{0, "i", func(c *code) {
		c.block(0x40)
		c.count(0, 3, func() {
			c.try(2, 1)
			c.get(0)
			c.OpU(0x0E, 2, 0, 0, 2) // to it, to it, out of the loop
			c.end()
		})
		c.throwing(2)
		c.end()
		c.store(4, func() { c.get(0) })
	}}}},
}

// TestStrays checks for which modules the list of try_tables is kept. Others run faster without.
func TestStrays(t *testing.T) {
	body := func(outer bool, ops ...byte) proposalModule {
		return proposalModule{{0, "", func(c *code) {
			c.block(0x40)
			c.try(2, 0)
			if outer {
				c.block(0x40)
			}
			c.Op(ops...)
			if outer {
				c.end()
			}
			c.end()
			c.end()
		}}}
	}
	for _, x := range []struct {
		name string
		mod  proposalModule
		want bool
	}{
		{"br to it", body(false, 0x0C, 0), true},
		{"br inside", body(true, 0x0C, 0), false},
		{"br out", body(false, 0x0C, 1), false},
		{"br_if to it", body(true, 0x41, 0, 0x0D, 1), true},
		{"br_table out", body(false, 0x41, 0, 0x0E, 1, 1, 1), false},
		{"br_table with one label out", body(false, 0x41, 0, 0x0E, 0, 1), true},
		{"clause inside", body(true, 0x1F, 0x40, 1, 2, 0, 0x0B), false},
		{"clause to it", body(true, 0x1F, 0x40, 1, 2, 1, 0x0B), true},
		{"clause out", body(true, 0x1F, 0x40, 1, 2, 2, 0x0B), true},
		{"no clauses", body(true, 0x1F, 0x40, 0, 0x0B), true},
	} {
		mod, err := wasmvm.Decode(x.mod.bytes())
		if err != nil {
			t.Fatal(err)
		}
		if mod.Strays() != x.want {
			t.Errorf("%s: %v", x.name, !x.want)
		}
	}
}

// TestEditsWithStrays edits a program for which the list of try_tables is kept: no jump may enter or leave one, and a function that is left by
// an edit catches nothing any more.
func TestEditsWithStrays(t *testing.T) {
	mod, err := wasmvm.Decode(proposalModule{
		{0, "", func(c *code) {
			caught(c, 0, func() { c.call(1); c.emptyTry(); c.throwing(8) })
		}},
		{0, "", func(c *code) {
			c.block(0x40)
			c.try(2, 0)
			c.Op(0x01) // nop
			c.end()
			c.end()
			c.store(8, func() { c.i32(1) })
		}},
	}.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
		vm := at(t, mod, tier, 1, wasmvm.OpNop)
		if err := vm.ApplyEdit(&wasmvm.Edit{Kind: wasmvm.EditPC, Frame: 1, Func: 1, PC: pcOf(t, mod, 1, wasmvm.OpBlock)}); err == nil {
			t.Error("a jump out of a try_table is allowed")
		}
		if err := vm.ApplyEdit(&wasmvm.Edit{Kind: wasmvm.EditReturn, Frame: 1, Func: 1}); err != nil {
			t.Fatal(err)
		}
		// The empty try_table takes off the outer one, not that of the function that was left.
		if s := vm.Run(1 << 40); s.Reason != wasmvm.StopTrap || s.Trap.Code != wasmvm.TrapException || word(vm, 8) != 0 {
			t.Errorf("ended by %v, %v", s.Reason, s.Trap)
		}
	}
}

package randmod

import (
	"fmt"

	"wrev/internal/wasmenc"
)

// encode writes the module's sections in order.
func (g *gen) encode() []byte {
	out := code(wasmenc.Header)
	var types, imports, funcs, tables, memories, exports code
	for _, t := range g.types {
		types.Op(0x60)
		typeList(&types, t.Params)
		typeList(&types, t.Results)
	}
	for i, imp := range g.imports {
		imports.Name(imp.Module)
		imports.Name(imp.Name)
		imports.OpU(0x00, g.funcs[i])
	}
	for _, t := range g.funcs[len(g.imports):] {
		funcs.U(uint64(t))
	}
	for i, t := range g.tables {
		if t.nonNull() { // has no default value
			tables.Op(0x40, 0x00)
		}
		valType(&tables, t)
		tables.OpU(0x01, g.tabSize[i], g.tabSize[i]+8)
		if t.nonNull() {
			g.constant(&tables, t)
			tables.Op(opEnd)
		}
	}
	exported := g.defined() + 3 + len(g.globals) + len(g.getters)
	if g.memory {
		limits := byte(0x01)
		if g.shared {
			limits = 0x03
		}
		memories.OpU(limits, 1, MaxPages)
		exports.Name("memory")
		exports.Op(0x02, 0x00)
		exported++
	}
	last := len(g.funcs) - 1
	exports.Name("_start")
	exports.OpU(0x00, last-1)
	exports.Name("run")
	exports.OpU(0x00, last)
	exports.Name("tables")
	exports.OpU(0x00, last-2)
	for i, fn := range g.getters {
		exports.Name(fmt.Sprintf("v%d", i))
		exports.OpU(0x00, fn)
	}
	for i := range g.defined() {
		exports.Name(fmt.Sprintf("f%d", i))
		exports.OpU(0x00, len(g.imports)+i)
	}
	for i := range g.globals {
		exports.Name(fmt.Sprintf("g%d", i))
		exports.OpU(0x03, i)
	}
	out.Section(1, len(g.types), types)
	out.Section(2, len(g.imports), imports)
	out.Section(3, g.defined(), funcs)
	out.Section(4, len(g.tables), tables)
	if g.memory {
		out.Section(5, 1, memories)
	}
	var tags code
	for _, t := range g.tags {
		tags.OpU(0x00, t.typ)
	}
	out.Section(13, len(g.tags), tags)
	out.Section(6, len(g.globals), g.globalSection())
	out.Section(7, exported, exports)
	if g.chance(6) {
		g.startSection(&out)
	}
	out.Section(9, len(g.elems)+1, g.elemSection())
	if len(g.data) > 0 {
		out.Op(12) // data count
		var n code
		n.U(uint64(len(g.data)))
		out.Bytes(n)
	}
	out.Section(10, g.defined(), g.codeSection())
	out.Section(11, len(g.data), g.dataSection())
	return out
}

// startSection appends a start section if some function can be a start function.
func (g *gen) startSection(c *code) {
	for fn := len(g.imports); fn < len(g.funcs)-3; fn++ {
		if g.funcs[fn] == 0 {
			c.Op(8)
			var body code
			body.U(uint64(fn))
			c.Bytes(body)
			return
		}
	}
}

func (g *gen) globalSection() code {
	var c code
	for i, t := range g.globals {
		valType(&c, t)
		if g.frozen[i] {
			c.Op(0)
		} else {
			c.Op(1)
		}
		if i == 0 {
			c.Op(opI32Const)
			c.S(int64(g.o.Fuel))
		} else {
			g.initialiser(&c, t, 3)
		}
		c.Op(opEnd)
	}
	return c
}

// initialiser appends a constant expression for a global; the numbers of an extended
// one are computed. It reads no other global: wazero allows that of imported ones only.
func (g *gen) initialiser(c *code, t ValType, depth int) {
	var add byte = 0x6A
	switch {
	case !g.has(ExtendedConst) || t != I32 && t != I64:
		g.constant(c, t)
		return
	case t == I64:
		add = 0x7C
	}
	if depth == 0 || g.n(2) == 0 {
		g.constant(c, t)
		return
	}
	g.initialiser(c, t, depth-1)
	g.initialiser(c, t, depth-1)
	c.Op(add + byte(g.n(3))) // add, sub, mul
}

// offset appends the offset of a segment, computed if that can be.
func (g *gen) offset(c *code, v int) {
	c.Op(opI32Const)
	if g.has(ExtendedConst) && g.chance(2) {
		k := g.n(1000)
		c.S(int64(v + k))
		c.Op(opI32Const)
		c.S(int64(k))
		c.Op(opI32Sub)
	} else {
		c.S(int64(v))
	}
	c.Op(opEnd)
}

func (g *gen) elemSection() code {
	var c code
	for _, s := range g.elems {
		if s.passive {
			c.Op(5)
			valType(&c, s.typ)
		} else {
			c.Op(4) // active, table 0, expressions
			g.offset(&c, 0)
		}
		c.U(uint64(s.size))
		c.Op(s.body...)
	}
	c.Op(3, 0) // declarative: lets ref.func name every function
	c.U(uint64(len(g.funcs)))
	for fn := range g.funcs {
		c.U(uint64(fn))
	}
	return c
}

func (g *gen) dataSection() code {
	var c code
	for _, s := range g.data {
		if s.passive {
			c.Op(1)
		} else {
			c.Op(0)
			g.offset(&c, g.n(hotBytes))
		}
		c.Bytes(s.body)
	}
	return c
}

func (g *gen) codeSection() code {
	var c code
	for fn := len(g.imports); fn < len(g.funcs); fn++ {
		c.Bytes(g.function(fn))
	}
	return c
}

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
		tables.Op(byte(t))
		tables.OpU(0x01, g.tabSize[i], g.tabSize[i]+8)
	}
	exported := g.defined() + 2 + len(g.globals)
	if g.memory {
		memories.OpU(0x01, 1, MaxPages)
		exports.Name("memory")
		exports.Op(0x02, 0x00)
		exported++
	}
	last := len(g.funcs) - 1
	exports.Name("_start")
	exports.OpU(0x00, last-1)
	exports.Name("run")
	exports.OpU(0x00, last)
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
	for fn := len(g.imports); fn < len(g.funcs)-2; fn++ {
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
		c.Op(byte(t), 1)
		if i == 0 {
			c.Op(opI32Const)
			c.S(int64(g.o.Fuel))
		} else {
			g.constant(&c, t)
		}
		c.Op(opEnd)
	}
	return c
}

func (g *gen) elemSection() code {
	var c code
	for _, s := range g.elems {
		if s.passive {
			c.Op(5, byte(s.typ))
		} else {
			c.Op(4, opI32Const, 0, opEnd) // active, table 0, expressions
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
			c.Op(0, opI32Const)
			c.S(int64(g.n(hotBytes)))
			c.Op(opEnd)
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

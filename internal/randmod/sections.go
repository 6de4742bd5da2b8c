package randmod

import "fmt"

// encode writes the module's sections in order.
func (g *gen) encode() []byte {
	out := code("\x00asm\x01\x00\x00\x00")
	var types, imports, funcs, tables, memories, exports code
	for _, t := range g.types {
		types.op(0x60)
		types.typeList(t.Params)
		types.typeList(t.Results)
	}
	for i, imp := range g.imports {
		imports.name(imp.Module)
		imports.name(imp.Name)
		imports.opu(0x00, g.funcs[i])
	}
	for _, t := range g.funcs[len(g.imports):] {
		funcs.u(uint64(t))
	}
	for i, t := range g.tables {
		tables.op(byte(t))
		tables.opu(0x01, g.tabSize[i], g.tabSize[i]+8)
	}
	exported := g.defined() + 2 + len(g.globals)
	if g.memory {
		memories.opu(0x01, 1, MaxPages)
		exports.name("memory")
		exports.op(0x02, 0x00)
		exported++
	}
	last := len(g.funcs) - 1
	exports.name("_start")
	exports.opu(0x00, last-1)
	exports.name("run")
	exports.opu(0x00, last)
	for i := range g.defined() {
		exports.name(fmt.Sprintf("f%d", i))
		exports.opu(0x00, len(g.imports)+i)
	}
	for i := range g.globals {
		exports.name(fmt.Sprintf("g%d", i))
		exports.opu(0x03, i)
	}
	out.section(1, len(g.types), types)
	out.section(2, len(g.imports), imports)
	out.section(3, g.defined(), funcs)
	out.section(4, len(g.tables), tables)
	if g.memory {
		out.section(5, 1, memories)
	}
	out.section(6, len(g.globals), g.globalSection())
	out.section(7, exported, exports)
	if g.chance(6) {
		out.start(g)
	}
	out.section(9, len(g.elems)+1, g.elemSection())
	if len(g.data) > 0 {
		out.op(12) // data count
		var n code
		n.u(uint64(len(g.data)))
		out.bytes(n)
	}
	out.section(10, g.defined(), g.codeSection())
	out.section(11, len(g.data), g.dataSection())
	return out
}

// start appends a start section if some function can be a start function.
func (c *code) start(g *gen) {
	for fn := len(g.imports); fn < len(g.funcs)-2; fn++ {
		if g.funcs[fn] == 0 {
			c.op(8)
			var body code
			body.u(uint64(fn))
			c.bytes(body)
			return
		}
	}
}

func (g *gen) globalSection() code {
	var c code
	for i, t := range g.globals {
		c.op(byte(t), 1)
		if i == 0 {
			c.op(opI32Const)
			c.s(int64(g.o.Fuel))
		} else {
			g.constant(&c, t)
		}
		c.op(opEnd)
	}
	return c
}

func (g *gen) elemSection() code {
	var c code
	for _, s := range g.elems {
		if s.passive {
			c.op(5, byte(s.typ))
		} else {
			c.op(4, opI32Const, 0, opEnd) // active, table 0, expressions
		}
		c.u(uint64(s.size))
		c.op(s.body...)
	}
	c.op(3, 0) // declarative: lets ref.func name every function
	c.u(uint64(len(g.funcs)))
	for fn := range g.funcs {
		c.u(uint64(fn))
	}
	return c
}

func (g *gen) dataSection() code {
	var c code
	for _, s := range g.data {
		if s.passive {
			c.op(1)
		} else {
			c.op(0, opI32Const)
			c.s(int64(g.n(hotBytes)))
			c.op(opEnd)
		}
		c.bytes(s.body)
	}
	return c
}

func (g *gen) codeSection() code {
	var c code
	for fn := len(g.imports); fn < len(g.funcs); fn++ {
		c.bytes(g.function(fn))
	}
	return c
}

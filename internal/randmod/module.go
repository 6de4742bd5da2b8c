package randmod

import "fmt"

// Options bound what is generated. The zero value is a good mix for an engine's tests.
type Options struct {
	// Fuel bounds calls plus fuelled back edges of one instance's life;
	// 0 means 300, which gives some thousand to some hundred thousand instructions.
	Fuel int
	// MaxFuncs is the greatest number of defined functions besides _start and run; 0 means 7.
	MaxFuncs int
	// MaxBody is the greatest size of a function body in generator steps
	// (about 4 instructions each); 0 means 80.
	MaxBody int
	// NoImports leaves host functions out.
	NoImports bool
	// NoTraps leaves out everything that may trap but running into it by
	// mistake is impossible to exclude (an unguarded division, a wild address);
	// traps get rare, but not impossible.
	NoTraps bool
	// NoFloats leaves floating point out.
	NoFloats bool
}

// Module is a generated module and what a harness has to know about it.
// It exports `memory` (if it has one), `_start`, `run`, every defined function i
// (counting from 0) as `fI`, and every defined global as `gI`.
type Module struct {
	Wasm    []byte
	Imports []Import
	Run     FuncType   // the type of `run`: numeric parameters, numeric results
	Funcs   []FuncType // types of the defined functions in order, `_start` and `run` included
	Globals []ValType  // types of the globals in order; global 0 is the fuel
	Memory  bool
	// MaxPages is the maximum of the memory that the module declares, in 64 KiB pages.
	MaxPages uint32
}

// MaxPages is the most 64 KiB pages that a module's memory grows to.
const MaxPages = 5

// hotBytes is the size of the area that most memory accesses fall into.
const hotBytes = 0x3000

// Generate returns the module of a seed.
func Generate(seed uint64, o Options) *Module {
	return generate(&source{random: true, state: mix(seed)}, o)
}

// FromBytes returns the module that data describes: equal bytes, equal module.
func FromBytes(data []byte, o Options) *Module {
	return generate(&source{data: data}, o)
}

// gen is the state of one generation.
type gen struct {
	*source
	o       Options
	types   []FuncType
	imports []Import
	funcs   []int // type index of each function, imports first
	globals []ValType
	memory  bool
	tables  []ValType
	tabSize []int
	data    []segment
	elems   []segment
	wild    int // an access may trap once in so many times; 0 means never
}

// segment is a data or element segment.
type segment struct {
	passive bool
	typ     ValType // of an element segment
	size    int
	body    code
}

func generate(s *source, o Options) *Module {
	if o.Fuel == 0 {
		o.Fuel = 300
	}
	if o.MaxFuncs == 0 {
		o.MaxFuncs = 7
	}
	if o.MaxBody == 0 {
		o.MaxBody = 80
	}
	g := &gen{source: s, o: o}
	g.plan()
	return g.build()
}

// number returns a random numeric type.
func (g *gen) number() ValType {
	if g.o.NoFloats {
		return []ValType{I32, I64}[g.n(2)]
	}
	return []ValType{I32, I64, I32, F64, F32}[g.n(5)]
}

// anyType is mostly a numeric type, at times a reference type.
func (g *gen) anyType() ValType {
	switch {
	case g.chance(24):
		return FuncRef
	case g.chance(24):
		return ExternRef
	}
	return g.number()
}

func (g *gen) list(maximum int, pick func() ValType) []ValType {
	var ts []ValType
	for range g.n(maximum + 1) {
		ts = append(ts, pick())
	}
	return ts
}

// plan draws everything that bodies refer to: types, functions, globals, memory, tables, segments.
func (g *gen) plan() {
	g.memory = !g.chance(20)
	if !g.o.NoTraps {
		g.wild = []int{0, 400, 60, 12}[g.n(4)]
	}
	g.types = []FuncType{{}, {Results: []ValType{I32}}}
	g.planImports()
	for range g.between(1, 6) {
		g.types = append(g.types, FuncType{g.list(4, g.anyType), g.list(3, g.anyType)})
	}
	for range g.between(1, g.o.MaxFuncs) {
		g.funcs = append(g.funcs, g.funcType())
	}
	g.funcs = append(g.funcs, 0) // _start
	g.types = append(g.types, FuncType{g.list(4, g.number), g.list(2, g.number)})
	g.funcs = append(g.funcs, len(g.types)-1) // run
	g.globals = []ValType{I32}
	for range g.n(6) {
		g.globals = append(g.globals, g.anyType())
	}
	g.tables = []ValType{FuncRef}
	if g.chance(2) {
		g.tables = append(g.tables, []ValType{FuncRef, ExternRef}[g.n(2)])
	}
	for range g.tables {
		g.tabSize = append(g.tabSize, g.between(4, 12))
	}
	g.planSegments()
}

// funcType picks the type of a defined function; imports have types of their own.
func (g *gen) funcType() int {
	k := g.n(len(g.types) - len(g.imports))
	if k < 2 {
		return k
	}
	return k + len(g.imports)
}

func (g *gen) planImports() {
	if g.o.NoImports {
		return
	}
	for i := range g.n(4) {
		t := FuncType{g.list(4, g.number), g.list(1, g.number)}
		if g.chance(4) {
			t.Results = g.list(3, g.number)
		}
		g.imports = append(g.imports, Import{"host", fmt.Sprintf("h%d", i), t})
		g.types = append(g.types, t)
		g.funcs = append(g.funcs, len(g.types)-1)
	}
}

func (g *gen) planSegments() {
	if g.memory {
		for range g.n(3) {
			s := segment{passive: g.chance(2), size: g.between(1, 40)}
			for range s.size {
				s.body.Op(byte(g.n(256)))
			}
			g.data = append(g.data, s)
		}
	}
	g.elems = []segment{g.elemSegment(FuncRef, false, g.tabSize[0])}
	for range g.n(3) {
		g.elems = append(g.elems, g.elemSegment(g.tables[g.n(len(g.tables))], true, g.between(1, 6)))
	}
}

// elemSegment makes an element segment whose entries are constant expressions.
func (g *gen) elemSegment(t ValType, passive bool, size int) segment {
	s := segment{passive: passive, typ: t, size: size}
	for range size {
		if t == ExternRef || g.chance(8) {
			s.body.Op(opRefNull, byte(t))
		} else {
			s.body.OpU(opRefFunc, g.n(len(g.funcs)))
		}
		s.body.Op(opEnd)
	}
	return s
}

// defined is the number of defined functions; the last two are _start and run.
func (g *gen) defined() int { return len(g.funcs) - len(g.imports) }

func (g *gen) typeOf(fn int) FuncType { return g.types[g.funcs[fn]] }

func (g *gen) build() *Module {
	m := &Module{Imports: g.imports, Globals: g.globals, Memory: g.memory}
	m.Run = g.typeOf(len(g.funcs) - 1)
	for fn := len(g.imports); fn < len(g.funcs); fn++ {
		m.Funcs = append(m.Funcs, g.typeOf(fn))
	}
	if g.memory {
		m.MaxPages = MaxPages
	}
	m.Wasm = g.encode()
	return m
}

package randmod

import (
	"fmt"
	"slices"
	"strings"
)

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
	// Without leaves features out. Of the others each module uses none, some or all.
	Without Feature
}

// Feature is a set of what WebAssembly has beyond version 2.0 without vectors.
type Feature uint8

// The features.
const (
	SIMD Feature = 1 << iota
	TailCalls
	Threads
	Exceptions
	TypedRefs
	ExtendedConst

	AllFeatures = 1<<iota - 1
)

var featureNames = []string{"simd", "tail calls", "threads", "exceptions", "typed references", "extended constants"}

func (f Feature) String() string {
	var names []string
	for i, name := range featureNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Module is a generated module and what a harness has to know about it.
// It exports `memory` (if it has one), `_start`, `run`, every defined function i
// (counting from 0) as `fI`, every defined global as `gI`, the getter of the i-th
// global of type v128 as `vI`, and `tables`, whose result stands for the tables' contents.
type Module struct {
	Wasm    []byte
	Imports []Import
	Run     FuncType   // the type of `run`: parameters and results are numbers and vectors
	Funcs   []FuncType // types of the defined functions in order, `_start` and `run` included
	Globals []ValType  // types of the globals in order; global 0 is the fuel
	Memory  bool
	// Features are those that the generator could draw from for this module.
	Features Feature
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
	o        Options
	feat     Feature
	types    []FuncType
	imports  []Import
	funcs    []int // type index of each function, imports first
	globals  []ValType
	frozen   []bool // globals that are constants
	memory   bool
	shared   bool // so is the memory
	tags     []tag
	tables   []ValType
	fixed    map[int]code // bodies that are not random, by function
	getters  []int        // functions that return a global each
	callable []int        // types that references are made to, each with a function
	tabSize  []int
	data     []segment
	elems    []segment
	wild     int // an access may trap once in so many times; 0 means never
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
	g := &gen{source: s, o: o, fixed: map[int]code{}}
	g.feat = []Feature{0, AllFeatures, Feature(g.bits(1)), Feature(g.bits(1))}[g.n(4)] & AllFeatures &^ o.Without
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

// has says whether the module uses a feature.
func (g *gen) has(f Feature) bool { return g.feat&f != 0 }

// value returns a random type of numbers or vectors.
func (g *gen) value() ValType {
	if g.has(SIMD) && g.chance(4) {
		return V128
	}
	return g.number()
}

// anyType is mostly a type of numbers or vectors, at times a reference type.
func (g *gen) anyType() ValType {
	if g.chance(10) {
		return g.reference()
	}
	return g.value()
}

// reference returns a random reference type.
func (g *gen) reference() ValType {
	switch {
	case len(g.callable) > 0 && g.chance(2):
		return refTo(g.callable[g.n(len(g.callable))], g.chance(2))
	case g.has(Exceptions) && g.chance(4):
		return ExnRef
	}
	return []ValType{FuncRef, ExternRef}[g.n(2)]
}

// isCallable says whether references to functions of type k are made.
func (g *gen) isCallable(k int) bool { return slices.Contains(g.callable, k) }

// funcOf returns a function of a callable type.
func (g *gen) funcOf(k int) int {
	at := g.n(len(g.funcs))
	for i := range g.funcs {
		if fn := (at + i) % len(g.funcs); g.funcs[fn] == k {
			return fn
		}
	}
	return 0
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
	g.shared = g.has(Threads) && !g.chance(4)
	g.types = []FuncType{{}, {Results: []ValType{I32}}}
	g.planImports()
	g.planTypes()
	for range g.between(1, g.o.MaxFuncs) {
		g.funcs = append(g.funcs, g.funcType())
	}
	g.funcs = append(g.funcs, g.callable...) // a function for each
	g.planVariables()
	g.funcs = append(g.funcs, 1)
	g.fixed[len(g.funcs)-1] = g.tableHash()
	g.funcs = append(g.funcs, 0) // _start
	g.types = append(g.types, FuncType{g.list(4, g.value), g.list(2, g.value)})
	g.funcs = append(g.funcs, len(g.types)-1) // run
	g.planTags()
	g.planSegments()
}

// planTypes draws the types of functions. References are made to types of which
// there is a function for sure.
func (g *gen) planTypes() {
	if g.has(TypedRefs) {
		g.callable = []int{0, 1}
	}
	for range g.between(1, 6) {
		g.types = append(g.types, FuncType{g.list(4, g.anyType), g.list(3, g.anyType)})
		if g.has(TypedRefs) && g.chance(2) {
			g.callable = append(g.callable, len(g.types)-1)
		}
	}
}

// planVariables draws globals with the getters of those that are vectors, and tables.
func (g *gen) planVariables() {
	g.globals, g.frozen = []ValType{I32}, []bool{false}
	vector := len(g.types)
	for range g.n(8) {
		t := g.anyType()
		if t == V128 {
			if len(g.getters) == 0 {
				g.types = append(g.types, FuncType{Results: []ValType{V128}})
			}
			var c code
			c.U(0)
			c.OpU(opGlobalGet, len(g.globals))
			c.Op(opEnd)
			g.fixed[len(g.funcs)] = c
			g.getters = append(g.getters, len(g.funcs))
			g.funcs = append(g.funcs, vector)
		}
		g.globals = append(g.globals, t)
		g.frozen = append(g.frozen, g.chance(4))
	}
	g.tables = []ValType{FuncRef}
	for range g.n(4) {
		t := g.reference()
		if t == ExnRef {
			t = FuncRef
		}
		g.tables = append(g.tables, t)
	}
	for range g.tables {
		g.tabSize = append(g.tabSize, g.between(4, 12))
	}
}

// tableHash is the body of a function that returns a number made of the sizes of
// all tables and of which of their first entries are null.
func (g *gen) tableHash() code {
	var c code
	c.U(0)
	c.Op(opI32Const, 0)
	for i, t := range g.tables {
		c.Op(opI32Const, 31, 0x6C) // i32.mul
		c.FC(fcTableSize, i)
		c.Op(opI32Add)
		for entry := byte(0); entry < 4 && !t.nonNull(); entry++ {
			c.Op(opI32Const, 3, 0x6C, opI32Const, entry)
			c.OpU(opTableGet, i)
			c.Op(opRefIsNull, opI32Add)
		}
	}
	c.Op(opEnd)
	return c
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
		t := FuncType{g.list(4, g.value), g.list(1, g.value)}
		if g.chance(4) {
			t.Results = g.list(3, g.value)
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
		switch {
		case t.typed():
			g.constant(&s.body, t)
		case t == ExternRef || g.chance(8):
			refNullOf(&s.body, t)
		default:
			s.body.OpU(opRefFunc, g.n(len(g.funcs)))
		}
		s.body.Op(opEnd)
	}
	return s
}

// defined is the number of defined functions; the last three are tables, _start and run.
func (g *gen) defined() int { return len(g.funcs) - len(g.imports) }

func (g *gen) typeOf(fn int) FuncType { return g.types[g.funcs[fn]] }

func (g *gen) build() *Module {
	m := &Module{Imports: g.imports, Globals: g.globals, Memory: g.memory, Features: g.feat}
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

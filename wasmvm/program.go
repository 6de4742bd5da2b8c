package wasmvm

import (
	"math"
	"slices"
	"sync"
	"unsafe"
)

// program is the register code of a module. Functions are lowered when they are first called, one behind the other, and never move, so a place in the
// code means the same for every machine of the module. Machines run copies, because they patch breakpoints and calls into them.
type program struct {
	mod *Module

	strays bool // see handlers.go
	consts constPool

	mu    sync.Mutex
	code  []ins
	funcs []*loweredFunc // by index of the defined function, nil until lowered
	order []*loweredFunc // in the order of their code

	// What New makes of tables and segments, set by the first machine that is not linked to others.
	firstOnce          sync.Once
	tables             [][]uint64
	dropData, dropElem []bool
}

// loweredFunc is a lowered function. All but the lazily made parts is immutable.
type loweredFunc struct {
	shape
	fn         *Func
	index      int          // of the defined function
	layout     *Layout      //
	size       int          // instructions, with entering
	listed     bool         // it has try_tables and there is a list of them, so it runs in precise code only
	begin, end int          // words of its fast code
	starts     []uint32     // for each word, the first instruction of the group it belongs to
	labels     []uint32     // instructions before which all operands are in their slots and nothing is known of locals, ascending
	returns    []returnSite // where its calls return to, ascending by instruction

	preciseOnce sync.Once
	precise     []ins
	bare        []ins             // the same, but without exits
	exits       map[int][]tryExit // by instruction, for each of its ways
	preciseErr  error
	aliasOnce   sync.Once
	aliases     map[uint32][]alias // by first instruction of a group, see deopt.go
	aliasErr    error
	placesMu    sync.Mutex
	places      map[placeKey]*place // see state.go
}

// returnSite is a call's return site: the instruction of the call and the word behind it.
type returnSite struct {
	idx  uint32
	word uint32
}

func (m *Module) program() *program {
	m.progOnce.Do(func() {
		p := &program{mod: m, strays: m.straysFromTries(), funcs: make([]*loweredFunc, len(m.Funcs))}
		p.code = make([]ins, firstCode, 1024)
		for i := range p.code {
			p.code[i].op = irInvalid
		}
		for _, i := range []int{entryData, barrierData} {
			p.code[i].op = irData
			p.code[i].setK64(1<<64 - 1<<62) // -(1<<62)
		}
		m.prog = p
	})
	return m.prog
}

// lower returns function index (of the defined ones) lowered.
func (p *program) lower(index int) (*loweredFunc, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.funcs[index]; f != nil {
		return f, nil
	}
	fn := &p.mod.Funcs[index]
	layout, err := p.mod.Layout(fn)
	if err != nil {
		return nil, err
	}
	s, err := p.mod.shape(fn)
	if err != nil {
		return nil, err
	}
	f := &loweredFunc{shape: s, fn: fn, index: index, layout: layout, size: fn.numInstrs + 1, begin: len(p.code)}
	f.listed = p.strays && slices.Contains(layout.Ops, OpTryTable)
	if err := p.lowerFast(f); err != nil {
		p.code = p.code[:f.begin]
		return nil, err
	}
	f.end = len(p.code)
	if f.listed {
		p.bar(f)
	}
	p.funcs[index] = f
	p.order = append(p.order, f)
	return f, nil
}

// bar keeps fast code from running a function: whoever comes to it, by a call or a return, leaves the fast loop.
func (p *program) bar(f *loweredFunc) {
	p.code[f.begin].op = irBreak
	for _, r := range f.returns {
		p.code[r.word].op = irBreak
	}
}

// preciseCode returns the function's precise code.
func (f *loweredFunc) preciseCode(m *Module) ([]ins, error) {
	f.preciseOnce.Do(func() { f.preciseErr = f.lowerPrecise(m) })
	return f.precise, f.preciseErr
}

// returnWord is the word to which the call at instruction idx returns.
func (f *loweredFunc) returnWord(idx int) (int, bool) {
	i, ok := slices.BinarySearchFunc(f.returns, uint32(idx), func(r returnSite, idx uint32) int { return int(r.idx) - int(idx) })
	if !ok {
		return 0, false
	}
	return int(f.returns[i].word), true
}

// returnIndex is the instruction to which the word before a return site says the caller returns.
func (f *loweredFunc) returnIndex(site *ins) int { return f.size + int(int64(site.k64())) }

// head returns the word at which fast code can take over before instruction idx.
func (f *loweredFunc) head(idx int) (word int, ok bool) {
	i, ok := slices.BinarySearch(f.starts, uint32(idx))
	return f.begin + i, ok
}

// nextHead returns the first instruction behind idx at which a group begins.
func (f *loweredFunc) nextHead(idx int) int {
	i, _ := slices.BinarySearch(f.starts, uint32(idx)+1)
	if i == len(f.starts) {
		return math.MaxInt32
	}
	return int(f.starts[i])
}

// group returns the first word of the group that instruction idx belongs to, false if it comes before all groups.
func (f *loweredFunc) group(idx int) (word int, ok bool) {
	i, found := slices.BinarySearch(f.starts, uint32(idx))
	if !found {
		if i == 0 {
			return 0, false
		}
		i, _ = slices.BinarySearch(f.starts, f.starts[i-1])
	}
	return f.begin + i, true
}

// funcOfWord returns the function whose fast code holds a word.
func funcOfWord(order []*loweredFunc, word int) *loweredFunc {
	i, found := slices.BinarySearchFunc(order, word, func(f *loweredFunc, w int) int { return f.begin - w })
	if !found {
		i--
	}
	return order[i]
}

func bytesOf(s []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*8)
}

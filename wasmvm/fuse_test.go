package wasmvm

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// bench is all that the fast loop works on, small: some words of code, a frame, two pages of memory, a global, a table and two functions.
type bench struct {
	vm
	code    []ins
	stack   []uint64
	memory  []byte
	pages   []uint8
	cell    uint64
	globPtr []unsafe.Pointer
	tab     []uint64
	view    []tableView
	recs    []funcRec
}

const (
	benchStart = 4  // where the words of interest begin
	benchStop  = 16 // from here on there are only breakpoints to land on
	benchFrame = 8  // where the frame begins
	benchLink  = 20 // slot of the link
	benchRef   = 1 << 40
)

// newBench makes one; the same code and numbers give the same bench.
func newBench(code []ins, r *rand.Rand) *bench {
	b := &bench{code: slices.Clone(code), stack: make([]uint64, 64), memory: make([]byte, 8192), pages: make([]uint8, 2)}
	for i := range b.stack {
		b.stack[i] = someValue(r)
	}
	for i := range b.memory {
		if r.IntN(8) == 0 { // mostly zeros, so that much of it can be an address
			b.memory[i] = byte(r.Uint32())
		}
	}
	for i := range b.pages {
		if r.IntN(4) > 0 {
			b.pages[i] = flagDirty
		}
		if r.IntN(8) == 0 {
			b.pages[i] |= flagWrite | flagRead
		}
	}
	for i, some := 0, r.Uint64(); i < fineSize; i++ {
		b.fine[i] = uint8(some>>(i%64)&1) * (flagWrite | flagRead)
	}
	b.stack[benchFrame+benchLink] = uint64(benchStop * insSize << 32)
	b.cell = someValue(r)
	b.globPtr = []unsafe.Pointer{unsafe.Pointer(&b.cell)}
	b.tab = []uint64{benchRef, benchRef + 1, 0, benchRef + 9, benchRef + 1}
	b.recs = []funcRec{{entry: uint32((benchStop + 1) * insSize), typ: 3, size: 5, frame: 4, link: 2, clear: 1}, {typ: 3}}
	b.view = []tableView{{unsafe.Pointer(&b.tab[0]), uintptr(len(b.tab))}}
	b.pc, b.fp = unsafe.Pointer(&b.code[benchStart]), unsafe.Pointer(&b.stack[benchFrame])
	b.mem, b.msize, b.flags = unsafe.Pointer(&b.memory[0]), uint64(len(b.memory)), unsafe.Pointer(&b.pages[0])
	b.limit = []int64{1, 3, 1000}[r.IntN(3)]
	b.vm.code = unsafe.Pointer(&b.code[0])
	b.codeBase, b.stackEnd = uintptr(b.vm.code), uintptr(unsafe.Pointer(&b.stack[0]))+uintptr(len(b.stack)*8)
	b.globals, b.tables, b.funcs = unsafe.Pointer(&b.globPtr[0]), unsafe.Pointer(&b.view[0]), unsafe.Pointer(&b.recs[0])
	b.numFuncs, b.refBase = uint64(len(b.recs)), benchRef
	return b
}

func someValue(r *rand.Rand) uint64 {
	switch r.IntN(6) {
	case 0:
		return uint64(r.IntN(8))
	case 1:
		return uint64(r.IntN(8300)) // an address
	case 2:
		return uint64(r.Uint32())
	case 3:
		floats := []uint64{0, 1 << 63, 0x3FF8000000000000, 0xC000000000000000, 0x7FF0000000000000, 0x7FF8000000000001, 0x3FF0000000000001}
		return floats[r.IntN(len(floats))]
	case 4:
		floats := []uint64{0x80000000, 0x3FC00000, 0xC0000000, 0x7F800000, 0x7FC00001, 0x3F800001}
		return floats[r.IntN(len(floats))]
	}
	return r.Uint64()
}

// randomWord makes word i of the code one with the given operation and operands that it can have.
func randomWord(code []ins, i int, op irOp, r *rand.Rand) {
	slot := func() uint16 { return uint16(r.IntN(8)) }
	w := ins{op: op, a: slot(), b: slot(), c: slot(), d: int32(r.IntN(8)), e: int32(r.IntN(8))}
	name := opNames[op]
	switch {
	case name == "Call":
		w.a, w.b, w.c, w.d = 10, 3, 1, int32((benchStop-i)*insSize)
		code[i+1] = ins{op: irData, a: uint16(5 + 60*r.IntN(2)), d: 3}
	case name == "CallIndirect":
		w.a, w.c, w.d = 10, 0, int32(3+r.IntN(4)/3)
		code[i+1] = ins{op: irData, d: 3}
	case strings.HasPrefix(name, "Ret"):
		w.b = benchLink
	case name == "BrTable":
		w.d = 1
		code[i+1] = ins{op: irData, d: int32((benchStop - i) * insSize), e: 2}
		code[i+2] = ins{op: irData, a: 2, b: 1, c: uint16(r.IntN(2)), d: int32((benchStop + 1 - i) * insSize), e: 1}
	case strings.Contains(name, "Br") || strings.Contains(name, "Loop"):
		w.d = int32((benchStop - i) * insSize)
		if strings.HasSuffix(name, "Imm") {
			w.c = uint16(r.IntN(2) * 0xFFFF)
		}
	case strings.HasPrefix(name, "Global"):
		w.d = 0
	case opAccess[op].size > 0:
		w.d = int32(r.IntN(4096))
	case name == "Const" || strings.HasSuffix(name, "Imm"):
		w.setK64(someValue(r))
	}
	code[i] = w
}

// fusedCode makes code of the members of a fused operation, chained as it wants, not fused.
func fusedCode(f *fusion, r *rand.Rand) []ins {
	code := make([]ins, benchStop+4)
	for i := range code {
		code[i].op = irBreak
	}
	code[benchStop-1] = ins{op: irData, d: 1}
	for k, op := range f.members {
		i := benchStart + k
		randomWord(code, i, op, r)
		w, made := &code[i], code[i-1].a
		for bit, set := range []func(){func() { w.a = made }, func() { w.b = made }, func() { w.c = made }, func() { w.d = int32(made) }} {
			if f.chains[k]>>bit&1 != 0 {
				set()
			}
		}
	}
	return code
}

// TestFusedOperations compares every fused operation with its members on random operands, half of them in each loop: what they do, and how and where they leave the loop.
func TestFusedOperations(t *testing.T) {
	const samples = 200
	count := 0
	for first := range fusionsOf {
		for i := range fusionsOf[first] {
			f := &fusionsOf[first][i]
			count++
			through := 0
			for seed := range uint64(samples) {
				name, run := "runFast", (*vm).runFast
				if seed%2 == 1 {
					name, run = "runWatch", (*vm).runWatch
				}
				code := fusedCode(f, rand.New(rand.NewPCG(seed, uint64(f.op))))
				if !f.fits(code[benchStart:]) {
					t.Fatalf("%s does not fit its own members", opNames[f.op])
				}
				single := newBench(code, rand.New(rand.NewPCG(seed, 1)))
				want := run(&single.vm)
				code[benchStart].op = f.op
				joined := newBench(code, rand.New(rand.NewPCG(seed, 1)))
				got := run(&joined.vm)
				if diff := single.compare(joined); got != want || diff != "" {
					t.Fatalf("%s, %s, seed %d: leaves with %d, its members with %d, and they differ in %q\n%v", name, opNames[f.op], seed, got, want, diff, code[benchStart:])
				}
				if want == exitBreak {
					through++
				}
			}
			if through < samples/50 {
				t.Errorf("%s came to its end only %d times", opNames[f.op], through)
			}
		}
	}
	t.Logf("%d fused operations", count)
}

// compare says in what two benches differ.
func (b *bench) compare(o *bench) string {
	at := func(x *bench) (pc, fp uintptr) {
		return uintptr(x.pc) - x.codeBase, uintptr(x.fp) - uintptr(unsafe.Pointer(&x.stack[0]))
	}
	pc, fp := at(b)
	pc2, fp2 := at(o)
	switch {
	case pc != pc2:
		return "pc"
	case fp != fp2:
		return "fp"
	case b.acc != o.acc:
		return "acc"
	case b.undo != o.undo:
		return "undo"
	case b.cell != o.cell:
		return "the global"
	case !slices.Equal(b.stack, o.stack):
		return "the frame"
	case !bytes.Equal(b.memory, o.memory):
		return "memory"
	}
	return ""
}

// TestFuse checks which words are given fused operations: those that need the fewest dispatches, and no word behind the first changes.
func TestFuse(t *testing.T) {
	for first := range fusionsOf {
		for i := range fusionsOf[first] {
			f := &fusionsOf[first][i]
			code := fusedCode(f, rand.New(rand.NewPCG(1, 2)))
			plain := slices.Clone(code)
			fuse(code)
			if n := fusedLen(code[benchStart].op); n != len(f.members) {
				t.Errorf("%s: the words are joined to %s", opNames[f.op], opNames[code[benchStart].op])
			}
			for k := range code {
				if w := code[k]; w.base() != plain[k].op {
					t.Errorf("%s: word %d was %s and has become %s", opNames[f.op], k-benchStart, opNames[plain[k].op], opNames[w.op])
				}
			}
			if len(f.members) > maxFused {
				t.Errorf("%s has more than %d members", opNames[f.op], maxFused)
			}
		}
	}
}

package wasmvm

// fusion is a fused operation: it does the work of a word and of those behind it, which stay what they are (see internal/gen/fuse.go). Fused code may be
// entered and left at any word, so nothing but the speed depends on which words are fused.
type fusion struct {
	op      irOp
	members []irOp
	chains  []uint8 // per member: bits a = 1, b = 2, c = 4, d = 8 of the fields that must name the slot which the member before it writes
}

// fusedLen is the number of words an operation covers that may be fused.
func fusedLen(op irOp) int {
	for _, f := range fusionsOf[fusedBase[op]] {
		if f.op == op {
			return len(f.members)
		}
	}
	return 1
}

// fuse gives words the fused operations with which the fewest dispatches are left.
func fuse(code []ins) {
	cost := make([]int32, len(code)+1) // dispatches from a word on, if nothing branches
	choice := make([]irOp, len(code))
	for i := len(code) - 1; i >= 0; i-- {
		choice[i], cost[i] = code[i].op, 1+cost[i+1]
		for k := range fusionsOf[code[i].op] {
			f := &fusionsOf[code[i].op][k]
			if n := len(f.members); f.fits(code[i:]) && 1+cost[i+n] < cost[i] {
				choice[i], cost[i] = f.op, 1+cost[i+n]
			}
		}
	}
	for i := range code {
		code[i].op = choice[i]
	}
}

// fits says whether the words that code begins with are the members, chained as it says.
func (f *fusion) fits(code []ins) bool {
	if len(code) < len(f.members) {
		return false
	}
	for i, op := range f.members {
		w := &code[i]
		if w.op != op {
			return false
		}
		if c := f.chains[i]; c != 0 {
			made := code[i-1].a
			if c&1 != 0 && w.a != made || c&2 != 0 && w.b != made || c&4 != 0 && w.c != made || c&8 != 0 && w.d != int32(made) {
				return false
			}
		}
	}
	return true
}

// base is the operation of the word itself, fused or not.
func (in *ins) base() irOp {
	if b := fusedBase[in.op]; b != 0 {
		return b
	}
	return in.op
}

package wasmvm

import "fmt"

// atomicKind is what an atomic instruction does.
type atomicKind uint8

const (
	atomicNotify atomicKind = iota
	atomicWait
	atomicFence
	atomicLoad
	atomicStore
	atomicAdd
	atomicSub
	atomicAnd
	atomicOr
	atomicXor
	atomicXchg
	atomicCmpxchg
)

// atomicOp describes the opcode 0xFE and its place in atomicOps.
type atomicOp struct {
	opDef
	kind atomicKind
	size uint8 // bytes of memory
}

// The opcodes that mean more than their table entry says.
const (
	atomicFirstLoad  = 0x10
	atomicFirstStore = 0x17
	atomicFirstRMW   = 0x1E
)

// atomicOps describes the opcodes behind the prefix 0xFE.
var atomicOps = func() (ops [0x4F]atomicOp) {
	set := func(sub int, kind atomicKind, size uint8, name, sig string) {
		ops[sub] = atomicOp{opDef{name, immMem, sig}, kind, size}
	}
	set(0, atomicNotify, 4, "memory.atomic.notify", "ii:i")
	set(1, atomicWait, 4, "memory.atomic.wait32", "iil:i")
	set(2, atomicWait, 8, "memory.atomic.wait64", "ill:i")
	ops[3] = atomicOp{opDef{"atomic.fence", immZero, ":"}, atomicFence, 0}
	// Each of the others comes in seven widths, in this order.
	widths := []struct {
		typ, width, suffix string
		size               uint8
	}{{"i32", "", "", 4}, {"i64", "", "", 8}, {"i32", "8", "_u", 1}, {"i32", "16", "_u", 2}, {"i64", "8", "_u", 1}, {"i64", "16", "_u", 2}, {"i64", "32", "_u", 4}}
	for i, w := range widths {
		t := map[string]string{"i32": "i", "i64": "l"}[w.typ]
		set(atomicFirstLoad+i, atomicLoad, w.size, fmt.Sprintf("%s.atomic.load%s%s", w.typ, w.width, w.suffix), "i:"+t)
		set(atomicFirstStore+i, atomicStore, w.size, fmt.Sprintf("%s.atomic.store%s", w.typ, w.width), "i"+t+":")
		for k, name := range []string{"add", "sub", "and", "or", "xor", "xchg", "cmpxchg"} {
			kind, sig := atomicAdd+atomicKind(k), "i"+t+":"+t
			if kind == atomicCmpxchg {
				sig = "i" + t + t + ":" + t
			}
			set(atomicFirstRMW+7*k+i, kind, w.size, fmt.Sprintf("%s.atomic.rmw%s.%s%s", w.typ, w.width, name, w.suffix), sig)
		}
	}
	return ops
}()

package wasmvm

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
)

// vectorAccess is an opcode that loads or stores a vector or a part of one.
type vectorAccess struct {
	op    Opcode
	size  uint64
	store bool
	lanes bool // it takes a vector too
	code  func(offset uint32) []byte
}

// vectorAccesses lists all such opcodes, those with a lane with the first and the last.
func vectorAccesses() []vectorAccess {
	var list []vectorAccess
	for sub := range opTableFD {
		d := &opTableFD[sub]
		if d.imm != immMem && d.imm != immMemLane {
			continue
		}
		o := Opcode(0xFD<<16 | sub)
		a := vectorAccess{op: o, size: uint64(opAccess[o.lowering().op].size), store: d.sig == "iv:", lanes: d.sig[1] == 'v'}
		if d.imm == immMem {
			a.code = func(offset uint32) []byte { return mem(o, offset) }
			list = append(list, a)
			continue
		}
		for _, lane := range []byte{0, byte(16/a.size - 1)} {
			a.code = func(offset uint32) []byte { return cat(mem(o, offset), []byte{lane}) }
			list = append(list, a)
		}
	}
	return list
}

// vectorAddresses are ways to make the address i0, i0+i1 or i0+(i1<<3), and the values of i0 and i1.
func vectorAddresses() [][]byte {
	return [][]byte{
		get(0),
		cat(get(0), get(1), op(opI32Add)),
		cat(get(0), i32c(-8), op(opI32Add)),
		cat(get(0), get(1), i32c(3), op(opI32Shl, opI32Add)),
		i32c(65520), i32c(65521), i32c(4090),
		cat(get(0), get(1), op(opI32Add), tee(0)),
	}
}

// edges are addresses around the ends of pages and of the memory, and some that wrap.
func edges() (list []uint64) {
	for i := range uint64(20) {
		list = append(list, 4096-18+i, 65536-18+i)
	}
	return append(list, 0, 1, 8, 30000, 0xFFFFFFF0, 0xFFFFFFFF, 0x7FFFFFF8)
}

// TestVectorMemory compares all loads and stores of vectors with wazero's compiler, in all forms of addresses, around the ends of pages and of the memory:
// results, traps and memory; and it looks at which pages are dirty then.
func TestVectorMemory(t *testing.T) {
	compared := 0
	for _, a := range vectorAccesses() {
		compared += compareAccess(t, a)
	}
	t.Logf("%d accesses compared in each tier", compared)
	if compared < 50_000 {
		t.Error("there should be more")
	}
}

func (a *vectorAccess) function(address []byte, offset uint32) asmFunc {
	params := []ValType{I32, I32, V128}
	if a.store {
		return asmFunc{params: params, body: cat(address, get(2), a.code(offset))}
	}
	vector := []byte{}
	if a.lanes {
		vector = get(2)
	}
	return asmFunc{params: params, results: []ValType{V128}, body: cat(address, vector, a.code(offset))}
}

func compareAccess(t *testing.T, a vectorAccess) (compared int) {
	t.Helper()
	module := asm{exportAll: true}
	for _, offset := range []uint32{0, 12, 0xFFFFFFF0} {
		for _, address := range vectorAddresses() {
			module.funcs = append(module.funcs, a.function(address, offset))
		}
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer r.Close(ctx)
	oracle, err := r.Instantiate(ctx, module.bytes())
	if err != nil {
		t.Fatalf("%v: %v", a.op, err)
	}
	memory, _ := oracle.ExportedMemory("m").Read(0, 1<<16)
	mod := module.module(t)
	ms := []*Machine{newMachine(t, mod, nil), newMachine(t, mod, nil)}
	ms[1].SetTier(TierPrecise)
	for i := range memory {
		memory[i] = byte(i*7 + i>>8)
	}
	for _, m := range ms {
		copy(m.Memory(), memory)
	}
	for fn := range module.funcs {
		f := oracle.ExportedFunction(fmt.Sprint(fn))
		for _, x := range edges() {
			for _, y := range []uint64{0, 1, 13} {
				args := []uint64{x, y, 0x0102030405060708 * (x + 1), 0xA1B2C3D4E5F60718 ^ x}
				want, wantErr := f.Call(ctx, args...)
				before := bytes.Clone(ms[0].Memory())
				for tier, m := range ms {
					m.ResetDirty()
					got, err := m.Invoke(uint32(fn), args...)
					if (err == nil) != (wantErr == nil) || !slices.Equal(got, want) || !bytes.Equal(m.Memory(), memory) {
						t.Fatalf("%v, function %d, tier %d, %#x: got %#x, %v; wazero has %#x, %v; or memory differs", a.op, fn, tier, args, got, err, want, wantErr)
					}
					checkDirty(t, m, before, a.store && err == nil)
				}
				compared++
			}
		}
	}
	return compared
}

// checkDirty checks that the pages that changed are dirty, and no page if nothing was written.
func checkDirty(t *testing.T, m *Machine, before []byte, written bool) {
	t.Helper()
	dirty := m.Dirty(nil)
	if written != (len(dirty) > 0) || len(dirty) > 2 {
		t.Fatalf("pages %v are dirty after an access that wrote: %v", dirty, written)
	}
	for p := range uint32(len(before) / PageSize) {
		page := before[p*PageSize : (p+1)*PageSize]
		if !bytes.Equal(page, m.Memory()[p*PageSize:(p+1)*PageSize]) && !slices.Contains(dirty, p) {
			t.Fatalf("page %d has changed, but only %v are dirty", p, dirty)
		}
	}
}

// TestVectorWatches watches single bytes around every kind of access, in one page and across two.
func TestVectorWatches(t *testing.T) {
	for _, a := range vectorAccesses() {
		for _, at := range []uint64{100, 4090, 4096 - a.size, 65536 - a.size} {
			vector := []byte{}
			if a.lanes {
				vector = constant(V128, []uint64{1, 2})
			}
			body := cat(i32c(int32(at)), vector, a.code(0))
			if !a.store {
				body = cat(body, op(OpDrop))
			}
			busy := void(OpLoop, op1(OpGlobalGet, 0), i32c(1), op(opI32Add), op1(OpGlobalSet, 0), op1(OpGlobalGet, 0), i32c(100), op(opI32LtS), op1(OpBrIf, 0))
			module := asm{globals: 1, funcs: []asmFunc{{body: cat(busy, body, busy)}}}
			mod := module.module(t)
			end := newMachine(t, mod, nil)
			end.Run(1 << 40)
			for b := at - 2; b < min(at+a.size+2, 65536); b++ {
				for _, kind := range []WatchKind{WatchWrite, WatchRead, WatchRead | WatchWrite} {
					hit := b >= at && b < at+a.size && (a.store && kind&WatchWrite != 0 || !a.store && kind&WatchRead != 0)
					watchOne(t, mod, a, Watch{kind, b, 1}, hit, at, end.Digest())
				}
			}
		}
	}
}

// watchOne runs a program with one watch, which its only access hits or not.
func watchOne(t *testing.T, mod *Module, a vectorAccess, w Watch, hit bool, at uint64, end [32]byte) {
	t.Helper()
	for _, tier := range []Tier{TierAuto, TierPrecise} {
		m := newMachine(t, mod, nil)
		m.SetTier(tier)
		m.SetWatches([]Watch{w})
		s := m.Run(1 << 40)
		if hit {
			if s.Reason != StopWatch || len(s.Watches) != 1 || s.Watches[0].Addr != at || s.Watches[0].Len != a.size {
				t.Fatalf("%v at %d, watch %+v, tier %d: %+v", a.op, at, w, tier, s)
			}
			if idx := opcodeBefore(m); idx != a.op {
				t.Fatalf("%v at %d, watch %+v, tier %d: stopped behind %v", a.op, at, w, tier, idx)
			}
			s = m.Run(1 << 40)
		}
		if s.Reason != StopExit || m.Digest() != end {
			t.Fatalf("%v at %d, watch %+v, tier %d: ends with %v", a.op, at, w, tier, s.Reason)
		}
	}
}

// opcodeBefore is the opcode before the next instruction.
func opcodeBefore(m *Machine) Opcode {
	for _, f := range m.Frames() {
		l, err := m.mod.Layout(f.Func())
		if err == nil {
			return l.Ops[f.Index()-1]
		}
	}
	return 0
}

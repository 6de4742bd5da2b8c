package wasmvm

import (
	"encoding/binary"
	"testing"
)

// TestMulAdd compares the fused multiplications and additions with the single ones, above all where a NaN comes out.
func TestMulAdd(t *testing.T) {
	const mul, add, sub Opcode = 0xA2, 0xA0, 0xA1
	values := []uint64{0, 1 << 63, 0x3FF0000000000001, 0x4008000000000003, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000123, 0xFFF0000000000456, 0x7FEFFFFFFFFFFFFF}
	params := []ValType{F64, F64, F64}
	for _, o := range []Opcode{add, sub} {
		a := asm{funcs: []asmFunc{
			{params: params, results: []ValType{F64}, body: cat(get(2), get(0), get(1), op(mul, o))},
			{params: params, results: []ValType{F64}, body: cat(get(0), get(1), op(mul), get(2), op(o))},
			{params: params, results: []ValType{F64}, body: cat(f64c(values[7]), get(0), get(1), op(mul, o))},
		}}
		m := newMachine(t, a.module(t), nil)
		for _, x := range values {
			for _, y := range values {
				for _, z := range values {
					for f := range uint32(len(a.funcs)) {
						m.SetTier(TierPrecise)
						want, _ := m.Invoke(f, x, y, z)
						m.SetTier(TierAuto)
						if got, err := m.Invoke(f, x, y, z); err != nil || got[0] != want[0] {
							t.Fatalf("function %d of %v: %#x %#x %#x gives %#x, want %#x", f, o, x, y, z, got, want)
						}
					}
				}
			}
		}
	}
}

// TestAddresses compares the forms of loads and stores with what they stand for, at addresses that wrap around 32 bits and that trap.
func TestAddresses(t *testing.T) {
	shl := Opcode(0x74)
	p := []ValType{I32, I32}
	r := []ValType{I32}
	shifted := func(k int32) []byte { return cat(get(0), get(1), i32c(k), op(shl, opI32Add)) }
	loads := [][]byte{get(0), cat(get(0), get(1), op(opI32Add)), cat(get(0), i32c(-8), op(opI32Add)), shifted(2), shifted(31),
		cat(get(1), i32c(3), op(shl), get(0), op(opI32Add)), i32c(65530), cat(get(0), get(1), tee(1), i32c(2), op(shl), tee(0), op(opI32Add))}
	a := asm{}
	for _, l := range loads {
		for _, off := range []uint32{0, 12, 0xFFFFFFF0} {
			a.funcs = append(a.funcs,
				asmFunc{params: p, results: r, body: cat(l, mem(opI32Ld, off))},
				asmFunc{params: p, results: r, body: cat(l, get(1), mem(opI32St, off), l, mem(opI32Ld, off))},
				asmFunc{params: p, results: r, body: cat(l, i32c(-5), mem(opI32St8, off), l, mem(opI32Ld, off))})
		}
	}
	mod := a.module(t)
	fast, exact := newMachine(t, mod, nil), newMachine(t, mod, nil)
	exact.SetTier(TierPrecise)
	for i := range fast.Memory() {
		fast.Memory()[i], exact.Memory()[i] = byte(i*7), byte(i*7)
	}
	values := []uint64{0, 8, 100, 4094, 65532, 65536, 0x3FFFFFFF, 0xFFFFFFF8, 0x80000000}
	for f := range uint32(len(a.funcs)) {
		for _, x := range values {
			for _, y := range values {
				got, err := fast.Invoke(f, x, y)
				want, wantErr := exact.Invoke(f, x, y)
				if (err == nil) != (wantErr == nil) || err == nil && got[0] != want[0] {
					t.Fatalf("function %d of %#x %#x gives %v %v, want %v %v", f, x, y, got, err, want, wantErr)
				}
			}
		}
	}
	if fast.Digest() != exact.Digest() {
		t.Error("the states differ at the end")
	}
}

// TestFusedStoreOfConstant stores a constant to a page that is not dirty yet, with an operation that begins a fused one.
func TestFusedStoreOfConstant(t *testing.T) {
	a := asm{funcs: []asmFunc{{params: []ValType{I32, I64}, results: []ValType{I32}, locals: 1, localType: I32, body: cat(
		get(0), i32c(-7), mem(opI32St, 0), get(0), get(1), mem(0x37, 8), get(0), set(2), get(2))}}}
	m := newMachine(t, a.module(t), nil)
	if _, err := m.Invoke(0, 5000, 99); err != nil {
		t.Fatal(err)
	}
	fused := false
	for _, w := range m.words {
		fused = fused || w.op != w.base() && opAccess[w.base()].form == 'I'
	}
	if got := int32(binary.LittleEndian.Uint32(m.Memory()[5000:])); !fused || got != -7 {
		t.Errorf("%d is stored, want -7; fused: %v", got, fused)
	}
}

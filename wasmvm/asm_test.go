package wasmvm

import (
	"encoding/binary"
	"strconv"
	"testing"
)

// asmFunc is a function of a test module: its type, declared locals (all of one type) and body without the final end.
type asmFunc struct {
	params, results []ValType
	locals          int
	localType       ValType
	body            []byte
}

// asm is a small module for tests: one page of memory, the given functions, the first of which is exported as _start if it has no parameters, and
// as f. imports are functions of module "env".
type asm struct {
	imports []asmFunc
	funcs   []asmFunc
	globals int // mutable i32 globals
	table   []uint32
	data    []byte // passive

	exportAll bool // functions under their numbers too, and the memory as m
	vectors   int  // mutable v128 globals behind the others, of value (1, 2)
}

func leb(v uint32) []byte {
	b := []byte{}
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func str(s string) []byte { return append(leb(uint32(len(s))), s...) }

func cat(bs ...[]byte) []byte {
	var out []byte
	for _, b := range bs {
		out = append(out, b...)
	}
	return out
}

func types(ts []ValType) []byte {
	b := leb(uint32(len(ts)))
	for _, t := range ts {
		b = append(b, byte(t))
	}
	return b
}

func (a *asm) bytes() []byte {
	out := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	section := func(id byte, n int, body []byte) {
		if n > 0 {
			body = cat(leb(uint32(n)), body)
			out = append(out, id)
			out = cat(out, leb(uint32(len(body))), body)
		}
	}
	all := append(append([]asmFunc{}, a.imports...), a.funcs...)
	var ty, imp, fn, code []byte
	for i, f := range all {
		ty = cat(ty, []byte{0x60}, types(f.params), types(f.results))
		if i < len(a.imports) {
			imp = cat(imp, str("env"), str(string(rune('a'+i))), []byte{0}, leb(uint32(i)))
			continue
		}
		fn = cat(fn, leb(uint32(i)))
		locals := []byte{0}
		if f.locals > 0 {
			locals = cat([]byte{1}, leb(uint32(f.locals)), []byte{byte(f.localType)})
		}
		body := cat(locals, f.body, []byte{byte(OpEnd)})
		code = cat(code, leb(uint32(len(body))), body)
	}
	section(1, len(all), ty)
	section(2, len(a.imports), imp)
	section(3, len(a.funcs), fn)
	if len(a.table) > 0 {
		section(4, 1, cat([]byte{0x70, 0}, leb(uint32(len(a.table)))))
	}
	section(5, 1, []byte{0, 1})
	var glob []byte
	for range a.globals {
		glob = append(glob, byte(I32), 1, byte(OpI32Const), 0, byte(OpEnd))
	}
	for range a.vectors {
		glob = cat(glob, []byte{byte(V128), 1}, constant(V128, []uint64{1, 2}), op(OpEnd))
	}
	section(6, a.globals+a.vectors, glob)
	first := leb(uint32(len(a.imports)))
	exports, n := cat(str("f"), []byte{0}, first), 1
	if len(a.funcs[0].params)+len(a.funcs[0].results) == 0 {
		exports, n = cat(exports, str("_start"), []byte{0}, first), 2
	}
	for i := 0; a.exportAll && i < len(a.funcs); i++ {
		exports = cat(exports, str(strconv.Itoa(i)), []byte{0}, leb(uint32(len(a.imports)+i)))
		n++
	}
	if a.exportAll {
		exports = cat(exports, str("m"), []byte{2, 0})
		n++
	}
	section(7, n, exports)
	if len(a.table) > 0 {
		elem := []byte{0, byte(OpI32Const), 0, byte(OpEnd)}
		elem = cat(elem, leb(uint32(len(a.table))))
		for _, f := range a.table {
			elem = cat(elem, leb(f))
		}
		section(9, 1, elem)
	}
	section(10, len(a.funcs), code)
	if a.data != nil {
		section(11, 1, cat([]byte{1}, leb(uint32(len(a.data))), a.data))
	}
	return out
}

func (a *asm) module(t testing.TB) *Module {
	t.Helper()
	mod, err := Decode(a.bytes())
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// Shorthands for bodies.
func op(ops ...Opcode) []byte {
	var b []byte
	for _, o := range ops {
		if o > 0xFF {
			b = append(b, byte(o>>16))
			b = append(b, leb(uint32(o&0xFFFF))...)
			continue
		}
		b = append(b, byte(o))
	}
	return b
}

func op1(o Opcode, arg uint32) []byte { return cat(op(o), leb(arg)) }

func i32c(v int32) []byte {
	b := []byte{byte(OpI32Const)}
	for {
		c := byte(v & 0x7F)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func f64c(bits uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{byte(OpF64Const)}, bits)
}

func get(i uint32) []byte { return op1(OpLocalGet, i) }
func set(i uint32) []byte { return op1(OpLocalSet, i) }
func tee(i uint32) []byte { return op1(OpLocalTee, i) }

// void is a block, loop or if without a type around a body; the end is added.
func void(o Opcode, body ...[]byte) []byte {
	return cat([]byte{byte(o), 0x40}, cat(body...), op(OpEnd))
}

func mem(o Opcode, offset uint32) []byte { return cat(op(o), leb(0), leb(offset)) }

const (
	opI32DivS Opcode = 0x6D
	opI32LtS  Opcode = 0x48
	opI32Ne   Opcode = 0x47
	opF64Add  Opcode = 0xA0
	opI32St   Opcode = 0x36
	opI32St8  Opcode = 0x3A
	opI32Ld   Opcode = 0x28
)

package host

import (
	"encoding/binary"
	"sort"

	"wrev/wasmvm/wasi"
)

// A script is a program that calls WASI functions with given arguments, one
// after the other. Before each call it fills all of its memory with one byte
// and stores what the call needs, so that what the call writes stands out.
type script []step

type step struct {
	fn   string
	args []uint64
	data map[uint32][]byte
	want int // errno; anyErrno for whatever comes
}

const (
	anyErrno      = -1
	scriptPages   = 2
	scriptMemSize = scriptPages << 16
)

// call makes a step that is expected to end with an errno.
func call(want int, fn string, args ...uint64) step {
	return step{fn: fn, args: args, want: want}
}

// with adds data for the call.
func (s step) with(addr uint32, data []byte) step {
	m := map[uint32][]byte{addr: data}
	for a, d := range s.data {
		m[a] = d
	}
	s.data = m
	return s
}

func (s step) text(addr uint32, text string) step { return s.with(addr, []byte(text)) }

// words stores 32-bit numbers, of which iovecs are made.
func (s step) words(addr uint32, words ...uint32) step {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return s.with(addr, b)
}

// holds reports whether the step stores something at addr.
func (s step) holds(addr uint32) bool {
	for a, d := range s.data {
		if addr >= a && uint64(addr) < uint64(a)+uint64(len(d)) {
			return true
		}
	}
	return false
}

// wasm assembles the script. Memory is filled with background before each call.
func (s script) wasm(background byte) []byte {
	var types, imports []byte
	functions := wasi.Functions()
	for i, f := range functions {
		types = append(types, 0x60)
		types = appendUleb(types, uint64(len(f.Params)))
		for _, p := range f.Params {
			types = append(types, valType(p.Wide))
		}
		if f.HasErrno {
			types = append(types, 1, 0x7f)
		} else {
			types = append(types, 0)
		}
		imports = appendName(imports, wasi.ModuleNames[0])
		imports = appendName(imports, f.Name)
		imports = append(imports, 0)
		imports = appendUleb(imports, uint64(i))
	}
	types = append(types, 0x60, 0, 0)
	n := uint64(len(functions))

	m := append([]byte(nil), "\x00asm\x01\x00\x00\x00"...)
	m = appendSection(m, 1, appendUleb(nil, n+1), types)
	m = appendSection(m, 2, appendUleb(nil, n), imports)
	m = appendSection(m, 3, []byte{1}, appendUleb(nil, n))
	m = appendSection(m, 5, []byte{1, 1, scriptPages, scriptPages})
	m = appendSection(m, 7, []byte{2}, append(appendName(nil, "memory"), 2, 0), appendUleb(append(appendName(nil, "_start"), 0), n))
	body := append([]byte{0}, s.code(background)...)
	m = appendSection(m, 10, []byte{1}, appendUleb(nil, uint64(len(body))), body)
	return m
}

func (s script) code(background byte) []byte {
	var c []byte
	constant := func(v uint32) {
		c = append(c, 0x41)
		c = appendSleb(c, int64(int32(v)))
	}
	index := make(map[string]uint64)
	for i, f := range wasi.Functions() {
		index[f.Name] = uint64(i)
	}
	for _, st := range s {
		constant(0)
		constant(uint32(background))
		constant(scriptMemSize)
		c = append(c, 0xfc, 11, 0) // memory.fill
		for _, addr := range sortedKeys(st.data) {
			for i, b := range st.data[addr] {
				constant(addr + uint32(i))
				constant(uint32(b))
				c = append(c, 0x3a, 0, 0) // i32.store8
			}
		}
		f, _ := wasi.Lookup(st.fn)
		for i, a := range st.args {
			if f.Params[i].Wide {
				c = append(c, 0x42)
				c = appendSleb(c, int64(a))
			} else {
				constant(uint32(a))
			}
		}
		c = append(c, 0x10)
		c = appendUleb(c, index[st.fn])
		if f.HasErrno {
			c = append(c, 0x1a) // drop
		}
	}
	return append(c, 0x0b)
}

func sortedKeys(m map[uint32][]byte) []uint32 {
	keys := make([]uint32, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	return keys
}

func valType(wide bool) byte {
	if wide {
		return 0x7e
	}
	return 0x7f
}

func appendSection(m []byte, id byte, parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	m = appendUleb(append(m, id), uint64(size))
	for _, p := range parts {
		m = append(m, p...)
	}
	return m
}

func appendName(b []byte, s string) []byte {
	return append(appendUleb(b, uint64(len(s))), s...)
}

func appendUleb(b []byte, v uint64) []byte {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

func appendSleb(b []byte, v int64) []byte {
	for ; v < -64 || v > 63; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v)&0x7f)
}

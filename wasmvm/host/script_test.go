package host

import (
	"encoding/binary"
	"sort"

	"wrev/internal/wasmenc"
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
	p := small{pages: scriptPages, export: "_start", body: s.code(background)}
	for _, f := range wasi.Functions() {
		p.imports = append(p.imports, [2]string{wasi.ModuleNames[0], f.Name})
	}
	return p.wasm()
}

func (s script) code(background byte) wasmenc.Code {
	var c wasmenc.Code
	constant := func(v uint32) {
		c.Op(0x41)
		c.S(int64(int32(v)))
	}
	index := make(map[string]int)
	for i, f := range wasi.Functions() {
		index[f.Name] = i
	}
	for _, st := range s {
		constant(0)
		constant(uint32(background))
		constant(scriptMemSize)
		c.FC(11, 0) // memory.fill
		for _, addr := range sortedKeys(st.data) {
			for i, b := range st.data[addr] {
				constant(addr + uint32(i))
				constant(uint32(b))
				c.Op(0x3a, 0, 0) // i32.store8
			}
		}
		f, _ := wasi.Lookup(st.fn)
		for i, a := range st.args {
			if f.Params[i].Wide {
				c.Op(0x42)
				c.S(int64(a))
			} else {
				constant(uint32(a))
			}
		}
		c.OpU(0x10, index[st.fn])
		if f.HasErrno {
			c.Op(0x1a) // drop
		}
	}
	return c
}

// small is a program of one function without parameters and results.
type small struct {
	imports [][2]string // functions; those that are none of WASI have no parameters and results
	pages   int         // of memory, exported; 0 is none
	start   bool        // the function is the start function
	export  string      // and exported under this name, if any
	body    wasmenc.Code
}

func (p small) wasm() []byte {
	var types, imports, exports wasmenc.Code
	for i, imp := range p.imports {
		types.Op(0x60)
		f, ok := wasi.Lookup(imp[1])
		if !ok {
			f = &wasi.Func{}
		}
		types.U(uint64(len(f.Params)))
		for _, param := range f.Params {
			types.Op(valType(param.Wide))
		}
		if f.HasErrno {
			types.Op(1, 0x7f)
		} else {
			types.Op(0)
		}
		imports.Name(imp[0])
		imports.Name(imp[1])
		imports.OpU(0, i)
	}
	types.Op(0x60, 0, 0)
	n := len(p.imports)
	numExports := 0
	if p.pages > 0 {
		exports.Name("memory")
		exports.Op(2, 0)
		numExports++
	}
	if p.export != "" {
		exports.Name(p.export)
		exports.OpU(0, n)
		numExports++
	}
	m := wasmenc.Code(wasmenc.Header)
	m.Section(1, n+1, types)
	m.Section(2, n, imports)
	m.Section(3, 1, wasmenc.Code{byte(n)})
	if p.pages > 0 {
		m.Section(5, 1, wasmenc.Code{1, byte(p.pages), byte(p.pages)})
	}
	m.Section(7, numExports, exports)
	if p.start {
		m.Op(8, 1, byte(n))
	}
	var body wasmenc.Code
	body.Bytes(append(append([]byte{0}, p.body...), 0x0b))
	m.Section(10, 1, body)
	return m
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

package wasmvm

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// maxLocals bounds the locals of a function: frame slots are named by 16-bit numbers.
const maxLocals = 50000

const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secTag
)

// Decode reads a module that a validating engine has accepted. It checks what its own safety needs (it never panics and never allocates by an
// unchecked number, whatever the bytes), not the whole of WebAssembly's validation rules. What is not supported is refused with an
// error that names the opcode and its place.
func Decode(wasm []byte) (*Module, error) {
	d := decoder{m: &Module{Bytes: wasm, Start: -1}}
	d.b = wasm
	if err := d.module(); err != nil {
		return nil, fmt.Errorf("decode module: %w", err)
	}
	return d.m, nil
}

type decoder struct {
	reader
	m         *Module
	funcTypes []uint32 // of the function section
	bodies    bool
}

func (d *decoder) module() error {
	if d.left() < 8 || string(d.b[:4]) != "\x00asm" {
		return errors.New("not a wasm file: it does not begin with \\0asm")
	}
	d.pos = 4
	switch v := d.u32le(); v {
	case 1:
	case 0x1000D:
		return errors.New("this is a WebAssembly component; only core modules are supported")
	default:
		return fmt.Errorf("unknown wasm version %#x", v)
	}
	for d.left() > 0 && d.err == nil {
		id := d.byte()
		size := d.u32()
		at := d.pos
		body := d.bytes(size)
		if d.err != nil {
			return fmt.Errorf("section %d at offset %#x: %w", id, at, d.err)
		}
		s := sectionDecoder{reader: reader{b: body}, d: d, m: d.m, offset: at}
		if err := s.section(id); err != nil {
			return fmt.Errorf("section %d at offset %#x: %w", id, at, err)
		}
	}
	if len(d.funcTypes) > 0 && !d.bodies {
		return errors.New("functions are declared but there is no code section")
	}
	if d.err != nil {
		return d.err
	}
	d.m.layouts = make([]atomic.Pointer[Layout], len(d.m.Funcs))
	if err := d.checkIndices(); err != nil {
		return err
	}
	d.m.readNames()
	return nil
}

// checkIndices checks the numbers that the rest of the package uses as indices without asking again.
func (d *decoder) checkIndices() error {
	m := d.m
	if m.Start >= m.NumFuncs() {
		return fmt.Errorf("start function %d does not exist", m.Start)
	}
	if m.Start >= 0 {
		if t := m.FuncType(uint32(m.Start)); len(t.Params)+len(t.Results) > 0 {
			return fmt.Errorf("start function %d has parameters or results", m.Start)
		}
	}
	for _, e := range m.Exports {
		n := map[ExternKind]int{ExternFunc: m.NumFuncs(), ExternTable: len(m.Tables), ExternMemory: len(m.Memories), ExternGlobal: len(m.Globals), ExternTag: len(m.Tags)}[e.Kind]
		if int64(e.Index) >= int64(n) {
			return fmt.Errorf("export %q: %v %d does not exist", e.Name, e.Kind, e.Index)
		}
	}
	if len(m.Memories) > 1 {
		return errors.New("more than one memory is not supported")
	}
	for i := range m.data {
		if s := &m.data[i]; s.mode == segActive && len(m.Memories) == 0 {
			return fmt.Errorf("data segment %d: there is no memory", i)
		}
	}
	for i := range m.elems {
		if s := &m.elems[i]; s.mode == segActive && int64(s.table) >= int64(len(m.Tables)) {
			return fmt.Errorf("element segment %d: table %d does not exist", i, s.table)
		}
	}
	return m.checkInits()
}

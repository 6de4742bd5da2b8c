package wasmvm

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// digester feeds numbers to a hash.
type digester struct {
	hash.Hash
	buf []byte
}

func (d *digester) num(vs ...uint64) {
	for _, v := range vs {
		d.buf = binary.LittleEndian.AppendUint64(d.buf, v)
	}
	if len(d.buf) > 4096 {
		d.flush()
	}
}

func (d *digester) flush() {
	d.Write(d.buf)
	d.buf = d.buf[:0]
}

func (d *digester) bools(bs []bool) {
	d.num(uint64(len(bs)))
	for _, b := range bs {
		v := uint64(0)
		if b {
			v = 1
		}
		d.num(v)
	}
}

// Digest is a SHA-256 over the state: position, host calls, frames with function, program counter, locals and operands, memory, globals, tables, dropped
// segments. Two machines of a module have equal digests exactly if their states are equal, whatever tiers they ran in.
func (m *Machine) Digest() [32]byte {
	d := digester{Hash: sha256.New()}
	d.num(m.pos, m.calls, uint64(len(m.entries)))
	for _, e := range m.entries {
		d.num(uint64(e))
	}
	for _, f := range m.Frames() {
		d.num(uint64(f.f.fn.Index), uint64(f.idx), uint64(f.f.link))
		d.num(m.stack[f.at : f.at+f.f.link]...)
		n := f.operandSlots()
		d.num(uint64(n))
		d.num(m.stack[f.at+f.f.base : f.at+f.f.base+n]...)
	}
	d.num(uint64(len(m.globs)))
	for _, g := range m.globs {
		d.num(g.v[0], g.v[1])
	}
	for _, t := range m.tabs {
		d.num(uint64(len(t.elems)))
		d.num(t.elems...)
	}
	d.bools(m.dropData)
	d.bools(m.dropElem)
	d.exceptions(m.exns)
	m.digestHandlers(&d)
	d.num(uint64(len(m.Memory())))
	d.flush()
	d.Write(m.Memory())
	var sum [32]byte
	d.Sum(sum[:0])
	return sum
}

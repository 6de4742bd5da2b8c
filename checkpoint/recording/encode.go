package recording

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Bits of the byte that begins each call. A bit that is not set means "as in the previous call of this import in this chunk".
const (
	tagImport   = 1 << 0 // another import than the previous call's
	tagArgs     = 1 << 1
	tagResults  = 1 << 2
	tagShape    = 1 << 3 // number, addresses and lengths of the memory writes
	tagInputs   = 1 << 4
	tagNoReturn = 1 << 5
	knownTags   = 1<<6 - 1
)

// numbered is how many of a call's memory writes are taken for numbers, and stored as differences, if they are 4 or 8 bytes long.
const numbered = 4

// noImport is no import's index.
const noImport = ^uint32(0)

// span is where a memory write goes.
type span struct {
	addr   uint32
	length int
}

// isNumber reports whether write i of a call, n bytes long, is stored as a number.
func isNumber(i, n int) bool { return i < numbered && (n == 8 || n == 4) }

// importState is the previous call of one import in the current chunk; all zero before the first.
type importState struct {
	epoch   uint64 // the chunk this belongs to
	args    []uint64
	results []uint64
	shape   []span
	nums    [numbered]uint64
	inputs  uint64
}

// encoder turns host calls into bytes. Each chunk starts afresh, so that it can be decoded by itself.
type encoder struct {
	imports    []*importState
	epoch      uint64 // number of the chunk; states of another epoch count as zero
	last       *importState
	lastImport uint32
}

// reset starts a chunk.
func (e *encoder) reset() {
	e.epoch++
	e.last, e.lastImport = nil, noImport
}

// use makes the state of import imp the current one.
func (e *encoder) use(imp uint32) {
	if int(imp) >= len(e.imports) {
		e.imports = append(e.imports, make([]*importState, int(imp)+1-len(e.imports))...)
	}
	st := e.imports[imp]
	if st == nil {
		st = new(importState)
		e.imports[imp] = st
	}
	if st.epoch != e.epoch {
		*st = importState{epoch: e.epoch, args: st.args[:0], results: st.results[:0], shape: st.shape[:0]}
	}
	e.last, e.lastImport = st, imp
}

// maxEncodedSize returns a bound on the bytes that c takes, or an error if c is more than a recording can hold.
func maxEncodedSize(c *HostCall) (int, error) {
	switch {
	case c.Import >= maxImport:
		return 0, fmt.Errorf("host call of import %d: a recording holds imports up to %d", c.Import, maxImport-1)
	case len(c.Args) > maxValues || len(c.Results) > maxValues:
		return 0, fmt.Errorf("host call with %d arguments and %d results: a recording holds up to %d", len(c.Args), len(c.Results), maxValues)
	case len(c.Writes) > maxWrites:
		return 0, fmt.Errorf("host call with %d memory writes: a recording holds up to %d a call", len(c.Writes), maxWrites)
	}
	size := int64(1 + 5 + 3*binary.MaxVarintLen32 + 8) // tag, import, three counts, digest
	size += int64(len(c.Args)+len(c.Results)) * binary.MaxVarintLen64
	for i := range c.Writes {
		n := int64(len(c.Writes[i].Data))
		if int64(c.Writes[i].Addr)+n > 1<<32 {
			return 0, fmt.Errorf("host call that writes %d bytes at %#x: that is past the end of any linear memory", n, c.Writes[i].Addr)
		}
		size += 2*binary.MaxVarintLen64 + max(n, binary.MaxVarintLen64)
	}
	if size > maxRawChunk {
		return 0, fmt.Errorf("host call that writes about %d bytes: a recording holds up to %d a call", size, maxRawChunk)
	}
	return int(size), nil
}

// encode appends c, which maxEncodedSize accepted and which has no empty writes.
func (e *encoder) encode(dst []byte, c *HostCall) []byte {
	at := len(dst)
	dst = append(dst, 0)
	tag := byte(0)
	if c.Import != e.lastImport {
		tag |= tagImport
		dst = binary.AppendUvarint(dst, uint64(c.Import))
		e.use(c.Import)
	}
	st := e.last
	if !slices.Equal(c.Args, st.args) {
		tag |= tagArgs
		dst = appendValues(dst, c.Args, st.args)
		st.args = append(st.args[:0], c.Args...)
	}
	if !slices.Equal(c.Results, st.results) {
		tag |= tagResults
		dst = appendValues(dst, c.Results, st.results)
		st.results = append(st.results[:0], c.Results...)
	}
	if !st.hasShape(c.Writes) {
		tag |= tagShape
		dst = st.appendShape(dst, c.Writes)
	}
	if c.Inputs != st.inputs {
		tag |= tagInputs
		dst = binary.LittleEndian.AppendUint64(dst, c.Inputs)
		st.inputs = c.Inputs
	}
	if c.NoReturn {
		tag |= tagNoReturn
	}
	for i := range c.Writes {
		dst = st.appendData(dst, i, c.Writes[i].Data)
	}
	dst[at] = tag
	return dst
}

// zigzag maps small differences of either sign to small numbers.
func zigzag(d uint64) uint64   { return d<<1 ^ uint64(int64(d)>>63) }
func unzigzag(z uint64) uint64 { return z>>1 ^ -(z & 1) }

// appendValues appends a count and the differences to the previous values, missing ones being 0.
func appendValues(dst []byte, values, prev []uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	for i, v := range values {
		if i < len(prev) {
			v -= prev[i]
		}
		dst = binary.AppendUvarint(dst, zigzag(v))
	}
	return dst
}

func (st *importState) hasShape(writes []MemWrite) bool {
	if len(writes) != len(st.shape) {
		return false
	}
	for i := range writes {
		if writes[i].Addr != st.shape[i].addr || len(writes[i].Data) != st.shape[i].length {
			return false
		}
	}
	return true
}

// appendShape appends the number of writes and where each goes, and keeps that in st.
func (st *importState) appendShape(dst []byte, writes []MemWrite) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(writes)))
	prev := st.shape
	st.shape = st.shape[:0]
	for i := range writes {
		d := uint64(writes[i].Addr)
		if i < len(prev) {
			d -= uint64(prev[i].addr)
		}
		dst = binary.AppendUvarint(dst, zigzag(d))
		dst = binary.AppendUvarint(dst, uint64(len(writes[i].Data)))
		st.shape = append(st.shape, span{writes[i].Addr, len(writes[i].Data)}) // overwrites prev[i], which is done with
	}
	return dst
}

// appendData appends the bytes of write i.
func (st *importState) appendData(dst []byte, i int, data []byte) []byte {
	if !isNumber(i, len(data)) {
		return append(dst, data...)
	}
	v := number(data)
	dst = binary.AppendUvarint(dst, zigzag(v-st.nums[i]))
	st.nums[i] = v
	return dst
}

// number reads 4 or 8 bytes.
func number(b []byte) uint64 {
	if len(b) == 4 {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

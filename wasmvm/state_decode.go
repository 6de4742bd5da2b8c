package wasmvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// DecodeState reads what EncodeState wrote. It returns the state for RestoreCore, and what StackBytes must be filled with after it. The bytes
// may come from anywhere: whatever they are, an error is returned unless they are a state that a program of this module and configuration can be run
// on from. It may be called from any goroutine, also while the machine runs. It lowers the functions that are on the stack.
func (m *Machine) DecodeState(b []byte) (*Core, []byte, error) {
	if m.cfg.Resolve != nil {
		return nil, nil, errLinkedState
	}
	d := stateDecoder{m: m, b: b, c: &Core{mod: m.mod, plain: true, cur: -1}}
	if v := d.num(); d.err == nil && v != StateVersion {
		return nil, nil, fmt.Errorf("a saved state of version %d, want version %d: make it again", v, StateVersion)
	}
	d.c.cur, d.c.idx, d.c.frame = d.frames()
	d.c.stack = 8 * len(d.stack)
	stack := d.stack
	d.scalars()
	d.globals()
	d.tables()
	d.c.dropData, d.c.dropElem = d.bools(len(m.dropData)), d.bools(len(m.dropElem))
	d.c.exns = d.exceptions()
	d.c.edited = d.edited()
	d.c.handlers = d.handlers()
	if d.err == nil && len(d.b) > 0 {
		d.fail(fmt.Errorf("%d bytes too many", len(d.b)))
	}
	if d.err != nil {
		return nil, nil, fmt.Errorf("saved state: %w", d.err)
	}
	d.shareDrops()
	return d.c, bytesOf(stack), nil
}

// stateDecoder reads numbers. Its first error sticks, and every later number is 0.
type stateDecoder struct {
	m     *Machine
	b     []byte
	c     *Core
	stack []uint64
	err   error
	outer []ValType // results of the outermost frame
	ats   []int     // first slots of the frames, outermost first
}

func (d *stateDecoder) fail(err error) {
	if d.err == nil {
		d.err, d.b = err, nil
	}
}

func (d *stateDecoder) num() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail(errShort)
		return 0
	}
	d.b = d.b[n:]
	return v
}

// below reads a number that must be less than n.
func (d *stateDecoder) below(n uint64, what string) uint64 {
	v := d.num()
	if d.err == nil && v >= n {
		d.fail(fmt.Errorf("%s %d, want less than %d", what, v, n))
		return 0
	}
	return v
}

// value appends the slots of a value to s.
func (d *stateDecoder) value(s []uint64, t ValType) []uint64 {
	n := len(s)
	for range t.Slots() {
		s = append(s, d.num())
	}
	if d.err == nil {
		if err := d.m.checkValue(t, s[n:]); err != nil {
			d.fail(err)
		}
	}
	return s
}

var errStateDeep = errors.New("more frames than the machine's stack may hold")

// frames reads the frames. Every number of a frame is one byte at least, so what it allocates is bounded by the input.
func (d *stateDecoder) frames() (cur, idx, frame int) {
	d.stack, d.ats = nil, nil
	var called []ValType // results of the call that the frame before waits for
	for first, at, link := true, 0, uint64(entryReturn*insSize)<<32; d.err == nil; first = false {
		kind := d.below(2*uint64(len(d.m.mod.Funcs))+1, "frame kind")
		if kind == 0 {
			if !first {
				d.fail(errors.New("there is no innermost frame"))
			}
			return -1, 0, 0
		}
		index, waits := int(kind-1)/2, kind&1 == 1
		f, idx, p := d.place(index, waits)
		if d.err != nil {
			break
		}
		results := f.fn.Type.Results
		if first {
			d.outer = results
		} else if !slices.Equal(results, called) {
			d.fail(fmt.Errorf("function %d cannot return to a call with results %v", f.fn.Index, called))
			break
		}
		if at+f.base+p.slots >= d.m.cfg.MaxStackSlots {
			d.fail(errStateDeep)
			break
		}
		d.ats = append(d.ats, at)
		for _, t := range f.fn.Locals {
			d.stack = d.value(d.stack, t)
		}
		for range f.link - slotsOf(f.fn.Locals) { // copies of locals
			d.stack = append(d.stack, d.num())
		}
		d.stack = append(d.stack, link)
		for _, t := range p.operands {
			d.stack = d.value(d.stack, t)
		}
		if !waits {
			d.stack = append(d.stack, d.num()) // the dead slot
			return index, idx, at
		}
		word, _ := f.returnWord(idx - 1)
		delta := f.base + p.slots
		called, at, link = p.results, at+delta, uint64(word*insSize)<<32|uint64(delta)
	}
	return -1, 0, 0
}

// place reads where a frame is.
func (d *stateDecoder) place(index int, waits bool) (*loweredFunc, int, *place) {
	f, err := d.m.prog.lower(index)
	if err != nil {
		d.fail(err)
		return nil, 0, nil
	}
	idx := int(d.below(uint64(f.size), "instruction"))
	if d.err != nil {
		return nil, 0, nil
	}
	p, err := f.place(d.m.mod, idx, waits)
	if err != nil {
		d.fail(err)
	}
	return f, idx, p
}

// scalars reads position, host calls, entry functions and the size of memory.
func (d *stateDecoder) scalars() {
	c, m := d.c, d.m
	c.pos, c.calls = d.below(maxPosition, "position"), d.num()
	all := m.mod.entryFuncs()
	c.entries = all[len(all)-int(d.below(uint64(len(all))+1, "entry functions")):]
	// An imported function is never run, so there is no frame for it.
	if runs := len(c.entries) > 0 && m.mod.FuncByIndex(c.entries[0]) != nil; d.err == nil && (runs != (c.cur >= 0) || len(c.entries) == 0 && len(all) > 0) {
		d.fail(fmt.Errorf("%d entry functions do not fit the frames", len(c.entries)))
	}
	if len(d.outer) > 0 {
		d.fail(errors.New("the outermost frame is not that of an entry function"))
	}
	pages := d.num()
	switch {
	case d.err != nil:
	case m.mem0 == nil && pages != 0, m.mem0 != nil && (pages > uint64(m.mem0.max) || pages < uint64(m.mem0.typ.Limits.Min)):
		d.fail(fmt.Errorf("the memory cannot have %d pages", pages))
	default:
		c.pages = uint32(pages)
	}
}

func (d *stateDecoder) globals() {
	for i := range d.m.mod.Globals {
		var v [2]uint64
		d.value(v[:0], d.m.mod.Globals[i].Type)
		d.c.globals = append(d.c.globals, v[:]...)
	}
}

// tables reads the tables. Those as New made them are shared by all states.
func (d *stateDecoder) tables() {
	d.c.shared = true
	for i, t := range d.m.tabs {
		size := d.num()
		if d.err != nil {
			return
		}
		if size == 0 {
			d.c.tables, d.c.versions = append(d.c.tables, d.m.prog.tables[i]), append(d.c.versions, 0)
			continue
		}
		size--
		if size > t.limit() || size < uint64(t.typ.Limits.Min) || size > uint64(len(d.b)) {
			d.fail(fmt.Errorf("table %d cannot have %d elements", i, size))
			return
		}
		elems := make([]uint64, 0, size)
		for range size {
			elems = d.value(elems, t.typ.Elem)
		}
		d.c.tables, d.c.versions = append(d.c.tables, elems), append(d.c.versions, foreignVersion)
		d.c.shared = false
	}
}

// foreignVersion is the version of content that no machine knows.
const foreignVersion = ^uint64(0)

func (d *stateDecoder) bools(n int) []bool {
	bs := make([]bool, n)
	for i := range bs {
		bs[i] = d.below(2, "flag") == 1
	}
	return bs
}

// edited reads which of the frames read last must run precise code.
func (d *stateDecoder) edited() (list []int) {
	next := uint64(0)
	for range d.below(uint64(len(d.ats))+1, "number of edited frames") {
		i := d.below(uint64(len(d.ats)), "edited frame")
		if d.err == nil && i < next {
			d.fail(errors.New("edited frames are not in order"))
		}
		if d.err != nil {
			return nil
		}
		list, next = append(list, d.ats[i]), i+1
	}
	return list
}

// shareDrops notes whether the dropped segments are those that New drops.
func (d *stateDecoder) shareDrops() {
	c, p := d.c, d.m.prog
	c.version = foreignVersion
	if slices.Equal(c.dropData, p.dropData) && slices.Equal(c.dropElem, p.dropElem) {
		c.version, c.dropData, c.dropElem = 0, p.dropData, p.dropElem
	} else {
		c.shared = false
	}
}

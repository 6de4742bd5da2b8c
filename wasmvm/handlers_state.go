package wasmvm

import (
	"errors"
	"slices"
)

// What saving a state, its digest and the search for exceptions that nothing refers to have to know of the list of try_tables.

// markListed marks the exceptions that copies of the stack may refer to.
func (c *collector) markListed() {
	for h := c.m.handlers; h != nil; h = h.outer {
		for _, v := range h.stack {
			c.values([]ValType{ExnRef}, []uint64{v})
		}
	}
}

// countHandlers counts the slots of entries that no saved state has had before.
func countHandlers(h *handler) (slots int) {
	for ; h != nil && !h.saved; h = h.outer {
		h.saved = true
		slots += handlerSlots + len(h.stack)
	}
	return slots
}

// digestHandlers feeds the list to a digest.
func (m *Machine) digestHandlers(d *digester) {
	for h := m.handlers; h != nil; h = h.outer {
		d.num(uint64(len(h.stack)))
		for _, s := range m.handlerFrames(h) {
			d.num(uint64(s.f.fn.Index), uint64(s.idx))
			d.num(h.stack[s.at : s.at+s.f.link]...)
			d.num(h.stack[s.at+s.f.base : s.at+s.f.base+s.operands]...)
		}
	}
}

// handlerFrames are the frames in an entry's copy of the stack, none if it catches nothing. They can be found, as the machine has made the copy; but not those
// of a function that Invoke has put on top of others, which nobody looks at.
func (m *Machine) handlerFrames(h *handler) []savedFrame {
	if h.stack == nil {
		return nil
	}
	list, _ := m.prog.framesOf(h.cur, h.idx, h.frame, bytesOf(h.stack))
	return list
}

// handlers writes the list.
func (e *stateEncoder) handlers(h *handler) error {
	if !e.prog.strays {
		return nil
	}
	n := uint64(0)
	for o := h; o != nil; o = o.outer {
		n++
	}
	e.num(n)
	for ; h != nil; h = h.outer {
		if h.stack == nil {
			e.num(0)
			continue
		}
		if err := e.frames(h.cur, h.idx, h.frame, bytesOf(h.stack)); err != nil {
			return err
		}
		e.edited(h.edited)
	}
	return nil
}

// handlers reads the list. Every entry is one byte at least.
func (d *stateDecoder) handlers() *handler {
	if !d.m.prog.strays {
		return nil
	}
	list := []*handler{}
	for range d.below(uint64(len(d.b))+1, "number of try_tables") {
		h := &handler{saved: true}
		if h.cur, h.idx, h.frame = d.frames(); h.cur >= 0 && d.err == nil {
			f, _ := d.m.prog.lower(h.cur)
			if f == nil || f.layout.tryAt(h.idx) == nil || len(d.outer) > 0 {
				d.fail(errTryPlace)
				return nil
			}
			h.stack = d.stack[:len(d.stack)-1] // without the dead slot
			h.edited = d.edited()
		}
		if d.err != nil {
			return nil
		}
		list = append(list, h)
	}
	var last *handler
	for _, h := range slices.Backward(list) {
		h.outer, h.held = last, handlerSlots+len(h.stack)
		if last != nil {
			h.held += last.held
		}
		if h.held > d.m.cfg.MaxStackSlots {
			d.fail(errStateDeep)
			return nil
		}
		d.c.listed += handlerSlots + len(h.stack)
		last = h
	}
	return last
}

var errTryPlace = errors.New("a try_table on the list is at another instruction")

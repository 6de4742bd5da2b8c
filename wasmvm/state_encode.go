package wasmvm

import (
	"encoding/binary"
	"slices"
)

// EncodeState appends to dst the state that c and the bytes of StackBytes at the same moment hold: everything but the bytes of linear memory, in a form
// that any machine of the module's bytes can decode, in this process or another. c may be of any machine of the same Module. It
// fails for machines with Config.Resolve and in the middle of an Invoke. It may be called from any goroutine, also while the machine runs.
func (m *Machine) EncodeState(dst []byte, c *Core, stack []byte) ([]byte, error) {
	if m.cfg.Resolve != nil {
		return dst, errLinkedState
	}
	if c.mod != m.mod {
		return dst, errOtherModule
	}
	e := stateEncoder{b: binary.AppendUvarint(dst, StateVersion), prog: m.prog}
	if err := e.frames(c.cur, c.idx, c.frame, stack); err != nil {
		return dst, err
	}
	e.num(c.pos, c.calls, uint64(len(c.entries)), uint64(c.pages))
	for i := range m.mod.Globals {
		e.num(c.globals[2*i : 2*i+m.mod.Globals[i].Type.Slots()]...)
	}
	for i, t := range c.tables {
		if c.versions[i] == 0 {
			e.num(0)
			continue
		}
		e.num(uint64(len(t)) + 1)
		e.num(t...)
	}
	e.bools(c.dropData)
	e.bools(c.dropElem)
	e.exceptions(c.exns)
	e.edited(c.edited)
	if err := e.handlers(c.handlers); err != nil {
		return dst, err
	}
	return e.b, nil
}

// savedFrame is a frame in a saved stack.
type savedFrame struct {
	f        *loweredFunc
	at, idx  int
	operands int // slots
}

// framesOf finds the frames in a saved stack, innermost first.
func (p *program) framesOf(cur, idx, frame int, stack []byte) ([]savedFrame, error) {
	if cur < 0 {
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := savedFrame{f: p.funcs[cur], at: frame, idx: idx}
	s.operands = s.f.operandSlots(s.idx)
	list := []savedFrame{}
	for {
		if (s.at+s.f.base+s.operands)*8 > len(stack) {
			return nil, errStateStack
		}
		list = append(list, s)
		link := slotOfBytes(stack, s.at+s.f.link)
		word, delta := int(link>>32)/insSize, int(uint32(link))
		if word == entryReturn {
			if s.at != 0 {
				return nil, errStateStack // an entry function that Invoke put on top of others
			}
			return list, nil
		}
		if word < firstCode || word > len(p.code) || p.code[word-1].op != irData {
			return nil, errStateStack
		}
		site := &p.code[word-1]
		if int64(site.bc()) >= int64(len(p.funcs)) || p.funcs[site.bc()] == nil {
			return nil, errStateStack
		}
		f := p.funcs[site.bc()]
		s = savedFrame{f: f, at: s.at - delta, idx: f.returnIndex(site), operands: delta - f.base}
		if s.at < 0 || s.operands < 0 || delta == 0 {
			return nil, errStateStack
		}
	}
}

func slotOfBytes(stack []byte, slot int) uint64 { return binary.LittleEndian.Uint64(stack[slot*8:]) }

// stateEncoder appends numbers to b.
type stateEncoder struct {
	b     []byte
	stack []byte
	prog  *program
	list  []savedFrame // the frames written last
}

func (e *stateEncoder) num(vs ...uint64) {
	for _, v := range vs {
		e.b = binary.AppendUvarint(e.b, v)
	}
}

func (e *stateEncoder) slots(from, n int) {
	for i := range n {
		e.b = binary.AppendUvarint(e.b, slotOfBytes(e.stack, from+i))
	}
}

func (e *stateEncoder) bools(bs []bool) {
	for _, b := range bs {
		if b {
			e.b = append(e.b, 1)
		} else {
			e.b = append(e.b, 0)
		}
	}
}

// edited writes which of the frames written last are edited ones.
func (e *stateEncoder) edited(slots []int) {
	frames := e.list
	n := slices.IndexFunc(slots, func(at int) bool { return len(frames) == 0 || at > frames[0].at })
	if n >= 0 {
		slots = slots[:n] // the others have ended
	}
	e.num(uint64(len(slots)))
	for i, next := len(frames)-1, 0; i >= 0 && next < len(slots); i-- {
		if frames[i].at == slots[next] {
			e.num(uint64(len(frames) - 1 - i))
			next++
		}
	}
}

func (e *stateEncoder) frames(cur, idx, frame int, stack []byte) error {
	list, err := e.prog.framesOf(cur, idx, frame, stack)
	e.list = list
	if len(list) == 0 {
		e.num(0)
		return err
	}
	e.stack = stack
	e.b = slices.Grow(e.b, 8*len(list)) // at least
	for i := len(list) - 1; i >= 0; i-- {
		s, kind := &list[i], uint64(1)
		if i == 0 {
			kind = 2
		}
		e.num(uint64(s.f.index)*2+kind, uint64(s.idx))
		e.slots(s.at, s.f.link)
		e.slots(s.at+s.f.base, s.operands)
	}
	dead := uint64(0)
	if top := list[0].at + list[0].f.base + list[0].operands; (top+1)*8 <= len(e.stack) {
		dead = slotOfBytes(e.stack, top)
	}
	e.num(dead)
	return nil
}

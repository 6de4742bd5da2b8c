package wasmvm

import (
	"errors"
	"slices"
)

// tag is a tag of an instance. Tags are told apart by identity.
type tag struct{ typ *FuncType }

// exception is an entry of a machine's table of exceptions, which references to exceptions are indices of, plus 1. Only exceptions that a
// clause has passed on by reference are in it. Entries without a reference are found and freed when the table is full.
type exception struct {
	used   bool
	tag    int // in Machine.tags
	params []uint64
}

// firstExceptions is how many entries the table has before it is searched for free ones: few enough to be copied with each saved state.
const firstExceptions = 256

// thrown is an exception that leaves a machine for another one.
type thrown struct {
	tag    *tag
	params []uint64
}

// errUnwound says that a call has ended with an exception, which has been caught: the state is already that behind it.
var errUnwound = errors.New("unwound")

// overlap changes the values of an exception as wazero does, which stores them 8 bytes apart: what follows a vector replaces its upper half, or
// the lower bits of that.
func overlap(ts []ValType, slots []uint64) {
	at := 0
	for i, t := range ts[:max(len(ts)-1, 0)] {
		if at += t.Slots(); t != V128 {
			continue
		}
		keep := uint64(0)
		if next := ts[i+1]; next == I32 || next == F32 {
			keep = 0xFFFFFFFF << 32
		}
		slots[at-1] = slots[at-1]&keep | slots[at]
	}
}

// WildTag returns a tag whose exceptions carry a vector that wazero writes over memory of its own: nothing, or a reference, which has other bits there,
// follows the vector.
func (m *Module) WildTag() (tag int, ok bool) {
	for tag, typ := range m.Tags {
		ts := m.Types[typ].Params
		for i, t := range ts {
			if t == V128 && (i == len(ts)-1 || ts[i+1].IsRef()) {
				return tag, true
			}
		}
	}
	return 0, false
}

// executeThrow is throw and throw_ref.
func (m *Machine) executeThrow(in *ins, at int) error {
	if in.b == drvThrow {
		ts := m.tags[in.d].typ.Params
		x := exception{tag: int(in.d), params: slices.Clone(m.stack[at : at+slotsOf(ts)])}
		overlap(ts, x.params)
		return m.throw(x, 0, false)
	}
	ref := m.stack[at]
	if ref == 0 || ref > uint64(len(m.exns)) || !m.exns[ref-1].used {
		return &Trap{Code: TrapNullReference}
	}
	return m.throw(m.exns[ref-1], ref, false)
}

// throw finds the clause that catches an exception, thrown at the current instruction, and goes where it leads. ref is its reference if it has one.
// If gone is set, the try_tables of the innermost frame are no longer active.
func (m *Machine) throw(x exception, ref uint64, gone bool) error {
	switch {
	case m.cur < 0:
	case m.prog.strays:
		if m.throwListed(x, ref) {
			return nil
		}
	default:
		f, idx := Frame{m: m, f: m.lowered[m.cur], at: m.frame, idx: m.idx, called: -1}, m.idx
		for {
			if t, c := m.catcher(&f, idx, x.tag); c != nil && !gone {
				for _, s := range t.saves {
					copy(m.stack[f.at+s.local:], m.stack[f.at+s.slot:f.at+s.slot+s.slots])
				}
				m.catch(&f, c, x, ref)
				return nil
			}
			if gone = false; !f.caller() {
				break
			}
			idx = f.idx - 1
		}
	}
	return &Trap{Code: TrapException, exn: &thrown{m.tags[x.tag], x.params}}
}

// catcher is the clause of a frame, at an instruction, that catches exceptions of a tag.
func (m *Machine) catcher(f *Frame, idx, tag int) (*tryTable, *catchClause) {
	tries := f.f.layout.tries
	for i := len(tries) - 1; i >= 0; i-- { // inner ones come behind outer ones
		t := &tries[i]
		if !t.around(idx) {
			continue
		}
		if c := m.clauseFor(t, tag); c != nil {
			return t, c
		}
	}
	return nil, nil
}

// clauseFor is the first clause of a try_table that catches exceptions of a tag, nil if none does.
func (m *Machine) clauseFor(t *tryTable, tag int) *catchClause {
	for k := range t.catches {
		if c := &t.catches[k]; c.kind&catchAll != 0 || m.tags[c.tag] == m.tags[tag] {
			return c
		}
	}
	return nil
}

// catch goes to a clause's label.
func (m *Machine) catch(f *Frame, c *catchClause, x exception, ref uint64) {
	m.cur, m.idx, m.frame = f.f.index, c.idx, f.at
	to := f.at + f.f.base + c.slot
	if c.kind&catchAll == 0 {
		to += copy(m.stack[to:], x.params)
	}
	if c.kind&catchRef != 0 {
		if m.stack[to] = ref; ref == 0 {
			m.stack[to] = m.newException(x)
		}
	}
	m.pos++
}

// newException gives an exception a reference. The state must be canonical.
func (m *Machine) newException(x exception) uint64 {
	m.ownExceptions()
	x.used = true
	free := func() int { return slices.IndexFunc(m.exns[m.exnFree:], func(e exception) bool { return !e.used }) }
	i := free()
	if i < 0 && len(m.exns) >= firstExceptions {
		m.exnFree = 0
		if kept := m.freeExceptions(x); kept > len(m.exns)/2 {
			m.exns = append(m.exns, make([]exception, len(m.exns))...)
		}
		i = free()
	}
	if i < 0 {
		m.exns = append(m.exns, x)
		m.exnFree = len(m.exns)
		return uint64(len(m.exns))
	}
	m.exnFree += i
	m.exns[m.exnFree] = x
	m.exnFree++
	return uint64(m.exnFree)
}

// ownExceptions makes the table the machine's own, if saved states share it.
func (m *Machine) ownExceptions() {
	if m.exnShared {
		m.exns, m.exnShared = slices.Clone(m.exns), false
	}
}

// freeExceptions frees what nothing refers to, and says how many entries are left.
func (m *Machine) freeExceptions(current exception) (kept int) {
	c := collector{m: m, marked: make([]bool, len(m.exns))}
	c.values(m.tags[current.tag].typ.Params, current.params)
	for _, f := range m.Frames() {
		c.frame(f)
	}
	c.markListed()
	for _, g := range m.globs {
		c.values([]ValType{g.typ.Type}, g.v[:])
	}
	for _, t := range m.tabs {
		for _, v := range t.elems {
			c.values([]ValType{t.typ.Elem}, []uint64{v})
		}
	}
	for i := range m.exns {
		if c.marked[i] {
			kept++
		} else {
			m.exns[i] = exception{}
		}
	}
	return kept
}

// collector marks the exceptions that are referred to.
type collector struct {
	m      *Machine
	marked []bool
}

func (c *collector) values(ts []ValType, vs []uint64) {
	for _, t := range ts {
		v := vs[0]
		vs = vs[t.Slots():]
		if t.kind() != ExnRef || v == 0 || v > uint64(len(c.marked)) || c.marked[v-1] {
			continue
		}
		c.marked[v-1] = true
		if x := &c.m.exns[v-1]; x.used {
			c.values(c.m.tags[x.tag].typ.Params, x.params)
		}
	}
}

// frame marks what a frame refers to. Copies of locals lie where the locals of several types may be copied, so all of them count.
func (c *collector) frame(f Frame) {
	locals := slotsOf(f.f.fn.Locals)
	c.values(f.f.fn.Locals, c.m.stack[f.at:])
	for _, v := range c.m.stack[f.at+locals : f.at+f.f.link] {
		c.values([]ValType{ExnRef}, []uint64{v})
	}
	if p, err := f.f.place(c.m.mod, f.idx, f.called >= 0); err == nil {
		c.values(p.operands, c.m.stack[f.at+f.f.base:])
	}
}

// throwForeign throws an exception that has left another machine at a call of the current instruction. Any other error is passed on.
func (m *Machine) throwForeign(err error, gone bool) error {
	var trap *Trap
	if !errors.As(err, &trap) || trap.exn == nil {
		return err
	}
	i := slices.Index(m.tags, trap.exn.tag)
	if i < 0 {
		i = len(m.tags)
		m.tags = append(m.tags, trap.exn.tag)
	}
	if err := m.throw(exception{tag: i, params: trap.exn.params}, 0, gone); err != nil {
		return err
	}
	return errUnwound
}

// initTags makes the module's own tags; the imported ones are there.
func (m *Machine) initTags() {
	for i := len(m.tags); i < len(m.mod.Tags); i++ {
		m.tags = append(m.tags, &tag{&m.mod.Types[m.mod.Tags[i]]})
	}
}

// digest feeds the table of exceptions to a digest.
func (d *digester) exceptions(xs []exception) {
	d.num(uint64(len(xs)))
	for _, x := range xs {
		if !x.used {
			d.num(0)
			continue
		}
		d.num(uint64(x.tag)+1, uint64(len(x.params)))
		d.num(x.params...)
	}
}

// exceptions writes the table of exceptions: its size, and for each entry 0 or its tag + 1 and its values.
func (e *stateEncoder) exceptions(xs []exception) {
	e.num(uint64(len(xs)))
	for _, x := range xs {
		if !x.used {
			e.num(0)
			continue
		}
		e.num(uint64(x.tag) + 1)
		e.num(x.params...)
	}
}

// exceptions reads the table of exceptions. Every entry is one byte at least.
func (d *stateDecoder) exceptions() []exception {
	n := d.below(uint64(len(d.b))+1, "number of exceptions")
	xs := make([]exception, 0, n)
	for range n {
		var x exception
		if t := d.below(uint64(len(d.m.mod.Tags))+1, "tag"); t > 0 && d.err == nil {
			x.used, x.tag = true, int(t)-1
			for _, typ := range d.m.tags[x.tag].typ.Params {
				x.params = d.value(x.params, typ)
			}
		}
		if d.err != nil {
			return nil
		}
		xs = append(xs, x)
	}
	return xs
}

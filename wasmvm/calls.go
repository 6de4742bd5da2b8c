package wasmvm

// call enters a defined function whose first argument is at a slot of the stack.
func (m *Machine) call(fn uint32, at int) error {
	caller := m.lowered[m.cur]
	word, ok := caller.returnWord(m.idx)
	if !ok {
		return errInternal
	}
	index := int(fn) - m.mod.NumImportedFuncs
	f, err := m.needFunc(index)
	if err != nil {
		return err
	}
	if !m.growStack(at + f.frame) {
		return &Trap{Code: TrapStackOverflow}
	}
	clear(m.stack[at+f.params : at+f.link])
	m.stack[at+f.link] = uint64(word*insSize)<<32 | uint64(at-m.frame)
	m.cur, m.idx, m.frame = index, 0, at
	m.pos++
	return nil
}

// ret returns from the current function with n slots of results that begin at a slot of the stack.
func (m *Machine) ret(at, n int) error {
	f := m.lowered[m.cur]
	link := m.stack[m.frame+f.link]
	word := int(link>>32) / insSize
	if word == entryReturn {
		return m.lastReturn(at, n)
	}
	copy(m.stack[m.frame:], m.stack[at:at+n])
	site := &m.words[word-1]
	m.frame -= int(uint32(link))
	m.cur = int(site.bc())
	m.idx = m.lowered[m.cur].returnIndex(site)
	m.pos++
	return nil
}

// lastReturn returns from an entry function: to the caller of Invoke, or by entering the next one.
func (m *Machine) lastReturn(at, n int) error {
	if m.nested > 0 {
		copy(m.stack[m.frame:], m.stack[at:at+n])
		m.pos++
		m.done = true
		return nil
	}
	if len(m.entries) < 2 {
		return errLastReturn
	}
	if err := m.enter(m.entries[1], 0); err != nil {
		return err
	}
	m.entries = m.entries[1:]
	m.pos++
	return nil
}

func (m *Machine) callIndirect(in *ins, at int) error {
	want := &m.mod.Types[in.d]
	t := m.tabs[in.c]
	i := uint32(m.stack[at+slotsOf(want.Params)])
	if !t.holds(i, 1) {
		return &Trap{Code: TrapUndefinedElement}
	}
	ref := t.elems[i]
	if ref == 0 {
		return &Trap{Code: TrapUninitializedElement}
	}
	fn := ref - m.refBase
	if fn >= m.numFuncs {
		return m.callForeignRef(ref, want, at)
	}
	if m.recs[fn].typ != typeID(want) {
		return &Trap{Code: TrapIndirectCallType}
	}
	if m.mod.FuncByIndex(uint32(fn)) == nil {
		return m.callImport(uint32(fn), at)
	}
	return m.call(uint32(fn), at)
}

// callForeignRef calls a function of another machine found in a shared table.
func (m *Machine) callForeignRef(ref uint64, want *FuncType, at int) error {
	o, fn := linkedRef.find(ref)
	if o == nil {
		return &Trap{Code: TrapUndefinedElement}
	}
	if o.mod.FuncType(fn).key() != want.key() {
		return &Trap{Code: TrapIndirectCallType}
	}
	return m.callForeign(Extern{Machine: o, Index: fn}, want, at)
}

func (m *Machine) callForeign(e Extern, t *FuncType, at int) error {
	results, err := e.Machine.Invoke(e.Index, m.stack[at:at+slotsOf(t.Params)]...)
	if err != nil {
		return err
	}
	copy(m.stack[at:], results)
	m.advance()
	return nil
}

// callImport calls an imported function: one instruction, whose arguments lie at a slot of the stack.
func (m *Machine) callImport(fn uint32, at int) error {
	t := m.mod.FuncType(fn)
	if e := m.externs[fn]; e.Machine != nil {
		return m.callForeign(e, t, at)
	}
	if m.cfg.Host == nil {
		return errNoHost
	}
	p, r := slotsOf(t.Params), slotsOf(t.Results)
	buf := m.args // taken, so that a host that runs the machine gets another one
	m.args = nil
	if cap(buf) < p+r {
		buf = make([]uint64, p+r, p+r+16)
	}
	buf = buf[:p+r]
	copy(buf, m.stack[at:at+p])
	clear(buf[p:])
	err := m.cfg.Host.HostCall(m, fn, buf[:p:p], buf[p:])
	m.args = buf
	if err != nil {
		m.hits = m.hits[:0]
		return err
	}
	for i, typ := range t.Results {
		if typ == I32 || typ == F32 {
			buf[p+i] = uint64(uint32(buf[p+i]))
		}
	}
	copy(m.stack[at:], buf[p:])
	m.calls++
	m.advance()
	return nil
}

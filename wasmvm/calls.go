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

// callIndirect is call_indirect or call_ref.
func (m *Machine) callIndirect(in *ins, at int) error {
	want := &m.mod.Types[in.d]
	c, err := m.lookup(in, want, at)
	switch {
	case err != nil:
		return err
	case c.Machine != nil:
		return m.callForeign(c, want, at, false)
	case m.mod.FuncByIndex(c.Index) == nil:
		return m.callImport(c.Index, at, false)
	}
	return m.call(c.Index, at)
}

// lookup finds the function of type want that an indirect call, with arguments at a slot of the stack and the index or reference above them, would call. Its
// Machine is nil if it is this one.
func (m *Machine) lookup(in *ins, want *FuncType, at int) (Extern, error) {
	none := Extern{}
	if in.b == drvCallRef || in.b == drvTailRef {
		return m.refCallee(want, at)
	}
	t := m.tabs[in.c]
	i := uint32(m.stack[at+slotsOf(want.Params)])
	if !t.holds(i, 1) {
		return none, &Trap{Code: TrapUndefinedElement}
	}
	ref := t.elems[i]
	if ref == 0 {
		return none, &Trap{Code: TrapUninitializedElement}
	}
	return m.typedFunc(ref, want)
}

// funcOf is the function that a reference means; its Machine is nil if it is this one, others are found in shared tables only.
func (m *Machine) funcOf(ref uint64) (Extern, bool) {
	if fn := ref - m.refBase; fn < m.numFuncs {
		return Extern{Kind: ExternFunc, Index: uint32(fn)}, true
	}
	o, fn := linkedRef.find(ref)
	return Extern{Machine: o, Kind: ExternFunc, Index: fn}, o != nil
}

// callForeign calls a function of another machine. gone is set if the call is a tail call, so that the caller does not catch what it throws.
func (m *Machine) callForeign(e Extern, t *FuncType, at int, gone bool) error {
	results, err := e.Machine.Invoke(e.Index, m.stack[at:at+slotsOf(t.Params)]...)
	if err != nil {
		return m.throwForeign(err, gone)
	}
	copy(m.stack[at:], results)
	m.advance()
	return nil
}

// callImport calls an imported function: one instruction, whose arguments lie at a slot of the stack.
func (m *Machine) callImport(fn uint32, at int, gone bool) error {
	t := m.mod.FuncType(fn)
	if e := m.externs[fn]; e.Machine != nil {
		return m.callForeign(e, t, at, gone)
	}
	if m.cfg.Host == nil {
		return errNoHost
	}
	if m.stopCall == m.calls+1 {
		return ErrStopAtCall
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
	slot := p
	for _, typ := range t.Results {
		if typ == I32 || typ == F32 {
			buf[slot] = uint64(uint32(buf[slot]))
		}
		slot += typ.Slots()
	}
	copy(m.stack[at:], buf[p:])
	m.calls++
	m.advance()
	return nil
}

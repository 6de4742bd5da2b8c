package wasmvm

// A watch on a global counts when an instruction changes the global's value. Only global.set can, so those of watched globals are patched, in the code of
// functions that are lowered later too: nothing else pays for the watch. In fast code the driver looks whether the value changes, and goes on if not.

// watchGlobals replaces the globals that are watched by those of m.watches.
func (m *Machine) watchGlobals() {
	before := m.watched
	m.watched = nil
	for _, w := range m.watches {
		if w.Kind&WatchGlobal != 0 && w.Addr < uint64(len(m.globs)) {
			if m.watched == nil {
				m.watched = make([]bool, len(m.globs))
			}
			m.watched[w.Addr] = true
		}
	}
	if before == nil && m.watched == nil {
		return
	}
	old := m.breaks.sets
	m.breaks.sets = map[int]bool{}
	for word := range old {
		m.patchWords(funcOfWord(m.order, word), word)
	}
	for _, f := range m.order {
		m.patchSets(f)
	}
	clear(m.precise) // made again when they are needed
}

// patchSets patches what sets watched globals in the fast code of a function.
func (m *Machine) patchSets(f *loweredFunc) {
	if m.watched == nil {
		return
	}
	for word := f.begin; word < f.end; word++ {
		in := m.words[word]
		if op, ok := m.breaks.ops[word]; ok {
			in.op = op
		}
		if m.setsWatched(&in) {
			m.breaks.sets[word] = true
			m.patchWords(f, word)
		}
	}
}

// setsWatched says whether an unpatched word sets a watched global.
func (m *Machine) setsWatched(in *ins) bool {
	switch in.base() {
	case irGlobalSet, irGlobalSet2:
		return m.watched != nil && m.watched[in.d]
	}
	return false
}

// setWatched sets a watched global. It reports false, having changed nothing, if the value changes and exact is not set.
func (m *Machine) setWatched(in *ins, frame int, exact bool) bool {
	g := m.globs[in.d]
	v := g.v
	copy(v[:], m.stack[frame+int(in.a):][:g.typ.Type.Slots()])
	if v == g.v {
		return true
	}
	if !exact {
		return false
	}
	g.v = v
	for i, w := range m.watches {
		if w.Kind&WatchGlobal != 0 && w.Addr == uint64(in.d) {
			m.hits = append(m.hits, WatchHit{Index: i, Kind: WatchGlobal, Addr: w.Addr})
		}
	}
	return true
}

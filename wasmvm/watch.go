package wasmvm

import "slices"

// SetWatches replaces the watched ranges of linear memory and globals. Run stops after an instruction that touches one: a load or store, a bulk operation, a host
// call that writes. Ranges, or parts of them, outside the memory are fine and count once it has grown. Watches for reads make Run several times slower.
func (m *Machine) SetWatches(ws []Watch) {
	m.watches = append(m.watches[:0], ws...)
	m.readWatch = false
	for _, w := range ws {
		m.readWatch = m.readWatch || w.Kind&WatchRead != 0
	}
	m.flagWatches()
	m.watchGlobals()
}

// flagWatches sets the page flags of the watched ranges.
func (m *Machine) flagWatches() {
	if m.mem0 == nil {
		return
	}
	flags := m.mem0.flags
	for i := range flags {
		flags[i] &= flagDirty
	}
	for _, w := range m.watches {
		end := w.Addr + w.Len
		if end < w.Addr || end > uint64(len(m.mem0.data)) {
			end = uint64(len(m.mem0.data))
		}
		if w.Addr >= end {
			continue
		}
		for p := w.Addr >> flagShift; p <= (end-1)>>flagShift; p++ {
			if w.Kind&WatchWrite != 0 {
				flags[p] |= flagWrite
			}
			if w.Kind&WatchRead != 0 {
				flags[p] |= flagRead
			}
		}
	}
}

func (w *Watch) touches(kind WatchKind, addr, n uint64) bool {
	if w.Kind&kind == 0 || w.Len == 0 || n == 0 {
		return false
	}
	if addr < w.Addr {
		return w.Addr-addr < n
	}
	return addr-w.Addr < w.Len
}

// isWatched says whether an access touches a watched range.
func (m *Machine) isWatched(kind WatchKind, addr, n uint64) bool {
	for i := range m.watches {
		if m.watches[i].touches(kind, addr, n) {
			return true
		}
	}
	return false
}

// noteAccess notes the watches that an access of the current instruction touches. A watch is noted once an instruction, with its first access.
func (m *Machine) noteAccess(kind WatchKind, addr, n uint64) {
	for i := range m.watches {
		noted := slices.ContainsFunc(m.hits, func(h WatchHit) bool { return h.Index == i })
		if !noted && m.watches[i].touches(kind, addr, n) {
			m.hits = append(m.hits, WatchHit{Index: i, Kind: kind, Addr: addr, Len: n})
		}
	}
}

// write prepares a write to memory that is known to fit.
func (m *Machine) write(addr, n uint64) {
	if m.mem0.touch(addr, n) {
		m.noteAccess(WatchWrite, addr, n)
	}
}

// read notes a read of memory that is known to fit.
func (m *Machine) read(addr, n uint64) {
	if m.readWatch && m.mem0.hasFlag(flagRead, addr, n) {
		m.noteAccess(WatchRead, addr, n)
	}
}

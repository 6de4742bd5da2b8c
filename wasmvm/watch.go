package wasmvm

import (
	"math"
	"slices"
)

// The loops test flags of pages at each store, and where reads are watched at each load. So a watch costs nothing where its pages are not used. In a page
// that is used, the watch loop tests flags of granules before it leaves an access to the driver, which looks at the ranges themselves.

const (
	fineShift = 3    // a granule has 8 bytes: the variables beside a watched one are not watched with it
	fineSize  = 4096 // granules in the table: 8 pages without overlap, and it stays in the first-level cache
)

// widestAccess is the most bytes that a load or store accesses.
const widestAccess = 16

// SetWatches replaces the watched ranges of linear memory and globals. Run stops after an instruction that touches one: a load or store, atomic or of a
// vector too, a bulk operation, a host call that writes. What a host call reads is not known to the machine. Ranges, or parts of them, outside the memory are fine and
// count once it has grown.
func (m *Machine) SetWatches(ws []Watch) {
	m.watches = append(m.watches[:0], ws...)
	m.readWatch = false
	for _, w := range ws {
		m.readWatch = m.readWatch || w.Kind&WatchRead != 0
	}
	m.flagWatches()
	m.flagGranules()
	m.watchGlobals()
}

// flagWatches sets the page flags of the watched ranges. Those for reads begin where a load may begin that reaches into the range.
func (m *Machine) flagWatches() {
	if m.mem0 == nil {
		return
	}
	for i := range m.mem0.flags {
		m.mem0.flags[i] &= flagDirty
	}
	for _, w := range m.watches {
		if w.Len == 0 {
			continue
		}
		if w.Kind&WatchWrite != 0 {
			m.mem0.setFlags(flagWrite, w.Addr, w.end())
		}
		if w.Kind&WatchRead != 0 {
			m.mem0.setFlags(flagRead, w.Addr-min(w.Addr, widestAccess-1), w.end())
		}
	}
}

// flagGranules sets the flags of the granules of the watched ranges.
func (m *Machine) flagGranules() {
	m.fine = [fineSize]uint8{}
	for _, w := range m.watches {
		flag := uint8(0)
		if w.Kind&WatchWrite != 0 {
			flag |= flagWrite
		}
		if w.Kind&WatchRead != 0 {
			flag |= flagRead
		}
		if flag == 0 || w.Len == 0 {
			continue
		}
		first, last := w.Addr>>fineShift, (w.end()-1)>>fineShift
		for g := range min(last-first+1, fineSize) {
			m.fine[(first+g)%fineSize] |= flag
		}
	}
}

// end is the address behind the watched range, at most the end of all addresses.
func (w *Watch) end() uint64 {
	if end := w.Addr + w.Len; end >= w.Addr {
		return end
	}
	return math.MaxUint64
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

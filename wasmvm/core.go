package wasmvm

import (
	"errors"
	"slices"
)

// Core is a machine's state but for the bytes of linear memory and stack. It is immutable.
type Core struct {
	mod             *Module
	owner           *Machine // that saved it; nil if it was decoded
	pos, calls      uint64
	cur, idx, frame int
	stack           int // live bytes of the stack
	pages           uint32
	globals         []uint64
	entries         []uint32
	tables          [][]uint64
	versions        []uint64 // of the tables
	dropData        []bool
	dropElem        []bool
	exns            []exception
	edited          []int
	handlers        *handler
	listed          int // slots of handlers that no earlier Core has
	version         uint64
	plain           bool // not linked to other machines: version 0 is what New makes
	shared          bool // tables and dropped segments are those of an earlier Core
}

// Position is the position at which the state was saved.
func (c *Core) Position() uint64 { return c.pos }

// HostCalls is the number of host calls completed when the state was saved.
func (c *Core) HostCalls() uint64 { return c.calls }

// Size is about how many bytes the Core keeps alive that no earlier Core of the machine does.
func (c *Core) Size() int {
	n := 200 + 8*len(c.globals) + 4*len(c.entries) + 8*(len(c.edited)+c.listed)
	if !c.shared {
		n += len(c.dropData) + len(c.dropElem)
		for _, t := range c.tables {
			n += 24 + 8*len(t)
		}
	}
	return n
}

// SaveCore saves all state but the bytes of Memory and StackBytes, which the caller keeps as it likes. Tables that have not changed since the last
// SaveCore or RestoreCore are shared with it.
func (m *Machine) SaveCore() *Core {
	c := &Core{mod: m.mod, owner: m, plain: m.cfg.Resolve == nil, pos: m.pos, calls: m.calls, cur: m.cur, idx: m.idx, frame: m.frame, stack: len(m.StackBytes()), entries: m.entries, version: m.drops.now}
	if m.mem0 != nil {
		c.pages = m.mem0.pages()
	}
	if len(m.globs) > 0 {
		c.globals = make([]uint64, 0, 2*len(m.globs))
		for _, g := range m.globs {
			c.globals = append(c.globals, g.v[0], g.v[1])
		}
	}
	if l := m.lastCore; l != nil && l.version == m.drops.now && m.sameTables(l) {
		c.tables, c.versions, c.dropData, c.dropElem, c.shared = l.tables, l.versions, l.dropData, l.dropElem, true
	} else {
		for _, t := range m.tabs {
			c.tables = append(c.tables, slices.Clone(t.elems))
			c.versions = append(c.versions, t.now)
		}
		c.dropData, c.dropElem = slices.Clone(m.dropData), slices.Clone(m.dropElem)
	}
	c.exns, m.exnShared = m.exns, true
	c.edited = m.edited
	c.handlers, c.listed = m.handlers, countHandlers(m.handlers)
	m.lastCore = c
	return c
}

func (m *Machine) sameTables(c *Core) bool {
	for i, t := range m.tabs {
		if c.versions[i] != t.now {
			return false
		}
	}
	return true
}

var errOtherModule = errors.New("the state belongs to another module")

// RestoreCore brings back a saved state, of this or another machine of the same Module. The caller then fills Memory, and StackBytes with what StackBytes
// held when the Core was saved; until then the stack's contents must not be looked at. Page flags, watches and breakpoints stay as they are.
func (m *Machine) RestoreCore(c *Core) error {
	if c.mod != m.mod {
		return errOtherModule
	}
	m.syncCode()
	m.holdStack(c.stack / 8) // a state may be deeper than what a call may do now
	if c.cur >= 0 {
		if _, err := m.needFunc(c.cur); err != nil {
			return err
		}
		m.holdStack(c.frame + m.widest) // an outer frame may be wider than the innermost one, which begins inside it
	}
	m.pos, m.calls, m.cur, m.idx, m.frame, m.entries = c.pos, c.calls, c.cur, c.idx, c.frame, c.entries
	if m.mem0 != nil && m.mem0.pages() != c.pages {
		m.mem0.resize(c.pages)
		m.flagWatches()
	}
	for i, g := range m.globs {
		g.v = [2]uint64{c.globals[2*i], c.globals[2*i+1]}
	}
	m.exns, m.exnFree, m.exnShared = c.exns, 0, true
	m.handlers = c.handlers
	m.restoreTables(c)
	m.hits = m.hits[:0]
	m.mark = mark{}
	m.edited, m.above = c.edited, mark{}
	return nil
}

// restoreTables brings back tables and dropped segments. A version names one content of a machine for ever, and version 0 the content that New makes for
// all machines of the module. So content that has the version already stays, and restored content gets the version it had; changes from here on get
// fresh ones.
func (m *Machine) restoreTables(c *Core) {
	own, plain := c.owner == m, c.plain && m.cfg.Resolve == nil
	for i, t := range m.tabs {
		if known := own || plain && c.versions[i] == 0; !known || t.now != c.versions[i] {
			t.elems = append(t.elems[:0], c.tables[i]...)
			t.restored(c.versions[i], known)
		}
	}
	if known := own || plain && c.version == 0; !known || m.drops.now != c.version {
		copy(m.dropData, c.dropData)
		copy(m.dropElem, c.dropElem)
		m.drops.restored(c.version, known)
	}
	if m.lastCore = nil; own {
		m.lastCore = c
	}
}

// StackBytes is the live part of the frames as raw bytes, and the dead slot: what a snapshot has to keep beside SaveCore. It is a live view, valid until
// the machine runs or is restored, and means something only to machines of the same Module in this process.
func (m *Machine) StackBytes() []byte {
	if m.cur < 0 {
		return nil
	}
	return bytesOf(m.stack[:min(m.top()+1, len(m.stack))])
}

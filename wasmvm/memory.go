package wasmvm

import (
	"fmt"
	"math"
	"unsafe"
)

// PageSize is the unit in which writes to linear memory are noted, in bytes. A WebAssembly page is 65536.
const PageSize = 4096

const (
	wasmPage  = 65536
	maxPages  = 65536 // wasm pages of a 32-bit memory
	flagShift = 12
)

// memory is a linear memory with a flag byte for each page of PageSize.
type memory struct {
	typ   MemoryType
	data  []byte
	flags []uint8
	dirty []uint32 // pages with flagDirty
	max   uint32   // wasm pages
	high  int      // bytes of data's array that may be other than zero
}

func newMemory(t MemoryType, limit uint32) (*memory, error) {
	m := &memory{typ: t, max: maxPages}
	if t.Limits.HasMax {
		m.max = min(m.max, t.Limits.Max)
	}
	if limit != 0 {
		m.max = min(m.max, limit)
	}
	if t.Limits.Min > m.max {
		return nil, fmt.Errorf("memory of %d pages is over the limit of %d", t.Limits.Min, m.max)
	}
	m.resize(t.Limits.Min)
	return m, nil
}

func (m *memory) pages() uint32 { return uint32(len(m.data) / wasmPage) }

// resize makes the memory n wasm pages long; new bytes are zero and their pages clean.
func (m *memory) resize(n uint32) {
	old, size := len(m.data), int(n)*wasmPage
	if size > cap(m.data) {
		c := size
		if old > 0 {
			c = min(max(size, old+old/2), int(m.max)*wasmPage)
		}
		d := make([]byte, size, max(c, size))
		copy(d, m.data)
		m.data = d
		f := make([]uint8, size>>flagShift, cap(d)>>flagShift)
		copy(f, m.flags)
		m.flags = f
	} else {
		m.data = m.data[:size]
		m.flags = m.flags[:size>>flagShift]
		if size > old {
			clear(m.data[old:max(old, min(size, m.high))])
			clear(m.flags[old>>flagShift:])
		} else {
			kept := m.dirty[:0]
			for _, p := range m.dirty {
				if int(p) < len(m.flags) {
					kept = append(kept, p)
				}
			}
			m.dirty = kept
		}
	}
	m.high = max(m.high, size)
}

// grow is memory.grow: it returns the old size, or false if the memory cannot become that large.
func (m *memory) grow(by uint32) (old uint32, ok bool) {
	old = m.pages()
	if by > m.max || old > m.max-by {
		return 0, false
	}
	if by > 0 {
		m.resize(old + by)
	}
	return old, true
}

// holds says whether n bytes at addr lie in the memory.
func (m *memory) holds(addr, n uint64) bool {
	return m != nil && addr <= uint64(len(m.data)) && n <= uint64(len(m.data))-addr
}

// touch marks the pages of a write as dirty and reports whether one of them has bytes watched for writes. The range must lie in the memory.
func (m *memory) touch(addr, n uint64) (watched bool) {
	if n == 0 {
		return false
	}
	for p := addr >> flagShift; p <= (addr+n-1)>>flagShift; p++ {
		f := m.flags[p]
		if f&flagDirty == 0 {
			m.flags[p] = f | flagDirty
			m.dirty = append(m.dirty, uint32(p))
		}
		watched = watched || f&flagWrite != 0
	}
	return watched
}

// hasFlag says whether a page of the range has the flag.
func (m *memory) hasFlag(flag uint8, addr, n uint64) bool {
	if n == 0 {
		return false
	}
	for p := addr >> flagShift; p <= (addr+n-1)>>flagShift; p++ {
		if m.flags[p]&flag != 0 {
			return true
		}
	}
	return false
}

// setFlags sets a flag on the pages of [from, to), as far as there are such.
func (m *memory) setFlags(flag uint8, from, to uint64) {
	to = min(to, uint64(len(m.data)))
	for p := from >> flagShift; p<<flagShift < to; p++ {
		m.flags[p] |= flag
	}
}

func (m *memory) at(addr uint64) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(m.data)), addr)
}

// Memory is the linear memory, live: it is valid until the next call that runs, restores or grows. It is nil without a memory. Write to it with WriteMemory
// only, except after RestoreCore to fill it.
func (m *Machine) Memory() []byte {
	if m.mem0 == nil {
		return nil
	}
	return m.mem0.data
}

// WriteMemory writes to linear memory as the program's own stores do: pages become dirty, and watched ranges count as touched by the current
// host call. It fails, without having written anything, if the bytes do not fit.
func (m *Machine) WriteMemory(addr uint64, b []byte) error {
	n := uint64(len(b))
	if !m.mem0.holds(addr, n) {
		return fmt.Errorf("write of %d bytes at %#x is outside the memory of %d bytes", n, addr, len(m.Memory()))
	}
	m.mem0.touch(addr, n)
	m.noteAccess(WatchWrite, addr, n)
	copy(m.mem0.data[addr:], b)
	return nil
}

// Dirty appends the pages of linear memory, in units of PageSize, that were written since the last ResetDirty, in no particular order.
func (m *Machine) Dirty(pages []uint32) []uint32 {
	if m.mem0 == nil {
		return pages
	}
	return append(pages, m.mem0.dirty...)
}

// ResetDirty begins a new period of noting writes, to memory and to the stack.
func (m *Machine) ResetDirty() {
	m.resetMark()
	m.lowest.dirty = math.MaxInt
	if m.mem0 == nil {
		return
	}
	for _, p := range m.mem0.dirty {
		m.mem0.flags[p] &^= flagDirty
	}
	m.mem0.dirty = m.mem0.dirty[:0]
}

// MarkAllDirty marks every page as written.
func (m *Machine) MarkAllDirty() {
	if m.mem0 != nil {
		m.mem0.touch(0, uint64(len(m.mem0.data)))
	}
}

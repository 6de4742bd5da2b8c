package wasmvm

import (
	"encoding/binary"
	"math"

	"wrev/wasmvm/internal/nan"
)

// slowNaN completes a float operation whose result is a NaN. Plain Go gives whatever the compiler's order of operands makes of it.
func (m *Machine) slowNaN(in *ins, frame int) {
	s := m.stack[frame:]
	kind := opNaN[in.base()]
	if kind == nanVector {
		m.vector(in, frame)
		return
	}
	x := s[in.b]
	var y uint64
	switch kind {
	case nanBinary32, nanBinary64:
		y = s[in.c]
	case nanAddMul, nanMulAdd:
		x, y = m.product(x, s[in.c]), s[uint32(in.d)]
		if kind == nanAddMul {
			x, y = y, x
		}
		kind = nanBinary64
	}
	s[in.a] = m.nanResult(kind, x, y)
}

// product is x*y on raw bits.
func (m *Machine) product(x, y uint64) uint64 {
	p := math.Float64frombits(x) * math.Float64frombits(y)
	if p != p {
		return m.nanResult(nanBinary64, x, y)
	}
	return math.Float64bits(p)
}

// nanResult is the NaN that an operation on raw bits gives.
func (m *Machine) nanResult(kind nanKind, x, y uint64) uint64 {
	switch r := m.cfg.NaN; kind {
	case nanDemote:
		return uint64(nan.Demote(x))
	case nanPromote:
		return nan.Promote(uint32(x))
	case nanUnary32:
		return uint64(r.Unary32(uint32(x)))
	case nanBinary32:
		return uint64(r.Binary32(uint32(x), uint32(y)))
	case nanUnary64:
		return r.Unary64(x)
	default:
		return r.Binary64(x, y)
	}
}

// addressOf is the address a load or store names. It must mirror address in internal/gen.
func (m *Machine) addressOf(in *ins, frame int) uint64 {
	s := m.stack[frame:]
	ea := uint64(uint32(in.d))
	switch opAccess[in.base()].form {
	case 'K':
	case 'X':
		ea += uint64(uint32(s[in.b]) + uint32(s[in.c]))
	case 'S':
		ea += uint64(uint32(s[in.b]) + uint32(s[in.c])<<(uint32(in.e)&31))
	case 'P':
		ea += uint64(uint32(s[in.b]) + uint32(in.e))
	default:
		ea += uint64(uint32(s[in.b]))
	}
	return ea
}

// stored are the bytes that a store writes, at least as many as its size.
func (m *Machine) stored(in *ins, frame int) []byte {
	switch opAccess[in.base()].form {
	case 'I':
		return binary.LittleEndian.AppendUint64(nil, uint64(int64(in.e)))
	case 'L':
		return bytesOf(m.stack[frame+int(in.a):])[in.e:]
	}
	return bytesOf(m.stack[frame+int(in.a):])
}

// slowStore performs a store that the loops did not: to a clean or watched page, or across pages. It reports false, having changed nothing, if
// the store touches a watched range and exact is not set.
func (m *Machine) slowStore(in *ins, frame int, exact bool) bool {
	ea := m.addressOf(in, frame)
	n := uint64(opAccess[in.base()].size)
	if m.mem0.hasFlag(flagWrite, ea, n) {
		if m.isWatched(WatchWrite, ea, n) {
			if !exact {
				return false
			}
			m.noteAccess(WatchWrite, ea, n)
		}
		m.closer = true
	}
	m.mem0.touch(ea, n)
	copy(m.mem0.data[ea:ea+n], m.stored(in, frame))
	return true
}

// slowLoad performs a load that the loops did not: from a page that is partly watched. It reports false, having changed nothing, if the load touches a
// watched range and exact is not set.
func (m *Machine) slowLoad(in *ins, frame int, exact bool) bool {
	a := opAccess[in.base()]
	ea, n := m.addressOf(in, frame), uint64(a.size)
	if m.isWatched(WatchRead, ea, n) {
		if !exact {
			return false
		}
		m.noteAccess(WatchRead, ea, n)
	}
	if a.vector {
		loadVector(in, m.slotAt(frame), m.mem0.at(ea))
	} else {
		m.stack[frame+int(in.a)] = loadValue(in.base(), m.mem0.at(ea))
	}
	return true
}

// slowAccess performs a load or store at which a loop has left, as slowLoad and slowStore do.
func (m *Machine) slowAccess(in *ins, frame int, exact bool) bool {
	if opAccess[in.base()].load {
		return m.slowLoad(in, frame, exact)
	}
	return m.slowStore(in, frame, exact)
}

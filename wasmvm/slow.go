package wasmvm

import "math"

// slowNaN completes a float operation whose result is a NaN. Plain Go gives whatever the compiler's order of operands makes of it.
func (m *Machine) slowNaN(in *ins, frame int) {
	s := m.stack[frame:]
	kind := opNaN[in.base()]
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
	s[in.a] = m.cfg.NaN.result(kind, x, y)
}

// product is x*y on raw bits.
func (m *Machine) product(x, y uint64) uint64 {
	p := math.Float64frombits(x) * math.Float64frombits(y)
	if p != p {
		return m.cfg.NaN.result(nanBinary64, x, y)
	}
	return math.Float64bits(p)
}

const (
	quiet32, quiet64 = 1 << 22, 1 << 51
	sign32, sign64   = 1 << 31, 1 << 63
)

func isNaN32(x uint64) bool { f := math.Float32frombits(uint32(x)); return f != f }
func isNaN64(x uint64) bool { f := math.Float64frombits(x); return f != f }

// result is the NaN that an operation on raw bits gives.
func (r NaNRule) result(kind nanKind, x, y uint64) uint64 {
	switch kind {
	case nanDemote:
		return x>>32&sign32 | 0x7F800000 | quiet32 | x>>29&0x3FFFFF
	case nanPromote:
		return x&sign32<<32 | 0x7FF0000000000000 | quiet64 | x&0x3FFFFF<<29
	case nanUnary32, nanBinary32:
		return r.pick(x, y, kind == nanBinary32, isNaN32, quiet32, 0x7F800000|quiet32, sign32)
	}
	return r.pick(x, y, kind == nanBinary64, isNaN64, quiet64, 0x7FF0000000000000|quiet64, sign64)
}

// pick chooses the operand whose NaN the result is, or the default.
func (r NaNRule) pick(x, y uint64, binary bool, isNaN func(uint64) bool, quiet, def, sign uint64) uint64 {
	nx, ny := isNaN(x), binary && isNaN(y)
	if r == NaNARM64 {
		if nx && x&quiet == 0 {
			return x | quiet
		}
		if ny && y&quiet == 0 {
			return y | quiet
		}
		sign = 0
	}
	switch {
	case nx:
		return x | quiet
	case ny:
		return y | quiet
	}
	return def | sign
}

// addressOf is the address a load or store names, and the value of a store. It must mirror address in internal/gen.
func (m *Machine) addressOf(in *ins, frame int) (ea, value uint64) {
	s := m.stack[frame:]
	a := opAccess[in.base()]
	ea = uint64(uint32(in.d))
	switch a.form {
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
	if a.form == 'I' {
		return ea, uint64(int64(in.e))
	}
	return ea, s[in.a]
}

// slowStore performs a store that the loops did not: to a clean or watched page, or across pages. It reports false, having changed nothing, if
// the store touches a watched range and exact is not set.
func (m *Machine) slowStore(in *ins, frame int, exact bool) bool {
	ea, v := m.addressOf(in, frame)
	n := uint64(opAccess[in.base()].size)
	if m.mem0.hasFlag(flagWrite, ea, n) && !exact && m.watched(WatchWrite, ea, n) {
		return false
	}
	m.write(ea, n)
	for i := range n {
		m.mem0.data[ea+i] = byte(v >> (8 * i))
	}
	return true
}

// slowAccess performs a load or store in the precise tier.
func (m *Machine) slowAccess(in *ins, frame int) {
	a := opAccess[in.op]
	if !a.load {
		m.slowStore(in, frame, true)
		return
	}
	ea := uint64(uint32(m.stack[frame+int(in.b)])) + uint64(uint32(in.d))
	m.read(ea, uint64(a.size))
	m.stack[frame+int(in.a)] = loadValue(in.op, m.mem0.at(ea))
}

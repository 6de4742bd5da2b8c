package wasmvm

import (
	"encoding/binary"
	"errors"
	"strings"
)

// There is one agent, so atomic instructions are plain ones that want their address aligned. Nobody else can wake the agent: it waits for its timeout,
// which in a replay has passed at once, or for ever, which is the end of its history.

var errWaitsForEver = errors.New("the program waits for ever: no other thread can notify it")

func init() {
	for sub := range atomicOps {
		a := &atomicOps[sub]
		if a.name == "" {
			continue
		}
		params, results, _ := strings.Cut(a.sig, ":")
		driverOps[0xFE<<16|Opcode(sub)] = driverOp{drvAtomic, len(params), len(results)}
	}
}

// atomicOp executes an atomic instruction, its operands being at the beginning of s.
func (m *Machine) atomicOp(in *ins, s []uint64) error {
	a := &atomicOps[in.c]
	if a.kind == atomicFence {
		return nil
	}
	n := uint64(a.size)
	ea := uint64(uint32(s[0])) + uint64(uint32(in.d))
	switch {
	case !m.mem0.holds(ea, n):
		return &Trap{Code: TrapMemory}
	case ea&(n-1) != 0:
		return &Trap{Code: TrapUnaligned}
	case a.kind == atomicNotify:
		s[0] = 0 // waiters
		return nil
	case a.kind == atomicStore:
		m.write(ea, n)
		putN(m.mem0.data[ea:], n, s[1])
		return nil
	case a.kind == atomicWait && !m.mem0.typ.Shared:
		return &Trap{Code: TrapUnshared}
	}
	old := getN(m.mem0.data[ea:], n)
	if a.kind == atomicWait {
		return m.wait(ea, n, old == s[1], s)
	}
	m.read(ea, n)
	if a.kind != atomicLoad {
		m.write(ea, n)
		putN(m.mem0.data[ea:], n, a.kind.combine(old, s, n))
	}
	s[0] = old
	return nil
}

// wait is memory.atomic.wait, with what it compares already compared.
func (m *Machine) wait(ea, n uint64, equal bool, s []uint64) error {
	const notEqual, timedOut = 1, 2
	result := uint64(notEqual)
	if equal {
		if int64(s[2]) < 0 {
			return errWaitsForEver
		}
		result = timedOut
	}
	m.read(ea, n)
	s[0] = result
	return nil
}

// combine is what a read-modify-write instruction on n bytes writes.
func (k atomicKind) combine(old uint64, s []uint64, n uint64) uint64 {
	v := s[1]
	switch k {
	case atomicAdd:
		return old + v
	case atomicSub:
		return old - v
	case atomicAnd:
		return old & v
	case atomicOr:
		return old | v
	case atomicXor:
		return old ^ v
	case atomicCmpxchg:
		// The expected value is cut to the width, as wazero does it.
		if mask := uint64(1)<<(8*n) - 1; old != v&mask {
			return old
		}
		return s[2]
	}
	return v
}

// getN reads n bytes, 1, 2, 4 or 8, zero-extended.
func getN(b []byte, n uint64) uint64 {
	switch n {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func putN(b []byte, n, v uint64) {
	switch n {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}

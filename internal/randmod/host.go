package randmod

import "encoding/binary"

// Import is a host function that the module imports; imports are in file order,
// so its place in Module.Imports is its function index.
type Import struct {
	Module, Name string
	Type         FuncType
}

// Write is one piece of linear memory that a host function wrote.
type Write struct {
	Addr uint32
	Data []byte
}

// Answer is what the host does when the module calls import imp as its host call
// number call (counting from 0): the results, and the writes to memory in order.
// args must be zero-extended raw bits; mem is the memory before the call, or nil.
// It depends on nothing else.
func (m *Module) Answer(call uint64, imp int, args []uint64, mem []byte) (results []uint64, writes []Write) {
	h := mix(call*0x9E3779B97F4A7C15 + uint64(imp) + 1)
	for _, a := range args {
		h = mix(h ^ a)
	}
	next := func() uint64 { h = mix(h + 0x9E3779B97F4A7C15); return h }
	if len(args) > 0 && len(mem) > 0 {
		at := int(args[0] % uint64(len(mem)-7))
		h = mix(h ^ binary.LittleEndian.Uint64(mem[at:]))
	}
	for _, t := range m.Imports[imp].Type.Results {
		v := next()
		if next()%4 == 0 {
			v &= 0xFF
		}
		if t == I32 || t == F32 {
			v = uint64(uint32(v))
		}
		if t == V128 {
			results = append(results, next())
		}
		results = append(results, v)
	}
	if len(mem) == 0 {
		return results, nil
	}
	for range next() % 3 {
		data := make([]byte, 1+next()%24)
		for i := range data {
			data[i] = byte(next())
		}
		// Half of the writes go where the module's own accesses are.
		space := uint64(len(mem) - len(data))
		if next()%2 == 0 {
			space = min(space, hotBytes)
		}
		writes = append(writes, Write{Addr: uint32(next() % space), Data: data})
	}
	return results, writes
}

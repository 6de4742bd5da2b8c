package wasmvm

// readNames takes the function names from the name section. A damaged section gives the names read so far: names are a help, never a reason to refuse a module.
func (m *Module) readNames() {
	m.names = map[uint32]string{}
	for _, c := range m.Custom {
		if c.Name != "name" {
			continue
		}
		r := reader{b: c.Data}
		for r.left() > 0 && r.err == nil {
			id := r.byte()
			sub := reader{b: r.bytes(r.u32())}
			if id != 1 {
				continue
			}
			n := sub.u32()
			for ; n > 0 && sub.err == nil; n-- {
				index, name := sub.u32(), sub.name()
				if sub.err == nil && int64(index) < int64(m.NumFuncs()) {
					m.names[index] = name
				}
			}
		}
	}
}

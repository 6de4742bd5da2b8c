package wasmvm

// DataStart returns the lowest address of linear memory that an active data segment with a constant offset fills, and false if there is none.
func (m *Module) DataStart() (addr uint32, ok bool) {
	for i := range m.data {
		s := &m.data[i]
		if s.mode == segActive && s.offset.op == OpI32Const && len(s.data) > 0 && (!ok || uint32(s.offset.val) < addr) {
			addr, ok = uint32(s.offset.val), true
		}
	}
	return addr, ok
}

// TableFuncs returns what the active element segments with constant offsets put into a table: element index to function index.
func (m *Module) TableFuncs(table int) map[uint32]uint32 {
	funcs := map[uint32]uint32{}
	for i := range m.elems {
		s := &m.elems[i]
		if s.mode != segActive || int64(s.table) != int64(table) || s.offset.op != OpI32Const {
			continue
		}
		for j := range s.init {
			if at := uint64(uint32(s.offset.val)) + uint64(j); s.init[j].op == OpRefFunc && at <= 0xFFFFFFFF {
				funcs[uint32(at)] = uint32(s.init[j].val)
			}
		}
	}
	return funcs
}

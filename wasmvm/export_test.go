package wasmvm

// LowerBackwards lowers all functions that can be, the last first, so that nothing of a module's register code lies where running it would put it.
func LowerBackwards(mod *Module) {
	for i := len(mod.Funcs) - 1; i >= 0; i-- {
		if _, err := mod.program().lower(i); err != nil {
			continue // running it would say so
		}
	}
}

// Strays says whether machines of the module keep a list of try_tables.
func (m *Module) Strays() bool { return m.program().strays }

package host

import (
	"fmt"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/wasi"
)

// Imported is a function that a module imports.
type Imported struct {
	Name   string     // of the function; with its module's if it is none of WASI
	Fn     *wasi.Func // nil if it is none of WASI
	Logged uint32     // index under which its calls are logged
}

// Imports returns the functions that a module imports, by index.
func Imports(mod *wasmvm.Module) []Imported {
	var list []Imported
	first := make(map[[2]string]uint32)
	for i := range uint32(mod.NumImportedFuncs) {
		imp := mod.ImportedFunc(i)
		key := [2]string{imp.Module, imp.Name}
		if _, seen := first[key]; !seen {
			first[key] = i
		}
		entry := Imported{Name: imp.Module + "." + imp.Name, Logged: first[key]}
		if fn, ok := wasi.Lookup(imp.Name); ok && wasi.IsModule(imp.Module) && sameSignature(fn, mod.FuncType(i)) {
			entry.Fn, entry.Name = fn, imp.Name
		}
		list = append(list, entry)
	}
	return list
}

// imported returns what is known about import fn, which may be of another module.
func imported(list []Imported, fn uint32) Imported {
	if int64(fn) < int64(len(list)) {
		return list[fn]
	}
	return Imported{Name: fmt.Sprintf("import %d", fn), Logged: fn}
}

// sameSignature guards against a module, read from a file that anyone may have
// written, whose WASI functions are not those of WASI.
func sameSignature(fn *wasi.Func, t *wasmvm.FuncType) bool {
	results := 0
	if fn.HasErrno {
		results = 1
	}
	if len(t.Params) != len(fn.Params) || len(t.Results) != results {
		return false
	}
	for i, p := range fn.Params {
		if want := map[bool]wasmvm.ValType{false: wasmvm.I32, true: wasmvm.I64}[p.Wide]; t.Params[i] != want {
			return false
		}
	}
	return true
}

// Printed returns the bytes that an fd_write took. args are its arguments and mem
// is the memory before it, in which they point.
func Printed(c *recording.HostCall, args []uint64, mem []byte) []byte {
	if len(c.Results) != 1 {
		return nil
	}
	return appendOutput(nil, args, c, mem)
}

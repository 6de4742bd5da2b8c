package host

import (
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
	for _, i := range replayedImports(mod) {
		list = append(list, Imported{i.name, i.fn, i.logged})
	}
	return list
}

// Printed returns the bytes that an fd_write took. args are its arguments and mem
// is the memory before it, in which they point.
func Printed(c *recording.HostCall, args []uint64, mem []byte) []byte {
	if len(c.Results) != 1 {
		return nil
	}
	return appendOutput(nil, args, c, mem)
}

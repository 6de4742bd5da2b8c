// Package debuginfo answers questions about a module's source from its DWARF:
// which line an instruction belongs to, which function, and where a line's code
// is. It serves messages ("trap in update_stock at inventory.c:88") and views
// that resolve names themselves; gdb gets the whole DWARF from gdbstub/gdbview.
//
// Code is addressed by program counter: the offset in the Code section's
// payload, which is what DWARF in wasm means by an address.
//
// Nothing is read before the first question, and then only the units that the
// answer needs. Debug info is untrusted: what cannot be read is as if it were
// not there, and function names then come from the name section. The package
// reads with debug/dwarf, which reports damage as errors; delve's readers on top
// of it follow references in circles.
//
// It imports wasmvm. gdbstub's views and cmd/wrev import it.
package debuginfo

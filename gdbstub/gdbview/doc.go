// Package gdbview shows a WebAssembly program to gdb as an i386 program.
//
// gdb has no wasm architecture, so everything it can look at is translated:
//
//   - The address map (addrmap.go) gives linear memory, globals, code and the
//     call stack each a range of one 32-bit address space.
//   - The ELF image (elf*.go, dwarf*.go) is what gdb loads as the program: the
//     module's own DWARF, moved to those addresses, with wasm's locations
//     (locals, operand stack, globals) expressed as i386 ones.
//   - The code image (codeimage.go) is what gdb reads where it expects
//     instructions.
//   - Registers and the call stack are computed from a wasmvm.Machine on demand.
//
// The package only reads its inputs. It translates and decides nothing about
// running: stepping and stopping are package reverse's, packets are gdbstub's.
// Everything in a module, DWARF above all, is untrusted: what makes no sense is
// left out with a warning and never panics.
//
// It imports wasmvm and wasmvm/debuginfo; only gdbstub and cmd/wrev import it.
package gdbview

// Package gdbtest helps to test gdbstub: it serves modules in this process, speaks
// the remote serial protocol to the server, and runs the real gdb on it.
//
// The programs run on a host of a few lines that answers the same calls the same
// way each time, so no recording is needed. Tests of the whole command, with real
// recordings, are in e2e.
//
// Only tests may import it.
package gdbtest

// Package rsp is the transport of gdb's remote serial protocol: packets with
// checksums, acknowledgements, binary escapes and interrupts, over any byte
// stream. It knows nothing of what the packets mean.
//
// Specification: "Debugging with GDB", appendix "GDB Remote Serial Protocol",
// section "Overview".
//
// A Conn serves either side. One goroutine may read from it while any number of
// goroutines send. Nothing a peer sends can make it panic, hang on a full packet
// or hold more than the limit in memory: what is malformed is either skipped or
// reported as a Malformed event.
//
// The package imports nothing of ours and may be imported by gdbstub and tests.
package rsp

// Package wasi describes the 46 functions of WASI preview 1
// (https://github.com/WebAssembly/WASI/blob/snapshot-01/phases/snapshot/docs.md):
// their signatures, the memory each of them reads, the memory each of them
// writes, and how to show a call to a person.
//
// The recorder needs the writes, because WASI functions get the real module
// instance and write to its memory unobserved; both the recorder and the
// replayer need the digest of what a call reads, to notice that a replay has
// left the recorded path.
//
// What is described is what wazero 1.12 does, errors included: some functions
// write although they fail (args_sizes_get whose second pointer is wild,
// fd_read whose result pointer is wild), others succeed without writing
// (sock_send whose result pointer is wild). Wild pointers and overlapping
// ranges are ordinary input here; nothing panics.
//
// Invariant: the ranges a Tracker returns cover every byte that the call
// changed, and nothing that the call did not write, with one exception that is
// documented at Tracker. A byte that the call overwrote with the value it had
// may or may not be covered.
//
// The package imports nothing of wrev. wasmvm/host and the command line use it.
package wasi

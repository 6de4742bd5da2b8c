// Package fds keeps book of a program's WASI descriptors: which are open, what
// each is, how far it has been read, and which call opened it.
//
// The book is kept from the log of host calls alone: their arguments, results
// and writes to memory. What the program passed in memory, the path of a file it
// opened, say, is not in the log; the call that opened it is, and whoever needs
// the path looks at the program's memory there.
//
// Invariants:
//   - A Table follows wazero: preopened descriptors come in its order (standard
//     streams, mounts, listeners), and a new descriptor gets the lowest free number.
//   - A call that failed changes nothing.
//   - A log that makes no sense, of a damaged file, say, leads to a wrong table
//     and nothing worse.
//
// wasmvm/host/answers uses it. It may use wasmvm/wasi and checkpoint/recording.
package fds

// Package rebuilt runs another build of a program against a recording: does the
// fix survive what was recorded?
//
// The recorded program runs beside the new one, so that it is known what each
// recorded call asked for: a path, bytes to write. As long as the new program asks
// for the same, wherever in its memory, it gets the recorded answer, moved there.
// A call that is none of the next recorded ones is answered by a policy, as in a
// branch that begins at the start; then the recorded calls go on to be compared.
// The run is written as a recording of its own, which can be debugged like any.
//
// Invariants:
//   - The recording is only read.
//   - Recorded calls are used in order, each at most once.
//   - What is written says of itself how it came about: see Report.
//
// The command line uses it. It may use wasmvm, wasmvm/host with its answers and
// fds, and checkpoint/recording.
package rebuilt

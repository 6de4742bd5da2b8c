// Package answers answers the host calls that nobody recorded: those of a branch
// that has gone another way than its parent.
//
// A Policy asks an ordered list of sources, each a small type with one idea:
// the same call of the parent (matched), what was recorded for a stream (taped),
// real execution on copies of the files (executed, in a world), made-up answers
// (synthetic), an answer that the user chose (fixed); ask stops at the call and
// puts the question to the user. What follows from the recording, like
// the arguments or whether a descriptor is open, is answered without any of them.
//
// All that a source knows follows from the log, by way of an account: the open
// descriptors of the branch, how much of its parent's future it has used up, and
// what its clocks showed last. A session that opens a recording with branches comes
// to the same account as the one that made them.
//
// Invariants:
//   - Every answer comes with its source. A policy without an answer says which
//     sources it has asked, and why each had none.
//   - An answer is what wazero might have given: it lies in memory, a new
//     descriptor has the lowest free number, a read gives no more than was asked.
//   - What was recorded for a stream is given out once, in order, whoever asks:
//     matched and tape share one position.
//   - The files of the mounts change for the source live only, which says so.
//   - Nothing here waits, and memory used for looking ahead is bounded.
//
// The command line and the debugger's server use it. It may use wasmvm/host with
// its fds, live and overlay, wasmvm, wasmvm/wasi, checkpoint/recording and wazero.
package answers

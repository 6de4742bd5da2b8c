// Package live executes WASI calls for a machine that is not wazero's: the real
// functions of wazero, with real effects, on a memory of their own.
//
// An Instance is wazero's side of one running program: its arguments, descriptors,
// clocks, and a shadow of its linear memory. Do copies what a call reads from the
// machine's memory to the shadow, runs the call there, and hands back what it wrote
// as a recording.HostCall, for the caller to apply and to log. The machine's memory
// is never touched. That is what makes it possible to leave a call waiting, for a
// line on standard input, say, while the user of a debugger walks about in history
// with the same machine.
//
// Invariants:
//   - A call is made once. One that was interrupted while it waited goes on
//     waiting, and its answer goes to the next Do of the same call; until that
//     has fetched it, no other call is made.
//   - What Do returns is what the recorder would have logged: same results, same
//     writes, same errors for pointers outside memory.
//   - The shadow costs address space for the size of memory, and pages only where
//     calls read and write.
//
// The live run and the sandbox of a branch use it. It may use wazero,
// wasmvm/wasi and checkpoint/recording.
package live

// Package host is wazero's side of wrev.
//
// Record runs a program on wazero's compiler with every import wrapped, and
// logs for each call its arguments, its result, the bytes it wrote to linear
// memory and a digest of the bytes it read. Replayer answers the calls of a
// wasmvm.Machine from that log, and reports a DivergenceError as soon as the
// machine asks for something else than was recorded. Verify replays a whole
// recording that way; Events lists its calls for people.
//
// Story is for histories that grow: it answers from the logs along the path of
// one branch, and puts a call that is in none to a Beyond, whose answer becomes
// history.
//
// StartLive prepares a program to run on a machine of ours with real effects. Its
// Live is the Beyond of the trunk: package live makes the calls.
//
// Invariants:
//   - A recording is valid at every moment, because Append is done when a call
//     returns and the rest of the program's state follows from the log. Nothing
//     here handles SIGINT or SIGTERM: a program that spins in compiled code
//     keeps the Go runtime from running a handler, so the default action, which
//     needs none, is the only one that always works.
//   - The wrapped function gets the real module instance. wazero's WASI insists.
//   - Nothing of the host is touched while calls are answered from a log.
//
// The command line and the debugger's server use it. It may use host/live,
// wasmvm, wasmvm/wasi, checkpoint/recording and wazero.
package host

// Package reverse moves a replayed program through its history, forwards and
// backwards, exactly.
//
// A [Timeline] owns a wasmvm.Machine and a history of checkpoints. Time is the
// machine's position: the number of instructions completed. Going back is
// restoring the nearest checkpoint at or before the target and running forward
// to it; going back to a stop is running the stretches between checkpoints,
// newest first, and noting the last stop in each.
//
// History has branches. An edit, a change that no instruction made, begins one,
// or at the head of what still runs becomes part of it. The path of a branch is
// its ancestors' history up to where it was forked, then its own; now is a
// position of the current branch's path, and may be in front of the fork.
//
// How it is cut:
//   - timeline.go, forward.go, backward.go: what a debugger asks for.
//   - scan.go, pool.go, workers.go: looking for a stop backwards, with several
//     cursors at once where it is far.
//   - seek.go: getting to a position and leaving checkpoints on the way.
//   - pace.go: how far apart the checkpoints of a run are.
//   - cache.go: keeping checkpoints for the next time.
//   - progress.go: telling how far an operation is.
//   - cursor.go: one machine that can be moved to a checkpoint and run with
//     stops armed. Everything that belongs to one machine is here, so that
//     several cursors can share a history.
//   - stops.go, slotwatch.go: the breakpoints and watchpoints that are set.
//   - history.go, policy.go: the checkpoints, and which to drop.
//   - branch.go: the branches for a debugger, and the [Book] that keeps them.
//   - edits.go: edits that are tried, and become history.
//   - path.go, branchtree.go: the way through the branches that is current, what
//     a cursor does where it has edits, and the checkpoints of the others.
//   - visit.go: looking at an earlier host call on another machine.
//   - diff.go, diffwrite.go: where two branches differ.
//
// Invariants:
//   - The state at a position with edits is the edited one: a cursor applies the
//     path's edits when it arrives there, ancestors' first. An edit completes no
//     instruction and is no hit of a watchpoint.
//   - Every checkpoint belongs to one branch, that which its position belongs
//     to, and is from behind the edits of its position; but the first, which
//     all paths share, is from before them.
//   - A branch's own edits are at its fork, or for the trunk of a live program
//     at what was its head. So what was seen of a branch stays true.
//   - Whatever an operation returns, the machine is at an exact position with
//     no stop armed by accident: its state is that of a plain run to Now().
//   - Checkpoints are derived. Dropping any but the first changes speed only.
//   - The same calls on the same program give the same stops, whatever
//     checkpoints there are and however many cursors look. Only interruption
//     depends on time.
//   - What is in files, spilled pages and the cache, may be lost or damaged at
//     any time: a checkpoint that cannot be read back is dropped, and what it
//     was for is run through again.
//   - While several cursors scan, nothing changes the history or the set of
//     stops. A helper's failure is nobody's: the timeline's own machine goes
//     over that stretch again, and its result counts.
//
// The package knows nothing of debuggers, packets or recordings: the host of
// the machine answers its imports, the same way each time it is asked for the
// same call number. It imports wasmvm, checkpoint and checkpoint/cache, and of
// checkpoint/recording the type of a host call. It is imported by gdbstub and the command.
package reverse

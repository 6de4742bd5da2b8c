// Package agentexpr evaluates gdb's agent expressions: the bytecode that gdb
// compiles a breakpoint's condition to and sends along with the breakpoint, so
// that a condition which is false costs no round trip.
//
// Parse checks an expression once, when the breakpoint is set (parse.go). Eval
// runs it (eval.go); it has no side effects, allocates nothing, and ends: jumps
// are bounded by a number of steps, the stack by a number of values. What the
// expression reads it reads through Access, of which the package knows nothing.
//
// Relative (relative.go) finds expressions that use the frame's address only to
// read what lies near it. These can be evaluated without laying out the whole
// call stack.
//
// Where the evaluator has to choose:
//   - All values have 64 bits and wrap. Shifting by 64 or more shifts
//     everything out.
//   - Division by zero, a read of what is not there, an unknown register, a
//     damaged or endless expression are errors. gdbserver stops when a condition
//     cannot be evaluated, gdb then evaluates it itself and tells its user what
//     is wrong; so should the caller. (Unlike gdbserver, which goes on with
//     whatever was read last, a failed read is such an error.)
//   - The trace operations collect nothing, as outside of tracepoints there is
//     no frame to collect into; they only take their operands. Trace state
//     variables do not exist: getv and setv are errors, for a condition must not
//     depend on how often it was evaluated.
//   - printf belongs to breakpoint commands, and gdb emits no floating-point
//     operations: both are errors.
//
// Specification: "Debugging with GDB", appendix "The GDB Agent Expression
// Mechanism".
//
// The package imports nothing of ours; gdbstub and gdbview import it.
package agentexpr

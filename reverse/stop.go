package reverse

import (
	"fmt"

	"wrev/wasmvm"
)

// Reason says why a movement ended.
type Reason uint8

// The reasons.
const (
	ReasonStep       Reason = iota // went as far as asked
	ReasonBreakpoint               // the next instruction has a breakpoint
	ReasonWatch                    // a watched place was touched
	ReasonTrap                     // the next instruction traps
	ReasonBegin                    // start of history
	ReasonEnd                      // end of history: ExitCode, Trap or Err says how
	ReasonInterrupt                // Interrupt was called
	ReasonError                    // the host failed; Err says how. History goes no further
	ReasonWaiting                  // the host has not answered the next call yet; Err says why. Going on asks again
)

var reasonNames = [...]string{"step", "breakpoint", "watch", "trap", "begin", "end", "interrupt", "error", "waiting"}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Stop is where a movement ended and why.
//
// One place can have several reasons to stop: Reason is the first of trap,
// watch, breakpoint that applies, and Breakpoint and Watches tell of the others.
type Stop struct {
	Reason   Reason
	Position uint64
	// Breakpoint: there is a breakpoint at the instruction at Position, whose
	// condition is true if it has one, whatever Reason is.
	Breakpoint bool
	// Watches are the watchpoints that were touched, in the order they were
	// inserted, by the instruction just completed (forwards) or by the one at
	// Position (backwards). Watch is the first of them.
	Watches  []WatchHit
	Watch    WatchHit
	Trap     *wasmvm.Trap
	ExitCode uint32
	Err      error
}

// Space says what a watchpoint watches.
type Space uint8

// The spaces.
const (
	SpaceMemory  Space = iota // bytes of linear memory
	SpaceLocal                // a local of one activation
	SpaceOperand              // an operand stack slot of one activation
	SpaceGlobal               // a wasm global
)

// Watch is one watchpoint. Equal values are the same watchpoint.
type Watch struct {
	Kind  wasmvm.WatchKind // other spaces than memory have writes only
	Space Space
	Addr  uint64 // memory: address of the first byte; else the index of the local, operand or global
	Len   uint64 // memory: bytes
	Frame int    // local, operand: the activation, counted from the outermost, which is 0
	Func  uint32 // local, operand: function index of the activation
}

// WatchHit is one watchpoint touched by one instruction.
type WatchHit struct {
	Watch Watch
	Kind  wasmvm.WatchKind // what the instruction did
	Addr  uint64           // memory: first byte the instruction touched, which may lie before the watched ones
	Len   uint64           // memory: bytes it touched
}

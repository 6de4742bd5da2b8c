package wasmvm

import "fmt"

// StopReason says why Run returned.
type StopReason uint8

// The reasons for a stop. At every one the state is canonical and Position is exact.
const (
	StopLimit      StopReason = iota + 1 // the limit is reached
	StopBreakpoint                       // the next instruction has a breakpoint
	StopWatch                            // the last completed instruction touched watched memory
	StopTrap                             // the next instruction traps
	StopExit                             // the next instruction ends the program: an exit call, or the return of the last entry function
	StopHost                             // the next instruction is a call the host failed to answer (or cannot be run at all): see Err
	StopInterrupt                        // Interrupt was called
)

func (r StopReason) String() string {
	switch r {
	case StopLimit:
		return "limit"
	case StopBreakpoint:
		return "breakpoint"
	case StopWatch:
		return "watch"
	case StopTrap:
		return "trap"
	case StopExit:
		return "exit"
	case StopHost:
		return "host error"
	case StopInterrupt:
		return "interrupt"
	}
	return fmt.Sprintf("stop(%d)", uint8(r))
}

// Stop is what Run returns.
type Stop struct {
	Reason   StopReason
	Trap     *Trap      // of StopTrap
	ExitCode uint32     // of StopExit; 0 when the last entry function returned
	Watches  []WatchHit // of StopWatch: one for each entry of the watch list that was touched
	Err      error      // of StopHost
}

// WatchKind is a set of kinds of access.
type WatchKind uint8

// The kinds of access to linear memory.
const (
	WatchWrite WatchKind = 1 << iota
	WatchRead
	WatchGlobal // not of memory: the change of a global's value
)

// Watch is a watched range of linear memory, or a watched global.
type Watch struct {
	Kind      WatchKind // the accesses that stop
	Addr, Len uint64    // in bytes; of WatchGlobal Addr is the index of the global, and Len means nothing
}

// WatchHit says that an instruction touched a watched range.
type WatchHit struct {
	Index     int       // in the list given to SetWatches
	Kind      WatchKind // of the access
	Addr, Len uint64    // of the access
}

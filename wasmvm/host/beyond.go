package host

import (
	"errors"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/wasi"
)

// ErrWaiting is the class of errors of a Beyond that has no answer yet: someone
// must be asked, or the real host keeps it waiting. The call stays unmade, and
// running on makes it again.
var ErrWaiting = errors.New("the host call has no answer yet")

// Beyond answers host calls that are in no log: those of a live run, and of a
// branch that has gone another way than its parent.
type Beyond interface {
	// Answer returns the answer of a call without applying it, and where it came
	// from. An error of class ErrWaiting leaves the call unmade.
	Answer(c *Call) (recording.HostCall, recording.Source, error)
}

// Call is a call that is in no log.
type Call struct {
	Branch int        // in which it is made; 0 is the trunk
	N      uint64     // its number along the path of the branch
	Name   string     // of the function; with its module's if it is none of WASI
	Fn     *wasi.Func // nil if it is none of WASI
	Import uint32     // index under which its calls are logged
	Args   []uint64   // i32 zero-extended
	M      *wasmvm.Machine
	Log    Log
}

// Log is what a Beyond can learn about the calls so far.
type Log interface {
	// Meta says what the program was run with.
	Meta() recording.Meta
	// Lineage returns the parent of a branch, and the number of the first call
	// that is the branch's own. The parent of the trunk is -1.
	Lineage(branch int) (parent int, first uint64)
	// Calls is the number of calls that are known along the path of a branch.
	Calls(branch int) uint64
	// Call returns call n of the path of a branch, which must not be changed, and
	// the source of its answer, empty for calls of the recording.
	Call(branch int, n uint64) (*recording.HostCall, recording.Source, error)
	// Func says which function an import index of a logged call means, by name,
	// and as WASI's, nil if it is none of WASI.
	Func(logged uint32) (name string, fn *wasi.Func)
}

package recording

import (
	"fmt"
	"time"
)

// Meta says what was recorded and how: everything besides the module and the host calls that a replay needs.
// It is stored as JSON; a reader ignores fields that it does not know.
type Meta struct {
	ModuleSHA256   string    // hex digest of the module's bytes; Create fills it in when it is empty
	ModuleName     string    // file name of the module as the user gave it
	Args           []string  // the program's arguments, Args[0] is its name
	Env            []string  // "KEY=VALUE"
	Mounts         []Mount   // host directories the program could reach
	Listen         []string  // HOST:PORT of preopened listening sockets
	MaxMemoryPages uint32    // limit of linear memory in wasm pages (65536 bytes); memory.grow depends on it
	GOARCH         string    // architecture of the recorder; the NaN rule depends on it
	WazeroVersion  string    // version of the engine that ran the program
	WrevVersion    string    // version of the recorder
	Start          time.Time // when the recording began
}

// Mount is one host directory that was visible to the program.
type Mount struct {
	Host     string // path on the host
	Guest    string // path in the program
	ReadOnly bool
}

// HostCall is one call of an imported function: what was asked and everything the answer changed.
//
// Results and Writes are all that a host function may change. A host function that grows linear memory cannot be
// recorded; none of WASI preview 1 does.
type HostCall struct {
	Import   uint32     // index of the imported function
	Args     []uint64   // raw bits; i32 and f32 zero-extended
	Results  []uint64   // raw bits, as Args; empty with NoReturn
	Writes   []MemWrite // writes to linear memory, in the order in which they must be applied
	Inputs   uint64     // digest of the bytes of linear memory that the call read, 0 if it read none
	NoReturn bool       // the call ended the program (proc_exit, abort); End tells how
}

// MemWrite is one write to linear memory by the host.
type MemWrite struct {
	Addr uint32
	Data []byte
}

// EndKind tells how the program ended.
type EndKind uint8

const (
	EndExit          EndKind = iota // it returned from its entry function or called proc_exit: ExitCode is valid
	EndTrap                         // a wasm trap: Trap is valid
	EndStackOverflow                // the recorder's engine ran out of stack; no portable state, so a replay takes its end from here
	EndInterrupted                  // the user stopped the recording
	EndHostError                    // the recorder failed: Trap is its message
)

var endKindNames = [...]string{"exit", "trap", "stack overflow", "interrupted", "host error"}

// String returns the kind's name as it is stored in a recording.
func (k EndKind) String() string {
	if int(k) < len(endKindNames) {
		return endKindNames[k]
	}
	return fmt.Sprintf("end kind %d", uint8(k))
}

// MarshalText implements encoding.TextMarshaler.
func (k EndKind) MarshalText() ([]byte, error) {
	if int(k) >= len(endKindNames) {
		return nil, fmt.Errorf("unknown end kind %d", uint8(k))
	}
	return []byte(k.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *EndKind) UnmarshalText(b []byte) error {
	for i, name := range endKindNames {
		if name == string(b) {
			*k = EndKind(i)
			return nil
		}
	}
	return fmt.Errorf("unknown kind of end %q", b)
}

// End is how a recorded program ended.
type End struct {
	Kind     EndKind
	ExitCode uint32 `json:",omitempty"`
	Trap     string `json:",omitempty"` // message of the trap or of the recorder's error
}

// endChunk is the content of an END chunk. The time stands beside End, which says how the program ended and can be compared.
type endChunk struct {
	End
	Ended time.Time `json:",omitzero"` // zero in files that were written before there was this field
}

// String says it in a clause: "exit code 3", "trap: unreachable".
func (e End) String() string {
	switch e.Kind {
	case EndExit:
		return fmt.Sprintf("exit code %d", e.ExitCode)
	case EndTrap:
		return "trap: " + e.Trap
	case EndStackOverflow:
		return "trap: stack overflow"
	case EndInterrupted:
		return "interrupted"
	case EndHostError:
		return "the recorder failed: " + e.Trap
	}
	return e.Kind.String()
}

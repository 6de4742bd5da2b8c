package wasi

// Kind says what a parameter means, which decides whether it names memory and
// how it is shown.
type Kind uint8

const (
	// KindInt is a plain number.
	KindInt Kind = iota
	// KindFD is a file descriptor.
	KindFD
	// KindFlags is a set of bits.
	KindFlags
	// KindClock is a clock id.
	KindClock
	// KindTime is a timestamp in nanoseconds.
	KindTime
	// KindPath is the address of a string that the call reads. Its length is
	// the next parameter.
	KindPath
	// KindBuffer is the address of a buffer that the call fills. Its length is
	// the next parameter.
	KindBuffer
	// KindLen is the length or count that belongs to the parameter before it.
	KindLen
	// KindReadVec is the address of an array of iovecs to fill. The count is
	// the next parameter.
	KindReadVec
	// KindWriteVec is the address of an array of iovecs to write out. The
	// count is the next parameter.
	KindWriteVec
	// KindPointer is an address that the call writes to, in a way that the
	// effect of the function describes.
	KindPointer
	// KindSubscriptions is the address of poll_oneoff's subscriptions. Their
	// count is the parameter at index 2.
	KindSubscriptions
	// KindResult is the address where the call puts a result of Size bytes.
	KindResult
)

// Param is one parameter of a function.
type Param struct {
	Name string
	Kind Kind
	Wide bool   // an i64; the others are i32
	Size uint32 // KindResult: bytes written
}

// effect is the way in which a function writes to memory.
type effect uint8

const (
	// effectPlain: on success, and only then, every KindResult is written that
	// lies in memory. (sock_accept and sock_send succeed although theirs does
	// not; the others return EFAULT.)
	effectPlain    effect = iota
	effectSizes           // args_sizes_get, environ_sizes_get
	effectArgs            // args_get
	effectEnviron         // environ_get
	effectRead            // fd_read, fd_pread
	effectRecv            // sock_recv
	effectReaddir         // fd_readdir
	effectReadlink        // path_readlink
	effectDirName         // fd_prestat_dir_name
	effectRandom          // random_get
	effectPoll            // poll_oneoff
)

// Func describes one function.
type Func struct {
	Name   string
	Params []Param
	// HasErrno is false for proc_exit alone: it has no result and does not
	// return. All others return an errno.
	HasErrno bool

	effect  effect
	before  bool  // Tracker.Before has work to do
	inputs  []int // indexes of the parameters that name memory to read
	results []int // indexes of the KindResult parameters
}

// HasInputs reports whether the function reads memory at all.
func (f *Func) HasInputs() bool { return len(f.inputs) > 0 }

// Writes reports whether the function can write to memory at all.
func (f *Func) Writes() bool { return len(f.results) > 0 || f.effect != effectPlain }

// NeedsBefore reports whether Tracker.Before has anything to do for the
// function. A caller in a hurry skips the call if not.
func (f *Func) NeedsBefore() bool { return f.before }

// Lookup finds a function by name.
func Lookup(name string) (*Func, bool) {
	f, ok := byName[name]
	return f, ok
}

// Functions returns all functions in the order of the specification. The
// caller must not change them.
func Functions() []*Func { return table }

// ModuleNames are the module names under which `wazero run` offers the
// functions: the one of preview 1, and the one that programs from before it
// import.
var ModuleNames = []string{"wasi_snapshot_preview1", "wasi_unstable"}

// IsModule reports whether an import from the module of that name is WASI.
func IsModule(name string) bool {
	return name == ModuleNames[0] || name == ModuleNames[1]
}

var byName = func() map[string]*Func {
	m := make(map[string]*Func, len(table))
	for _, f := range table {
		m[f.Name] = f
	}
	return m
}()

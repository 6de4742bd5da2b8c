package live

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/sock"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// Config is what a program finds of the world.
type Config struct {
	Args []string // the first is the program's name
	Env  []string // KEY=VALUE, each key once

	// Module says the rest in wazero's words: standard input and output, file
	// systems, clocks, random bytes. Its arguments, environment, name and start
	// functions do not count. nil is nothing, and clocks that only seem to go.
	Module wazero.ModuleConfig
	// Sockets are listening sockets, nil is none. New opens them.
	Sockets sock.Config

	// NoMemory is for a program that has no linear memory. The functions that need
	// one then fail as they do in wazero.
	NoMemory bool
}

// ErrClosed is returned by an Instance after Close.
var ErrClosed = errors.New("the host's side of the program is closed")

// FailedError says that a host function did not return but panicked. In a
// recording this is the end of the program.
type FailedError struct {
	Call  string // the call, for people
	Value any    // what it panicked with
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("host function %s failed: %v", e.Call, e.Value)
}

// maxParams is the largest number of parameters of a WASI function (path_open).
const maxParams = 9

// Instance executes the calls of one program. Its methods are for one goroutine
// at a time, but for Interrupt and ClearInterrupt.
type Instance struct {
	ctx       context.Context
	runtime   wazero.Runtime
	module    api.Module
	functions map[*wasi.Func]api.GoModuleFunction
	shadow    shadow
	tracker   *wasi.Tracker
	kinds     descriptorKinds
	line      waitingLine
	closed    bool

	// The call under way, or the last one. The memory is used again.
	fn      *wasi.Func
	args    [maxParams]uint64
	stack   [maxParams]uint64
	results [1]uint64
	call    recording.HostCall
	size    int // of the machine's memory
	ranges  []wasi.Range
	writes  []recording.MemWrite
	failed  *FailedError
}

// New sets a program up; listening sockets are open when it returns.
func New(ctx context.Context, c Config) (*Instance, error) {
	fns, err := functions()
	if err != nil {
		return nil, err
	}
	i := &Instance{ctx: ctx, functions: fns, tracker: wasi.NewTracker(wasi.SizesOf(c.Args, c.Env)), line: newWaitingLine()}
	// Nothing is ever compiled: the module has no function.
	i.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	if err := i.instantiate(c); err != nil {
		_ = i.runtime.Close(ctx) // err says more
		return nil, err
	}
	return i, nil
}

func (i *Instance) instantiate(c Config) error {
	m := c.Module
	if m == nil {
		m = wazero.NewModuleConfig()
	}
	m = m.WithName("").WithStartFunctions().WithArgs(c.Args...)
	for _, e := range c.Env {
		key, value, _ := strings.Cut(e, "=")
		m = m.WithEnv(key, value)
	}
	ctx := i.ctx
	if c.Sockets != nil {
		ctx = sock.WithConfig(ctx, c.Sockets)
	}
	guest := guestWithMemory
	if c.NoMemory {
		guest = guestWithout
	}
	var err error
	if i.module, err = i.runtime.InstantiateWithConfig(ctx, guest, m); err != nil {
		return err
	}
	if !c.NoMemory {
		i.shadow.buf, err = bufferOf(i.module)
	}
	return err
}

// Do makes a call and returns it with its answer, to be applied and logged by the
// caller. imp is the index of the import, args have the upper halves of i32 clear,
// and mem is the machine's memory, which is only read. What is returned is valid
// until the next Do.
//
// proc_exit is not made, but returned as a call that does not return.
//
// After Interrupt, a call that waits fails with ErrBlocked. It goes on waiting,
// and the next Do, which has to be of the same call, waits on. Other errors mean
// that the program cannot go on: a FailedError, or trouble of this process.
func (i *Instance) Do(fn *wasi.Func, imp uint32, args []uint64, mem []byte) (recording.HostCall, error) {
	switch {
	case i.closed:
		return recording.HostCall{}, ErrClosed
	case i.line.waiting:
		if err := i.same(fn, imp, args, mem); err != nil {
			return recording.HostCall{}, err
		}
		return i.await()
	}
	inner := i.functions[fn]
	if inner == nil || len(args) != len(fn.Params) {
		return recording.HostCall{}, fmt.Errorf("live call of a function that is not as WASI preview 1 has it: %d arguments", len(args))
	}
	i.fn, i.failed, i.size = fn, nil, len(mem)
	i.call = recording.HostCall{Import: imp, Args: i.args[:copy(i.args[:], args)]}
	if !fn.HasErrno {
		i.call.NoReturn = true
		return i.call, nil
	}
	if err := i.shadow.resize(len(mem)); err != nil {
		return recording.HostCall{}, err
	}
	waits := i.mayWait(fn, args)
	i.fill(args, mem)
	if waits {
		i.line.start(i, inner)
		return i.await()
	}
	i.run(inner)
	return i.answer()
}

// fill copies to the shadow what the call reads.
func (i *Instance) fill(args []uint64, mem []byte) {
	fn := i.fn
	if !fn.HasInputs() && !fn.Writes() {
		return
	}
	i.ranges = fn.Inputs(i.ranges[:0], args, mem)
	if len(i.ranges) > 0 || fn.HasInputs() {
		i.call.Inputs = fn.Digest(args, mem)
	}
	if fn.NeedsBefore() {
		i.tracker.Before(fn, args, mem)
	}
	i.ranges = i.tracker.Former(i.ranges, fn, args, mem)
	i.shadow.copyIn(i.ranges, mem)
}

// run makes the call. It may be on another goroutine than Do, which then touches
// nothing that it uses.
func (i *Instance) run(inner api.GoModuleFunction) {
	defer func() {
		if v := recover(); v != nil {
			i.failed = &FailedError{i.fn.DescribeCall(i.call.Args, nil), v}
		}
	}()
	copy(i.stack[:], i.call.Args)
	inner.Call(i.ctx, i.module, i.stack[:])
}

// answer collects what the call wrote.
func (i *Instance) answer() (recording.HostCall, error) {
	if i.failed != nil {
		return recording.HostCall{}, i.failed
	}
	errno := uint32(i.stack[0])
	i.results[0] = uint64(errno)
	i.call.Results = i.results[:]
	i.kinds.after(i.fn, i.call.Args)
	writes := i.writes[:0]
	if i.fn.HasInputs() || i.fn.Writes() {
		mem := i.shadow.mem()
		for _, r := range i.tracker.After(i.fn, i.call.Args, errno, mem) {
			writes = append(writes, recording.MemWrite{Addr: r.Addr, Data: r.Of(mem)})
		}
	}
	i.writes, i.call.Writes = writes, writes
	return i.call, nil
}

// Close closes the program's files and sockets. A call that waits may keep them
// open until it returns.
func (i *Instance) Close() error {
	if i.closed {
		return nil
	}
	i.closed = true
	if i.line.waiting {
		go func() {
			<-i.line.done
			_ = i.free() // nobody is there to hear of it
		}()
		return nil
	}
	return i.free()
}

func (i *Instance) free() error {
	i.line.stop()
	err := i.runtime.Close(i.ctx)
	i.shadow.free()
	return err
}

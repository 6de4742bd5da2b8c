package host

import (
	"fmt"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/wasi"
)

// overflowSlots is the size of the stack, in slots of 8 bytes, on which a
// recording that ended with a stack overflow runs after its last host call. How
// deep the recorder got cannot be known: wazero's frames are not ours. 16 MiB are
// some hundred thousand frames, and little enough to checkpoint at every step.
const overflowSlots = 1 << 21

// MachineConfig returns the configuration with which a machine repeats the
// recording, its calls answered by host, a Replayer as a rule.
//
// The stack of a program must not overflow as long as the recorder's did not, so
// up to the last host call it has all that wasmvm offers.
func MachineConfig(r *recording.Reader, host wasmvm.Host) wasmvm.Config {
	meta := r.Meta()
	c := wasmvm.Config{MaxMemoryPages: meta.MaxMemoryPages, Host: host}
	if meta.GOARCH == "arm64" {
		c.NaN = wasmvm.NaNARM64
	}
	if end, ok := r.End(); ok && end.Kind == recording.EndStackOverflow {
		c.LateCalls, c.LateStackSlots = r.NumCalls(), overflowSlots
	}
	return c
}

// DivergenceError says that a replay did something else than the recorded
// program: the two engines disagree, or the recording was made by something
// else.
type DivergenceError struct {
	Position uint64 // of the instruction, the call as a rule
	Call     uint64 // number of the host call
	Recorded string
	Replayed string
}

func (e *DivergenceError) Error() string {
	return fmt.Sprintf("the replay diverges from the recording at position %d, host call %d: recorded was %s, the replay has %s",
		e.Position, e.Call, e.Recorded, e.Replayed)
}

// Replayer answers host calls from a log. It implements wasmvm.Host.
//
// It keeps no state of its own: it looks up the call whose number the machine
// says is next, so that a machine may be moved to any position. Several machines
// may share one, unless Output or Observe is set.
//
// Behind the last call of a recording without an end it fails with ErrEndOfLog, and in one
// that ended with a stack overflow it makes the call overflow the stack.
type Replayer struct {
	// Output, if not nil, is told what the program writes to its standard
	// output (fd 1) and error (fd 2). p is valid until it returns.
	Output func(call uint64, fd uint32, p []byte)
	// Observe, if not nil, sees each call before it changes anything. An error
	// is passed on, and the call is not answered.
	Observe func(m *wasmvm.Machine, call uint64, c *recording.HostCall) error

	r       *recording.Reader
	log     knownCalls
	beyond  func(m *wasmvm.Machine, fn uint32, args, results []uint64) error // answers what is not in log
	imports []Imported
	text    []byte // scratch
}

// knownCalls is calls by number.
type knownCalls interface {
	NumCalls() uint64
	Call(n uint64) (*recording.HostCall, error)
}

// NewReplayer makes a Replayer for the recording of a program.
func NewReplayer(r *recording.Reader, mod *wasmvm.Module) *Replayer {
	h := &Replayer{r: r, log: fixedLog{r, r.NumCalls()}}
	h.beyond = h.afterEnd
	h.imports = Imports(mod)
	return h
}

// fixedLog is a log that does not grow any more.
type fixedLog struct {
	*recording.Reader
	calls uint64
}

func (l fixedLog) NumCalls() uint64 { return l.calls }

// HostCall implements wasmvm.Host.
func (h *Replayer) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	n := m.HostCalls()
	if n >= h.log.NumCalls() {
		return h.beyond(m, fn, args, results)
	}
	c, err := h.log.Call(n)
	if err != nil {
		return fmt.Errorf("host call %d: %w", n, err)
	}
	if err := h.check(m, n, imported(h.imports, fn), c, args); err != nil {
		return err
	}
	return h.apply(m, n, fn, c, args, results)
}

// apply gives the program the answer c of its call n.
func (h *Replayer) apply(m *wasmvm.Machine, n uint64, fn uint32, c *recording.HostCall, args, results []uint64) error {
	imp := imported(h.imports, fn)
	if h.Observe != nil {
		if err := h.Observe(m, n, c); err != nil {
			return err
		}
	}
	if c.NoReturn {
		return h.noReturn(imp, c)
	}
	if len(c.Results) != len(results) {
		return fmt.Errorf("host call %d: the recording has %d results, %s has %d; the file is damaged or of another program", n, len(c.Results), imp.Name, len(results))
	}
	if h.Output != nil && imp.Fn != nil && imp.Fn.Name == "fd_write" {
		h.output(n, args, c, m.Memory())
	}
	for i := range c.Writes {
		if err := m.WriteMemory(uint64(c.Writes[i].Addr), c.Writes[i].Data); err != nil {
			return fmt.Errorf("host call %d: the recorded write cannot be repeated, the file is damaged or of another program: %w", n, err)
		}
	}
	copy(results, c.Results)
	return nil
}

// check compares what the machine asks with what was recorded.
func (h *Replayer) check(m *wasmvm.Machine, n uint64, imp Imported, c *recording.HostCall, args []uint64) error {
	if c.Import == imp.Logged && slices.Equal(c.Args, args) {
		if imp.Fn == nil || imp.Fn.Digest(args, m.Memory()) == c.Inputs {
			return nil
		}
		return &DivergenceError{
			Position: m.Position(), Call: n,
			Recorded: "the same call with other bytes in memory",
			Replayed: h.describe(imp.Logged, args, m.Memory()),
		}
	}
	return &DivergenceError{
		Position: m.Position(), Call: n,
		Recorded: h.describe(c.Import, c.Args, nil),
		Replayed: h.describe(imp.Logged, args, m.Memory()),
	}
}

// noReturn ends the program as the recorded call did.
func (h *Replayer) noReturn(imp Imported, c *recording.HostCall) error {
	if imp.Fn != nil && !imp.Fn.HasErrno && len(c.Args) == 1 {
		return &wasmvm.ExitError{Code: uint32(c.Args[0])}
	}
	text := "it did not return"
	if end, ok := h.r.End(); ok && end.Trap != "" {
		text = end.Trap
	}
	return problemf(ErrEndOfLog, "end of the recording: host function %s failed: %s", imp.Name, text)
}

// afterEnd answers a call that comes after the last recorded one.
func (h *Replayer) afterEnd(m *wasmvm.Machine, fn uint32, args, _ []uint64) error {
	end, ok := h.r.End()
	switch {
	case !ok || end.Kind == recording.EndInterrupted:
		return ErrEndOfLog
	case end.Kind == recording.EndStackOverflow:
		trap := &wasmvm.Trap{Code: wasmvm.TrapStackOverflow, PC: m.PC()}
		if f := m.Func(); f != nil {
			trap.Func = f.Index
		}
		return trap
	case end.Kind == recording.EndHostError:
		return problemf(ErrEndOfLog, "end of the recording: %s", end.Trap)
	}
	return &DivergenceError{
		Position: m.Position(), Call: m.HostCalls(),
		Recorded: "the end of the program: " + end.String(),
		Replayed: h.describe(imported(h.imports, fn).Logged, args, m.Memory()),
	}
}

// describe shows a call without its result.
func (h *Replayer) describe(fn uint32, args []uint64, mem []byte) string {
	return describeCall(imported(h.imports, fn), args, mem)
}

func describeCall(imp Imported, args []uint64, mem []byte) string {
	if imp.Fn == nil {
		return fmt.Sprintf("%s%v", imp.Name, args)
	}
	return imp.Fn.DescribeCall(args, mem)
}

// output passes on what an fd_write wrote to fd 1 or 2. One that fails with
// EFAULT has done so too: wazero finds a wild pointer when it comes to it.
func (h *Replayer) output(n uint64, args []uint64, c *recording.HostCall, mem []byte) {
	const efault = 21
	fd := uint32(args[0])
	if fd != 1 && fd != 2 || c.Results[0] != 0 && c.Results[0] != efault {
		return
	}
	h.text = appendOutput(h.text[:0], args, c, mem)
	if len(h.text) > 0 {
		h.Output(n, fd, h.text)
	}
}

// appendOutput appends the bytes that an fd_write took: as many as it says, or
// all up to the first wild pointer.
func appendOutput(dst []byte, args []uint64, c *recording.HostCall, mem []byte) []byte {
	fn, _ := wasi.Lookup("fd_write")
	var room [8]wasi.Range
	ranges := fn.Inputs(room[:0], args, mem)
	if len(ranges) == 0 {
		return dst
	}
	from := len(dst)
	for _, r := range ranges[1:] { // the first is the array of iovecs
		dst = append(dst, r.Of(mem)...)
	}
	if c.Results[0] != 0 {
		return dst
	}
	if taken, ok := writtenWord(c, uint32(args[3])); ok && uint64(taken) < uint64(len(dst)-from) {
		dst = dst[:from+int(taken)]
	}
	return dst
}

// writtenWord returns the 32-bit result that a call put at addr.
func writtenWord(c *recording.HostCall, addr uint32) (uint32, bool) {
	for _, w := range c.Writes {
		if w.Addr == addr && len(w.Data) == 4 {
			return uint32(w.Data[0]) | uint32(w.Data[1])<<8 | uint32(w.Data[2])<<16 | uint32(w.Data[3])<<24, true
		}
	}
	return 0, false
}

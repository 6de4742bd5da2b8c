package gdbstub

import (
	"fmt"

	"wrev/gdbstub/gdbview"
	"wrev/reverse"
	"wrev/wasmvm"
)

// gdb's numbers of signals.
const (
	sigInt  = 2
	sigIll  = 4
	sigTrap = 5
	sigFpe  = 8
	sigSegv = 11
)

// stopState is why the program is where it is.
type stopState struct {
	signal int
	reason string // further pairs of the stop reply
}

// stateOf translates a stop of the target.
func stateOf(stop reverse.Stop) stopState {
	switch stop.Reason {
	case reverse.ReasonTrap:
		return stopState{signalOf(stop.Trap), ""}
	case reverse.ReasonBegin:
		return stopState{sigTrap, "replaylog:begin;"}
	case reverse.ReasonEnd, reverse.ReasonError:
		return stopState{sigTrap, "replaylog:end;"}
	case reverse.ReasonInterrupt:
		return stopState{sigInt, ""}
	}
	return stopState{sigTrap, ""}
}

// signalOf returns the signal that a native program would get for a trap.
func signalOf(trap *wasmvm.Trap) int {
	if trap == nil {
		return sigTrap
	}
	switch trap.Code {
	case wasmvm.TrapDivideByZero, wasmvm.TrapIntegerOverflow, wasmvm.TrapInvalidConversion:
		return sigFpe
	case wasmvm.TrapMemory, wasmvm.TrapTable, wasmvm.TrapStackOverflow:
		return sigSegv
	}
	return sigIll
}

// reportStop answers "?": why the program is where it is.
func (s *session) reportStop() {
	if s.noProcess != "" {
		s.text(s.noProcess)
		return
	}
	// What happened on the way here is past: a client that has just come
	// would take a watchpoint or an end of history for news.
	s.stopReply(s.last.signal, "")
}

// reportMove answers a packet that has run the program. again says that it was
// already known to be at the end of history.
func (s *session) reportMove(stop reverse.Stop, again bool) {
	switch stop.Reason {
	case reverse.ReasonEnd, reverse.ReasonError:
		s.reportEnd(stop, again)
		return
	case reverse.ReasonWaiting:
		s.consolef("wrev: %v\n", stop.Err)
	case reverse.ReasonTrap:
		s.consolef("wrev: %s\n", trapText(stop.Trap))
	case reverse.ReasonBreakpoint:
		s.last.reason = s.points.breakReason(s.target.Machine().PC())
	case reverse.ReasonWatch:
		s.last.reason = s.points.watchReason(stop)
	}
	s.stopReply(s.last.signal, s.last.reason)
}

// reportEnd answers a move that ran to the end of history: the first time with
// that, while the last instruction is still to be executed and everything can be
// looked at, the second time with how the program ended.
func (s *session) reportEnd(stop reverse.Stop, again bool) {
	final := ""
	switch {
	case stop.Err != nil:
		s.consolef("wrev: %v\n", stop.Err)
	case stop.Trap == nil:
		final = fmt.Sprintf("W%02x", stop.ExitCode)
	case s.opt.AtEnd == AtEndExit:
		final = fmt.Sprintf("X%02x", signalOf(stop.Trap))
	}
	if final != "" && (again || s.opt.AtEnd == AtEndExit) {
		s.noProcess = final
		s.text(final)
		return
	}
	if final != "" {
		s.consolef("wrev: the program ends here, with exit code %d\n", stop.ExitCode)
	}
	s.endShown = true
	s.stopReply(s.last.signal, s.last.reason)
}

// stopReply makes the answer a stop reply. The registers in it are those that
// gdb needs at every stop, so it does not have to ask for them.
func (s *session) stopReply(signal int, reason string) {
	s.out = append(s.out, 'T', hexDigits[signal>>4&15], hexDigits[signal&15])
	s.text(reason)
	for _, r := range [...]struct {
		number byte
		value  uint32
	}{
		{gdbview.RegEIP, s.view.EIP()},
		{gdbview.RegESP, s.view.ESP()},
		{gdbview.RegEBP, s.view.EBP()},
	} {
		s.out = append(s.out, hexDigits[r.number], ':')
		s.out = append(appendHexLE(s.out, r.value), ';')
	}
	s.text("thread:1;")
}

func (s *session) consolef(format string, args ...any) {
	s.console(fmt.Appendf(nil, format, args...))
}

func trapText(trap *wasmvm.Trap) string {
	if trap == nil {
		return "the program trapped"
	}
	return trap.Error()
}

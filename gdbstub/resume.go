package gdbstub

import (
	"strings"

	"wrev/gdbstub/gdbview"
	"wrev/reverse"
)

// resumePacket answers c, s, C and S, the old packets to run. Signals are
// ignored: WebAssembly has none to deliver.
func (s *session) resumePacket(kind byte, args string) {
	if kind == 'C' || kind == 'S' {
		// The signal is followed by an optional address.
		_, args, _ = strings.Cut(args, ";")
	}
	if args != "" {
		s.fail(errRefused, "cannot resume at another address: write the program counter first")
		return
	}
	if kind == 'c' || kind == 'C' {
		s.forwards(s.continueForwards)
	} else {
		s.forwards(s.target.Step)
	}
}

// vCont answers vCont with a list of actions, of which the first one for thread
// 1 counts.
func (s *session) vCont(args string) {
	for _, action := range strings.Split(args, ";") {
		action, thread, forThread := strings.Cut(action, ":")
		if action == "" || forThread && thread != "1" && thread != "-1" && thread != "0" {
			continue
		}
		switch {
		case action == "c" || strings.HasPrefix(action, "C"):
			s.forwards(s.continueForwards)
		case action == "s" || strings.HasPrefix(action, "S"):
			s.forwards(s.target.Step)
		case action[0] == 'r':
			s.stepRange(action[1:])
		default:
			s.fail(errBad, "vCont action %q is not supported", action)
		}
		return
	}
	s.fail(errBad, "vCont %q says nothing about thread 1", args)
}

// continueForwards runs, unless there is a breakpoint right here. gdb steps off
// one before it continues; lldb relies on hitting it.
func (s *session) continueForwards() reverse.Stop {
	if s.points.stopsHere(s.target.Machine()) {
		return reverse.Stop{Reason: reverse.ReasonBreakpoint, Position: s.target.Now()}
	}
	return s.target.Continue()
}

// stepRange answers the vCont action r: step while pc is in start,end.
func (s *session) stepRange(args string) {
	lo, hi, ok := hexPair(args, ',')
	if !ok || lo > 0xffffffff || hi > 0xffffffff {
		s.fail(errBad, "vCont range %q is not START,END", args)
		return
	}
	target, ok := s.target.(RangeTarget)
	from, inCode := gdbview.PC(uint32(lo))
	to, endInCode := gdbview.PC(uint32(hi))
	if !ok || !inCode || !endInCode || to <= from {
		// No range: a single step is what gdb makes of any such answer.
		s.forwards(s.target.Step)
		return
	}
	s.forwards(func() reverse.Stop { return target.StepRange(from, to) })
}

// reversePacket answers bs and bc.
func (s *session) reversePacket(kind string) {
	target, ok := s.target.(ReverseTarget)
	if !ok {
		return
	}
	switch kind {
	case "s":
		s.backwards(target.ReverseStep)
	case "c":
		s.backwards(target.ReverseContinue)
	}
}

// forwards resumes the program and answers with where it stopped.
func (s *session) forwards(run func() reverse.Stop) {
	if s.gone() {
		return
	}
	again := s.endShown
	stop := s.move(run)
	s.reportMove(stop, again)
}

// backwards is forwards for the other direction.
func (s *session) backwards(run func() reverse.Stop) {
	if s.gone() {
		return
	}
	stop := s.moveSilently(run)
	s.reportMove(stop, false)
}

// gone answers with an error if there is no program to run.
func (s *session) gone() bool {
	if s.noProcess == "" {
		return false
	}
	s.fail(errRefused, "the program is not being run")
	return true
}

// move changes the position by run, showing what the program prints on the way.
func (s *session) move(run func() reverse.Stop) reverse.Stop {
	if s.opt.Output == nil {
		return s.moveSilently(run)
	}
	s.opt.Output.begin(s.target.Machine().HostCalls(), s.console)
	stop := s.moveSilently(run)
	s.opt.Output.end(s.target.Machine().HostCalls())
	return stop
}

// moveSilently is move for going back, when everything has been shown.
func (s *session) moveSilently(run func() reverse.Stop) reverse.Stop {
	s.settleWrites()
	s.points.apply()
	s.intr.begin(s.packet)
	stop := run()
	s.intr.end()
	s.arrived(stop)
	return stop
}

// arrived brings up to date what depends on the position.
func (s *session) arrived(stop reverse.Stop) {
	s.view.Refresh(s.target.Machine())
	s.last = stateOf(stop)
	s.endShown = false
}

// console shows text to the debugger's user. It may be sent only while the
// debugger waits for the program to stop, or for the answer to qRcmd.
func (s *session) console(text []byte) {
	packet := appendHex([]byte{'O'}, text)
	if err := s.send(packet); err != nil {
		// The reader finds out, too, and ends the session.
		s.trace("<-", []byte("(not sent: "+err.Error()+")"))
	}
}

package gdbstub

import "strings"

// vPacket answers the packets with long names.
func (s *session) vPacket(p []byte) {
	text := string(p)
	name, args, _ := strings.Cut(text, ";")
	switch {
	case name == "vCont":
		s.vCont(args)
	case name == "vCont?":
		s.text("vCont;c;C;s;S")
		if _, ok := s.target.(RangeTarget); ok {
			s.text(";r")
		}
	case name == "vKill":
		// The recording stays, and so does the position in it.
		s.noProcess = "X09"
		s.ok()
	case name == "vRun":
		s.restart()
		s.stopReply(sigTrap, "")
	case name == "vAttach":
		s.fail(errRefused, "there is no process to attach to, only the recording that is already open")
	case strings.HasPrefix(text, "vFile:"):
		s.vFile(text[len("vFile:"):])
	}
}

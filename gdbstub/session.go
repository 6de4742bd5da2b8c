package gdbstub

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"wrev/gdbstub/gdbview"
	"wrev/gdbstub/rsp"
	"wrev/reverse"
)

// packetSize is the longest packet in bytes, in both directions.
const packetSize = 0x20000

// Error numbers of answers. gdb shows them and tells nothing by them.
const (
	errBad     = 1    // the packet or what it asks makes no sense
	errRefused = 2    // possible in principle, but not here
	errAddress = 0x14 // nothing can be read there
)

// session is one debugger's connection.
type session struct {
	*server
	conn *rsp.Conn
	intr interrupts

	packet uint64 // number of the packet being answered
	out    []byte // the answer to it
	answer bool   // whether there is one
	done   bool   // the session ends with this answer

	extended  bool   // the client stays when it has let the program go
	errorText bool   // the client shows the text of any error
	lldb      bool   // the client is lldb
	noProcess string // the stop reply that told that the program is gone; "" while it is there
	endShown  bool   // the user has been told that history ends here

	writes writes
	points points
	mem    []byte // scratch
}

// event is what the reading goroutine passes on.
type event struct {
	number  uint64
	payload []byte
	err     error // of a malformed packet
}

func newSession(s *server, conn *rsp.Conn) *session {
	return &session{
		server: s,
		conn:   conn,
		intr:   interrupts{target: s.target},
		points: newPoints(s),
	}
}

// run answers packets until the client leaves. Its error says what went wrong
// with the connection; a client that just closes it is no error.
func (s *session) run() error {
	events, stop := make(chan event), make(chan struct{})
	defer close(stop)
	var readErr error
	go func() {
		defer close(events)
		readErr = s.read(events, stop)
		s.intr.hangUp()
	}()
	defer s.points.removeAll()
	defer s.keepWrites()
	for ev := range events {
		s.packet = ev.number
		if ev.err != nil {
			s.begin()
			s.fail(errBad, "%v", ev.err)
		} else {
			s.handle(ev.payload)
		}
		if s.answer {
			if err := s.send(s.out); err != nil {
				return err
			}
		}
		if s.done {
			return nil
		}
	}
	if errors.Is(readErr, io.EOF) || errors.Is(readErr, io.ErrUnexpectedEOF) {
		return nil
	}
	return readErr
}

// read passes on packets and deals with interrupts, until the connection ends or
// stop is closed.
func (s *session) read(events chan<- event, stop <-chan struct{}) error {
	for {
		ev, err := s.conn.Next()
		if err != nil {
			return err
		}
		if ev.Kind == rsp.Interrupt {
			s.trace("->", []byte{0x03})
			s.intr.interrupt()
			continue
		}
		s.trace("->", ev.Payload)
		select {
		case events <- event{s.intr.packet(), ev.Payload, ev.Err}:
		case <-stop:
			return nil
		}
	}
}

func (s *session) send(payload []byte) error {
	s.trace("<-", payload)
	return s.conn.Send(payload)
}

func (s *session) trace(dir string, packet []byte) {
	if s.opt.Trace != nil {
		s.opt.Trace(dir, packet)
	}
}

// begin starts an empty answer, which is also the one to what is not known.
func (s *session) begin() {
	s.out, s.answer = s.out[:0], true
}

// handle makes the answer to one packet.
func (s *session) handle(p []byte) {
	s.begin()
	if len(p) == 0 {
		return
	}
	rest := string(p[1:])
	switch p[0] {
	case '!':
		s.extended = true
		s.ok()
	case '?':
		s.reportStop()
	case 'b':
		s.reversePacket(rest)
	case 'c', 's', 'C', 'S':
		s.resumePacket(p[0], rest)
	case 'D':
		s.detach()
	case 'g':
		s.readRegisters()
	case 'G':
		s.writeRegisters(rest)
	case 'P':
		s.writeRegister(rest)
	case 'H', 'T':
		s.threadPacket(p[0], rest)
	case 'k':
		s.answer, s.done = false, true
	case 'm':
		s.readMemory(rest, false)
	case 'M', 'X':
		s.writeMemory(p)
	case 'p':
		s.readRegister(rest)
	case 'q', 'Q':
		s.queryPacket(string(p))
	case 'R':
		s.restart()
		s.answer = false
	case 'v':
		s.vPacket(p)
	case 'x':
		s.readMemory(rest, true)
	case 'z', 'Z':
		s.pointPacket(p[0] == 'Z', rest)
	}
}

func (s *session) ok() { s.text("OK") }

// text appends to the answer.
func (s *session) text(t string) { s.out = append(s.out, t...) }

// textf appends to the answer.
func (s *session) textf(format string, args ...any) { s.out = fmt.Appendf(s.out, format, args...) }

// fail makes the answer an error, with its text if the client would show it.
func (s *session) fail(code int, format string, args ...any) {
	s.failText(s.errorText, code, format, args...)
}

// failText is fail for packets after which some clients show a text that they
// have not said they would.
func (s *session) failText(text bool, code int, format string, args ...any) {
	s.out = s.out[:0]
	if text {
		// What the client has sent may be quoted in it.
		s.out = rsp.AppendEscaped(s.out, fmt.Appendf(nil, "E."+format, args...))
	} else {
		s.textf("E%02x", code)
	}
}

// threadPacket answers H (choose a thread) and T (is a thread alive). There is
// one thread, 1.
func (s *session) threadPacket(kind byte, rest string) {
	if kind == 'H' && rest != "" {
		rest = rest[1:]
	}
	id, err := strconv.ParseInt(rest, 16, 64)
	if err != nil || id != 1 && (kind == 'T' || id != 0 && id != -1) {
		s.fail(errBad, "there is no thread %q, only thread 1", rest)
		return
	}
	s.ok()
}

// readMemory answers m and x: addr,length in hexadecimal.
func (s *session) readMemory(args string, binary bool) {
	addr, length, ok := hexPair(args, ',')
	if !ok {
		s.fail(errBad, "memory read %q is not ADDRESS,LENGTH", args)
		return
	}
	if binary && length == 0 {
		s.text("b")
		return
	}
	// In the worst case every byte takes two in the answer.
	length = min(length, packetSize/2-1)
	if uint64(cap(s.mem)) < length {
		s.mem = make([]byte, length)
	}
	mem := s.mem[:length]
	n := 0
	if addr <= 0xffffffff {
		n = s.view.ReadMemory(uint32(addr), mem)
	}
	switch {
	case n == 0:
		s.fail(errAddress, "nothing can be read at 0x%x", addr)
	case binary:
		s.out = rsp.AppendEscaped(append(s.out, 'b'), mem[:n])
	default:
		s.out = appendHex(s.out, mem[:n])
	}
}

func (s *session) readRegisters() {
	var buf [gdbview.RegistersSize]byte
	s.out = appendHex(s.out, s.view.AppendRegisters(buf[:0]))
}

// readRegister answers p: a register's number in hexadecimal.
func (s *session) readRegister(arg string) {
	n, err := strconv.ParseUint(arg, 16, 16)
	var buf [16]byte
	if err == nil {
		if reg, ok := s.view.AppendRegister(buf[:0], int(n)); ok {
			s.out = appendHex(s.out, reg)
			return
		}
	}
	s.fail(errBad, "there is no register %q", arg)
}

// detach answers D. The program stays where it is.
func (s *session) detach() {
	s.ok()
	if s.extended {
		s.noProcess = "W00"
	} else {
		s.done = true
	}
}

// restart goes to the beginning as if the program were started again.
func (s *session) restart() reverse.Stop {
	s.noProcess = ""
	// With the program gdb believes its breakpoints gone.
	s.points.removeAll()
	stop := s.moveSilently(func() reverse.Stop { return s.target.Seek(0) })
	if s.opt.Output != nil {
		s.opt.Output.restart()
	}
	return stop
}

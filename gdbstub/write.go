package gdbstub

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"wrev/gdbstub/gdbview"
	"wrev/wasmvm"
)

// What the client writes becomes edits, which the target tries at once and keeps
// when it moves next. gdb tells of what its user wants in pieces:
//
//   - A variable is one write of memory, wherever it lives.
//   - "jump" and "set $pc" are a write of eip.
//   - "return" writes the registers of an outer frame one by one, eip last; then
//     "return VALUE" writes the value where a function leaves its result. What
//     comes before eip is held until then.
//   - A call of a function begins with its arguments and a return address, written
//     to memory below the stack pointer; then comes the stack pointer. Functions cannot be
//     called, and this is where gdb takes a refusal well: after a later one it
//     believes that it is in the function. The writes before are forgotten.
type writes struct {
	tried []wasmvm.Edit   // what the target has tried
	ebp   uint32          // of an outer frame, held; 0 for none
	notes []string        // what was refused, for clients that do not show texts
	known map[string]bool // notes that the person at the server has seen
}

const (
	noEditsText = "%s cannot be changed: history is read-only"
	noCallsText = "functions of the program cannot be called from the debugger"
)

// writeMemory answers M and X: ADDRESS,LENGTH:DATA.
func (s *session) writeMemory(packet []byte) {
	head, data, ok := strings.Cut(string(packet[1:]), ":")
	addr, length, okPair := hexPair(head, ',')
	if !ok || !okPair {
		s.fail(errBad, "memory write %.40q is not ADDRESS,LENGTH:DATA", packet)
		return
	}
	bytes := []byte(data)
	if packet[0] == 'M' {
		var err error
		if bytes, err = hex.DecodeString(data); err != nil {
			s.fail(errBad, "the data of a memory write is not hexadecimal")
			return
		}
	}
	if uint64(len(bytes)) != length {
		s.fail(errBad, "a memory write of %d bytes has %d", length, len(bytes))
		return
	}
	if length == 0 { // asks whether X is known
		s.ok()
		return
	}
	edits, err := []wasmvm.Edit(nil), error(nil)
	if addr > 0xffffffff {
		err = fmt.Errorf("there is nothing at %#x", addr)
	} else {
		edits, err = s.view.WriteMemory(uint32(addr), bytes)
	}
	if err == nil {
		err = s.try(edits...)
	}
	if err != nil {
		s.refuse(errAddress, s.errorText, "memory", err)
		return
	}
	s.ok()
}

// refuse makes the answer an error, and sees to it that its reason is seen: gdb
// before 16 says of memory only that it cannot access it.
func (s *session) refuse(code int, text bool, what string, err error) {
	if errors.Is(err, errReadOnly) {
		err = fmt.Errorf(noEditsText, what)
	}
	s.failText(text, code, "%v", err)
	if text {
		return
	}
	note := fmt.Sprintf("the debugger tried to change %s: %v", what, err)
	if s.writes.known == nil {
		s.writes.known = map[string]bool{}
	}
	if !s.writes.known[note] {
		s.writes.known[note] = true
		s.log("%s", note)
	}
	s.writes.notes = append(s.writes.notes, err.Error())
}

var errReadOnly = errors.New("history is read-only")

// try has the target try edits, all or none.
func (s *session) try(edits ...wasmvm.Edit) error {
	target, ok := s.target.(BranchTarget)
	if !ok {
		return errReadOnly
	}
	if s.noProcess != "" {
		return errors.New("the program is not being run")
	}
	err := target.Try(edits...)
	if err == nil {
		s.writes.tried = append(s.writes.tried, edits...)
		s.endShown = false // going on may lead elsewhere now
	} else {
		s.view.Refresh(s.target.Machine()) // some may have been taken back
	}
	s.view.Invalidate()
	return err
}

// forget takes back the edits that which chooses by their number.
func (s *session) forget(which func(i int) bool) error {
	target := s.target.(BranchTarget)
	tried := s.writes.tried
	s.writes.tried = nil
	err := target.Forget()
	for i, e := range tried {
		if err == nil && !which(i) {
			if err = target.Try(e); err == nil {
				s.writes.tried = append(s.writes.tried, e)
			}
		}
	}
	s.view.Refresh(s.target.Machine())
	s.view.Invalidate()
	return err
}

// writeRegister answers P: NUMBER=VALUE.
func (s *session) writeRegister(args string) {
	number, digits, ok := strings.Cut(args, "=")
	n, err := strconv.ParseUint(number, 16, 16)
	value, hexErr := hex.DecodeString(digits)
	if !ok || err != nil || hexErr != nil {
		s.fail(errBad, "register write %.40q is not NUMBER=VALUE", args)
		return
	}
	s.registerAnswer(s.setRegister(int(n), value))
}

func (s *session) registerAnswer(err error) {
	if err != nil {
		s.writes.ebp = 0
		// gdb before 16 does not announce that it shows texts, but does where
		// registers are concerned. lldb takes them for successes.
		s.refuse(errRefused, !s.lldb, "registers", err)
		return
	}
	s.ok()
}

// writeRegisters answers G: all registers, in gdb's order.
func (s *session) writeRegisters(digits string) {
	all, err := hex.DecodeString(digits)
	if err != nil || len(all) != gdbview.RegistersSize {
		s.fail(errBad, "register write is not %d bytes in hexadecimal", gdbview.RegistersSize)
		return
	}
	for n := range gdbview.NumRegisters {
		now, _ := s.view.AppendRegister(nil, n)
		value := all[:len(now)]
		all = all[len(now):]
		if err == nil {
			err = s.setRegister(n, value)
		}
	}
	s.registerAnswer(err)
}

// setRegister writes a register. What it has already is no change.
func (s *session) setRegister(n int, value []byte) error {
	now, ok := s.view.AppendRegister(nil, n)
	switch {
	case !ok:
		return fmt.Errorf("there is no register %d", n)
	case len(value) != len(now):
		return fmt.Errorf("register %d has %d bytes, not %d", n, len(now), len(value))
	case string(value) == string(now):
		if n == gdbview.RegEIP {
			s.writes.ebp = 0
		}
		return nil
	}
	switch n {
	case gdbview.RegEAX, gdbview.RegEDX, gdbview.RegST0:
		e, err := s.view.WriteResult(n, value)
		if err != nil {
			return err
		}
		return s.try(e)
	case gdbview.RegESP, gdbview.RegEBP, gdbview.RegECX, gdbview.RegEBX, gdbview.RegESI, gdbview.RegEDI, gdbview.RegEIP:
	default:
		if gdbview.IsFloatControl(n) {
			return nil // "return" of a floating-point value sets them
		}
		return errors.New("the program has no such register")
	}
	v := binary.LittleEndian.Uint32(value)
	switch n {
	case gdbview.RegEIP:
		return s.setPC(v)
	case gdbview.RegESP:
		return s.setSP(v)
	}
	// The registers that follow from ebp say which frame it would be.
	ebp := v + gdbview.BelowEBP(n)
	if _, ok := s.view.FrameAt(ebp); !ok {
		return errors.New("it follows from the call stack")
	}
	s.writes.ebp = ebp
	return nil
}

// setSP sets the C stack pointer, unless what was written before says that this
// is a call or the beginning of a return.
func (s *session) setSP(sp uint32) error {
	if _, ok := s.view.FrameAt(sp - gdbview.CFAOffset); ok {
		return nil // where gdb believes the stack to be when that frame has returned
	}
	tried, old := s.writes.tried, uint64(s.view.ESP())
	argument := func(i int) bool {
		e := &tried[i]
		return e.Kind == wasmvm.EditMemory && e.Addr >= uint64(sp) && e.Addr+uint64(len(e.Data)) <= old
	}
	for i := range tried {
		if argument(i) && tried[i].Addr == uint64(sp) && len(tried[i].Data) == 4 { // the return address
			return errors.Join(errors.New(noCallsText), s.forget(argument))
		}
	}
	e, err := s.view.SetSP(sp)
	if err != nil {
		return err
	}
	return s.try(e)
}

// setPC goes on elsewhere: in the same function, or with the registers of an outer
// frame where that frame goes on.
func (s *session) setPC(eip uint32) error {
	ebp := s.writes.ebp
	s.writes.ebp = 0
	if level, ok := s.view.FrameAt(ebp); ok {
		edits, err := s.view.ReturnTo(level, eip)
		if err != nil {
			return err
		}
		return s.try(edits...)
	}
	e, err := s.view.SetPC(eip)
	if errors.Is(err, gdbview.ErrCall) {
		return errors.New(noCallsText)
	}
	if err != nil {
		return err
	}
	return s.try(e)
}

// settleWrites is called before the target moves, which makes history of what was
// tried.
func (s *session) settleWrites() {
	s.writes.tried, s.writes.ebp = nil, 0
	for _, note := range s.writes.notes {
		s.consolef("wrev: not changed: %s\n", note)
	}
	s.writes.notes = nil
}

// keepWrites makes history of what was tried when the client leaves.
func (s *session) keepWrites() {
	if target, ok := s.target.(BranchTarget); ok && target.Tried() > 0 {
		if _, err := target.Keep(); err != nil {
			s.log("the last changes are lost: %v", err)
		}
	}
}

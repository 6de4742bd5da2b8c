package gdbstub

import (
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"wrev/gdbstub/gdbview"
	"wrev/gdbstub/rsp"
)

// queryPacket answers q and Q packets.
func (s *session) queryPacket(p string) {
	name, args, _ := strings.Cut(p, ":")
	switch {
	case name == "qSupported":
		s.supported(args)
	case name == "QStartNoAckMode":
		s.conn.DisableAcks()
		s.ok()
	case name == "qXfer":
		s.xfer(args)
	case name == "qfThreadInfo":
		if s.noProcess != "" {
			s.text("l")
		} else {
			s.text("m1")
		}
	case name == "qsThreadInfo":
		s.text("l")
	case name == "qC":
		s.text("QC1")
	case name == "qAttached":
		// As if the program had been started for this debugger: on
		// leaving, gdb says nothing of a program that goes on running.
		s.text("0")
	case name == "QNonStop":
		if args == "0" {
			s.ok()
		} else {
			s.fail(errRefused, "non-stop mode is not supported: the program has one thread")
		}
	case name == "QThreadSuffixSupported" || name == "QEnableErrorStrings":
		// Only lldb asks for these. Neither is supported, but the answers
		// it gets depend on knowing that it is lldb.
		s.lldb = true
	case strings.HasPrefix(p, "qRcmd,"):
		s.monitorPacket(p[len("qRcmd,"):])
	}
}

// supported answers qSupported with exactly what is implemented.
func (s *session) supported(features string) {
	for _, f := range strings.Split(features, ";") {
		if f == "error-message+" {
			s.errorText = true
		}
	}
	s.textf("PacketSize=%x;QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+", packetSize)
	s.text(";qXfer:features:read+;qXfer:exec-file:read+;qXfer:memory-map:read+;binary-upload+")
	if _, ok := s.target.(ReverseTarget); ok {
		s.text(";ReverseStep+;ReverseContinue+")
	}
	if _, ok := s.target.(ConditionTarget); ok {
		s.text(";ConditionalBreakpoints+")
	}
	if s.errorText {
		s.text(";error-message+")
	}
}

// xfer answers qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH.
func (s *session) xfer(args string) {
	f := strings.Split(args, ":")
	if len(f) != 4 || f[1] != "read" {
		return
	}
	offset, length, ok := hexPair(f[3], ',')
	if !ok {
		s.fail(errBad, "transfer of %q is not OFFSET,LENGTH", f[3])
		return
	}
	switch object, annex := f[0], f[2]; {
	case object == "features" && annex == "target.xml":
		s.document(targetXML, offset, length)
	case object == "features":
		s.fail(0, "there is no target description %q", annex)
	case object == "exec-file":
		s.document(s.execFile(), offset, length)
	case object == "memory-map":
		s.document(memoryMap, offset, length)
	}
}

// document answers with a piece of doc.
func (s *session) document(doc string, offset, length uint64) {
	if offset >= uint64(len(doc)) {
		s.text("l")
		return
	}
	piece := doc[offset:]
	length = min(length, packetSize-1)
	mark := len(s.out)
	s.text("l")
	var n int
	s.out, n = rsp.AppendEscapedMax(s.out, []byte(piece), int(length))
	if n < len(piece) {
		s.out[mark] = 'm'
	}
}

// execFile is the path of the ELF file among those that vFile serves.
func (s *session) execFile() string {
	name := path.Base(strings.ReplaceAll(s.opt.Name, "\\", "/"))
	return "/wrev/" + strings.TrimSuffix(name, ".wasm") + ".elf"
}

// targetXML describes an i386 without vector registers. The system is none, so
// that gdb does not look for what Linux programs have.
var targetXML = func() string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">` +
		`<target><architecture>i386</architecture><osabi>none</osabi>` +
		`<feature name="org.gnu.gdb.i386.core">`)
	n := 0
	reg := func(name string, bits int, typ, group string) {
		if group != "" {
			group = fmt.Sprintf(` group="%s"`, group)
		}
		fmt.Fprintf(&b, `<reg name="%s" bitsize="%d" type="%s" regnum="%d"%s/>`, name, bits, typ, n, group)
		n++
	}
	for _, name := range strings.Fields("eax ecx edx ebx esp ebp esi edi eip eflags cs ss ds es fs gs") {
		switch name {
		case "esp", "ebp":
			reg(name, 32, "data_ptr", "")
		case "eip":
			reg(name, 32, "code_ptr", "")
		default:
			reg(name, 32, "int32", "")
		}
	}
	for i := range 8 {
		reg(fmt.Sprintf("st%d", i), 80, "i387_ext", "")
	}
	for _, name := range strings.Fields("fctrl fstat ftag fiseg fioff foseg fooff fop") {
		reg(name, 32, "int", "float")
	}
	b.WriteString(`</feature></target>`)
	return b.String()
}()

// memoryMap declares the whole address space as ram. Where nothing is mapped a
// read fails all the same; code as rom would make gdb use hardware breakpoints.
var memoryMap = fmt.Sprintf(`<?xml version="1.0"?>`+
	`<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/gdb/gdb-memory-map.dtd">`+
	`<memory-map><memory type="ram" start="0" length="0x%x"/></memory-map>`, gdbview.StackTop)

// monitorPacket answers qRcmd: a command of the user's in hexadecimal.
func (s *session) monitorPacket(arg string) {
	line, err := hex.DecodeString(arg)
	if err != nil {
		s.fail(errBad, "monitor command %q is not hexadecimal", arg)
		return
	}
	text := s.monitor(string(line))
	if text == "" {
		s.ok()
		return
	}
	// The rest would not fit in the packet.
	text = text[:min(len(text), packetSize/2)]
	s.out = appendHex(s.out, []byte(text))
}

package gdbstub_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"wrev/gdbstub"
	"wrev/gdbstub/rsp"
	"wrev/internal/gdbtest"
)

func frameOf(packet string) []byte { return rsp.AppendFrame(nil, []byte(packet)) }

func waitDone(t *testing.T, s *gdbtest.Server) {
	t.Helper()
	select {
	case err := <-s.Done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the server is still running")
	}
}

func monitor(command string) string { return "qRcmd," + hex.EncodeToString([]byte(command)) }

func TestOnce(t *testing.T) {
	for _, last := range []string{"D", "k", "hang up"} {
		t.Run(last, func(t *testing.T) {
			s := gdbtest.Start(t, testModule(t, "exit"), gdbstub.Options{Once: true})
			c := s.Dial(t)
			if got := c.Do("?"); !strings.HasPrefix(got, "T05") {
				t.Errorf("answer %q", got)
			}
			switch last {
			case "k":
				c.Send("k")
			case "hang up":
				c.Close()
			default:
				c.Do(last)
			}
			waitDone(t, s)
		})
	}
}

func TestMonitorExit(t *testing.T) {
	s := gdbtest.Start(t, testModule(t, "exit"), gdbstub.Options{})
	if got := s.Dial(t).Do(monitor("exit")); got != "OK" {
		t.Errorf("answer %q", got)
	}
	waitDone(t, s)
}

// TestInterrupt stops an endless run, forwards and backwards, by the byte that
// gdb sends for Ctrl-C.
func TestInterrupt(t *testing.T) {
	s := gdbtest.Start(t, testModule(t, "loop"), gdbstub.Options{})
	c := s.Dial(t)
	c.NoAck()

	// In one write, so that the interrupt is there before the run begins.
	c.Raw(string(frameOf("vCont;c")) + "\x03")
	for {
		got := c.Recv()
		if strings.HasPrefix(got, "T02") {
			break
		}
		if got[0] != 'O' {
			t.Fatalf("answer %q", got)
		}
	}
	// One that comes when nothing runs is for nothing that comes later.
	c.Raw("\x03")
	if got := c.Do("s"); !strings.HasPrefix(got, "T05") {
		t.Errorf("step after an interrupt: %q", got)
	}
	if got := c.Do("bs"); !strings.HasPrefix(got, "T05") {
		t.Errorf("step back after an interrupt: %q", got)
	}
	c.Do("vRun;")
	c.Send("c")
	if got := c.Recv(); got[0] != 'O' { // then it is running
		t.Fatalf("answer %q", got)
	}
	c.Raw("\x03")
	if got := c.Recv(); !strings.HasPrefix(got, "T02") {
		t.Errorf("interrupted run: %q", got)
	}
	c.Raw(string(frameOf("bc")) + "\x03")
	if got := c.Recv(); !strings.HasPrefix(got, "T02") && !strings.HasPrefix(got, "T05replaylog:begin") {
		t.Errorf("interrupted run backwards: %q", got)
	}
}

// TestHangUpWhileRunning leaves during an endless run.
func TestHangUpWhileRunning(t *testing.T) {
	s := gdbtest.Start(t, testModule(t, "loop"), gdbstub.Options{})
	c := s.Dial(t)
	c.Send("c")
	c.Close()
	if got := s.Dial(t).Do("?"); !strings.HasPrefix(got, "T02") {
		t.Errorf("the next debugger is told %q", got)
	}
}

// TestSecondDebuggerWaits connects while another one is served.
func TestSecondDebuggerWaits(t *testing.T) {
	s := gdbtest.Start(t, testModule(t, "exit"), gdbstub.Options{})
	first := s.Dial(t)
	first.Do("s")
	second := s.Dial(t)
	second.Send("?")
	for !strings.Contains(s.Log(), "waits until") {
		time.Sleep(time.Millisecond)
	}
	first.Do("D")
	if got := second.Recv(); !strings.HasPrefix(got, "T05") {
		t.Errorf("answer %q", got)
	}
}

// TestOutput shows what the program prints once.
func TestOutputShown(t *testing.T) {
	hi := "O" + hex.EncodeToString([]byte("hi\n"))
	both := "O" + hex.EncodeToString([]byte("hi\nhi\n"))
	end := "O" + hex.EncodeToString([]byte("wrev: the program ends here, with exit code 3\n"))
	s := gdbtest.Start(t, testModule(t, "exit"), gdbstub.Options{})
	c := s.Dial(t)
	c.NoAck()
	for _, step := range []struct{ packet, output string }{
		{"c", both},
		{"bc", ""},
		{"c", ""},
		{"vRun;", ""},
		{monitor("seek 76"), hi},
		{"c", hi},
		{monitor("seek start"), ""},
		{monitor("seek end"), ""},
	} {
		got := c.Do(step.packet)
		got = strings.TrimSuffix(strings.ReplaceAll(got+" ", end+" ", ""), " ")
		out, _, _ := strings.Cut(got, " ")
		if out == got {
			out = ""
		}
		if out != step.output {
			t.Errorf("%s: output %q, want %q", step.packet, out, step.output)
		}
	}
}

// TestMalformed checks that what cannot be a packet is answered or skipped.
func TestMalformed(t *testing.T) {
	s := gdbtest.Start(t, testModule(t, "exit"), gdbstub.Options{})
	c := s.Dial(t)
	c.NoAck()
	c.Raw("$g#00")
	if got := c.Recv(); got != "E01" {
		t.Errorf("wrong checksum: %q", got)
	}
	c.Raw("garbage\xff\x00}#$")
	c.Raw(string(frameOf("qC")))
	if got := c.Recv(); got != "QC1" {
		t.Errorf("after garbage: %q", got)
	}
	c.Raw(string(frameOf(strings.Repeat("x", 1<<18))))
	if got := c.Recv(); got != "E01" {
		t.Errorf("too long a packet: %q", got)
	}
}

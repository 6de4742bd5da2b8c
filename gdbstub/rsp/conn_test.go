package rsp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// stream is one side of a conversation: what the peer says is all there from
// the start, what is answered is kept.
type stream struct {
	io.Reader
	bytes.Buffer
}

func (s *stream) Read(p []byte) (int, error) { return s.Reader.Read(p) }

func newStream(in string) *stream { return &stream{Reader: strings.NewReader(in)} }

func frame(payload string) string { return string(AppendFrame(nil, []byte(payload))) }

// events reads until the stream ends and says what came, one word an event.
func events(c *Conn) ([]string, error) {
	var got []string
	for {
		ev, err := c.Next()
		if err != nil {
			return got, err
		}
		switch ev.Kind {
		case Packet:
			got = append(got, "packet:"+string(ev.Payload))
		case Interrupt:
			got = append(got, "interrupt")
		case Malformed:
			got = append(got, "malformed")
		}
	}
}

func TestNext(t *testing.T) {
	long := strings.Repeat("x", 33)
	for _, tt := range []struct {
		name, in string
		noAck    bool
		want     string // events, joined by a space
		sent     string
	}{
		{"packet", frame("g"), false, "packet:g", "+"},
		{"two", frame("g") + "+" + frame("?"), false, "packet:g packet:?", "++"},
		{"empty", "$#00", false, "packet:", "+"},
		{"upper case checksum", "$OK#9A", false, "packet:OK", "+"},
		{"garbage between", "foo" + frame("g") + "\x00#12bar" + frame("?"), false, "packet:g packet:?", "++"},
		{"interrupt", "\x03" + frame("g"), false, "interrupt packet:g", "+"},
		{"03 in a packet is data", "$\x03#03", false, "packet:\x03", "+"},
		{"bad checksum", "$g#00" + frame("g"), false, "packet:g", "-+"},
		{"checksum of no digits", "$g#zz" + frame("g"), false, "packet:g", "-+"},
		{"bad checksum without acks", "$g#00" + frame("g"), true, "malformed packet:g", ""},
		{"no acks", frame("g"), true, "packet:g", ""},
		{"packet inside a packet", "$vCon" + frame("g"), false, "packet:g", "+"},
		{"escaped payload is kept", frame("X}\x03"), false, "packet:X}\x03", "+"},
		{"too long", frame(long) + frame("g"), false, "malformed packet:g", "++"},
		{"at the limit", frame(long[:32]), false, "packet:" + long[:32], "+"},
		{"cut", "$abc", false, "", ""},
		{"cut in the checksum", "$abc#1", false, "", ""},
		{"nothing to send again", "--", false, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStream(tt.in)
			c := NewConn(s, 32)
			if tt.noAck {
				c.DisableAcks()
			}
			got, err := events(c)
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v, want EOF", err)
			}
			if g := strings.Join(got, " "); g != tt.want {
				t.Errorf("events %q, want %q", g, tt.want)
			}
			if s.String() != tt.sent {
				t.Errorf("sent %q, want %q", s.String(), tt.sent)
			}
		})
	}
}

func TestResend(t *testing.T) {
	s := newStream("-" + frame("g"))
	c := NewConn(s, 0)
	if err := c.Send([]byte("OK")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(); err != nil {
		t.Fatal(err)
	}
	if want := frame("OK") + frame("OK") + "+"; s.String() != want {
		t.Errorf("sent %q, want %q", s.String(), want)
	}

	c = NewConn(newStream(strings.Repeat("-", 100)), 0)
	if err := c.Send([]byte("OK")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("error %v, want that the peer refuses the packet", err)
	}
}

func TestSendInterrupt(t *testing.T) {
	s := newStream("")
	if err := NewConn(s, 0).SendInterrupt(); err != nil || s.String() != "\x03" {
		t.Errorf("sent %q, %v", s.String(), err)
	}
}

// FuzzNext checks that no bytes upset the reader, that limits hold, and that it
// finds a good packet after any garbage.
func FuzzNext(f *testing.F) {
	f.Add([]byte("+$g#67-$m0,4#00\x03"), false)
	f.Add([]byte("$a#$b#"), true)
	f.Fuzz(func(t *testing.T, in []byte, noAck bool) {
		// The last good packet needs a lead-in that ends whatever the
		// garbage has begun: a checksum, or a payload.
		s := newStream(string(in) + "##00" + frame("good"))
		c := NewConn(s, 16)
		if noAck {
			c.DisableAcks()
		}
		last := ""
		for {
			ev, err := c.Next()
			if err != nil {
				break
			}
			if len(ev.Payload) > 16 {
				t.Fatalf("payload of %d bytes over the limit", len(ev.Payload))
			}
			if ev.Kind == Packet {
				last = string(ev.Payload)
			}
		}
		if last != "good" {
			t.Fatalf("last packet %q after %q", last, in)
		}
	})
}

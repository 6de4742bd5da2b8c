package gdbstub_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"wrev/gdbstub"
	"wrev/gdbstub/rsp"
	"wrev/internal/gdbtest"
)

// oneConn is a listener to which one client connects.
type oneConn struct {
	conn   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func listenOnce(conn net.Conn) *oneConn {
	l := &oneConn{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conn <- conn
	return l
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "test", Net: "unix"} }

// FuzzSession sends a session packets of any content, one a line; what follows a
// '!' is sent as it is. The session must neither panic nor hang.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"QStartNoAckMode\nqSupported:error-message+\n?\ng\nvCont;c\nbc\nbs\nvCont;s:1\nvCont;re000002c,e0000031:1\nD",
		"Z0,e0000005,1\nc\nZ2,40,4\nc\nz2,40,4\nbc\nm0,ffffffff\nxd0000000,40\nmfffdff00,ff\np8",
		"vFile:open:2f777265762f70726f6772616d2e656c66,0,0\nvFile:pread:5,10,0\nvFile:fstat:5\nqXfer:features:read:target.xml:0,ff",
		"qRcmd,7365656b202d31\nqRcmd,7768656e\nqRcmd,65786974",
		"vRun;\nvKill;1\nR00\n!\nHg0\nT1\nX0,0:\nP8=0\nqfThreadInfo\nk",
		"X40,4:abcd\nMd0000000,4:00200000\nP8=020000e0\nc\nbs\nqRcmd,756e646f\nqRcmd,7265646f\nqRcmd,6272616e63686573\nqRcmd,6469666620302031",
		"Z0,e0000014,1\nc\nP5=70fffdff\nP8=140000e0\nP0=07000000\nX1fec,4:abcd\nP4=ec1f0000\nG00\nP10=00000000000000000000\nqRcmd,7377697463682030\nqRcmd,64726f702031",
		"!$vCont;c#00\x03\x03$g#67---+\n?",
	} {
		f.Add([]byte(seed))
	}
	wasm := testModule(f, "exit")
	f.Fuzz(func(t *testing.T, in []byte) {
		var stream []byte
		for line := range bytes.SplitSeq(in, []byte("\n")) {
			if raw, ok := bytes.CutPrefix(line, []byte("!")); ok {
				stream = append(stream, raw...)
			} else {
				stream = rsp.AppendFrame(stream, line)
			}
		}
		client, server := net.Pipe()
		done := make(chan error, 1)
		go func() {
			tl := gdbtest.Timeline(t, wasm, &gdbtest.Host{})
			done <- gdbstub.Serve(context.Background(), listenOnce(server), tl, gdbstub.Options{Once: true})
		}()
		go func() {
			// The session may end before it has read everything.
			client.Write(stream)
			client.Write(rsp.AppendFrame([]byte("#00"), []byte("k")))
			client.Write(rsp.AppendFrame(nil, []byte("k")))
		}()
		io.Copy(io.Discard, client)
		client.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

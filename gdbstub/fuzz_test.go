package gdbstub_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"wrev/gdbstub"
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

// FuzzSession sends a session any bytes. It must neither panic nor hang, and must
// still answer a good packet that comes after them.
func FuzzSession(f *testing.F) {
	frame := func(packets ...string) []byte {
		var b []byte
		for _, p := range packets {
			b = append(b, frameOf(p)...)
		}
		return b
	}
	f.Add(frame("QStartNoAckMode", "qSupported:error-message+", "?", "g", "vCont;c", "bc", "bs", "vCont;s:1", "D"))
	f.Add(frame("Z0,e0000005,1", "c", "Z2,40,4", "c", "z2,40,4", "bc", "m0,ffffffff", "xd0000000,40", "mfffdff00,ff"))
	f.Add(frame("vFile:open:2f777265762f70726f6772616d2e656c66,0,0", "vFile:pread:5,10,0", "qRcmd,7365656b202d31", "qXfer:features:read:target.xml:0,ff"))
	f.Add([]byte("$vCont;c#00\x03\x03$g#67---+"))
	wasm := testModule(f, "exit")
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 4096 {
			return
		}
		client, server := net.Pipe()
		ln := listenOnce(server)
		done := make(chan error, 1)
		go func() {
			done <- gdbstub.Serve(context.Background(), ln, gdbtest.Timeline(t, wasm, &gdbtest.Host{}), gdbstub.Options{Once: true})
		}()
		go func() {
			// The session may end before it has read everything.
			client.Write(append(in, "##00+"...))
			client.Write(frameOf("D"))
			client.Write(frameOf("k"))
		}()
		io.Copy(io.Discard, client)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

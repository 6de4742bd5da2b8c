package gdbstub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"wrev/checkpoint/recording"
	"wrev/gdbstub/gdbview"
	"wrev/gdbstub/rsp"
	"wrev/wasmvm"
)

// AtEnd says what happens when the program runs to the end of its history.
type AtEnd uint8

const (
	// AtEndStop stops before the last instruction, so that one can go back.
	// The exit is reported when the user goes on from there.
	AtEndStop AtEnd = iota
	// AtEndExit reports the exit at once, as gdbserver does.
	AtEndExit
)

// Options are the choices in how to serve. The zero value is a good one.
type Options struct {
	// Name is the program's name in the path that gdb is told. Default "program".
	Name string
	// Image is what gdbview.BuildELF made of the target's module, if it is
	// made already. Nil lets the server make it.
	Image *gdbview.Image
	// Once ends the server when the first debugger has left.
	Once bool
	// AtEnd is what happens at the end of history.
	AtEnd AtEnd
	// Output is fed by the replayer with what the program prints. Nil means
	// that the debugger's user does not see it.
	Output *Output
	// Answers is asked by the commands about calls that nobody has recorded.
	// Nil means that there is no choice.
	Answers Answers
	// Sources counts a branch's own host calls by the source of their answers.
	// It may be nil.
	Sources func(branch int) map[recording.Source]int
	// Log is told, one line a call, what the person running the server should
	// know. It is called from several goroutines.
	Log func(line string)
	// Trace is told every packet, for looking into the protocol: dir is "->"
	// for what the client sent and "<-" for answers. It is called from
	// several goroutines and must not keep packet.
	Trace func(dir string, packet []byte)
}

// server is what sessions share.
type server struct {
	target Target
	mod    *wasmvm.Module
	opt    Options
	view   *gdbview.View
	image  func() (*gdbview.Image, error)

	last   stopState // why the program is where it is
	exited bool      // set by "monitor exit"
}

// Serve answers debuggers that connect to ln, one at a time, until ctx ends, the
// first one has left (Options.Once) or one asked for the end of the server; then
// it closes ln and returns nil. The target stays at its position in between.
//
// A debugger that connects while another one is served waits.
func Serve(ctx context.Context, ln net.Listener, target Target, opt Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newServer(target, opt)
	go s.image() // it takes longer than a handshake

	conns, accepted := make(chan net.Conn), make(chan error, 1)
	var busy atomic.Bool
	go func() { accepted <- accept(ctx, ln, conns, &busy, s.log) }()
	stopAccepting := context.AfterFunc(ctx, func() { ln.Close() })
	defer stopAccepting()
	defer ln.Close()

	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-accepted:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("wait for a debugger on %s: %w", ln.Addr(), err)
		case conn := <-conns:
			busy.Store(true)
			s.serveConn(ctx, conn)
			busy.Store(false)
			if s.exited || opt.Once {
				return nil
			}
		}
	}
}

func newServer(target Target, opt Options) *server {
	if opt.Name == "" {
		opt.Name = "program"
	}
	s := &server{target: target, mod: target.Module(), opt: opt}
	s.image = sync.OnceValues(s.buildImage)
	s.view = gdbview.NewView(s.mod, target.Machine(), func(fn uint32) bool {
		img, err := s.image()
		return err == nil && img.AggregateReturn[fn]
	})
	s.last = stopState{signal: sigTrap}
	return s
}

func (s *server) buildImage() (*gdbview.Image, error) {
	img := s.opt.Image
	if img == nil {
		var err error
		if img, err = gdbview.BuildELF(s.mod); err != nil {
			s.log("no symbols for the debugger: %v", err)
			return nil, err
		}
	}
	for _, w := range img.Warnings {
		s.log("%s", w)
	}
	return img, nil
}

func (s *server) log(format string, args ...any) {
	if s.opt.Log != nil {
		s.opt.Log(fmt.Sprintf(format, args...))
	}
}

// serveConn runs one session.
func (s *server) serveConn(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Every packet waits for its answer: delaying small ones would
		// only delay everything.
		if err := tcp.SetNoDelay(true); err != nil {
			s.log("connection from %s: %v", conn.RemoteAddr(), err)
		}
	}
	closeConn := context.AfterFunc(ctx, func() { conn.Close() })
	defer closeConn()
	if err := newSession(s, rsp.NewConn(conn, packetSize)).run(); err != nil && ctx.Err() == nil {
		s.log("session with %s ended: %v", conn.RemoteAddr(), err)
	}
}

// accept hands connections to Serve. One that comes while another is served is
// held until it is its turn.
func accept(ctx context.Context, ln net.Listener, conns chan<- net.Conn, busy *atomic.Bool, log func(string, ...any)) error {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		if busy.Load() {
			log("%s waits until the debugger that is connected leaves", conn.RemoteAddr())
		}
		select {
		case conns <- conn:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), conn.Close())
		}
	}
}

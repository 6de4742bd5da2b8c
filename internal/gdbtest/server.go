package gdbtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"wrev/gdbstub"
	"wrev/gdbstub/rsp"
	"wrev/reverse"
	"wrev/wasmvm"
)

// stackSlots makes an endless recursion trap soon.
const stackSlots = 1 << 18

// Timeline returns the history of a module at its start.
func Timeline(t testing.TB, wasm []byte, host wasmvm.Host) *reverse.Timeline {
	t.Helper()
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasmvm.New(mod, wasmvm.Config{MaxMemoryPages: 1024, MaxStackSlots: stackSlots, Host: host})
	if err != nil {
		t.Fatal(err)
	}
	tl, err := reverse.New(m, reverse.Options{Book: NewBook()})
	if err != nil {
		t.Fatal(err)
	}
	return tl
}

// Server serves one target until the test ends.
type Server struct {
	Addr string     // HOST:PORT
	Done chan error // gets what Serve returned

	mu  sync.Mutex
	log bytes.Buffer
}

// Start serves a module on a free port, with the Host of this package.
func Start(t testing.TB, wasm []byte, opt gdbstub.Options) *Server {
	t.Helper()
	opt.Output = &gdbstub.Output{}
	return StartTarget(t, Timeline(t, wasm, &Host{Output: opt.Output.Write}), opt)
}

// StartTarget serves a target on a free port.
func StartTarget(t testing.TB, target gdbstub.Target, opt gdbstub.Options) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: ln.Addr().String(), Done: make(chan error, 1)}
	opt.Log = func(line string) { s.write("log " + line) }
	opt.Trace = func(dir string, packet []byte) { s.write(fmt.Sprintf("%s %.300q", dir, packet)) }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Done <- gdbstub.Serve(ctx, ln, target, opt)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return s
}

func (s *Server) write(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.WriteString(line + "\n")
}

// Log returns the packets and messages up to now, one a line.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// GDB runs the real gdb on the server: it connects, executes the commands and
// ends. It returns what gdb printed.
func (s *Server) GDB(t testing.TB, commands ...string) string {
	t.Helper()
	path, err := exec.LookPath("gdb")
	if err != nil {
		t.Fatal("gdb is not installed; run scripts/setup.sh test")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	args := []string{"-nx", "-batch"}
	for _, c := range append([]string{
		"set width 0", "set height 0", "set confirm off", "set style enabled off",
		"target extended-remote " + s.Addr,
	}, commands...) {
		args = append(args, "-ex", c)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBUGINFOD_URLS=")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil || cmd.ProcessState == nil {
		t.Fatalf("gdb: %v; it printed:\n%s\npackets:\n%s", err, out, s.Log())
	}
	return string(out)
}

// Client is a debugger that says what the test tells it to.
type Client struct {
	conn net.Conn
	rsp  *rsp.Conn
	t    testing.TB
}

// Dial connects a client, which hangs up when the test ends.
func (s *Server) Dial(t testing.TB) *Client {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{conn: conn, rsp: rsp.NewConn(conn, 1<<20), t: t}
	t.Cleanup(c.Close)
	return c
}

// Close hangs up.
func (c *Client) Close() { c.conn.Close() }

// Send sends a packet and waits for nothing.
func (c *Client) Send(packet string) {
	c.t.Helper()
	if err := c.rsp.Send([]byte(packet)); err != nil {
		c.t.Fatalf("send %q: %v", packet, err)
	}
}

// Raw sends bytes as they are.
func (c *Client) Raw(b string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(b)); err != nil {
		c.t.Fatalf("send %q: %v", b, err)
	}
}

// Recv waits for a packet.
func (c *Client) Recv() string {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		c.t.Fatal(err)
	}
	ev, err := c.rsp.Next()
	if err != nil {
		c.t.Fatalf("waiting for an answer: %v", err)
	}
	return string(ev.Payload)
}

// Do sends a packet and returns the answers to it: console output, if the program
// ran, and the answer proper, parted by spaces.
func (c *Client) Do(packet string) string {
	c.t.Helper()
	c.Send(packet)
	var got []string
	for {
		p := c.Recv()
		got = append(got, p)
		if len(p) < 2 || p[0] != 'O' || p == "OK" {
			return strings.Join(got, " ")
		}
	}
}

// NoAck ends acknowledgements.
func (c *Client) NoAck() {
	c.t.Helper()
	if got := c.Do("QStartNoAckMode"); got != "OK" {
		c.t.Fatalf("QStartNoAckMode: %q", got)
	}
	c.rsp.DisableAcks()
}

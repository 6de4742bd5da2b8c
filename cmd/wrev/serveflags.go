package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"wrev/gdbstub"
	"wrev/wasmvm/host/answers"
)

// defaultServe is gdbserver's customary port, on this machine only: whoever can
// connect can read all that the program knew.
const defaultServe = "127.0.0.1:1234"

// serveFlags are the flags of every command that serves a debugger.
type serveFlags struct {
	addr     string
	portFile string
	once     bool
	atEnd    string
	gdb      bool
	memory   byteSize
	packets  bool

	branchAnswers string
	noCache       bool // of replay alone
	set           *pflag.FlagSet
}

func addServeFlags(fs *pflag.FlagSet) *serveFlags {
	f := &serveFlags{memory: 512 << 20, set: fs}
	fs.StringVar(&f.addr, "serve", defaultServe, "listen on `ADDR`: HOST:PORT (port 0 picks one) or unix:PATH")
	fs.StringVar(&f.portFile, "port-file", "", "write the port to `FILE` once listening")
	fs.BoolVar(&f.once, "once", false, "end after the first session")
	fs.StringVar(&f.atEnd, "at-end", "stop", "at the end of history `stop|exit`: stop there so that one can go back, or report the exit at once")
	fs.BoolVar(&f.gdb, "gdb", false, "start gdb here, connected; what follows -- goes to it")
	fs.Var(&f.memory, "checkpoint-memory", "memory for checkpoints, e.g. 200M or 2G")
	fs.BoolVar(&f.packets, "packets", false, "print every packet of the debugger's protocol on stderr")
	fs.StringVar(&f.branchAnswers, "branch-answers", answers.Default, "who answers host calls that nobody recorded, a `LIST` in order: matched, tape, sandbox, synthetic, live, errno NAME, eof, ask")
	return f
}

func (f *serveFlags) check() error {
	if f.atEnd != "stop" && f.atEnd != "exit" {
		return usagef("--at-end %s: must be stop or exit", f.atEnd)
	}
	return nil
}

func (f *serveFlags) atEndMode() gdbstub.AtEnd {
	if f.atEnd == "exit" {
		return gdbstub.AtEndExit
	}
	return gdbstub.AtEndStop
}

// listen opens the address. When wrev starts the debugger itself and no address
// was asked for, any free port will do.
func (f *serveFlags) listen() (net.Listener, error) {
	addr := f.addr
	if f.gdb && !f.set.Changed("serve") {
		addr = "127.0.0.1:0"
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return listenUnix(path)
	}
	if _, port, err := net.SplitHostPort(addr); err != nil {
		return nil, usagef("--serve %s: the form is HOST:PORT or unix:PATH", addr)
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, usagef("--serve %s: the port must be a number from 0 to 65535", addr)
	}
	ln, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use, perhaps by another wrev; choose another with --serve HOST:PORT, or --serve 127.0.0.1:0 for any free port", addr)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	return ln, nil
}

// listenUnix replaces a socket that a killed server left behind, and nothing else.
func listenUnix(path string) (net.Listener, error) {
	if path == "" {
		return nil, usagef("--serve unix: no path given; the form is unix:PATH")
	}
	ln, err := net.Listen("unix", path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		if err != nil {
			return nil, fmt.Errorf("cannot listen on unix:%s: %w", path, err)
		}
		return ln, nil
	}
	if info, statErr := os.Lstat(path); statErr != nil || info.Mode()&fs.ModeSocket == 0 {
		return nil, fmt.Errorf("cannot listen on unix:%s: a file of that name exists and is not a socket; choose another path", path)
	}
	if conn, dialErr := net.Dial("unix", path); dialErr == nil {
		conn.Close()
		return nil, fmt.Errorf("unix:%s is in use by another server; choose another path", path)
	}
	if err := os.Remove(path); err != nil {
		return nil, fmt.Errorf("cannot replace the dead socket %s: %w", path, err)
	}
	ln, err = net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on unix:%s: %w", path, err)
	}
	return ln, nil
}

// writePortFile tells a script where wrev listens. The file appears whole, so
// that the script may wait for its existence.
func writePortFile(path string, addr net.Addr) error {
	if path == "" {
		return nil
	}
	text := addr.String()
	if tcp, ok := addr.(*net.TCPAddr); ok {
		text = strconv.Itoa(tcp.Port)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".wrev-port-*")
	if err != nil {
		return fmt.Errorf("--port-file: %w", err)
	}
	_, err = fmt.Fprintln(tmp, text)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("--port-file: %w", err)
	}
	return nil
}

// byteSize is a flag such as 512M. Units are powers of 1024.
type byteSize int64

func (b *byteSize) Type() string { return "SIZE" }

func (b *byteSize) String() string {
	switch v := int64(*b); {
	case v == 0:
		return "0"
	case v%(1<<30) == 0:
		return fmt.Sprintf("%dG", v>>30)
	case v%(1<<20) == 0:
		return fmt.Sprintf("%dM", v>>20)
	case v%(1<<10) == 0:
		return fmt.Sprintf("%dK", v>>10)
	default:
		return fmt.Sprint(v)
	}
}

func (b *byteSize) Set(text string) error {
	digits := strings.TrimRight(strings.ToUpper(text), "IB")
	shift := 0
	if i := strings.IndexAny(digits, "KMGT"); i >= 0 && i == len(digits)-1 {
		shift = 10 * (1 + strings.IndexByte("KMGT", digits[i]))
		digits = digits[:i]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		return fmt.Errorf("%q is not a size; write for example 200M or 2G", text)
	}
	*b = byteSize(n << shift)
	return nil
}

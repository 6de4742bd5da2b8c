package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"

	"wrev/gdbstub"
	"wrev/gdbstub/gdbview"
)

// underGDB starts gdb on the terminal, connected, and serves it until it ends;
// the exit code is gdb's.
func (r *replay) underGDB(s stdio, ln net.Listener, args []string) (int, error) {
	program, err := findGDB()
	if err != nil {
		return 0, err
	}
	elf, cleanUp, err := r.writeELF()
	if err != nil {
		return 0, err
	}
	defer cleanUp()

	// Ctrl-C on the terminal is for gdb, which passes it on over the protocol.
	// Caught rather than ignored, because gdb would inherit ignoring it.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- gdbstub.Serve(ctx, ln, r.timeline, r.options) }()

	gdb := exec.Command(program, append([]string{"-q", elf, "-ex", "target extended-remote " + ln.Addr().String()}, args...)...)
	gdb.Stdin, gdb.Stdout, gdb.Stderr = s.in, s.out, s.err
	runErr := gdb.Run()
	cancel()
	if err := <-served; err != nil {
		return 0, err
	}
	var exit *exec.ExitError
	switch {
	case runErr == nil:
		return exitOK, nil
	case errors.As(runErr, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	}
	return 0, fmt.Errorf("%s: %w", program, runErr)
}

// findGDB looks for a gdb that knows i386, which is what it is shown. On other
// processors the ordinary gdb often knows only its own.
func findGDB() (string, error) {
	names := []string{"gdb", "gdb-multiarch"}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "386" {
		names = []string{"gdb-multiarch", "gdb"}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no gdb found on PATH; install it (Debian: apt install gdb), or leave out --gdb and connect from elsewhere")
}

// writeELF puts the symbol file where gdb finds it faster than over the
// connection. The server tells of what is wrong with the debug info.
func (r *replay) writeELF() (path string, cleanUp func(), err error) {
	image, err := gdbview.BuildELF(r.module)
	if err != nil {
		return "", nil, fmt.Errorf("make the symbol file: %w", err)
	}
	r.options.Image = image
	dir, err := os.MkdirTemp("", "wrev-")
	if err != nil {
		return "", nil, fmt.Errorf("write the symbol file: %w", err)
	}
	cleanUp = func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, r.options.Name+".elf")
	if err := os.WriteFile(path, image.ELF, 0o600); err != nil {
		cleanUp()
		return "", nil, fmt.Errorf("write the symbol file: %w", err)
	}
	return path, cleanUp, nil
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Exit codes. Scripts depend on them; docs/cli.md lists them.
const (
	exitOK      = 0
	exitFailure = 1   // wrev could not do what it was asked to
	exitUsage   = 2   // the command line made no sense
	exitTrap    = 134 // the recorded program trapped: 128 + SIGABRT, as a shell shows an aborted native program
	exitIntr    = 130 // Ctrl-C ended the recorded program: 128 + SIGINT
)

// stdio is where a command reads and writes; tests replace it.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	progress *progressLine // on err
}

// logf prints one line of wrev's own on stderr.
func (s stdio) logf(format string, args ...any) {
	fmt.Fprintf(s.progress.writer(s.err), "wrev: "+format+"\n", args...)
}

// command is one subcommand. run gets the arguments behind the command's name
// and returns the exit code of the process; an error is printed by the caller.
type command struct {
	name    string
	args    string // what follows the name in the usage line
	summary string // one line, for the list of commands
	run     func(s stdio, args []string) (int, error)
}

func commands() []command {
	return []command{
		{"record", "[-o REC] [run flags] APP.wasm [ARG...]", "run a program at full speed and record it", runRecord},
		{"replay", "[serve flags] REC [-- GDB-ARG...]", "serve a recording to a debugger, forwards and backwards", runReplay},
		{"debug", "[-o REC] [run flags] [serve flags] APP.wasm [ARG...] [-- GDB-ARG...]", "run a program live under a debugger, recording as it goes", runDebug},
		{"symbols", "[-o APP.elf] APP.wasm|REC", "write the ELF file that gdb loads", runSymbols},
		{"info", "REC", "say what a recording holds", runInfo},
		{"events", "[--json] [--branch N] REC", "list the host calls of a recording", runEvents},
		{"verify", "REC", "replay a whole recording and check every host call", runVerify},
	}
}

// usageError is a command line that makes no sense: exit code 2.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

func main() {
	os.Exit(run(stdio{os.Stdin, os.Stdout, os.Stderr, newProgress(os.Stderr)}, os.Args[1:]))
}

// run is main without the process around it.
func run(s stdio, args []string) int {
	args, err := rootFlags(s, args)
	if err == nil && args == nil {
		return exitOK // help or version was asked for, and printed
	}
	var code int
	if err == nil {
		code, err = dispatch(s, args)
	}
	return finish(s, code, err)
}

// finish prints an error as the one line that the user sees and chooses the exit code.
func finish(s stdio, code int, err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return code
	case errors.Is(err, pflag.ErrHelp):
		return exitOK // the flag set has printed its help
	case errors.As(err, &usage):
		s.logf("%v", err)
		return exitUsage
	default:
		s.logf("%v", err)
		return exitFailure
	}
}

// rootFlags takes what stands before the subcommand. lldb's wasm platform puts
// --debug-port=N there when it starts a runtime.
func rootFlags(s stdio, args []string) ([]string, error) {
	fs := newFlagSet(s, "wrev", "")
	fs.SetInterspersed(false)
	port := fs.String("debug-port", "", "port on which lldb's wasm platform waits for the runtime")
	version := fs.Bool("version", false, "print the version and exit")
	fs.Usage = func() { printUsage(s.out) }
	if err := parse(fs, args); err != nil {
		return nil, err
	}
	if *port != "" {
		if n, err := strconv.ParseUint(*port, 10, 16); err != nil || n == 0 {
			return nil, usagef("--debug-port=%s: not a port number; give one from 1 to 65535", *port)
		}
		return nil, errors.New("--debug-port: this version does not serve lldb's wasm platform yet; run `wrev debug APP.wasm` and connect gdb to it")
	}
	if *version {
		fmt.Fprintln(s.out, "wrev "+wrevVersion())
		return nil, nil
	}
	if fs.NArg() == 0 {
		printUsage(s.err)
		return nil, usagef("no command given; start with `wrev record APP.wasm`")
	}
	return fs.Args(), nil
}

func dispatch(s stdio, args []string) (int, error) {
	name, rest := args[0], args[1:]
	for _, c := range commands() {
		if c.name == name {
			return c.run(s, rest)
		}
	}
	switch {
	case name == "help":
		return exitOK, help(s, rest)
	case strings.HasSuffix(name, ".wasm"):
		return 0, usagef("%s is a program, not a command; record it with `wrev record %s`", name, name)
	case strings.HasSuffix(name, ".wrev"):
		return 0, usagef("%s is a recording, not a command; open it with `wrev replay %s`", name, name)
	}
	return 0, usagef("unknown command %q; `wrev help` lists the commands", name)
}

func help(s stdio, args []string) error {
	if len(args) == 0 {
		printUsage(s.out)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			_, err := c.run(s, []string{"--help"})
			return err
		}
	}
	return usagef("unknown command %q; `wrev help` lists the commands", args[0])
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, `wrev records a WebAssembly program once and replays it under stock gdb,
forwards and backwards.

usage: wrev COMMAND [FLAGS] ...

`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n           wrev %s %s\n", c.name, c.summary, c.name, c.args)
	}
	fmt.Fprint(w, `
`+"`wrev help COMMAND`"+` tells a command's flags. A first try:

  wrev record app.wasm        # the program runs, app.wrev is written
  wrev replay --gdb app.wrev  # gdb opens; reverse-continue, reverse-step, ...
`)
}

// newFlagSet makes the flag set of a command, with its help on stdout.
func newFlagSet(s stdio, name, args string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetOutput(s.out)
	fs.Usage = func() {
		fmt.Fprintf(s.out, "usage: wrev %s %s\n", name, args)
		if flags := fs.FlagUsages(); flags != "" {
			fmt.Fprintf(s.out, "\nflags:\n%s", flags)
		}
	}
	return fs
}

// parse makes a flag error a usage error that names the way to the help text.
func parse(fs *pflag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return err
	}
	hint := "wrev help " + fs.Name()
	if fs.Name() == "wrev" {
		hint = "wrev help"
	}
	return usagef("%v; see `%s`", err, hint)
}

// oneFile returns the single positional argument of a command.
func oneFile(fs *pflag.FlagSet, what string) (string, error) {
	switch fs.NArg() {
	case 1:
		return fs.Arg(0), nil
	case 0:
		return "", usagef("%s: no %s given; see `wrev help %s`", fs.Name(), what, fs.Name())
	}
	return "", usagef("%s: takes one %s, got %d arguments: %s", fs.Name(), what, fs.NArg(), strings.Join(fs.Args(), " "))
}

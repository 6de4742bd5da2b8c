package host

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental/sock"
	"github.com/tetratelabs/wazero/experimental/sysfs"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// MaxMemoryPages is the largest linear memory, in pages of 64 KiB: 4 GiB.
const MaxMemoryPages = 65536

// Options say what a program is run with. The zero value gives it nothing: no
// arguments, an empty stdin and a place to throw its output away.
type Options struct {
	Args       []string          // without the program's name, which comes first
	Env        []string          // KEY=VALUE; of several with one key, the last counts
	EnvInherit bool              // before Env, everything in the environment of this process
	Mounts     []recording.Mount // directories that the program can reach
	Listen     []string          // HOST:PORT; each is a listening socket that the program finds open

	// MaxMemoryPages limits linear memory, in pages of 64 KiB. 0 is the limit of
	// WebAssembly, 65536.
	MaxMemoryPages uint32

	Stdin          io.Reader // nil is empty
	Stdout, Stderr io.Writer // nil is nowhere

	// Warn is told what the user should know although nothing failed. May be
	// nil.
	Warn func(text string)

	// Ready is called when the program is about to run, just before the recording
	// is created. An error ends Record. May be nil.
	Ready func() error

	// Trapped is told wazero's account of a program that did not end by itself:
	// what happened, and the call stack, on several lines. May be nil.
	Trapped func(text string)

	// WrevVersion goes into the recording.
	WrevVersion string

	// For tests: where random bytes come from, and compiled code is kept.
	random io.Reader
	cache  wazero.CompilationCache
}

// ParseMount parses HOST[:GUEST][:ro]. Without GUEST, the program sees the
// directory under the path it has on the host.
func ParseMount(s string) (recording.Mount, error) {
	rest, readOnly := strings.CutSuffix(s, ":ro")
	m := recording.Mount{Host: rest, Guest: rest, ReadOnly: readOnly}
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		m.Host, m.Guest = rest[:i], rest[i+1:]
	}
	if m.Host == "" || m.Guest == "" {
		return m, problemf(ErrOption, "mount %q: want HOST[:GUEST][:ro]", s)
	}
	return m, nil
}

// environ returns the environment as KEY=VALUE without repeated keys.
func (o *Options) environ() ([]string, error) {
	var inherited []string
	if o.EnvInherit {
		inherited = os.Environ()
	}
	env := make([]string, 0, len(inherited)+len(o.Env))
	at := make(map[string]int, cap(env))
	for i, e := range append(inherited, o.Env...) {
		key, _, ok := strings.Cut(e, "=")
		if !ok || key == "" || strings.ContainsRune(e, 0) {
			if i < len(inherited) {
				continue // nothing the user wrote here
			}
			return nil, problemf(ErrOption, "environment variable %q: want KEY=VALUE", e)
		}
		if i, seen := at[key]; seen {
			env[i] = e
			continue
		}
		at[key] = len(env)
		env = append(env, e)
	}
	return env, nil
}

// filesystem checks the mounts and gives them to wazero.
func (o *Options) filesystem() (wazero.FSConfig, error) {
	config := wazero.NewFSConfig()
	for _, m := range o.Mounts {
		host, err := filepath.Abs(m.Host)
		if err != nil {
			return nil, problemf(ErrOption, "mount %q: %w", m.Host, err)
		}
		switch info, err := os.Stat(host); {
		case errors.Is(err, os.ErrNotExist):
			return nil, problemf(ErrOption, "mount %q: there is no such directory; create it or correct the path (%w)", m.Host, err)
		case err != nil:
			return nil, problemf(ErrOption, "mount %q: %w", m.Host, err)
		case !info.IsDir():
			return nil, problemf(ErrOption, "mount %q: not a directory; mount the directory it is in", m.Host)
		}
		root := sysfs.DirFS(host)
		if m.ReadOnly {
			root = &sysfs.ReadFS{FS: root}
		}
		config = config.(sysfs.FSConfig).WithSysFSMount(root, m.Guest)
	}
	return config, nil
}

// sockets checks the addresses to listen on and gives them to wazero.
func (o *Options) sockets() (sock.Config, error) {
	config := sock.NewConfig()
	for _, addr := range o.Listen {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, problemf(ErrOption, "listen address %q: want HOST:PORT", addr)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, problemf(ErrOption, "listen address %q: the port must be a number from 0 to 65535", addr)
		}
		if strings.Contains(host, ":") {
			host = "[" + host + "]" // wazero joins with a colon
		}
		config = config.WithTCPListener(host, int(number))
	}
	return config, nil
}

// setup is what the options come to for one program.
type setup struct {
	args, env []string
	module    wazero.ModuleConfig
	sockets   sock.Config
	pages     uint32
	cache     wazero.CompilationCache
}

func (o *Options) setup(name string) (*setup, error) {
	s := &setup{args: append([]string{name}, o.Args...), pages: o.MaxMemoryPages, cache: o.cache}
	if s.pages == 0 {
		s.pages = MaxMemoryPages
	}
	if s.pages > MaxMemoryPages {
		return nil, problemf(ErrOption, "memory limit of %d pages: there can be at most %d (4 GiB)", s.pages, MaxMemoryPages)
	}
	for _, a := range s.args {
		if strings.ContainsRune(a, 0) {
			return nil, problemf(ErrOption, "argument %q contains a NUL byte, which a program cannot receive", a)
		}
	}
	var err error
	if s.env, err = o.environ(); err != nil {
		return nil, err
	}
	files, err := o.filesystem()
	if err != nil {
		return nil, err
	}
	if s.sockets, err = o.sockets(); err != nil {
		return nil, err
	}
	s.module = o.moduleConfig(s, files)
	return s, nil
}

// moduleConfig wires up what `wazero run` does.
func (o *Options) moduleConfig(s *setup, files wazero.FSConfig) wazero.ModuleConfig {
	c := wazero.NewModuleConfig().
		WithName("").
		WithStdout(o.Stdout).
		WithStderr(o.Stderr).
		WithFSConfig(files).
		WithSysNanosleep().
		WithSysNanotime().
		WithSysWalltime().
		WithStartFunctions(). // Record calls _start itself
		WithArgs(s.args...)
	switch in := o.Stdin.(type) {
	case nil:
	case *os.File:
		c = c.WithStdin(in)
	default:
		c = c.WithStdin(newPoliteReader(in))
	}
	if o.random != nil {
		c = c.WithRandSource(o.random)
	} else {
		c = c.WithRandSource(rand.Reader)
	}
	for _, e := range s.env {
		key, value, _ := strings.Cut(e, "=")
		c = c.WithEnv(key, value)
	}
	return c
}

// sizes returns what args_get and environ_get will write.
func (s *setup) sizes() wasi.Sizes { return wasi.SizesOf(s.args, s.env) }

// meta describes the run for the recording.
func (o *Options) meta(name string, s *setup) recording.Meta {
	return recording.Meta{
		ModuleName:     name,
		Args:           s.args,
		Env:            s.env,
		Mounts:         o.Mounts,
		Listen:         o.Listen,
		MaxMemoryPages: s.pages,
		GOARCH:         runtime.GOARCH,
		WazeroVersion:  wazeroVersion(),
		WrevVersion:    o.WrevVersion,
		Start:          time.Now(),
	}
}

func (o *Options) warnf(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

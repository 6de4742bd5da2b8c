package main

import (
	"strings"

	"github.com/spf13/pflag"

	"wrev/wasmvm/host"
)

// runFlags are the flags of every command that runs a program, named as
// `wazero run` names its own.
type runFlags struct {
	mounts     []string
	env        []string
	envInherit bool
	listen     []string
	maxPages   uint32
}

func addRunFlags(fs *pflag.FlagSet) *runFlags {
	f := &runFlags{}
	fs.StringArrayVar(&f.mounts, "mount", nil, "show a folder to the program: `HOST[:GUEST][:ro]` (repeatable)")
	fs.StringArrayVar(&f.env, "env", nil, "set an environment variable of the program: `K=V` (repeatable)")
	fs.BoolVar(&f.envInherit, "env-inherit", false, "give the program this environment, --env added")
	fs.StringArrayVar(&f.listen, "listen", nil, "give the program a listening TCP socket: `HOST:PORT` (repeatable)")
	fs.Uint32Var(&f.maxPages, "max-memory-pages", host.MaxMemoryPages, "limit of linear memory in pages of 64 KiB")
	return f
}

// options says to the recorder what the flags said; host checks the values.
func (f *runFlags) options(s stdio, args []string) (host.Options, error) {
	o := host.Options{
		Args:           args,
		Env:            f.env,
		EnvInherit:     f.envInherit,
		Listen:         f.listen,
		MaxMemoryPages: f.maxPages,
		Stdin:          s.in,
		Stdout:         s.out,
		Stderr:         s.err,
		Warn:           func(text string) { s.logf("warning: %s", text) },
		Trapped:        func(text string) { s.logf("%s", accountOf(text)) },
		WrevVersion:    wrevVersion(),
	}
	for _, arg := range f.mounts {
		m, err := host.ParseMount(arg)
		if err != nil {
			return o, err
		}
		o.Mounts = append(o.Mounts, m)
	}
	return o, nil
}

// accountOf makes wazero's account of a trap lines of wrev's own.
func accountOf(text string) string {
	text = strings.TrimPrefix(strings.TrimSpace(text), "wasm error: ")
	text = strings.Replace(text, "\nwasm stack trace:", ", in", 1)
	return "the program trapped: " + strings.ReplaceAll(text, "\n\t", "\nwrev:   ")
}

package host

import (
	"wrev/wasmvm"
	"wrev/wasmvm/host/live"
)

// live is the same for calls that a machine of ours makes.
func (s *setup) live(mod *wasmvm.Module) live.Config {
	return live.Config{
		Args:     s.args,
		Env:      s.env,
		Module:   s.module,
		Sockets:  s.sockets,
		NoMemory: len(mod.Memories) == 0,
	}
}

package answers

import (
	"encoding/binary"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/fds"
)

// known answers what follows from the recording and the calls so far, so that
// nobody needs to be asked: arguments, environment, what a descriptor is. handled
// is false for all other calls.
func (r *request) known() (c recording.HostCall, handled bool) {
	meta := r.Log.Meta()
	switch r.Fn.Name {
	case "proc_exit":
		return recording.HostCall{Import: r.Import, Args: r.errno(0).Args, NoReturn: true}, true
	case "proc_raise":
		return r.errno(errnoNosys), true // as wazero
	case "sched_yield":
		return r.errno(errnoOK), true
	case "args_sizes_get":
		return r.sizes(meta.Args), true
	case "args_get":
		return r.strings(meta.Args), true
	case "environ_sizes_get":
		return r.sizes(meta.Env), true
	case "environ_get":
		return r.strings(meta.Env), true
	case "clock_res_get":
		return r.resolution(), true
	}
	if !r.hasFD {
		return c, false
	}
	if !r.open {
		return r.errno(errnoBadf), true
	}
	return r.knownDescriptor()
}

// knownDescriptor answers what follows from what an open descriptor is.
func (r *request) knownDescriptor() (c recording.HostCall, handled bool) {
	socket := r.desc.Kind == fds.Socket
	switch r.Fn.Name {
	case "fd_prestat_get":
		if r.desc.Kind != fds.Preopened {
			return r.errno(errnoBadf), true
		}
		return r.ok(put{1, append(le32(0), le32(uint32(len(r.desc.Name)))...)}), true
	case "fd_prestat_dir_name":
		return r.dirName(), true
	case "fd_fdstat_get":
		return r.ok(put{1, r.stat()}), true
	case "fd_fdstat_set_rights":
		return r.errno(errnoNosys), true
	case "sock_recv", "sock_send", "sock_shutdown":
		return r.errno(errnoBadf), !socket
	case "sock_accept":
		return r.errno(errnoBadf), r.desc.Kind != fds.Listener
	case "fd_close":
		return r.errno(errnoOK), true
	case "fd_renumber":
		return r.renumber()
	case "fd_tell":
		if r.desc.Kind == fds.File && !r.desc.Unsure {
			return r.ok(put{1, le64(r.desc.Offset)}), true
		}
	case "fd_seek":
		return r.seek()
	case "fd_fdstat_set_flags":
		return r.errno(errnoOK), socket || r.desc.Kind == fds.Listener || r.desc.Kind.Standard()
	}
	return c, false
}

func (r *request) sizes(list []string) recording.HostCall {
	size := 0
	for _, s := range list {
		size += len(s) + 1
	}
	return r.ok(put{0, le32(uint32(len(list)))}, put{1, le32(uint32(size))})
}

// strings is the answer of args_get and environ_get: the strings, each with a NUL,
// and where each begins.
func (r *request) strings(list []string) recording.HostCall {
	var pointers, text []byte
	for _, s := range list {
		pointers = append(pointers, le32(uint32(r.Args[1])+uint32(len(text)))...)
		text = append(append(text, s...), 0)
	}
	return r.ok(put{0, pointers}, put{1, text})
}

// resolution is what wazero says on the systems that wrev knows: a microsecond
// for the time of day, a nanosecond for the monotonic clock.
func (r *request) resolution() recording.HostCall {
	switch uint32(r.Args[0]) {
	case clockRealtime:
		return r.ok(put{1, le64(1000)})
	case clockMonotonic:
		return r.ok(put{1, le64(1)})
	}
	return r.errno(errnoInval)
}

// Clocks that wazero has.
const (
	clockRealtime  = 0
	clockMonotonic = 1
)

func (r *request) dirName() recording.HostCall {
	const errnoNametoolong = 37
	size := uint64(uint32(r.Args[2]))
	switch {
	case r.desc.Kind != fds.Preopened:
		return r.errno(errnoBadf)
	case size > uint64(len(r.desc.Name)):
		return r.errno(errnoNametoolong) // as wazero: the buffer must have the very size
	}
	return r.ok(put{1, []byte(r.desc.Name[:size])})
}

// stat is what the host said last about the descriptor, or would have said.
func (r *request) stat() []byte {
	if r.desc.Stat != nil {
		return r.desc.Stat
	}
	// Types and rights as in the specification, rights as wazero grants them.
	const (
		typeCharacter, typeDirectory, typeFile, typeStream = 2, 3, 4, 6

		rightsFile      = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<21 | 1<<22 | 1<<23 | 1<<27
		rightsCharacter = rightsFile &^ (1<<2 | 1<<5)
		rightsDirectory = 1<<0 | 1<<3 | 1<<4 | 1<<9 | 1<<10 | 1<<11 | 1<<12 | 1<<13 | 1<<14 | 1<<15 | 1<<16 | 1<<17 | 1<<18 |
			1<<19 | 1<<20 | 1<<21 | 1<<23 | 1<<24 | 1<<25 | 1<<26
	)
	kind, base, inherit := byte(typeCharacter), uint64(rightsCharacter), uint64(0)
	switch r.desc.Kind {
	case fds.Preopened, fds.Dir:
		kind, base, inherit = typeDirectory, rightsDirectory, rightsFile|rightsDirectory
	case fds.File:
		kind, base = typeFile, rightsFile
	case fds.Socket, fds.Listener:
		kind, base = typeStream, rightsFile
	}
	b := make([]byte, 24)
	b[0] = kind
	binary.LittleEndian.PutUint16(b[2:], uint16(r.desc.Flags)&(fds.FlagAppend|fds.FlagNonblock))
	binary.LittleEndian.PutUint64(b[8:], base)
	binary.LittleEndian.PutUint64(b[16:], inherit)
	return b
}

func (r *request) renumber() (c recording.HostCall, handled bool) {
	to, open := r.account.table.Get(uint32(r.Args[1]))
	if r.desc.Origin.Branch == fds.AtStart || open && to.Origin.Branch == fds.AtStart {
		return r.errno(errnoNotsup), true // as wazero, for preopened ones
	}
	return r.errno(errnoOK), true
}

// seek is known but for the end of a file.
func (r *request) seek() (c recording.HostCall, handled bool) {
	const whenceSet, whenceCurrent = 0, 1
	const errnoSpipe = 70
	if r.desc.Kind != fds.File {
		// As wazero says it, and C libraries expect it of what is no file.
		return r.errno(errnoSpipe), !r.desc.Kind.InFiles()
	}
	offset := int64(r.Args[1])
	switch uint32(r.Args[2]) {
	case whenceSet:
	case whenceCurrent:
		if r.desc.Unsure {
			return c, false
		}
		offset += int64(r.desc.Offset)
	default:
		return c, false
	}
	if offset < 0 {
		return r.errno(errnoInval), true
	}
	return r.ok(put{3, le64(uint64(offset))}), true
}

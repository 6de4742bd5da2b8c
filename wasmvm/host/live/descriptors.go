package live

import (
	"fmt"

	"wrev/wasmvm/wasi"
)

// Functions that are treated specially.
var (
	fdRead, _     = wasi.Lookup("fd_read")
	fdWrite, _    = wasi.Lookup("fd_write")
	fdClose, _    = wasi.Lookup("fd_close")
	fdRenumber, _ = wasi.Lookup("fd_renumber")
	fdSeek, _     = wasi.Lookup("fd_seek")
	fdStat, _     = wasi.Lookup("fd_fdstat_get")
	pathOpen, _   = wasi.Lookup("path_open") // of a named pipe
	pollOneoff, _ = wasi.Lookup("poll_oneoff")
	sockAccept, _ = wasi.Lookup("sock_accept")
	sockRecv, _   = wasi.Lookup("sock_recv")
	sockSend, _   = wasi.Lookup("sock_send")
)

// maxKinds is how many descriptors are remembered. Of others it is asked each time.
const maxKinds = 1024

// descriptorKinds remembers which descriptors are regular files: these never keep
// a call waiting, and handing a call to another goroutine costs more than most
// calls do.
type descriptorKinds struct {
	known [maxKinds]descriptorKind
}

type descriptorKind uint8

const (
	kindUnknown descriptorKind = iota
	kindRegular
	kindOther
)

// after forgets what a call changed.
func (k *descriptorKinds) after(fn *wasi.Func, args []uint64) {
	switch fn {
	case fdRenumber:
		k.forget(args[1])
		k.forget(args[0])
	case fdClose:
		k.forget(args[0])
	}
}

func (k *descriptorKinds) forget(fd uint64) {
	if fd < maxKinds {
		k.known[fd] = kindUnknown
	}
}

// mayWait reports whether a call may take as long as it likes. It uses the shadow.
func (i *Instance) mayWait(fn *wasi.Func, args []uint64) bool {
	switch fn {
	case fdRead, fdWrite:
		return i.kind(args[0]) != kindRegular
	case pathOpen, pollOneoff, sockAccept, sockRecv, sockSend:
		return true
	}
	return false
}

// kind says what a descriptor is: kindUnknown if it is not open, or if there is no
// memory to ask in.
func (i *Instance) kind(fd uint64) descriptorKind {
	if fd < maxKinds && i.kinds.known[fd] != kindUnknown {
		return i.kinds.known[fd]
	}
	const (
		sizeFdstat  = 24
		regularFile = 4 // __wasi_filetype_t, the first byte
	)
	mem := i.shadow.mem()
	if len(mem) < sizeFdstat || i.internal(fdStat, fd, 0) != 0 {
		return kindUnknown
	}
	kind := kindOther
	if mem[0] == regularFile {
		kind = kindRegular
	}
	if fd < maxKinds {
		i.kinds.known[fd] = kind
	}
	return kind
}

// internal makes a call that is not the program's, on the shadow as it is. The
// errno of one that fails in another way is EIO.
func (i *Instance) internal(fn *wasi.Func, args ...uint64) (errno uint32) {
	defer func() {
		if recover() != nil {
			const eio = 29
			errno = eio
		}
	}()
	copy(i.stack[:], args)
	i.functions[fn].Call(i.ctx, i.module, i.stack[:])
	return uint32(i.stack[0])
}

// Descriptor describes a file for OpenAt, in the terms of path_open.
type Descriptor struct {
	FD     uint32 // the number that it gets
	Offset uint64 // where it stands; directories stand nowhere

	Dir                uint32 // an open directory, the path is relative to it
	Path               string
	LookupFlags        uint32
	OpenFlags          uint32
	Rights, Inheriting uint64
	Flags              uint32
}

// OpenAt opens a file under the number that a program has for it, for a program
// that opened it before this Instance took over. What was open under that number
// is closed. An error says which step failed, and why.
func (i *Instance) OpenAt(d Descriptor) error {
	switch {
	case i.closed:
		return ErrClosed
	case i.line.waiting:
		return ErrBusy
	}
	const result = 8 // bytes, for a descriptor or an offset; the path is after it
	if err := i.shadow.resize(max(minShadow, result+len(d.Path))); err != nil {
		return err
	}
	mem := i.shadow.mem()
	if mem == nil {
		return fmt.Errorf("open %q: the program has no memory to name files with", d.Path)
	}
	copy(mem[result:], d.Path)
	failed := func(step string, errno uint32) error {
		return fmt.Errorf("%s %q as descriptor %d: %s", step, d.Path, d.FD, wasi.ErrnoName(errno))
	}
	if errno := i.internal(pathOpen, uint64(d.Dir), uint64(d.LookupFlags), result, uint64(len(d.Path)), uint64(d.OpenFlags),
		d.Rights, d.Inheriting, uint64(d.Flags), 0); errno != 0 {
		return failed("open", errno)
	}
	fd := uint64(mem[0]) | uint64(mem[1])<<8 | uint64(mem[2])<<16 | uint64(mem[3])<<24
	if fd != uint64(d.FD) {
		i.kinds.forget(uint64(d.FD))
		errno := i.internal(fdRenumber, fd, uint64(d.FD))
		if errno != 0 { // standard streams and mounts are not replaced, but may be closed
			i.internal(fdClose, uint64(d.FD))
			errno = i.internal(fdRenumber, fd, uint64(d.FD))
		}
		if errno != 0 {
			i.internal(fdClose, fd)
			return failed("open", errno)
		}
	}
	if d.Offset != 0 {
		if errno := i.internal(fdSeek, uint64(d.FD), d.Offset, 0, 0); errno != 0 {
			i.internal(fdClose, uint64(d.FD))
			return failed("seek in", errno)
		}
	}
	return nil
}

package gdbtest

import (
	"encoding/binary"

	"wrev/wasmvm"
)

// Errors of WASI preview 1.
const (
	errnoBadF  = 8
	errnoNoSys = 52
)

// Host answers the host calls of a WASI command that gets no arguments, reads
// nothing and prints on the standard streams. Everything else it refuses.
type Host struct {
	// Output is told what the program prints. It may be nil.
	Output func(call uint64, fd uint32, p []byte)
	// Calls counts the calls answered, again when history is run again.
	Calls int
}

// HostCall implements wasmvm.Host.
func (h *Host) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	h.Calls++
	errno := uint64(errnoNoSys)
	switch m.Module().ImportedFunc(fn).Name {
	case "proc_exit":
		return &wasmvm.ExitError{Code: uint32(args[0])}
	case "fd_write":
		errno = h.write(m, args)
	case "fd_fdstat_get":
		// A character device, so that the C library flushes at line ends.
		var stat [24]byte
		stat[0] = 2
		if errno = 0; args[0] > 2 {
			errno = errnoBadF
		} else if err := m.WriteMemory(args[1], stat[:]); err != nil {
			return err
		}
	case "fd_prestat_get":
		errno = errnoBadF
	case "args_sizes_get", "environ_sizes_get":
		errno = 0
		for _, addr := range args {
			if err := m.WriteMemory(addr, make([]byte, 4)); err != nil {
				return err
			}
		}
	case "args_get", "environ_get":
		errno = 0
	}
	if len(results) > 0 {
		results[0] = errno
	}
	return nil
}

// write answers fd_write(fd, iovs, iovs_len, nwritten).
func (h *Host) write(m *wasmvm.Machine, args []uint64) uint64 {
	if args[0] != 1 && args[0] != 2 {
		return errnoBadF
	}
	var out []byte
	mem := m.Memory()
	for i := range args[2] {
		iov := mem[args[1]+8*i:]
		addr, size := binary.LittleEndian.Uint32(iov), binary.LittleEndian.Uint32(iov[4:])
		out = append(out, mem[addr:addr+size]...)
	}
	if err := m.WriteMemory(args[3], binary.LittleEndian.AppendUint32(nil, uint32(len(out)))); err != nil {
		return errnoBadF
	}
	if h.Output != nil {
		h.Output(m.HostCalls(), uint32(args[0]), out)
	}
	return 0
}

package answers

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/fds"
)

// synthetic makes answers up: always the same ones for the same past. Files and
// the standard input are at their end, connections are reset when they are read,
// everything written is accepted, and new files can be made.
type synthetic struct{}

// tick is by how much a clock advances each time it is read, in ns: a program that
// waits for a clock should not have to ask a million times.
const tick = 1e6

func (synthetic) answer(r *request) (recording.HostCall, error) {
	switch r.Fn.Name {
	case "clock_time_get":
		return r.nextTime(), nil
	case "random_get":
		return r.seededRandom(), nil
	case "poll_oneoff":
		return r.poll(func(fds.Descriptor, bool) (bool, error) { return true, nil })
	case "sock_accept":
		return r.errno(errnoConnAborted), nil
	case "sock_shutdown":
		return r.errno(errnoOK), nil
	}
	switch {
	case r.writes():
		return r.written(), nil
	case r.reads() && r.desc.Kind == fds.Socket:
		return r.errno(errnoConnReset), nil
	case r.reads():
		return r.read(nil), nil
	case isPath(r.Fn):
		return r.syntheticPath(), nil
	}
	return r.syntheticFile()
}

func (r *request) syntheticPath() recording.HostCall {
	switch r.Fn.Name {
	case "path_open":
		if r.Args[4]&fds.OpenCreate == 0 {
			return r.errno(errnoNoent)
		}
		return r.ok(put{8, le32(r.account.table.Free())})
	case "path_filestat_get", "path_readlink":
		return r.errno(errnoNoent)
	}
	return r.errno(errnoOK)
}

func (r *request) syntheticFile() (recording.HostCall, error) {
	switch r.Fn.Name {
	case "fd_filestat_get":
		stat := make([]byte, 64)
		stat[16] = r.stat()[0]
		stat[24] = 1 // links
		return r.ok(put{1, stat}), nil
	case "fd_readdir":
		return r.ok(put{4, le32(0)}), nil
	case "fd_seek": // from the end of an empty file
		return r.ok(put{3, le64(uint64(max(int64(r.Args[1]), 0)))}), nil
	case "fd_tell":
		return r.ok(put{1, le64(0)}), nil
	}
	if len(r.Fn.Params) > 0 && r.Fn.Writes() {
		return recording.HostCall{}, errors.New("no idea what it might return")
	}
	return r.errno(errnoOK), nil
}

// nextTime is a little after the last time that the clock showed.
func (r *request) nextTime() recording.HostCall {
	id := uint32(r.Args[0])
	if id != clockRealtime && id != clockMonotonic {
		return r.errno(errnoInval)
	}
	return r.ok(put{2, le64(r.account.now(uint64(id)) + tick)})
}

// seededRandom depends on the recording, the branch and how many random bytes
// there were.
func (r *request) seededRandom() recording.HostCall {
	n, ok := r.room()
	if !ok {
		return r.errno(errnoFault)
	}
	var state [40]byte
	meta := r.Log.Meta()
	binary.LittleEndian.PutUint64(state[:], uint64(meta.Start.UnixNano()))
	binary.LittleEndian.PutUint64(state[8:], uint64(r.Branch))
	binary.LittleEndian.PutUint64(state[16:], r.account.random)
	binary.LittleEndian.PutUint64(state[24:], r.N)
	data := make([]byte, 0, n+sha256.Size)
	for block := uint64(0); uint64(len(data)) < n; block++ {
		binary.LittleEndian.PutUint64(state[32:], block)
		sum := sha256.Sum256(append(state[:], meta.ModuleSHA256...))
		data = append(data, sum[:]...)
	}
	return r.ok(put{0, data[:n]})
}

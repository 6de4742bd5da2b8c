package answers

import (
	"errors"
	"fmt"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/fds"
)

// taped answers with what the parent's future has on tape: the bytes of a stream
// or file, the times of a clock, the connections of a listener.
//
// What is sent to a connection is accepted until the branch has read more than was
// recorded, because as long as that the peer was there.
type taped struct{}

var errNoTape = errors.New("nothing of this kind is on tape")

func (taped) answer(r *request) (recording.HostCall, error) {
	if len(r.account.futures) == 0 {
		return recording.HostCall{}, errNoParent
	}
	switch r.Fn.Name {
	case "clock_time_get":
		return r.tapedTime()
	case "random_get":
		return r.tapedRandom()
	case "sock_accept":
		return r.tapedAccept()
	case "poll_oneoff":
		return r.poll(r.tapedReady)
	case "sock_shutdown":
		return r.errno(errnoOK), nil // of a connection; others are refused before
	case "fd_sync", "fd_datasync", "fd_advise":
		return r.errno(errnoOK), nil // nothing that a program could notice
	}
	switch {
	case r.reads() && r.desc.Kind == fds.File:
		return r.tapedFile()
	case r.reads():
		return r.tapedRead()
	case r.writes() && r.desc.Kind == fds.Socket:
		there, err := r.peerThere(r.desc.Origin)
		if err != nil {
			return recording.HostCall{}, broken{err}
		}
		if !there {
			return recording.HostCall{}, fmt.Errorf("the recorded conversation on descriptor %d is over", r.fd)
		}
		return r.written(), nil
	}
	return recording.HostCall{}, errNoTape
}

// peerThere reports whether the other side of a connection may still be listening.
func (r *request) peerThere(s fds.Origin) (bool, error) {
	t, err := r.account.reel(s, 1)
	return t != nil && !t.broken() && !r.account.beyond[s], err
}

// tapeLasts reports whether a stream has anything left.
func (r *request) tapeLasts(s fds.Origin) (bool, error) {
	t, err := r.account.reel(s, 1)
	return t != nil && (!t.empty() || t.ended()), err
}

func (r *request) tapedRead() (recording.HostCall, error) {
	s, ok := r.account.stream(r.Fn, r.Args)
	if !ok {
		return recording.HostCall{}, errNoTape
	}
	room, ok := r.room()
	if !ok {
		return r.errno(errnoFault), nil
	}
	t, err := r.account.reel(s, room)
	switch {
	case err != nil:
		return recording.HostCall{}, broken{err}
	case t == nil:
		return recording.HostCall{}, fmt.Errorf("the parent reads nothing from descriptor %d after the fork", r.fd)
	case t.ended():
		return r.read(nil), nil
	case t.empty():
		return recording.HostCall{}, fmt.Errorf("all that was recorded for descriptor %d has been read", r.fd)
	}
	data, errno := t.peek(room)
	if errno != errnoOK {
		return r.errno(errno), nil
	}
	return r.read(data), nil
}

func (r *request) tapedRandom() (recording.HostCall, error) {
	n, ok := r.room()
	if !ok {
		return r.errno(errnoFault), nil
	}
	t, err := r.account.reel(fds.Origin{Branch: fromRandom}, n)
	if err != nil {
		return recording.HostCall{}, broken{err}
	}
	if t != nil {
		if data, _ := t.peek(n); uint64(len(data)) == n {
			return r.ok(put{0, data}), nil
		}
	}
	return recording.HostCall{}, errors.New("the recorded random numbers are used up")
}

func (r *request) tapedFile() (recording.HostCall, error) {
	room, ok := r.room()
	if !ok {
		return r.errno(errnoFault), nil
	}
	file, offset, _ := r.account.place(r.Fn, r.Args)
	if r.account.changed[file] {
		return recording.HostCall{}, fmt.Errorf("this branch has changed the file of descriptor %d", r.fd)
	}
	for _, f := range r.account.futures {
		for {
			if data, ok := f.file(file).peek(offset, room); ok {
				return r.read(data), nil
			}
			more, err := f.more()
			if err != nil {
				return recording.HostCall{}, broken{err}
			}
			if !more {
				break
			}
		}
	}
	return recording.HostCall{}, fmt.Errorf("the parent reads nothing at offset %d of the file of descriptor %d after the fork", offset, r.fd)
}

// tapedTime goes on from the last recorded time when there are no more.
func (r *request) tapedTime() (recording.HostCall, error) {
	id := uint32(r.Args[0])
	f, i, err := r.account.reading(id)
	if err != nil {
		return recording.HostCall{}, broken{err}
	}
	if f == nil {
		return r.nextTime(), nil
	}
	return r.ok(put{2, le64(max(f.clocks[id].times[i], r.account.clocks[uint64(id)]))}), nil
}

func (r *request) tapedAccept() (recording.HostCall, error) {
	o, err := r.account.accepted(r.desc.Origin)
	switch {
	case err != nil:
		return recording.HostCall{}, broken{err}
	case o == nil:
		return recording.HostCall{}, fmt.Errorf("no more connections were recorded for descriptor %d", r.fd)
	}
	return r.ok(put{2, le32(r.account.table.Free())}), nil
}

// tapedReady reports whether reading or writing a descriptor would be answered.
func (r *request) tapedReady(d fds.Descriptor, read bool) (bool, error) {
	switch {
	case !read:
		return true, nil
	case d.Kind == fds.Listener:
		o, err := r.account.accepted(d.Origin)
		return o != nil, err
	case d.Kind == fds.Socket || d.Kind == fds.Stdin:
		return r.tapeLasts(d.Origin)
	}
	return d.Kind == fds.File, nil
}

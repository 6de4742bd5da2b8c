package answers

import (
	"encoding/binary"
	"errors"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/fds"
)

// Records of poll_oneoff, as in the specification.
const (
	sizeSubscription = 48
	sizeEvent        = 32

	eventClock = 0
	eventRead  = 1
	eventWrite = 2
)

var errNeverReady = errors.New("none of the descriptors that it waits for becomes ready, and it has no time limit")

// poll is the answer of poll_oneoff. It does not wait: if one of the descriptors
// is ready, these are the events; otherwise the shortest time limit has passed,
// and the clocks show it.
//
// wazero reports the time limit as an event even if a descriptor is ready. This
// does what the specification says, and what C libraries can take, too.
func (r *request) poll(ready func(d fds.Descriptor, read bool) (bool, error)) (recording.HostCall, error) {
	in, out, n := uint32(r.Args[0]), uint32(r.Args[1]), uint32(r.Args[2])
	if n == 0 {
		return r.errno(errnoInval), nil
	}
	if !r.inside(in, uint64(n)*sizeSubscription) || !r.inside(out, uint64(n)*sizeEvent) || !r.inside(uint32(r.Args[3]), 4) {
		return r.errno(errnoFault), nil
	}
	var events []byte
	limit, limited := uint64(0), []byte(nil)
	for subs := r.mem[in:][:n*sizeSubscription]; len(subs) > 0; subs = subs[sizeSubscription:] {
		sub := subs[:sizeSubscription]
		kind := sub[8]
		switch kind {
		case eventClock:
			if t := r.timeLimit(sub); limited == nil || t < limit {
				limit, limited = t, sub
			}
			continue
		case eventRead, eventWrite:
		default:
			return r.errno(errnoInval), nil
		}
		d, open := r.account.table.Get(binary.LittleEndian.Uint32(sub[16:]))
		if !open {
			events = append(events, event(sub, errnoBadf)...)
			continue
		}
		is, err := ready(d, kind == eventRead)
		if err != nil {
			return recording.HostCall{}, broken{err}
		}
		if is {
			events = append(events, event(sub, errnoOK)...)
		}
	}
	if len(events) == 0 {
		if limited == nil {
			return recording.HostCall{}, errNeverReady
		}
		events = event(limited, errnoOK)
		r.account.sleep(limit)
	}
	count := le32(uint32(len(events) / sizeEvent))
	// All of the array is written, as wazero does.
	events = append(events, make([]byte, int(n)*sizeEvent-len(events))...)
	return r.ok(put{1, events}, put{3, count}), nil
}

// timeLimit is how long a clock's subscription waits, ns.
func (r *request) timeLimit(sub []byte) uint64 {
	const flagAbsolute = 1
	id, t := binary.LittleEndian.Uint32(sub[16:]), binary.LittleEndian.Uint64(sub[24:])
	if binary.LittleEndian.Uint16(sub[40:])&flagAbsolute == 0 {
		return t
	}
	now := r.account.now(uint64(id))
	return t - min(t, now)
}

// event answers a subscription.
func event(sub []byte, errno byte) []byte {
	e := make([]byte, sizeEvent)
	copy(e, sub[:8]) // the user's data
	e[8] = errno
	e[10] = sub[8]
	return e
}

// sleep lets time pass. The log does not say how long a call waited, so that an
// account made from it is late by that; its clocks go forward nevertheless.
func (a *account) sleep(ns uint64) {
	for _, id := range []uint64{clockRealtime, clockMonotonic} {
		a.clocks[id] = a.now(id) + ns
	}
}

// now is what a clock showed last, or the time of the recording.
func (a *account) now(id uint64) uint64 {
	t, ok := a.clocks[id]
	if start := a.log.Meta().Start; !ok && id == clockRealtime && start.Unix() > 0 {
		t = uint64(start.UnixNano())
	}
	return t
}

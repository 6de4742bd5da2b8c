package answers

import (
	"bytes"
	"hash/maphash"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host"
	"wrev/wasmvm/wasi"
)

// Asked is what a call asks for, apart from where in memory: two builds of one
// program have their buffers at different addresses, and ask the same.
type Asked struct {
	Fn      *wasi.Func
	Text    string   // the call in words
	fds     []uint32 // the descriptors it names
	scalars []uint64 // numbers, flags, sizes of buffers
	content uint64   // digest of paths, of bytes to write and of subscriptions
	room    uint64   // for what is read
	users   [][]byte // the user's data of subscriptions
}

// Ask finds out what a call asks for. mem is the memory before it.
func Ask(fn *wasi.Func, args []uint64, mem []byte) Asked {
	a := Asked{Fn: fn, Text: fn.DescribeCall(args, mem)}
	r := &request{Call: &host.Call{Fn: fn, Args: args}, mem: mem}
	var h maphash.Hash
	h.SetSeed(seed)
	piece := func(b []byte) {
		h.Write(b)
		h.Write(le64(uint64(len(b))))
	}
	for i, p := range fn.Params {
		switch p.Kind {
		case wasi.KindFD:
			a.fds = append(a.fds, uint32(args[i]))
		case wasi.KindInt, wasi.KindFlags, wasi.KindClock, wasi.KindTime:
			a.scalars = append(a.scalars, args[i])
		case wasi.KindBuffer:
			a.scalars = append(a.scalars, args[i+1])
		case wasi.KindPath:
			if addr, n := uint32(args[i]), uint64(uint32(args[i+1])); r.inside(addr, n) {
				piece(mem[addr : uint64(addr)+n])
			}
		case wasi.KindReadVec:
			_, a.room, _ = r.buffers(i)
		case wasi.KindWriteVec:
			list, n, _ := r.buffers(i)
			for _, b := range list {
				h.Write(b.Of(mem))
			}
			h.Write(le64(n))
		case wasi.KindSubscriptions:
			addr, n := uint32(args[i]), uint64(uint32(args[i+2]))*sizeSubscription
			if !r.inside(addr, n) {
				break
			}
			for s := mem[addr:][:n]; len(s) > 0; s = s[sizeSubscription:] {
				a.users = append(a.users, slices.Clone(s[:8]))
				piece(subscribed(s))
			}
		}
	}
	a.content = h.Sum64()
	return a
}

// subscribed is what a subscription is for, without the padding in it.
func subscribed(s []byte) []byte {
	if s[8] != eventClock {
		return append([]byte{s[8]}, s[16:20]...)
	}
	return slices.Concat([]byte{s[8]}, s[16:20], s[24:40], s[40:42])
}

// Same reports whether another call, of the other program, asks for the same.
// number translates numbers of descriptors of a's program to those of b's.
func (a *Asked) Same(b *Asked, number func(uint32) uint32) bool {
	return a.Fn == b.Fn && a.content == b.content && a.room == b.room && slices.Equal(a.scalars, b.scalars) &&
		slices.EqualFunc(a.fds, b.fds, func(x, y uint32) bool { return number(x) == y })
}

// Relocate makes the answer of a recorded call, which asked for the same as c, one
// of c. opened is the number that a descriptor gets if it opens one. It reports
// false if the answer does not fit: the program's memory may be smaller.
func (a *Asked) Relocate(recorded *recording.HostCall, c *host.Call, opened uint32) (recording.HostCall, bool) {
	r := &request{Call: c, mem: c.M.Memory()}
	r.inputs = c.Fn.Digest(c.Args, r.mem)
	if len(recorded.Results) != 1 {
		return recording.HostCall{}, false
	}
	if recorded.Results[0] != errnoOK {
		return r.errno(uint32(recorded.Results[0])), true
	}
	if r.reads() {
		room, ok := r.room()
		data := bytesRead(c.Fn, recorded)
		return r.read(data[:min(uint64(len(data)), room)]), ok
	}
	var puts []put
	for i, p := range c.Fn.Params {
		data := writtenAt(recorded, i)
		switch {
		case p.Kind == wasi.KindPointer && c.Fn.Name != "poll_oneoff":
			return recording.HostCall{}, false // pointers to pointers
		case p.Kind == wasi.KindPointer:
			data = a.events(data, r)
		case p.Kind != wasi.KindResult && p.Kind != wasi.KindBuffer:
			continue
		}
		if data != nil {
			puts = append(puts, put{i, data})
		}
	}
	if i, opens := openedAt(c.Fn); opens {
		puts = []put{{i, le32(opened)}}
	}
	answer := r.ok(puts...)
	return answer, answer.Results[0] == errnoOK
}

// writtenAt returns what a call wrote where its argument i points.
func writtenAt(c *recording.HostCall, i int) []byte {
	for _, w := range c.Writes {
		if w.Addr == uint32(c.Args[i]) {
			return w.Data
		}
	}
	return nil
}

// events gives events of poll_oneoff the user's data of the program at hand.
func (a *Asked) events(data []byte, r *request) []byte {
	now := Ask(r.Fn, r.Args, r.mem)
	data = slices.Clone(data)
	for e := data; len(e) >= sizeEvent; e = e[sizeEvent:] {
		for i, u := range a.users {
			if bytes.Equal(u, e[:8]) && i < len(now.users) {
				copy(e, now.users[i])
				break
			}
		}
	}
	return data
}

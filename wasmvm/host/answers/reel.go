package answers

import (
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/fds"
	"wrev/wasmvm/wasi"
)

// Error numbers that are answers of their own.
const (
	errnoOK          = 0
	errnoAgain       = 6
	errnoBadf        = 8
	errnoConnAborted = 13
	errnoConnReset   = 15
	errnoFault       = 21
	errnoInval       = 28
	errnoNoent       = 44
	errnoNosys       = 52
	errnoNotdir      = 54
	errnoNotsup      = 58
)

// item is what one read got: bytes, the end, or an error.
type item struct {
	data  []byte
	errno uint32
}

func (i item) end() bool { return len(i.data) == 0 && i.errno == errnoOK }

// tape is what was read from a stream, in order.
type tape struct {
	items []item
	next  int // the item at which the branch stands
	off   int // how much of its data is used
}

// record adds what a call has read, and returns how many bytes that are.
func (t *tape) record(fn *wasi.Func, c *recording.HostCall) int {
	errno := uint32(c.Results[0])
	if peeks(fn, c.Args) || errno == errnoAgain {
		return 0
	}
	if errno != errnoOK {
		if errno != errnoFault && errno != errnoBadf { // the caller's mistakes
			t.items = append(t.items, item{errno: errno})
		}
		return 0
	}
	data := bytesRead(fn, c)
	if len(data) > 0 || fn.Name != "random_get" {
		t.items = append(t.items, item{data: data})
	}
	return len(data)
}

// at reports whether the branch stands before item i, with nothing of it used.
func (t *tape) at(i int) bool { return t.next == i && t.off == 0 }

// empty reports whether everything is used.
func (t *tape) empty() bool { return t.next >= len(t.items) }

// ended reports whether the last that was read is the end.
func (t *tape) ended() bool {
	return t.empty() && len(t.items) > 0 && t.items[len(t.items)-1].end()
}

// broken reports whether the last that was read is an error.
func (t *tape) broken() bool {
	return t.empty() && len(t.items) > 0 && t.items[len(t.items)-1].errno != errnoOK
}

// take uses the item that a matched call has read, if it has read one.
func (t *tape) take(o *offer) {
	if t.at(o.mark) && o.items() {
		t.next++
	}
}

// items reports whether the call of the offer made an item.
func (o *offer) items() bool {
	var scratch tape
	_, fn := o.from.parent.log.Func(o.call.Import)
	scratch.record(fn, o.call)
	return len(scratch.items) > 0
}

// peek returns up to n bytes from where the branch stands, or the errno that
// comes there. No bytes without an errno are the end.
func (t *tape) peek(n uint64) (data []byte, errno uint32) {
	off := t.off
	for _, it := range t.items[t.next:] {
		if len(it.data) == 0 || uint64(len(data)) >= n {
			if len(data) == 0 {
				errno = it.errno
			}
			break
		}
		part := it.data[off:]
		part = part[:min(uint64(len(part)), n-uint64(len(data)))]
		if data == nil {
			data = part
		} else {
			data = append(slices.Clip(data), part...)
		}
		off = 0
	}
	return data, errno
}

// skip uses n bytes, as far as there are any, and returns how many are left; with
// n 0 it uses an end or an error.
func (t *tape) skip(n uint64) uint64 {
	if n == 0 {
		if !t.empty() && len(t.items[t.next].data) == 0 {
			t.next++
		}
		return 0
	}
	for n > 0 && !t.empty() {
		it := t.items[t.next]
		part := min(uint64(len(it.data)-t.off), n)
		if part == 0 {
			break // an end: bytes after it are not read in one go with those before
		}
		n -= part
		if t.off += int(part); t.off == len(it.data) {
			t.next, t.off = t.next+1, 0
		}
	}
	return n
}

// enough reports whether n bytes come next, or less and then an end or an error.
func (t *tape) enough(n uint64) bool {
	have, off := uint64(0), t.off
	for _, it := range t.items[t.next:] {
		have += uint64(len(it.data) - off)
		off = 0
		if len(it.data) == 0 || have >= n {
			return true
		}
	}
	return false
}

// reel returns the tape with what comes next on a stream, after looking far
// enough ahead for n bytes, as far as anything was recorded. It is nil if nothing
// was.
func (a *account) reel(s fds.Origin, n uint64) (*tape, error) {
	var last *tape
	for _, f := range a.futures {
		var t *tape
		for {
			if t = f.tapes[s]; t != nil {
				if t.enough(max(n, 1)) {
					return t, nil
				}
			}
			more, err := f.more()
			if err != nil {
				return nil, err
			}
			if !more {
				break
			}
		}
		if t == nil {
			continue
		}
		if !t.empty() {
			return t, nil
		}
		last = t
	}
	return last, nil
}

// consume takes from the tapes what a call has read.
func (a *account) consume(s fds.Origin, fn *wasi.Func, c *recording.HostCall) error {
	if peeks(fn, c.Args) || len(c.Results) != 1 {
		return nil
	}
	n := uint64(0)
	if c.Results[0] == errnoOK {
		n = uint64(taken(fn, c))
	}
	if n == 0 && fn.Name == "random_get" {
		return nil
	}
	for {
		t, err := a.reel(s, n)
		if t == nil || err != nil {
			return err
		}
		before := n
		if n = t.skip(n); n == 0 || n == before {
			return nil
		}
	}
}

// fileTape is what was read from a file, by offset, up to the first change that
// the parent made to it.
type fileTape struct {
	stale  bool // the parent has changed the file, what it reads now is something else
	pieces []piece
}

// piece is what one read found. No data is the end of the file.
type piece struct {
	offset uint64
	data   []byte
}

func (t *fileTape) record(offset uint64, data []byte) int {
	if t.stale {
		return 0
	}
	t.pieces = append(t.pieces, piece{offset, data})
	return len(data)
}

// peek returns up to n bytes from an offset on. ok is false if nothing is known
// about that place; no bytes are the end of the file.
func (t *fileTape) peek(offset, n uint64) (data []byte, ok bool) {
	for uint64(len(data)) < n {
		part, known := t.from(offset + uint64(len(data)))
		if len(part) == 0 {
			return data, known || len(data) > 0
		}
		data = append(slices.Clip(data), part[:min(uint64(len(part)), n-uint64(len(data)))]...)
	}
	return data, true
}

func (t *fileTape) from(offset uint64) (data []byte, known bool) {
	for _, p := range t.pieces {
		switch {
		case len(p.data) == 0 && offset >= p.offset:
			known = true
		case offset >= p.offset && offset-p.offset < uint64(len(p.data)):
			return p.data[offset-p.offset:], true
		}
	}
	return nil, known
}

// clockTape is what a clock showed, in order.
type clockTape struct {
	times []uint64
	next  int
}

// reading finds the next time that a clock showed, nil if none was recorded.
func (a *account) reading(id uint32) (*future, int, error) {
	for _, f := range a.futures {
		for f.clock(id).next >= len(f.clock(id).times) {
			more, err := f.more()
			if err != nil {
				return nil, 0, err
			}
			if !more {
				break
			}
		}
		if c := f.clock(id); c.next < len(c.times) {
			return f, c.next, nil
		}
	}
	return nil, 0, nil
}

// accepted finds the next recorded connection of a listener, nil if there is none.
func (a *account) accepted(listener fds.Origin) (*offer, error) {
	for _, f := range a.futures {
		for seen := 0; ; {
			for list := f.accepts[listener]; seen < len(list); seen++ {
				if !list[seen].used {
					return list[seen], nil
				}
			}
			more, err := f.more()
			if err != nil {
				return nil, err
			}
			if !more {
				break
			}
		}
	}
	return nil, nil
}

package answers

import (
	"cmp"
	"hash/maphash"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/fds"
	"wrev/wasmvm/wasi"
)

const (
	// horizon is how many calls after the fork are looked at. At some hundred bytes
	// for each, all of them cost tens of megabytes.
	horizon = 1 << 18
	// tapeBudget is how many bytes of what they read are kept.
	tapeBudget = 64 << 20
)

// future is what one parent did after the fork, as far as anyone has asked for it:
// its calls, to be found by what they ask, and what they read, as tapes.
type future struct {
	parent *account // at the next call to look at
	left   int      // calls that may still be looked at
	room   int      // bytes that the tapes may still hold

	index   map[askKey][]*offer // not used yet, in order
	tapes   map[fds.Origin]*tape
	files   map[fds.Origin]*fileTape
	accepts map[fds.Origin][]*offer
	clocks  map[uint32]*clockTape
	changes []*offer // calls that change files
	all     []*offer // ascending by number
}

// askKey identifies a call by what it asks. Two that ask different things may have
// the same; the log decides.
type askKey struct {
	imported uint32
	args     uint64 // digest
	inputs   uint64
}

var seed = maphash.MakeSeed()

func askKeyOf(c *recording.HostCall) askKey {
	var args [maxParams]uint64
	copy(args[:], c.Args)
	return askKey{c.Import, maphash.Comparable(seed, args), c.Inputs}
}

// maxParams is how many arguments a function of WASI can have (path_open).
const maxParams = 9

// offer is a call of the parent.
type offer struct {
	from    *future
	call    *recording.HostCall
	number  uint64
	order   int // how many offers came before it
	origins [2]fds.Origin
	opens   fds.Origin // the descriptor that it opened
	offset  uint64     // of the file that it is about, before the call
	tape    *tape      // that it has read from
	mark    int        // where on the tape, or in the readings of a clock
	clock   *clockTape
	used    bool
}

func newFuture(parent *account) *future {
	return &future{parent: parent, left: horizon, room: tapeBudget,
		index: make(map[askKey][]*offer), tapes: make(map[fds.Origin]*tape), files: make(map[fds.Origin]*fileTape),
		accepts: make(map[fds.Origin][]*offer), clocks: make(map[uint32]*clockTape)}
}

// more looks at the next call. It reports false at the end of the parent's log,
// which may have grown when it is asked again, and at the horizon.
func (f *future) more() (bool, error) {
	p := f.parent
	if f.left == 0 || f.room <= 0 || p.next >= p.log.Calls(p.branch) {
		return false, nil
	}
	f.left--
	c, source, err := p.log.Call(p.branch, p.next)
	if err != nil {
		return false, err
	}
	_, fn := p.log.Func(c.Import)
	if fn == nil || c.NoReturn || len(c.Results) != 1 || len(c.Args) != len(fn.Params) {
		return true, p.add(c, source)
	}
	o := &offer{from: f, call: c, number: p.next, order: horizon - f.left, origins: p.origins(fn, c.Args)}
	if d, ok := p.descriptor(fn, c.Args); ok {
		o.offset = d.Offset
	}
	f.record(o, fn)
	if err := p.add(c, source); err != nil {
		return false, err
	}
	if i, opens := openedAt(fn); opens && c.Results[0] == 0 {
		if fd, ok := fds.Word(c, i); ok {
			d, _ := p.table.Get(fd)
			o.opens = d.Origin
		}
	}
	key := askKeyOf(c)
	f.index[key] = append(f.index[key], o)
	f.all = append(f.all, o)
	return true, nil
}

// numbered returns a call by its number, nil if it is none that could be an answer,
// or beyond the horizon.
func (f *future) numbered(n uint64) (*offer, error) {
	for f.parent.next <= n {
		if more, err := f.more(); !more {
			return nil, err
		}
	}
	i, ok := slices.BinarySearchFunc(f.all, n, func(o *offer, n uint64) int { return cmp.Compare(o.number, n) })
	if !ok {
		return nil, nil
	}
	return f.all[i], nil
}

// record puts on tape what the call of an offer has learnt from the host. The
// account of the parent is before the call.
func (f *future) record(o *offer, fn *wasi.Func) {
	c, p := o.call, f.parent
	ok := c.Results[0] == 0
	if s, is := p.stream(fn, c.Args); is {
		o.tape = f.tape(s)
		o.mark = len(o.tape.items)
		f.room -= o.tape.record(fn, c)
	}
	if file, offset, is := p.place(fn, c.Args); is && ok {
		f.room -= f.file(file).record(offset, bytesRead(fn, c))
	}
	switch {
	case ok && fn.Name == "sock_accept":
		f.accepts[o.origins[0]] = append(f.accepts[o.origins[0]], o)
	case ok && fn.Name == "clock_time_get":
		if t, is := fds.Wide(c, 2); is {
			o.clock = f.clock(uint32(c.Args[0]))
			o.mark = len(o.clock.times)
			o.clock.times = append(o.clock.times, t)
		}
	case ok && p.changesFiles(fn, c.Args):
		f.changes = append(f.changes, o)
		f.file(o.origins[0]).stale = true
	}
}

func (f *future) tape(s fds.Origin) *tape {
	if f.tapes[s] == nil {
		f.tapes[s] = &tape{}
	}
	return f.tapes[s]
}

func (f *future) file(s fds.Origin) *fileTape {
	if f.files[s] == nil {
		f.files[s] = &fileTape{}
	}
	return f.files[s]
}

func (f *future) clock(id uint32) *clockTape {
	if f.clocks[id] == nil {
		f.clocks[id] = &clockTape{}
	}
	return f.clocks[id]
}

// use notes that the branch has got the answer of the offer.
func (o *offer) use() {
	o.used = true
	if o.tape != nil {
		o.tape.take(o)
	}
	if o.clock != nil {
		o.clock.next = max(o.clock.next, o.mark+1)
	}
}

// match finds the next unused call that asks the same as c and whose answer makes
// sense where the branch stands.
func (f *future) match(a *account, fn *wasi.Func, c *recording.HostCall) (*offer, error) {
	key := askKeyOf(c)
	for seen := 0; ; {
		list := f.index[key]
		for len(list) > 0 && list[0].used {
			list, seen = list[1:], max(seen-1, 0)
		}
		f.index[key] = list
		for ; seen < len(list); seen++ {
			if o := list[seen]; !o.used && slices.Equal(o.call.Args, c.Args) && o.fits(a, fn) {
				return o, nil
			}
		}
		if more, err := f.more(); !more {
			return nil, err
		}
	}
}

// fits reports whether the answer would be right in the branch: about the same
// descriptors, from the same place of the same stream or file.
func (o *offer) fits(a *account, fn *wasi.Func) bool {
	if o.origins != a.origins(fn, o.call.Args) {
		return false
	}
	if o.tape != nil && !o.tape.at(o.mark) || o.clock != nil && o.mark < o.clock.next {
		return false
	}
	if i, opens := openedAt(fn); opens && (!o.freshNumber(a, i) || !o.nextInLine()) {
		return false
	}
	if d, ok := a.descriptor(fn, o.call.Args); ok && d.Kind.InFiles() && d.Kind != fds.Preopened {
		return o.offset == d.Offset && o.sameFiles(a, &d.Origin)
	}
	return !isPath(fn) || o.sameFiles(a, nil)
}

// freshNumber reports whether the descriptor that the call opened gets the same
// number in the branch.
func (o *offer) freshNumber(a *account, result int) bool {
	fd, ok := fds.Word(o.call, result)
	return o.call.Results[0] != 0 || ok && fd == a.table.Free()
}

// nextInLine reports whether no connection that came before this one is left: they
// are accepted in order.
func (o *offer) nextInLine() bool {
	for _, other := range o.from.accepts[o.origins[0]] {
		if !other.used {
			return other == o || other.order > o.order
		}
	}
	return true
}

// sameFiles reports whether the files are in the state in the branch in which
// the call found them: all changes that the parent made before it have been made,
// and no others. of restricts that to the file of one descriptor.
func (o *offer) sameFiles(a *account, of *fds.Origin) bool {
	if of == nil && a.changedFiles || of != nil && a.changed[*of] {
		return false
	}
	f := o.from
	f.changes = slices.DeleteFunc(f.changes, func(c *offer) bool { return c.used })
	for _, c := range f.changes {
		if c.order < o.order && (of == nil || c.origins[0] == *of) {
			return false
		}
	}
	return true
}

// openedAt returns which argument says where a call puts the number of the
// descriptor that it opened.
func openedAt(fn *wasi.Func) (arg int, ok bool) {
	switch fn.Name {
	case "path_open":
		return 8, true
	case "sock_accept":
		return 2, true
	}
	return 0, false
}

func isPath(fn *wasi.Func) bool { return len(fn.Name) > 5 && fn.Name[:5] == "path_" }

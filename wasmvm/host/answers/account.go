package answers

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/fds"
	"wrev/wasmvm/wasi"
)

// account is what follows from the calls of a branch's path up to one of them:
// which descriptors are open, how much of the parent's future has been used, what
// the clocks showed last. It follows from the log alone, so that it is the same
// in the session that made the branch and in the next one.
type account struct {
	log    host.Log
	branch int
	next   uint64 // calls below it are accounted for
	table  *fds.Table
	// futures are where answers of other branches may be found: what the parent
	// did after the fork, then what the parent has not used of its own parent's.
	futures []*future
	clocks  map[uint64]uint64 // what each clock showed last, by its id, ns
	// changed are the descriptors whose files this path has changed in its own way;
	// changedFiles is true if there is any such file, by whatever descriptor.
	changed      map[fds.Origin]bool
	changedFiles bool
	random       uint64 // bytes of random_get so far
	// beyond are the streams from which more was read than was recorded.
	beyond map[fds.Origin]bool
}

// books makes accounts of one log. It keeps some of the trunk's, because every
// branch begins with what the trunk did before it.
type books struct {
	log   host.Log
	trunk []*account // the i-th is that of i*apart calls
}

// apart is how many calls of the trunk lie between two accounts that are kept. To
// account for that many takes about a millisecond.
const apart = 1 << 14

// account accounts for the path of a branch up to, and without, call number n.
func (b *books) account(branch int, n uint64) (*account, error) {
	parent, first := b.log.Lineage(branch)
	if parent < 0 {
		return b.trunkAt(n)
	}
	if parent >= branch {
		return nil, fmt.Errorf("branch %d says that its parent is branch %d, which is younger; the recording is damaged", branch, parent)
	}
	base, err := b.account(parent, min(first, n))
	if err != nil {
		return nil, err
	}
	a := base.clone()
	a.branch = branch
	a.futures = []*future{newFuture(base)}
	if parent > 0 {
		head, err := b.account(parent, b.log.Calls(parent))
		if err != nil {
			return nil, err
		}
		a.futures = append(a.futures, head.futures...)
	}
	return a, a.advance(n)
}

func (b *books) trunkAt(n uint64) (*account, error) {
	if len(b.trunk) == 0 {
		b.trunk = []*account{{log: b.log, table: fds.New(b.log.Meta()), clocks: make(map[uint64]uint64),
			changed: make(map[fds.Origin]bool), beyond: make(map[fds.Origin]bool)}}
	}
	for next := uint64(len(b.trunk)) * apart; next <= n; next += apart {
		a := b.trunk[len(b.trunk)-1].clone()
		if err := a.advance(next); err != nil {
			return nil, err
		}
		b.trunk = append(b.trunk, a)
	}
	a := b.trunk[n/apart].clone()
	return a, a.advance(n)
}

// clone returns a copy that goes its own way, without futures.
func (a *account) clone() *account {
	c := *a
	c.table, c.futures = a.table.Clone(), nil
	c.clocks, c.changed, c.beyond = maps.Clone(a.clocks), maps.Clone(a.changed), maps.Clone(a.beyond)
	return &c
}

// advance accounts for the calls up to, and without, number n.
func (a *account) advance(n uint64) error {
	for a.next < n {
		c, source, err := a.log.Call(a.branch, a.next)
		if err != nil {
			return err
		}
		if err := a.add(c, source); err != nil {
			return err
		}
	}
	return nil
}

// add accounts for the next call.
func (a *account) add(c *recording.HostCall, source recording.Source) error {
	_, fn := a.log.Func(c.Import)
	origin := fds.Origin{Branch: a.branch, Call: a.next}
	a.next++
	if fn == nil || len(c.Args) != len(fn.Params) {
		return nil
	}
	switch source {
	case recording.SourceMatched:
		o, err := a.matchedBy(fn, c)
		if err != nil {
			return err
		}
		if o != nil {
			o.use()
			origin = o.opens
		}
	case recording.SourceTape:
		opened, err := a.unroll(fn, c)
		if err != nil {
			return err
		}
		if opened != nil {
			origin = opened.opens
		}
	}
	if s, ok := a.stream(fn, c.Args); ok && source != "" && source != recording.SourceMatched && source != recording.SourceTape {
		a.beyond[s] = true
	}
	a.note(fn, c, source)
	a.table.Apply(fn, c, origin)
	return nil
}

// note accounts for what is neither a descriptor nor a use of a future.
func (a *account) note(fn *wasi.Func, c *recording.HostCall, source recording.Source) {
	if len(c.Results) != 1 || c.Results[0] != 0 {
		return
	}
	switch fn.Name {
	case "clock_time_get":
		if t, ok := fds.Wide(c, 2); ok {
			a.clocks[uint64(uint32(c.Args[0]))] = t
		}
	case "random_get":
		a.random += uint64(uint32(c.Args[1]))
	}
	if source == "" || source == recording.SourceMatched || !a.changesFiles(fn, c.Args) {
		return
	}
	a.changedFiles = true
	if d, ok := a.descriptor(fn, c.Args); ok {
		a.changed[d.Origin] = true
	}
}

// descriptor returns the descriptor that a call names first.
func (a *account) descriptor(fn *wasi.Func, args []uint64) (fds.Descriptor, bool) {
	for i, p := range fn.Params {
		if p.Kind == wasi.KindFD {
			return a.table.Get(uint32(args[i]))
		}
	}
	return fds.Descriptor{}, false
}

// origins returns where the descriptors come from that a call names.
func (a *account) origins(fn *wasi.Func, args []uint64) (o [2]fds.Origin) {
	n := 0
	for i, p := range fn.Params {
		if p.Kind != wasi.KindFD || n == len(o) {
			continue
		}
		o[n] = fds.Origin{Branch: notOpen, Call: uint64(uint32(args[i]))}
		if d, ok := a.table.Get(uint32(args[i])); ok {
			o[n] = d.Origin
		}
		n++
	}
	return o
}

// Branches that an Origin can have and the log has not.
const (
	notOpen    = fds.AtStart - 1 - iota // the number is of no open descriptor
	fromRandom                          // the stream of random_get
)

// changesFiles reports whether a call can change what is in the file system.
func (a *account) changesFiles(fn *wasi.Func, args []uint64) bool {
	switch fn.Name {
	case "fd_write", "fd_pwrite":
		d, ok := a.descriptor(fn, args)
		return ok && d.Kind.InFiles()
	case "path_open":
		return args[4]&(fds.OpenCreate|fds.OpenTruncate) != 0
	}
	return slices.Contains(fileChanges, fn.Name)
}

var fileChanges = []string{"fd_allocate", "fd_filestat_set_size", "fd_filestat_set_times", "path_create_directory",
	"path_filestat_set_times", "path_link", "path_remove_directory", "path_rename", "path_symlink", "path_unlink_file"}

// stream returns the stream that a call reads from, as reading works for
// connections, standard input and random numbers: each byte once.
func (a *account) stream(fn *wasi.Func, args []uint64) (fds.Origin, bool) {
	switch fn.Name {
	case "random_get":
		return fds.Origin{Branch: fromRandom}, true
	case "fd_read", "sock_recv":
		if d, ok := a.descriptor(fn, args); ok && (d.Kind == fds.Stdin || d.Kind == fds.Socket) {
			return d.Origin, true
		}
	}
	return fds.Origin{}, false
}

// place returns the file, and the offset in it, that a call reads from.
func (a *account) place(fn *wasi.Func, args []uint64) (file fds.Origin, offset uint64, ok bool) {
	d, open := a.descriptor(fn, args)
	if !open || d.Kind != fds.File {
		return fds.Origin{}, 0, false
	}
	switch fn.Name {
	case "fd_read":
		return d.Origin, d.Offset, true
	case "fd_pread":
		return d.Origin, args[3], true
	}
	return fds.Origin{}, 0, false
}

// match finds the call of a parent whose answer fits a call, nil if there is none.
func (a *account) match(fn *wasi.Func, c *recording.HostCall) (*offer, error) {
	for _, f := range a.futures {
		o, err := f.match(a, fn, c)
		if o != nil || err != nil {
			return o, err
		}
		if s, ok := a.stream(fn, c.Args); ok && f.tapes[s] != nil && !f.tapes[s].empty() {
			break // what comes later must not be read first
		}
	}
	return nil, nil
}

// Pairing is a host.Log that knows which calls of the parent have answered the
// calls of a branch. Without it they are found by what they ask, which takes the
// same program.
type Pairing interface {
	Pair(branch int, n uint64) (parent uint64, ok bool)
}

// matchedBy finds the call of a parent that has answered the call before next.
func (a *account) matchedBy(fn *wasi.Func, c *recording.HostCall) (*offer, error) {
	p, ok := a.log.(Pairing)
	if !ok || len(a.futures) == 0 {
		return a.match(fn, c)
	}
	n, ok := p.Pair(a.branch, a.next-1)
	if !ok {
		return nil, nil
	}
	return a.futures[0].numbered(n)
}

// unroll takes from the tapes what a call that was answered from them has taken.
// For a call that accepted a connection it returns the recorded one.
func (a *account) unroll(fn *wasi.Func, c *recording.HostCall) (*offer, error) {
	switch fn.Name {
	case "sock_accept":
		o, err := a.accepted(a.origins(fn, c.Args)[0])
		if o != nil {
			o.use()
		}
		return o, err
	case "clock_time_get":
		if f, i, err := a.reading(uint32(c.Args[0])); err != nil || f != nil {
			if f != nil {
				f.clocks[uint32(c.Args[0])].next = i + 1
			}
			return nil, err
		}
	}
	if s, ok := a.stream(fn, c.Args); ok {
		return nil, a.consume(s, fn, c)
	}
	return nil, nil
}

// taken returns how many bytes a successful read has taken.
func taken(fn *wasi.Func, c *recording.HostCall) uint32 {
	n := uint32(0)
	switch fn.Name {
	case "fd_read":
		n, _ = fds.Word(c, 3)
	case "fd_pread":
		n, _ = fds.Word(c, 4)
	case "sock_recv":
		if !peeks(fn, c.Args) {
			n, _ = fds.Word(c, 4)
		}
	case "random_get":
		n = uint32(c.Args[1])
	}
	return n
}

// peeks reports whether a call looks at a stream and takes nothing.
func peeks(fn *wasi.Func, args []uint64) bool {
	const flagPeek = 1
	return fn.Name == "sock_recv" && args[3]&flagPeek != 0
}

// bytesRead returns the bytes that a successful read put into memory.
func bytesRead(fn *wasi.Func, c *recording.HostCall) []byte {
	left := uint64(taken(fn, c))
	var data []byte
	for _, w := range c.Writes {
		if left == 0 {
			break
		}
		part := w.Data[:min(uint64(len(w.Data)), left)]
		if data == nil {
			data = part // one buffer is the rule
		} else {
			data = append(slices.Clip(data), part...)
		}
		left -= uint64(len(part))
	}
	return data
}

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

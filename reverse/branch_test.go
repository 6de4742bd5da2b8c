package reverse

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
)

// fakeBook keeps branches in memory. Its hosts answer the calls of each branch
// with that branch's number for salt.
type fakeBook struct {
	list  []Branch
	sel   int
	grows bool  // the trunk too
	fail  error // what Fork and Edit fail with
	notes int

	mu  sync.Mutex
	log map[owned]*recording.HostCall
}

// owned names a host call.
type owned struct {
	branch int
	n      uint64
}

func newFakeBook(grows bool) *fakeBook {
	return &fakeBook{list: []Branch{{}}, grows: grows, log: map[owned]*recording.HostCall{}}
}

func (b *fakeBook) Branches() []Branch   { return slices.Clone(b.list) }
func (b *fakeBook) Select(id int)        { b.sel = id }
func (b *fakeBook) Growing(id int) bool  { return id > 0 || b.grows }
func (b *fakeBook) owner(n uint64) int   { return b.ownerOn(b.sel, n) }
func (b *fakeBook) Drop(id int) error    { b.list[id].Dropped = true; return nil }
func (b *fakeBook) salt(n uint64) uint64 { return uint64(b.owner(n)) }

func (b *fakeBook) ownerOn(id int, n uint64) int {
	for id > 0 && b.list[id].FirstCall > n {
		id = b.list[id].Parent
	}
	return id
}

func (b *fakeBook) Fork(br Branch) error {
	if b.fail != nil {
		return b.fail
	}
	if br.ID != len(b.list) {
		return fmt.Errorf("branch %d, but there are %d", br.ID, len(b.list))
	}
	br.Edits = slices.Clone(br.Edits)
	b.list = append(b.list, br)
	return nil
}

func (b *fakeBook) Edit(id int, e PlacedEdit) error {
	if b.fail != nil {
		return b.fail
	}
	b.list[id].Edits = append(b.list[id].Edits, e)
	return nil
}

func (b *fakeBook) Note(id int, reached uint64, end string) {
	b.notes++
	b.list[id].Reached, b.list[id].End = reached, end
}

func (b *fakeBook) Calls(id int) uint64 {
	n := b.list[id].FirstCall
	for b.log[owned{b.ownerOn(id, n), n}] != nil {
		n++
	}
	return n
}

func (b *fakeBook) Call(id int, n uint64) (*recording.HostCall, error) {
	c := b.log[owned{b.ownerOn(id, n), n}]
	if c == nil {
		return nil, fmt.Errorf("branch %d has no call %d", id, n)
	}
	return c, nil
}

// host answers along the selected path, and logs.
func (b *fakeBook) host(p *program) func() wasmvm.Host {
	if p.salted == nil { // it has no imports
		return nil
	}
	return func() wasmvm.Host { return &loggingHost{b, p.salted(b.salt)} }
}

type loggingHost struct {
	b    *fakeBook
	host wasmvm.Host
}

func (h *loggingHost) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	before := slices.Clone(m.Memory())
	n := m.HostCalls()
	c := &recording.HostCall{Import: fn, Args: slices.Clone(args)}
	if err := h.host.HostCall(m, fn, args, results); err != nil {
		return err
	}
	c.Results = slices.Clone(results)
	// The difference that the call made to memory stands for what it wrote.
	for _, i := range changedBytes(before, m.Memory()) {
		c.Writes = append(c.Writes, recording.MemWrite{Addr: uint32(i), Data: []byte{m.Memory()[i]}})
	}
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	h.b.log[owned{h.b.owner(n), n}] = c
	return nil
}

// changedBytes is where two memories of one size differ.
func changedBytes(a, b []byte) []int {
	const piece = 4096
	var at []int
	for lo := 0; lo < len(a); lo += piece {
		hi := min(lo+piece, len(a))
		if bytes.Equal(a[lo:hi], b[lo:hi]) {
			continue
		}
		for i := lo; i < hi; i++ {
			if a[i] != b[i] {
				at = append(at, i)
			}
		}
	}
	return at
}

// along is the program as it runs along the path of a branch, by itself: what
// the book says now is what counts.
func (b *fakeBook) along(p *program, id int) *program {
	q := *p
	var path []Branch
	for i := id; ; i = b.list[i].Parent {
		path = append(path, b.list[i])
		if i == 0 {
			break
		}
	}
	slices.Reverse(path)
	for k, br := range path {
		for _, e := range br.Edits {
			if k+1 == len(path) || e.Position <= path[k+1].Fork {
				q.edits = append(q.edits, e)
			}
		}
	}
	q.name = fmt.Sprintf("%s, branch %d", p.name, id)
	if p.salted == nil {
		return &q
	}
	q.host = func() wasmvm.Host {
		return p.salted(func(n uint64) uint64 {
			id := 0
			for _, br := range path[1:] {
				if br.FirstCall <= n {
					id = br.ID
				}
			}
			return uint64(id)
		})
	}
	return &q
}

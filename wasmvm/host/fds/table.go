package fds

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// Table is the open descriptors at one moment. It is not safe for concurrent use.
type Table struct {
	open map[uint32]Descriptor
	free uint32 // no number below it is free
}

// New returns the descriptors with which a program starts.
func New(meta recording.Meta) *Table {
	t := &Table{open: make(map[uint32]Descriptor)}
	start := func(d Descriptor) {
		fd := t.Free()
		d.Origin = Origin{AtStart, uint64(fd)}
		t.open[fd] = d
	}
	start(Descriptor{Kind: Stdin})
	start(Descriptor{Kind: Stdout})
	start(Descriptor{Kind: Stderr})
	for _, guest := range Mounted(meta.Mounts) {
		start(Descriptor{Kind: Preopened, Name: guest})
	}
	for _, addr := range meta.Listen {
		start(Descriptor{Kind: Listener, Name: addr})
	}
	return t
}

// Mounted returns the paths at which a program finds its mounts, in the order of
// their descriptors. Of two mounts at one path the second takes the place of the
// first.
func Mounted(mounts []recording.Mount) []string {
	var names []string
	seen := make(map[string]int)
	for _, m := range mounts {
		key := MountKey(m.Guest)
		if i, ok := seen[key]; ok {
			names[i] = m.Guest
			continue
		}
		seen[key] = len(names)
		names = append(names, m.Guest)
	}
	return names
}

// MountKey is the same for two spellings of one path, by wazero's rule, which
// looks at both ends of it only.
func MountKey(guest string) string {
	key := strings.TrimRight(guest, "/")
	for {
		switch {
		case strings.HasPrefix(key, "/"):
			key = key[1:]
		case strings.HasPrefix(key, "./"):
			key = key[2:]
		case key == ".":
			return ""
		default:
			return key
		}
	}
}

// Clone returns a copy that goes its own way.
func (t *Table) Clone() *Table {
	return &Table{open: maps.Clone(t.open), free: t.free}
}

// Get returns what a number stands for.
func (t *Table) Get(fd uint32) (Descriptor, bool) {
	d, ok := t.open[fd]
	return d, ok
}

// Numbers returns the numbers of the open descriptors, ascending.
func (t *Table) Numbers() []uint32 {
	return slices.Sorted(maps.Keys(t.open))
}

// Free returns the number that the next descriptor gets.
func (t *Table) Free() uint32 {
	for {
		if _, used := t.open[t.free]; !used {
			return t.free
		}
		t.free++
	}
}

func (t *Table) insert(fd uint32, d Descriptor) { t.open[fd] = d }

func (t *Table) remove(fd uint32) {
	delete(t.open, fd)
	t.free = min(t.free, fd)
}

// Apply notes a call and its answer. origin is where a descriptor that it opens
// comes from. fn is nil for a function that is none of WASI's.
func (t *Table) Apply(fn *wasi.Func, c *recording.HostCall, origin Origin) {
	if fn == nil || len(c.Results) != 1 || c.Results[0] != 0 || len(c.Args) != len(fn.Params) {
		return // it changed nothing
	}
	switch fn.Name {
	case "path_open":
		t.opened(c, origin)
		return
	case "sock_accept":
		if fd, ok := Word(c, 2); ok {
			t.insert(fd, Descriptor{Kind: Socket, Origin: origin, Flags: uint32(c.Args[1])})
		}
		return
	}
	if len(c.Args) == 0 {
		return
	}
	fd := uint32(c.Args[0])
	d, ok := t.open[fd]
	if !ok {
		return
	}
	switch fn.Name {
	case "fd_close":
		t.remove(fd)
	case "fd_renumber":
		if to := uint32(c.Args[1]); to != fd {
			t.remove(fd)
			t.insert(to, d)
		}
	default:
		if d.apply(fn, c) {
			t.open[fd] = d
		}
	}
}

func (t *Table) opened(c *recording.HostCall, origin Origin) {
	fd, ok := Word(c, 8)
	if !ok {
		return
	}
	d := Descriptor{Kind: File, Origin: origin, Open: c.Args, Flags: uint32(c.Args[7])}
	if base, ok := t.open[uint32(c.Args[0])]; ok {
		d.Base = &base
	}
	if c.Args[4]&OpenDirectory != 0 {
		d.Kind = Dir
	}
	t.insert(fd, d)
}

// apply notes a successful call on the descriptor, and reports whether it changed.
func (d *Descriptor) apply(fn *wasi.Func, c *recording.HostCall) bool {
	switch fn.Name {
	case "fd_read":
		n, _ := Word(c, 3)
		d.Offset += uint64(n)
		d.Read += uint64(n)
	case "sock_recv":
		const peek = 1 // looks and takes nothing
		if c.Args[3]&peek != 0 {
			return false
		}
		n, _ := Word(c, 4)
		d.Read += uint64(n)
	case "fd_write":
		n, _ := Word(c, 3)
		d.Offset += uint64(n)
		d.Unsure = d.Unsure || d.Flags&FlagAppend != 0
	case "fd_seek":
		return d.stands(c, 3)
	case "fd_tell":
		return d.stands(c, 1)
	case "fd_fdstat_set_flags":
		d.Flags = uint32(c.Args[1])
		d.Stat = nil
	case "fd_fdstat_get":
		d.Stat = at(c, 1, 24)
	case "fd_readdir":
		if d.Kind == File {
			d.Kind = Dir
		}
	default:
		return false
	}
	return true
}

// stands notes an offset that the host has said.
func (d *Descriptor) stands(c *recording.HostCall, arg int) bool {
	offset, ok := Wide(c, arg)
	if ok {
		d.Offset, d.Unsure = offset, false
	}
	return ok
}

// at returns the n bytes that a call wrote where its argument i points, nil if it
// did not. Of several writes the last counts.
func at(c *recording.HostCall, i, n int) []byte {
	if i >= len(c.Args) {
		return nil
	}
	for _, w := range slices.Backward(c.Writes) {
		if w.Addr == uint32(c.Args[i]) && len(w.Data) == n {
			return w.Data
		}
	}
	return nil
}

// Word returns the 32-bit result that a call put where its argument i points.
func Word(c *recording.HostCall, i int) (uint32, bool) {
	b := at(c, i, 4)
	if b == nil {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b), true
}

// Wide returns the 64-bit result that a call put where its argument i points.
func Wide(c *recording.HostCall, i int) (uint64, bool) {
	b := at(c, i, 8)
	if b == nil {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}

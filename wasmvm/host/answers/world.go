package answers

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/tetratelabs/wazero"
	experimental "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/experimental/sysfs"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/fds"
	"wrev/wasmvm/host/live"
	"wrev/wasmvm/host/overlay"
	"wrev/wasmvm/wasi"
)

// world is files, and a program's descriptors in them, on which calls can really
// be executed: views of the mounts, or with live the mounts themselves.
//
// It begins as the branch's path leaves the trunk, with what was open there, and
// follows the calls of the path: the effects that they had on files have to happen
// in a view, too, whoever answered them. On real mounts nothing happens twice;
// there it follows the descriptors only.
type world struct {
	live     bool
	log      host.Log
	branch   int
	next     uint64     // calls below it have happened here
	table    *fds.Table // the descriptors at next
	instance *live.Instance
	views    []*overlay.FS
	missing  map[uint32]error // descriptors that could not be opened here, and why
	now      func() int64     // the time that files get, ns
}

// visit calls look with a machine that stands at call n of the current path.
type visit func(n uint64, look func(m *wasmvm.Machine) error) error

// newWorld makes the world of a branch, as it is where its path leaves the trunk.
func newWorld(from *books, branch int, real bool, o *Options) (*world, error) {
	log := from.log
	fork, b := log.Calls(0), branch
	for b > 0 {
		b, fork = log.Lineage(b)
	}
	if branch == 0 {
		fork = log.Calls(0)
	}
	trunk, err := from.account(0, fork)
	if err != nil {
		return nil, err
	}
	w := &world{live: real, log: log, branch: branch, next: fork, table: trunk.table, missing: make(map[uint32]error), now: trunk.realtime}
	files, err := w.mount(log.Meta().Mounts, o.Temp)
	if err == nil {
		config := wazero.NewModuleConfig().WithFSConfig(files)
		if real {
			config = config.WithSysWalltime().WithSysNanotime().WithRandSource(rand.Reader)
		} else {
			config = config.WithWalltime(w.clock, 1)
		}
		if w.instance, err = live.New(context.Background(), live.Config{Module: config}); err == nil {
			err = w.reopen(o.Visit)
		}
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// clock gives the files of a view the times that the program sees.
func (w *world) clock() (sec int64, nsec int32) {
	const second = 1e9
	ns := w.now()
	return ns / second, int32(ns % second)
}

// realtime is what the clock of the time of day showed last, ns.
func (a *account) realtime() int64 { return int64(a.now(clockRealtime)) }

// mount makes the file systems.
func (w *world) mount(mounts []recording.Mount, temp string) (wazero.FSConfig, error) {
	config := wazero.NewFSConfig()
	for _, m := range mounts {
		if info, err := os.Stat(m.Host); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("the mounted directory %s is not there any more", m.Host)
		}
		var root experimental.FS
		if w.live {
			root = sysfs.DirFS(m.Host)
		} else {
			view, err := overlay.New(m.Host, temp)
			if err != nil {
				return nil, err
			}
			w.views = append(w.views, view)
			root = view
		}
		if m.ReadOnly {
			root = &sysfs.ReadFS{FS: root}
		}
		config = config.(sysfs.FSConfig).WithSysFSMount(root, m.Guest)
	}
	return config, nil
}

// close gives everything back.
func (w *world) close() error {
	var err error
	if w.instance != nil {
		err = w.instance.Close()
	}
	for _, v := range w.views {
		err = errors.Join(err, v.Close())
	}
	return err
}

// reopen opens the files that are open at the fork.
func (w *world) reopen(look visit) error {
	type opened struct {
		fd uint32
		d  fds.Descriptor
	}
	var list []opened
	for _, fd := range w.table.Numbers() {
		if d, _ := w.table.Get(fd); d.Kind == fds.File || d.Kind == fds.Dir {
			list = append(list, opened{fd, d})
		}
	}
	// Looking at calls in their order is cheap.
	slices.SortFunc(list, func(a, b opened) int { return cmp.Compare(a.d.Origin.Call, b.d.Origin.Call) })
	paths := make(map[fds.Origin]string)
	for _, f := range list {
		mount, name, err := pathOf(&f.d, look, paths)
		if err == nil {
			err = w.instance.OpenAt(reopening(&f.d, f.fd, mount, name))
		}
		if err != nil {
			w.missing[f.fd] = fmt.Errorf("descriptor %d cannot be opened again: %w", f.fd, err)
		}
	}
	return nil
}

var errNoVisit = errors.New("the path it was opened with cannot be looked up here")

// pathOf returns the mount and the path in it with which a file was opened. Only
// the memory of the program has that, at the call.
func pathOf(d *fds.Descriptor, look visit, known map[fds.Origin]string) (mount uint32, name string, err error) {
	if d.Base == nil {
		return 0, "", errNoVisit
	}
	if d.Kind == fds.Preopened {
		return uint32(d.Origin.Call), ".", nil
	}
	mount, dir := uint32(d.Base.Origin.Call), "."
	if d.Base.Kind != fds.Preopened {
		if mount, dir, err = pathOf(d.Base, look, known); err != nil {
			return 0, "", err
		}
	}
	name, ok := known[d.Origin]
	if !ok {
		if look == nil {
			return 0, "", errNoVisit
		}
		err := look(d.Origin.Call, func(m *wasmvm.Machine) error {
			addr, n, mem := uint64(uint32(d.Open[2])), uint64(uint32(d.Open[3])), m.Memory()
			if addr+n > uint64(len(mem)) {
				return errNoVisit
			}
			name = string(mem[addr : addr+n])
			return nil
		})
		if err != nil {
			return 0, "", err
		}
		known[d.Origin] = name
	}
	if name == "" {
		return 0, "", errNoVisit
	}
	return mount, path.Join(dir, name), nil
}

// reopening describes how a file is opened that was made and emptied already.
func reopening(d *fds.Descriptor, fd, mount uint32, name string) live.Descriptor {
	offset := d.Offset
	if d.Kind == fds.Dir {
		offset = 0
	}
	return live.Descriptor{FD: fd, Offset: offset, Dir: mount, Path: name, LookupFlags: uint32(d.Open[1]),
		OpenFlags: uint32(d.Open[4]) & fds.OpenDirectory, Rights: rights(d.Open), Inheriting: d.Open[6], Flags: d.Flags}
}

// rights are those with which a file is opened as path_open with these arguments
// opened it. wazero derives some from flags that make and empty files.
func rights(open []uint64) uint64 {
	const read, write = 1 << 1, 1 << 6
	if open[5]&(read|write) == 0 && (open[4]&(fds.OpenCreate|fds.OpenTruncate) != 0 || open[7]&fds.FlagAppend != 0) {
		return open[5] | read | write
	}
	return open[5]
}

// follow makes happen here what the calls of the path up to, and without, number n
// have done.
func (w *world) follow(n uint64, look visit) error {
	for w.next < n {
		c, source, err := w.log.Call(w.branch, w.next)
		if err != nil {
			return err
		}
		_, fn := w.log.Func(c.Import)
		if !w.concerns(fn, c) {
			w.pass(fn, c)
			continue
		}
		if look == nil {
			return errNoVisit
		}
		if err := look(w.next, func(m *wasmvm.Machine) error { w.happen(fn, c, source, m.Memory()); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// pass goes on to the next call.
func (w *world) pass(fn *wasi.Func, c *recording.HostCall) {
	w.table.Apply(fn, c, fds.Origin{Branch: w.branch, Call: w.next})
	w.next++
}

// concerns reports whether a call has done anything to files or their descriptors.
func (w *world) concerns(fn *wasi.Func, c *recording.HostCall) bool {
	if fn == nil || len(c.Results) != 1 || c.Results[0] != errnoOK || len(c.Args) != len(fn.Params) {
		return false
	}
	switch fn.Name {
	case "fd_read", "fd_write", "fd_pwrite", "fd_seek", "fd_close", "fd_renumber", "fd_fdstat_set_flags", "fd_readdir":
	case "path_open":
		return true
	default:
		return slices.Contains(fileChanges, fn.Name)
	}
	d, ok := w.table.Get(uint32(c.Args[0]))
	return ok && (d.Kind == fds.File || d.Kind == fds.Dir)
}

// happen makes the effects of a call that someone has answered happen here, too.
// mem is the program's memory before it.
func (w *world) happen(fn *wasi.Func, c *recording.HostCall, source recording.Source, mem []byte) {
	fd := uint32(c.Args[0])
	missing := w.missing[fd]
	execute := missing == nil
	switch fn.Name {
	case "path_open":
		w.happenOpen(fn, c, source, mem)
		w.pass(fn, c)
		return
	case "fd_read", "fd_seek", "fd_readdir":
		execute = false // only moves the descriptor
	case "fd_close":
		delete(w.missing, fd)
	case "fd_renumber":
		delete(w.missing, fd)
		delete(w.missing, uint32(c.Args[1]))
		if missing != nil {
			w.missing[uint32(c.Args[1])] = missing
		}
	case "fd_fdstat_set_flags":
	default:
		execute = execute && !w.live // there it has happened, or should not
	}
	if execute {
		_, _ = w.instance.Do(fn, c.Import, c.Args, mem) // its answer was given by someone else
	}
	w.pass(fn, c)
	if d, ok := w.table.Get(fd); ok && d.Kind == fds.File && !d.Unsure && missing == nil {
		w.seek(fd, d.Offset)
	}
}

// happenOpen opens what the program has opened, under its number.
func (w *world) happenOpen(fn *wasi.Func, c *recording.HostCall, source recording.Source, mem []byte) {
	number, ok := fds.Word(c, 8)
	if !ok {
		return
	}
	args := slices.Clone(c.Args)
	if w.live {
		args[5] = rights(args)
		args[4] &^= fds.OpenCreate | fds.OpenTruncate | fds.OpenExclusive
	}
	got, err := w.instance.Do(fn, c.Import, args, mem)
	if err == nil && got.Results[0] != errnoOK {
		err = errors.New(wasi.ErrnoName(uint32(got.Results[0])))
	}
	if err == nil {
		err = w.renumber(&got, number)
	}
	delete(w.missing, number)
	if err != nil {
		w.missing[number] = fmt.Errorf("what %s has opened as descriptor %d cannot be opened here: %w", source, number, err)
	}
}

var (
	fdSeek, _     = wasi.Lookup("fd_seek")
	fdRenumber, _ = wasi.Lookup("fd_renumber")
)

// renumber gives what a path_open has opened another number. Here, numbers are free
// that the program uses for connections.
func (w *world) renumber(opened *recording.HostCall, to uint32) error {
	from, ok := fds.Word(opened, 8)
	if !ok {
		return errors.New("nothing was opened")
	}
	if from == to {
		return nil
	}
	got, err := w.instance.Do(fdRenumber, 0, []uint64{uint64(from), uint64(to)}, nil)
	if err == nil && got.Results[0] != errnoOK {
		err = fmt.Errorf("give it the number %d: %s", to, wasi.ErrnoName(uint32(got.Results[0])))
	}
	return err
}

// seek moves a descriptor, which fails for what cannot be moved.
func (w *world) seek(fd uint32, offset uint64) {
	const whenceSet = 0
	_, _ = w.instance.Do(fdSeek, 0, []uint64{uint64(fd), offset, whenceSet, 0}, make([]byte, 8))
}

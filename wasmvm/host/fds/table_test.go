package fds

import (
	"encoding/binary"
	"slices"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

var meta = recording.Meta{
	Mounts: []recording.Mount{{Guest: "/data"}, {Guest: "/"}, {Guest: "./data/"}},
	Listen: []string{"127.0.0.1:80"},
}

const result = 64 // where calls put their result

// apply notes a call that succeeded and put value where its last argument points.
func apply(t *testing.T, table *Table, n uint64, name string, value uint64, args ...uint64) {
	t.Helper()
	fn, ok := wasi.Lookup(name)
	if !ok {
		t.Fatalf("no function %s", name)
	}
	c := &recording.HostCall{Args: args, Results: []uint64{0}}
	if last := fn.Params[len(fn.Params)-1]; last.Kind == wasi.KindResult {
		data := binary.LittleEndian.AppendUint64(nil, value)[:last.Size]
		c.Writes = []recording.MemWrite{{Addr: result, Data: data}}
	}
	table.Apply(fn, c, Origin{0, n})
}

func TestDescriptorsAtTheStart(t *testing.T) {
	table := New(meta)
	for fd, want := range []Descriptor{
		{Kind: Stdin}, {Kind: Stdout}, {Kind: Stderr},
		{Kind: Preopened, Name: "./data/"}, {Kind: Preopened, Name: "/"}, {Kind: Listener, Name: "127.0.0.1:80"},
	} {
		got, ok := table.Get(uint32(fd))
		if !ok || got.Kind != want.Kind || got.Name != want.Name || got.Origin != (Origin{AtStart, uint64(fd)}) {
			t.Errorf("descriptor %d is %+v, want %+v", fd, got, want)
		}
	}
	if free := table.Free(); free != 6 {
		t.Errorf("the next descriptor is %d, want 6", free)
	}
}

func TestDescriptorsFollowTheCalls(t *testing.T) {
	table := New(meta)
	apply(t, table, 10, "path_open", 6, 3, 0, 100, 5, OpenCreate, 0, 0, FlagAppend, result)
	apply(t, table, 11, "sock_accept", 7, 5, FlagNonblock, result)
	apply(t, table, 12, "path_open", 8, 3, 0, 100, 5, OpenDirectory, 0, 0, 0, result)
	apply(t, table, 13, "fd_read", 100, 6, 0, 1, result)
	apply(t, table, 14, "fd_write", 20, 6, 0, 1, result)
	apply(t, table, 15, "fd_read", 30, 7, 0, 1, result)
	before := table.Clone()
	apply(t, table, 16, "fd_renumber", 0, 6, 9)
	apply(t, table, 17, "fd_seek", 5, 9, 5, 0, result)
	apply(t, table, 18, "fd_close", 0, 8)

	want := map[uint32]Descriptor{
		7: {Kind: Socket, Origin: Origin{0, 11}, Flags: FlagNonblock, Offset: 30, Read: 30},
		9: {Kind: File, Origin: Origin{0, 10}, Flags: FlagAppend, Offset: 5, Read: 100},
	}
	for fd, w := range want {
		got, _ := table.Get(fd)
		got.Open = nil
		if got.Kind != w.Kind || got.Origin != w.Origin || got.Flags != w.Flags || got.Offset != w.Offset || got.Read != w.Read {
			t.Errorf("descriptor %d is %+v, want %+v", fd, got, w)
		}
	}
	if d, _ := table.Get(9); d.Base == nil || d.Base.Name != "./data/" || d.Unsure {
		t.Errorf("descriptor 9 is %+v", d)
	}
	if d, _ := before.Get(6); !d.Unsure {
		t.Error("the offset is said to be known after an append")
	}
	if got, want := table.Numbers(), []uint32{0, 1, 2, 3, 4, 5, 7, 9}; !slices.Equal(got, want) {
		t.Errorf("open are %v, want %v", got, want)
	}
	if free := table.Free(); free != 6 {
		t.Errorf("the next descriptor is %d, want 6", free)
	}
	if d, ok := before.Get(6); !ok || d.Offset != 120 {
		t.Errorf("the clone has changed: %+v", d)
	}
}

func TestFailedCallsChangeNothing(t *testing.T) {
	table := New(meta)
	fn, _ := wasi.Lookup("fd_close")
	table.Apply(fn, &recording.HostCall{Args: []uint64{3}, Results: []uint64{8}}, Origin{})
	table.Apply(fn, &recording.HostCall{Results: []uint64{0}}, Origin{}) // of a damaged file
	table.Apply(nil, &recording.HostCall{}, Origin{})
	if _, ok := table.Get(3); !ok {
		t.Error("a descriptor was closed")
	}
}

func TestMountKey(t *testing.T) {
	for _, same := range [][]string{{"/", "", ".", "./"}, {"/a", "a", "./a/", "a/"}, {"../a", "/../a"}} {
		for _, s := range same {
			if MountKey(s) != MountKey(same[0]) {
				t.Errorf("%q and %q differ", s, same[0])
			}
		}
	}
}

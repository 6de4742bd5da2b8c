package answers

import (
	"bytes"
	"testing"
)

func TestWhatIsKnownIsNotAsked(t *testing.T) {
	trunk := newTrunk(t)
	conn := trunk.accept()
	b := trunk.fork(1, "ask")
	for _, tt := range []struct {
		name  string
		args  []uint64
		errno uint32
		at    uint32 // where the result is
		want  []byte
	}{
		{"args_sizes_get", []uint64{8, 12}, errnoOK, 8, []byte{2, 0, 0, 0, 6, 0, 0, 0}},
		{"args_get", []uint64{200, 300}, errnoOK, 300, []byte("app\x00x\x00")},
		{"args_get", []uint64{200, 300}, errnoOK, 200, []byte{44, 1, 0, 0, 48, 1, 0, 0}},
		{"environ_sizes_get", []uint64{8, 12}, errnoOK, 8, []byte{1, 0, 0, 0, 4, 0, 0, 0}},
		{"environ_get", []uint64{200, 300}, errnoOK, 300, []byte("A=b\x00")},
		{"environ_get", []uint64{200, 1 << 20}, errnoFault, 8, nil},
		{"clock_res_get", []uint64{1, 8}, errnoOK, 8, []byte{1, 0, 0, 0, 0, 0, 0, 0}},
		{"clock_res_get", []uint64{2, 8}, errnoInval, 8, nil},
		{"fd_prestat_get", []uint64{fdMount, 8}, errnoOK, 8, []byte{0, 0, 0, 0, 5, 0, 0, 0}},
		{"fd_prestat_get", []uint64{fdListener, 8}, errnoBadf, 8, nil},
		{"fd_prestat_get", []uint64{99, 8}, errnoBadf, 8, nil},
		{"fd_prestat_dir_name", []uint64{fdMount, 300, 5}, errnoOK, 300, []byte("/data")},
		{"fd_prestat_dir_name", []uint64{fdMount, 300, 6}, 37, 300, nil},
		{"fd_fdstat_get", []uint64{1, 8}, errnoOK, 8, []byte{2}},
		{"fd_fdstat_get", []uint64{fdMount, 8}, errnoOK, 8, []byte{3}},
		{"fd_fdstat_get", []uint64{uint64(conn), 8}, errnoOK, 8, []byte{6}},
		{"fd_fdstat_set_flags", []uint64{uint64(conn), 4}, errnoOK, 0, nil},
		{"fd_seek", []uint64{1, 0, 0, 8}, 70, 0, nil},
		{"sock_recv", []uint64{1, 0, 0, 0, 8, 12}, errnoBadf, 0, nil},
		{"sock_accept", []uint64{uint64(conn), 0, 8}, errnoBadf, 0, nil},
		{"fd_renumber", []uint64{uint64(conn), 1}, errnoNotsup, 0, nil},
		{"fd_renumber", []uint64{uint64(conn), 9}, errnoOK, 0, nil},
		{"fd_close", []uint64{uint64(conn)}, errnoBadf, 0, nil},
		{"fd_close", []uint64{9}, errnoOK, 0, nil},
		{"sched_yield", nil, errnoOK, 0, nil},
		{"proc_raise", []uint64{6}, errnoNosys, 0, nil},
	} {
		b.call(nil, tt.name, tt.args...)
		b.want(byKnown, tt.errno)
		if got := b.m.Memory()[tt.at:][:len(tt.want)]; !bytes.Equal(got, tt.want) {
			t.Errorf("%s%v: %v, want %v", tt.name, tt.args, got, tt.want)
		}
	}
	c := b.call(nil, "proc_exit", 3)
	if c == nil || !c.NoReturn || len(c.Results) != 0 {
		t.Errorf("proc_exit is answered by %+v", c)
	}
}

// TestWildPointersFail makes every call with pointers outside memory: no answer
// may lie there, and none may crash.
func TestWildPointersFail(t *testing.T) {
	trunk, fork, conn := conversation(t)
	const wild = 1<<32 - 4
	for _, sources := range []string{"matched,tape,synthetic", "synthetic", "eof", "errno EIO"} {
		b := trunk.fork(fork, sources)
		for _, args := range [][]uint64{
			{uint64(conn), wild, 1, wild}, {uint64(conn), addrVec, 1, wild}, {uint64(conn), addrVec, 1 << 29, addrCount}, {uint64(conn), addrVec, 1<<32 - 1, addrCount},
		} {
			for _, name := range []string{"fd_read", "fd_write"} {
				b.poke(addrVec, append(le32(wild), le32(8)...))
				b.call(nil, name, args...) // writes outside memory fail the test
			}
		}
		b.call(nil, "random_get", wild, 100)
		b.call(nil, "random_get", 0, 1<<32-1)
		b.call(nil, "clock_time_get", 1, 1, wild)
		b.call(nil, "poll_oneoff", wild, 0, 1, 8)
		b.call(nil, "poll_oneoff", 0, 0, 1<<32-1, 8)
		b.call(nil, "path_open", fdMount, 1, wild, 100, 1, 0, 0, 0, wild)
	}
}

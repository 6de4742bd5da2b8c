package wasi

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

func TestTableIsComplete(t *testing.T) {
	if n := len(Functions()); n != 46 {
		t.Errorf("the table has %d functions, preview 1 has 46", n)
	}
	for _, f := range Functions() {
		if got, ok := Lookup(f.Name); !ok || got != f {
			t.Errorf("Lookup(%q) = %v, %v", f.Name, got, ok)
		}
		if f.HasErrno == (f.Name == "proc_exit") {
			t.Errorf("%s: HasErrno = %v", f.Name, f.HasErrno)
		}
	}
	if _, ok := Lookup("fd_nonsense"); ok {
		t.Error("Lookup found a function that does not exist")
	}
}

// memory builds a memory of the given size with 32-bit words at some addresses.
func memory(size int, words map[uint32]uint32) []byte {
	m := make([]byte, size)
	for a, v := range words {
		binary.LittleEndian.PutUint32(m[a:], v)
	}
	return m
}

func TestInputs(t *testing.T) {
	mem := memory(256, map[uint32]uint32{
		16: 100, 20: 5, 24: 110, 28: 0, 32: 200, 36: 56, // three good iovecs
		64: 100, 68: 5, 72: 250, 76: 7, 80: 100, 84: 5, // the second is wild
	})
	tests := []struct {
		name string
		fn   string
		args []uint64
		want []Range
	}{
		{"no inputs", "clock_time_get", []uint64{0, 0, 8}, nil},
		{"path", "path_create_directory", []uint64{3, 10, 6}, []Range{{10, 6}}},
		{"two paths", "path_rename", []uint64{3, 10, 6, 3, 20, 4}, []Range{{10, 6}, {20, 4}}},
		{"wild path", "path_rename", []uint64{3, 10, 600, 3, 20, 4}, nil},
		{"empty path at the end", "path_unlink_file", []uint64{3, 256, 0}, []Range{{256, 0}}},
		{"write", "fd_write", []uint64{1, 16, 3, 0}, []Range{{16, 24}, {100, 5}, {110, 0}, {200, 56}}},
		{"write, wild buffer", "fd_pwrite", []uint64{1, 64, 3, 0, 0}, []Range{{64, 24}, {100, 5}}},
		{"write, wild array", "fd_write", []uint64{1, 0xfffffff8, 3, 0}, nil},
		{"write, count wraps", "fd_write", []uint64{1, 16, 0x20000001, 0}, []Range{{16, 8}, {100, 5}}},
		{"read", "fd_read", []uint64{0, 16, 3, 0}, []Range{{16, 24}}},
		{"receive", "sock_recv", []uint64{5, 16, 3, 0, 0, 0}, []Range{{16, 24}}},
		{"peek", "sock_recv", []uint64{5, 16, 3, 1, 0, 0}, []Range{{16, 8}}},
		{"poll", "poll_oneoff", []uint64{48, 0, 2, 0}, []Range{{48, 96}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := Lookup(tt.fn)
			if got := f.Inputs(nil, tt.args, mem); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	f, _ := Lookup("fd_write")
	args := []uint64{1, 0, 2, 200}
	fresh := func() []byte {
		m := memory(256, map[uint32]uint32{0: 100, 4: 37, 8: 150, 12: 3})
		for i := 100; i < 160; i++ {
			m[i] = byte(i)
		}
		return m
	}
	want := f.Digest(args, fresh())
	if want == 0 {
		t.Fatal("the digest of a call with inputs is 0")
	}
	for _, addr := range []int{0, 4, 8, 12, 100, 115, 116, 131, 132, 136, 150, 152} {
		m := fresh()
		m[addr] ^= 1
		if f.Digest(args, m) == want {
			t.Errorf("a change of the byte at %d does not change the digest", addr)
		}
	}
	for _, addr := range []int{16, 99, 137, 149, 153, 200} {
		m := fresh()
		m[addr] ^= 1
		if f.Digest(args, m) != want {
			t.Errorf("the byte at %d is no input but changes the digest", addr)
		}
	}
	if clock, _ := Lookup("clock_time_get"); clock.Digest([]uint64{0, 0, 8}, fresh()) != 0 {
		t.Error("a call without inputs has a digest")
	}
}

const stableDigest = 0x9e11bb14a0413bbc

// TestDigestIsStable fails when the digest changes, which would make existing
// recordings seem to diverge.
func TestDigestIsStable(t *testing.T) {
	f, _ := Lookup("path_unlink_file")
	mem := []byte("a fairly short path/with a name of some length.txt")
	if got := f.Digest([]uint64{3, 0, uint64(len(mem))}, mem); got != stableDigest {
		t.Errorf("digest = %#x, want %#x", got, uint64(stableDigest))
	}
}

func TestDescribe(t *testing.T) {
	mem := memory(512, map[uint32]uint32{0: 100, 4: 6, 8: 120, 12: 3})
	copy(mem[100:], "hello\n")
	copy(mem[120:], "abc")
	copy(mem[200:], "dir/input.txt")
	word := func(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
	tests := []struct {
		fn     string
		args   []uint64
		errno  uint32
		writes []Write
		want   string
	}{
		{"fd_write", []uint64{1, 0, 1, 300}, 0, []Write{{300, word(6)}},
			`fd_write(fd=1, iovs=[6 bytes "hello\n"]) -> 0 (nwritten=6)`},
		{"fd_write", []uint64{2, 0, 2, 300}, 8, nil,
			`fd_write(fd=2, iovs=[9 bytes in 2 "hello\nabc"]) -> EBADF`},
		{"fd_write", []uint64{1, 0xfffffff0, 2, 300}, 21, nil,
			`fd_write(fd=1, iovs=0xfffffff0[2]) -> EFAULT`},
		{"fd_read", []uint64{0, 0, 1, 300}, 0, []Write{{100, []byte("in")}, {300, word(2)}},
			`fd_read(fd=0, iovs=[6 bytes]) -> 0 (nread=2, "in")`},
		{"path_open", []uint64{3, 1, 200, 13, 0, 2, 0, 0, 300}, 0, []Write{{300, word(4)}},
			`path_open(fd=3, dirflags=0x1, path="dir/input.txt", oflags=0x0, fs_rights_base=0x2, fs_rights_inheriting=0x0, fdflags=0x0) -> 0 (opened_fd=4)`},
		{"clock_time_get", []uint64{0, 1, 300}, 0, []Write{{300, binary.LittleEndian.AppendUint64(nil, 1500000000)}},
			`clock_time_get(id=realtime, precision=1) -> 0 (1.500000000s)`},
		{"random_get", []uint64{300, 4}, 0, []Write{{300, []byte{1, 2, 3, 4}}},
			`random_get(buf=0x12c[4]) -> 0 ("\x01\x02\x03\x04")`},
		{"proc_exit", []uint64{3}, 0, nil, `proc_exit(rval=3)`},
		{"sched_yield", nil, 0, nil, `sched_yield() -> 0`},
		{"fd_seek", []uint64{4, ^uint64(0), 1, 300}, 0, []Write{{300, make([]byte, 8)}},
			`fd_seek(fd=4, offset=-1, whence=1) -> 0 (newoffset=0)`},
	}
	for _, tt := range tests {
		f, _ := Lookup(tt.fn)
		if got := f.Describe(tt.args, mem, tt.errno, tt.writes); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	f, _ := Lookup("fd_write")
	if got := f.Describe([]uint64{1, 0, 1, 300}, nil, 0, nil); got != "fd_write(fd=1, iovs=0x0[1]) -> 0" {
		t.Errorf("without memory: %s", got)
	}
}

func TestErrnoName(t *testing.T) {
	for n, want := range map[uint32]string{0: "ESUCCESS", 8: "EBADF", 21: "EFAULT", 52: "ENOSYS", 76: "ENOTCAPABLE", 77: "errno 77"} {
		if got := ErrnoName(n); got != want {
			t.Errorf("ErrnoName(%d) = %s, want %s", n, got, want)
		}
	}
}

// FuzzAnything calls everything with arbitrary arguments on an arbitrary
// memory: nothing may panic, and every range must lie in memory.
func FuzzAnything(f *testing.F) {
	f.Add(uint8(0), []byte("seed"), []byte{})
	f.Add(uint8(20), []byte(strings.Repeat("\x00\x00\x00\x01", 40)), make([]byte, 100))
	f.Fuzz(func(t *testing.T, which uint8, raw, mem []byte) {
		fn := table[int(which)%len(table)]
		args := make([]uint64, len(fn.Params))
		for i := range args {
			var word [8]byte
			raw = raw[copy(word[:], raw):]
			if args[i] = binary.LittleEndian.Uint64(word[:]); !fn.Params[i].Wide {
				args[i] = uint64(uint32(args[i]))
			}
		}
		fn.Digest(args, mem)
		for _, r := range fn.Inputs(nil, args, mem) {
			r.Of(mem)
		}
		tr := NewTracker(Sizes{1, 2, 3, 4})
		for _, errno := range []uint32{errnoSuccess, errnoIO, 21} {
			tr.Before(fn, args, mem)
			var writes []Write
			for _, r := range tr.After(fn, args, errno, mem) {
				if r.Len == 0 {
					t.Error("an empty range")
				}
				writes = append(writes, Write{r.Addr, r.Of(mem)})
			}
			fn.Describe(args, mem, errno, writes)
		}
	})
}

func TestErrnoOfKnowsNamesAndNumbers(t *testing.T) {
	for name, want := range map[string]uint32{"ECONNRESET": 15, "connreset": 15, "Eio": 29, "29": 29, "SUCCESS": 0, "e2big": 1, "ENOTCAPABLE": 76} {
		if got, ok := ErrnoOf(name); !ok || got != want {
			t.Errorf("%s is %d, %v, want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "E", "EWHAT", "-1", "65536"} {
		if got, ok := ErrnoOf(name); ok {
			t.Errorf("%q is %d", name, got)
		}
	}
}

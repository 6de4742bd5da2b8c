package host

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// Where the steps below put things. The program has the memory [0, size).
const (
	size = scriptMemSize
	wild = 0xfffffff0
	pth  = 0x100  // a path
	pth2 = 0x180  // another one
	vec  = 0x200  // iovecs, subscriptions
	res  = 0x800  // the result
	res2 = 0x810  // another one
	buf  = 0x1000 // a buffer
	evts = 0x1800 // events
)

// The errnos that the steps expect.
const (
	ok, eagain, ebadf, eexist, efault, einval  = 0, 6, 8, 20, 21, 28
	eio, eisdir, enametoolong, enoent          = 29, 31, 37, 44
	enosys, enotdir, enotsup, eperm, erange    = 52, 54, 58, 63, 68
	dirFD, sockFD, fileFD, connFD, subFD       = 3, 4, 5, 6, 7
	readRight, writeRight, creat, nonblockFlag = 2, 64, 1, 4
)

// everything calls each function of preview 1, successfully and not. File
// descriptors are wazero's: 3 is the mounted directory, 4 the listening socket,
// and the lowest free one is next.
func everything() script {
	return slices.Concat(argsAndClocks(), files(), vectors(), directories(), sockets(), script{
		call(anyErrno, "proc_exit", 7),
	})
}

func argsAndClocks() script {
	return script{
		call(ok, "args_get", buf, buf+0x100),
		call(ok, "args_get", buf, buf+4),
		call(ok, "args_sizes_get", res, res2),
		call(ok, "environ_get", buf, buf+0x100),
		call(ok, "environ_sizes_get", res, res2),
		call(ok, "clock_res_get", 0, res),
		call(ok, "clock_res_get", 1, res),
		call(einval, "clock_res_get", 2, res),
		call(ok, "clock_time_get", 0, 1, res),
		call(ok, "clock_time_get", 1, 1<<40, size-8),
		call(einval, "clock_time_get", 3, 1, res),
		call(ok, "random_get", buf, 100),
		call(ok, "random_get", 0, size),
		call(ok, "random_get", size, 0),
		call(ok, "sched_yield"),
		call(enosys, "proc_raise", 2),
		// Subscriptions: 48 bytes, the tag at 8, its argument at 16.
		call(ok, "poll_oneoff", vec, evts, 1, res).words(vec, 1, 0, 0, 0, 0, 0, 1000, 0, 0, 0, 0, 0),
		call(ok, "poll_oneoff", vec, evts, 3, res).
			words(vec, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0).
			words(vec+48, 3, 4, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0).
			words(vec+96, 5, 6, 2, 0, 99, 0, 0, 0, 0, 0, 0, 0),
		call(einval, "poll_oneoff", vec, evts, 0, res),
		call(einval, "poll_oneoff", vec, evts, 2, res).words(vec, 1, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0).words(vec+48, 0, 0, 9),
		call(ebadf, "poll_oneoff", vec, evts, 1, res).words(vec, 1, 0, 1, 0, 0xffffffff, 0, 0, 0, 0, 0, 0, 0),
		call(enotsup, "poll_oneoff", vec, evts, 1, res).words(vec, 1, 0, 0, 0, 0, 0, 1000, 0, 0, 0, 1, 0),
	}
}

func files() script {
	open := call(ok, "path_open", dirFD, 0, pth, 5, 0, readRight|writeRight, 0, 0, res).text(pth, "a.txt")
	create := call(ok, "path_open", dirFD, 0, pth, 5, creat, readRight|writeRight, 0, 0, res).text(pth, "b.txt")
	return script{
		// Every variant that succeeds opens another one; they are closed below.
		open,
		create,
		call(enoent, "path_open", dirFD, 0, pth, 4, 0, readRight, 0, 0, res).text(pth, "none"),
		call(eperm, "path_open", dirFD, 0, pth, 4, 0, readRight, 0, 0, res).text(pth, "../x"),
		call(ebadf, "path_open", 99, 0, pth, 5, 0, readRight, 0, 0, res).text(pth, "a.txt"),
		call(ok, "fd_advise", fileFD, 0, 10, 1),
		call(einval, "fd_advise", fileFD, 0, 10, 99),
		call(ok, "fd_allocate", fileFD, 0, 5),
		call(einval, "fd_allocate", fileFD, 1<<63, 5),
		call(ok, "fd_datasync", fileFD),
		call(ok, "fd_sync", fileFD),
		call(ebadf, "fd_sync", 99),
		call(ebadf, "fd_datasync", 99),
		call(ok, "fd_fdstat_get", fileFD, res),
		call(ok, "fd_fdstat_get", 1, size-24),
		call(ebadf, "fd_fdstat_get", 99, res),
		call(ok, "fd_fdstat_set_flags", 0, 0),
		call(einval, "fd_fdstat_set_flags", fileFD, 2),
		call(enosys, "fd_fdstat_set_rights", fileFD, 1, 2),
		call(ok, "fd_filestat_get", fileFD, res),
		call(ebadf, "fd_filestat_get", 99, res),
		call(ok, "fd_filestat_set_times", fileFD, 1e9, 2e9, 5),
		call(einval, "fd_filestat_set_times", fileFD, 1e9, 2e9, 3),
		call(ok, "fd_seek", fileFD, 2, 0, res),
		call(einval, "fd_seek", fileFD, 2, 7, res),
		call(eisdir, "fd_seek", dirFD, 0, 0, res),
		call(ok, "fd_tell", fileFD, res),
		call(ebadf, "fd_tell", 99, res),
		call(ok, "path_filestat_get", dirFD, 1, pth, 5, res).text(pth, "a.txt"),
		call(enoent, "path_filestat_get", dirFD, 1, pth, 5, res).text(pth, "x.txt"),
		call(ok, "path_filestat_set_times", dirFD, 1, pth, 5, 1e9, 2e9, 5).text(pth, "a.txt"),
		call(enoent, "path_filestat_set_times", dirFD, 1, pth, 5, 1e9, 2e9, 5).text(pth, "x.txt"),
		call(ok, "path_link", dirFD, 0, pth, 5, dirFD, pth2, 4).text(pth, "a.txt").text(pth2, "hard"),
		call(eexist, "path_link", dirFD, 0, pth, 5, dirFD, pth2, 4).text(pth, "a.txt").text(pth2, "hard"),
		call(ok, "path_symlink", pth, 5, dirFD, pth2, 4).text(pth, "a.txt").text(pth2, "soft"),
		call(einval, "path_symlink", pth, 0, dirFD, pth2, 4).text(pth2, "soft"),
		call(ok, "path_readlink", dirFD, pth, 4, buf, 5, res).text(pth, "soft"),
		call(ok, "path_readlink", dirFD, pth, 4, buf, 500, buf+1).text(pth, "soft"),
		call(erange, "path_readlink", dirFD, pth, 4, buf, 4, res).text(pth, "soft"),
		call(einval, "path_readlink", dirFD, pth, 4, buf, 0, res).text(pth, "soft"),
		call(ok, "path_rename", dirFD, pth, 4, dirFD, pth2, 5).text(pth, "hard").text(pth2, "moved"),
		call(enoent, "path_rename", dirFD, pth, 4, dirFD, pth2, 5).text(pth, "hard").text(pth2, "moved"),
		call(ok, "path_unlink_file", dirFD, pth, 5).text(pth, "moved"),
		call(enoent, "path_unlink_file", dirFD, pth, 5).text(pth, "moved"),
		call(ok, "fd_filestat_set_size", fileFD, 3000),
		call(ebadf, "fd_filestat_set_size", 99, 3000),
	}
}

// vectors are the reads and writes through iovecs.
func vectors() script {
	iov := func(s step, words ...uint32) step { return s.words(vec, words...) }
	steps := script{
		iov(call(ok, "fd_write", 1, vec, 2, res), buf, 6, buf+0x100, 4).text(buf, "hello ").text(buf+0x100, "you\n"),
		iov(call(ok, "fd_write", 2, vec, 3, vec+4), buf, 6, 0, 0, buf, 2).text(buf, "error\n"),
		iov(call(efault, "fd_write", 1, vec, 2, res), buf, 6, wild, 4),
		iov(call(ebadf, "fd_write", 99, vec, 1, res), buf, 6),
		iov(call(ok, "fd_pwrite", fileFD, vec, 1, 0, res), buf, 11).text(buf, "hello world"),
		iov(call(ebadf, "fd_pwrite", 99, vec, 1, 0, res), buf, 11),
	}
	// The counts and lengths that both kinds of read are tried with. The file
	// has 3000 bytes, of which 11 are text.
	for _, words := range [][]uint32{
		{buf, 5},                                 // full
		{buf, 5000},                              // short
		{buf, 4, buf + 0x100, 2},                 // both full
		{buf, 4, 0, 0, buf + 0x100, 5000},        // an empty one between, the last short
		{buf, 4000, buf + 0x1000, 10},            // the first short
		{wild, 0, buf, 4},                        // a wild empty one is fine
		{buf, 4, wild, 8},                        // the second wild
		{buf, 8, buf + 4, 8},                     // overlapping each other
		{buf, 4, vec + 12, 4, buf + 64, 4},       // the array overwritten ahead
		{vec, 8, buf, 4},                         // the array overwritten by itself
		{buf, 60000, buf + 60000, 50000},         // large
		{buf, 60000, buf + 60000, 5000, wild, 1}, // large, then wild
	} {
		n := uint64(len(words) / 2)
		steps = append(steps,
			iov(call(anyErrno, "fd_pread", fileFD, vec, n, 0, res), words...),
			iov(call(anyErrno, "fd_pread", fileFD, vec, n, 0, vec+6), words...),
			iov(call(anyErrno, "fd_pread", fileFD, vec, n, 0, buf+2), words...),
			call(ok, "fd_seek", fileFD, 0, 0, res),
			iov(call(anyErrno, "fd_read", fileFD, vec, n, res), words...),
			iov(call(anyErrno, "fd_read", 0, vec, n, res), words...), // until its end
		)
	}
	return append(steps,
		iov(call(ok, "fd_pread", fileFD, vec, 2, 2, res), buf, 4, buf+0x100, 2),
		iov(call(ok, "fd_read", fileFD, vec, 1, res), buf, 4),
		call(ok, "fd_read", fileFD, vec, 0x20000000, res), // eight times that is 0
		iov(call(eio, "fd_pread", fileFD, vec, 1, 1<<63, res), buf, 4),
		iov(call(eio, "fd_pread", fileFD, vec, 2, 1<<63, res), buf, 4, buf+0x100, 4),
		iov(call(anyErrno, "fd_read", dirFD, vec, 1, res), buf, 4),
		iov(call(anyErrno, "fd_pread", dirFD, vec, 1, 0, res), buf, 4),
		iov(call(ebadf, "fd_read", 1, vec, 2, res), buf, 4, buf+0x100, 4),
		iov(call(ebadf, "fd_read", 99, vec, 1, res), buf, 4),
	)
}

func directories() script {
	readdir := func(want int, n, cookie uint64) step {
		return call(want, "fd_readdir", dirFD, buf, n, cookie, res)
	}
	s := script{
		call(ok, "fd_prestat_get", dirFD, res),
		call(ebadf, "fd_prestat_get", fileFD, res),
		call(ok, "fd_prestat_dir_name", dirFD, buf, 6),
		call(ok, "fd_prestat_dir_name", dirFD, buf, 3),
		call(enametoolong, "fd_prestat_dir_name", dirFD, buf, 7),
		call(ebadf, "fd_prestat_dir_name", 99, buf, 6),
		call(ok, "path_create_directory", dirFD, pth, 3).text(pth, "new"),
		call(eexist, "path_create_directory", dirFD, pth, 3).text(pth, "new"),
		call(ok, "path_remove_directory", dirFD, pth, 3).text(pth, "new"),
		call(enoent, "path_remove_directory", dirFD, pth, 3).text(pth, "new"),
		readdir(einval, 23, 0),
		readdir(ebadf, 4096, 0).args99(),
		readdir(enoent, 4096, 1<<40),
	}
	// Sizes around every place where an entry is cut.
	for n := uint64(24); n < 110; n++ {
		s = append(s, readdir(ok, n, 0))
	}
	for _, cookie := range []uint64{1, 3, 5, 6, 7} {
		s = append(s, readdir(anyErrno, 4096, cookie))
	}
	return append(s, call(ok, "fd_renumber", fileFD+1, fileFD+20), call(ebadf, "fd_renumber", 99, 100),
		call(ok, "fd_close", fileFD), call(ebadf, "fd_close", fileFD))
}

// args99 asks for file descriptor 99, which there is not.
func (s step) args99() step {
	s.args = slices.Clone(s.args)
	s.args[0] = 99
	return s
}

// sockets finds a client with connections waiting. The closed file's descriptor
// is the first free one.
func sockets() script {
	const conn = fileFD
	iov := func(s step, words ...uint32) step { return s.words(vec, words...) }
	recv := func(want int, n, flags uint64) step {
		return call(want, "sock_recv", conn, vec, n, flags, res, res2)
	}
	return script{
		call(ok, "sock_accept", sockFD, 0, res),
		call(ebadf, "sock_accept", dirFD, 0, res),
		iov(recv(ok, 1, 2), buf, 1), // waits for the data
		iov(recv(ok, 1, 1), buf, 8), // a look
		iov(recv(ok, 0, 1), buf, 8), // a look ignores the count
		iov(recv(ok, 1, 1), buf, 0), // a look at nothing
		iov(recv(einval, 1, 1), wild, 8),
		iov(recv(ok, 1, 0), buf, 8),
		iov(recv(ok, 2, 0), buf, 8, buf+0x100, 16),
		iov(recv(efault, 2, 0), buf, 8, wild, 16),
		iov(recv(enotsup, 1, 4), buf, 8),
		iov(call(ebadf, "sock_recv", dirFD, vec, 1, 0, res, res2), buf, 8),
		iov(call(ok, "sock_send", conn, vec, 2, 0, res), buf, 4, buf+0x100, 3).text(buf, "good").text(buf+0x100, "bye"),
		iov(call(enotsup, "sock_send", conn, vec, 1, 1, res), buf, 4),
		iov(call(ebadf, "sock_send", dirFD, vec, 1, 0, res), buf, 4),
		call(einval, "sock_shutdown", conn, 9),
		call(ok, "sock_shutdown", conn, 3),
		call(ebadf, "sock_shutdown", dirFD, 3),
	}
}

// variants replaces the addresses of a step: by wild ones, and by each other.
func variants(s step) []step {
	f, _ := wasi.Lookup(s.fn)
	var addresses []int
	for i, p := range f.Params {
		switch p.Kind {
		case wasi.KindPath, wasi.KindBuffer, wasi.KindReadVec, wasi.KindWriteVec, wasi.KindPointer, wasi.KindSubscriptions, wasi.KindResult:
			addresses = append(addresses, i)
		}
	}
	var out []step
	add := func(i int, v uint64) {
		n := s
		n.want = anyErrno
		n.args = slices.Clone(s.args)
		n.args[i] = v
		out = append(out, n)
	}
	for _, i := range addresses {
		for _, v := range []uint64{size, size - 2, size - 4, size - 3*24, wild, 1<<32 - 1} {
			add(i, v)
		}
		for _, j := range addresses {
			if i != j {
				add(i, s.args[j])
				add(i, s.args[j]+2)
			}
		}
	}
	return out
}

// withVariants precedes each step whose repetition does no harm by its variants.
func withVariants(s script) script {
	var out script
	for _, st := range s {
		switch st.fn {
		case "proc_exit", "path_create_directory", "path_remove_directory", "path_link", "path_symlink", "path_rename", "path_unlink_file":
			// The variants of these change what later steps find.
		default:
			out = append(out, variants(st)...)
		}
		out = append(out, st)
	}
	return out
}

// stage is the outside world of a script.
type stage struct {
	opt Options
	out bytes.Buffer // standard output and error
}

func newStage(t *testing.T) *stage {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.txt", "some text, "+strings.Repeat("x", 2000))
	write("a-file-with-a-longer-name.txt", "")
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := &stage{opt: Options{
		Args:   []string{"one", "", "three"},
		Env:    []string{"A=b", "LONGER=value with spaces"},
		Mounts: []recording.Mount{{Host: dir, Guest: "/mount"}},
		Listen: []string{listenAddress(t)},
		Stdin:  strings.NewReader(strings.Repeat("stdin ", 100)),
	}}
	s.opt.Stdout, s.opt.Stderr = &s.out, &s.out
	s.opt.random = patternReader{}
	return s
}

// patternReader is a random source whose bytes never equal a background.
type patternReader struct{}

func (patternReader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i%100 + 1)
		if b[i] == 0x5a {
			b[i] = 0
		}
	}
	return len(b), nil
}

// listenAddress finds a free port.
func listenAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// connect makes n connections to addr as soon as someone listens there, and
// sends some text on each. They stay open until stop is called.
func connect(addr string, n int) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for range n {
			c := dial(addr, over)
			if c == nil {
				return
			}
			defer c.Close()
			if _, err := c.Write([]byte(strings.Repeat("from the client ", 200))); err != nil {
				return // the program ended first
			}
			_ = c.(*net.TCPConn).CloseWrite() // no more to come: reads do not wait
		}
		<-over
	}()
	return func() { close(over); <-done }
}

// dial waits until somebody listens, or until it is over.
func dial(addr string, over <-chan struct{}) net.Conn {
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			return c
		}
		select {
		case <-over:
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
}

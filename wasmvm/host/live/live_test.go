package live

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental/sock"
	"github.com/tetratelabs/wazero/experimental/sysfs"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

func newInstance(t testing.TB, c Config) *Instance {
	t.Helper()
	i, err := New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

func lookup(t testing.TB, name string) *wasi.Func {
	t.Helper()
	fn, ok := wasi.Lookup(name)
	if !ok {
		t.Fatal("there is no ", name)
	}
	return fn
}

// do makes a call that must not fail, and applies it to mem.
func do(t testing.TB, i *Instance, mem []byte, name string, args ...uint64) recording.HostCall {
	t.Helper()
	c, err := i.Do(lookup(t, name), 7, args, mem)
	if err != nil {
		t.Fatal(err)
	}
	apply(mem, c)
	return c
}

func apply(mem []byte, c recording.HostCall) {
	for _, w := range c.Writes {
		copy(mem[w.Addr:], w.Data)
	}
}

func word(mem []byte, at int) uint32 { return binary.LittleEndian.Uint32(mem[at:]) }

// iovec puts one at address 0.
func iovec(mem []byte, addr, n uint32) {
	binary.LittleEndian.PutUint32(mem, addr)
	binary.LittleEndian.PutUint32(mem[4:], n)
}

// Where the tests have things in memory.
const (
	result = 16
	buffer = 64
)

// started is closed by a reader when it is asked to read.
type waitingReader struct {
	io.Reader
	asked chan struct{}
}

func (r *waitingReader) Read(p []byte) (int, error) {
	r.asked <- struct{}{}
	return r.Reader.Read(p)
}

// blockedRead returns an Instance with a call that waits for input, and the other
// end of the input.
func blockedRead(t *testing.T) (i *Instance, mem []byte, input io.WriteCloser) {
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	stdin := &waitingReader{r, make(chan struct{}, 100)}
	i = newInstance(t, Config{Module: wazero.NewModuleConfig().WithStdin(stdin)})
	mem = make([]byte, 65536)
	iovec(mem, buffer, 100)
	go func() {
		<-stdin.asked
		i.Interrupt()
	}()
	_, err := i.Do(fdRead, 7, []uint64{0, 0, 1, result}, mem)
	if !errors.Is(err, ErrBlocked) {
		t.Fatalf("an interrupted read returned %v", err)
	}
	return i, mem, w
}

func TestInterruptedCallWaitsOn(t *testing.T) {
	i, mem, input := blockedRead(t)
	if text, ok := i.Waiting(); !ok || !strings.HasPrefix(text, "fd_read") {
		t.Errorf("waiting: %q, %v", text, ok)
	}
	// Once more, with the interrupt before the call is there again.
	i.Interrupt()
	if _, err := i.Do(fdRead, 7, []uint64{0, 0, 1, result}, mem); !errors.Is(err, ErrBlocked) {
		t.Fatalf("a second interrupt: %v", err)
	}
	if _, err := input.Write([]byte("line\n")); err != nil {
		t.Fatal(err)
	}
	c := do(t, i, mem, "fd_read", 0, 0, 1, result)
	if c.Results[0] != 0 || word(mem, result) != 5 || string(mem[buffer:buffer+6]) != "line\n\x00" {
		t.Errorf("answered %v, %d bytes %q", c.Results, word(mem, result), mem[buffer:buffer+6])
	}
	if _, ok := i.Waiting(); ok {
		t.Error("it still waits")
	}
	// And everything else works again.
	if c := do(t, i, mem, "clock_time_get", 0, 0, result); c.Results[0] != 0 {
		t.Errorf("clock_time_get returned %v", c.Results)
	}
}

func TestAnotherCallIsRefused(t *testing.T) {
	i, mem, input := blockedRead(t)
	other := bytes.Clone(mem)
	iovec(other, buffer, 99)
	for _, test := range []struct {
		name string
		fn   *wasi.Func
		imp  uint32
		args []uint64
		mem  []byte
	}{
		{"function", lookup(t, "clock_time_get"), 7, []uint64{0, 0, result}, mem},
		{"arguments", fdRead, 7, []uint64{0, 0, 1, result + 1}, mem},
		{"import", fdRead, 8, []uint64{0, 0, 1, result}, mem},
		{"input", fdRead, 7, []uint64{0, 0, 1, result}, other},
		{"size of memory", fdRead, 7, []uint64{0, 0, 1, result}, append(bytes.Clone(mem), 0)},
	} {
		if _, err := i.Do(test.fn, test.imp, test.args, test.mem); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "fd_read") {
			t.Errorf("another %s: %v", test.name, err)
		}
	}
	if err := i.OpenAt(Descriptor{FD: 5, Dir: 3, Path: "x"}); !errors.Is(err, ErrBusy) {
		t.Errorf("OpenAt: %v", err)
	}
	input.Close()
	if c := do(t, i, mem, "fd_read", 0, 0, 1, result); c.Results[0] != 0 || word(mem, result) != 0 {
		t.Errorf("at the end of input: %v, %d bytes", c.Results, word(mem, result))
	}
}

func TestClearedInterruptHasNoEffect(t *testing.T) {
	i := newInstance(t, Config{Module: wazero.NewModuleConfig().WithStdin(strings.NewReader("text"))})
	mem := make([]byte, 65536)
	iovec(mem, buffer, 100)
	i.Interrupt()
	i.ClearInterrupt()
	if do(t, i, mem, "fd_read", 0, 0, 1, result); word(mem, result) != 4 {
		t.Errorf("read %d bytes", word(mem, result))
	}
}

func TestCloseWhileACallWaits(t *testing.T) {
	i, mem, input := blockedRead(t)
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Do(fdRead, 7, []uint64{0, 0, 1, result}, mem); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	input.Close()
}

func TestSocketCalls(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := probe.Addr().(*net.TCPAddr)
	probe.Close()
	i := newInstance(t, Config{Sockets: sock.NewConfig().WithTCPListener("127.0.0.1", addr.Port)})
	mem := make([]byte, 65536)
	i.Interrupt()
	if _, err := i.Do(sockAccept, 7, []uint64{3, 0, result}, mem); !errors.Is(err, ErrBlocked) {
		t.Fatalf("an accept without a client returned %v", err)
	}
	client, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if c := do(t, i, mem, "sock_accept", 3, 0, result); c.Results[0] != 0 {
		t.Fatalf("sock_accept returned %v", c.Results)
	}
	conn := uint64(word(mem, result))
	iovec(mem, buffer, 100)
	i.Interrupt()
	recv := []uint64{conn, 0, 1, 0, result, result + 4}
	if _, err := i.Do(sockRecv, 7, recv, mem); !errors.Is(err, ErrBlocked) {
		t.Fatalf("a receive of nothing returned %v", err)
	}
	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if do(t, i, mem, "sock_recv", recv...); string(mem[buffer:buffer+4]) != "ping" {
		t.Errorf("received %q", mem[buffer:buffer+4])
	}
	iovec(mem, buffer, 4)
	do(t, i, mem, "sock_send", conn, 0, 1, 0, result)
	var back [4]byte
	if _, err := io.ReadFull(client, back[:]); err != nil || string(back[:]) != "ping" {
		t.Errorf("the client got %q, %v", back, err)
	}
}

// TestMemoryOfEverySize: the shadow follows a memory that grows and shrinks, so
// that the same pointers are wild.
func TestMemoryOfEverySize(t *testing.T) {
	i := newInstance(t, Config{})
	for _, pages := range []int{1, 0, 100, 3, 65536, 2} {
		mem, err := reserve(max(1, pages<<16))
		if err != nil {
			t.Fatal(err)
		}
		mem = mem[:pages<<16]
		for _, back := range []int{8, 7} {
			at := len(mem) - back
			if at < 0 {
				continue
			}
			want := uint64(0)
			if back < 8 {
				want = 21 // EFAULT
			}
			if c := do(t, i, mem, "clock_time_get", 0, 0, uint64(at)); c.Results[0] != want {
				t.Errorf("%d pages, %d bytes before their end: %v", pages, back, c.Results)
			}
		}
		release(mem[:cap(mem)])
	}
}

func TestFailures(t *testing.T) {
	i := newInstance(t, Config{NoMemory: true})
	var failed *FailedError
	if _, err := i.Do(fdWrite, 7, []uint64{1, 0, 1, 8}, nil); !errors.As(err, &failed) {
		t.Errorf("a write without a memory: %v", err)
	}
	if c := do(t, i, nil, "sched_yield"); c.Results[0] != 0 {
		t.Errorf("sched_yield: %v", c.Results)
	}
	if _, err := i.Do(fdWrite, 7, []uint64{1}, nil); err == nil {
		t.Error("a call with too few arguments was made")
	}
	if c := do(t, i, nil, "proc_exit", 3); !c.NoReturn || len(c.Results) != 0 {
		t.Errorf("proc_exit: %+v", c)
	}
	if err := i.OpenAt(Descriptor{}); err == nil {
		t.Error("a file was opened without a memory")
	}
}

func TestOpenAt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := wazero.NewFSConfig().(sysfs.FSConfig).WithSysFSMount(sysfs.DirFS(dir), "/")
	i := newInstance(t, Config{Module: wazero.NewModuleConfig().WithFSConfig(files).WithStdin(strings.NewReader("not the file"))})
	mem := make([]byte, 65536)
	iovec(mem, buffer, 3)
	for _, test := range []struct {
		d    Descriptor
		read string
	}{
		{Descriptor{FD: 4, Path: "f"}, "012"},            // the number it gets anyway
		{Descriptor{FD: 9, Path: "f", Offset: 4}, "456"}, // another
		{Descriptor{FD: 9, Path: "f", Offset: 5}, "567"}, // in place of that
		{Descriptor{FD: 0, Path: "f", Offset: 8}, "89"},  // in place of standard input
		{Descriptor{FD: 4, Path: "f", Offset: 10}, ""},
	} {
		test.d.Dir, test.d.Rights = 3, 2
		if err := i.OpenAt(test.d); err != nil {
			t.Fatal(err)
		}
		do(t, i, mem, "fd_read", uint64(test.d.FD), 0, 1, result)
		if got := string(mem[buffer : buffer+word(mem, result)]); got != test.read {
			t.Errorf("%+v: read %q, want %q", test.d, got, test.read)
		}
	}
	for _, d := range []Descriptor{
		{FD: 5, Dir: 3, Path: "none", Rights: 2},
		{FD: 5, Dir: 99, Path: "f", Rights: 2},
		{FD: 1 << 31, Dir: 3, Path: "f", Rights: 2},
	} {
		if err := i.OpenAt(d); err == nil || !strings.Contains(err.Error(), d.Path) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	// Nothing of the failures is left: 5 is free.
	do(t, i, mem, "path_open", 3, 0, uint64(copyPath(mem, "f")), 1, 0, 2, 0, 0, result)
	if fd := word(mem, result); fd != 5 {
		t.Errorf("the next descriptor is %d, want 5", fd)
	}
}

func copyPath(mem []byte, path string) int {
	const at = 256
	copy(mem[at:], path)
	return at
}

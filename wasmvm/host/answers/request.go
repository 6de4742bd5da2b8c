package answers

import (
	"encoding/binary"
	"fmt"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/fds"
	"wrev/wasmvm/wasi"
)

// request is a call that wants an answer, with what is known where it is made.
type request struct {
	*host.Call
	account *account
	mem     []byte // before the call; not to be changed
	inputs  uint64
	fd      uint32         // the descriptor it names first
	desc    fds.Descriptor // what that is
	open    bool           // whether it is open
	hasFD   bool           // whether it names one at all
}

func newRequest(c *host.Call, a *account) *request {
	r := &request{Call: c, account: a}
	if c.M != nil {
		r.mem = c.M.Memory()
	}
	r.inputs = c.Fn.Digest(c.Args, r.mem)
	for i, p := range c.Fn.Params {
		if p.Kind == wasi.KindFD {
			r.hasFD, r.fd = true, uint32(c.Args[i])
			r.desc, r.open = a.table.Get(r.fd)
			break
		}
	}
	return r
}

// text is the call in words.
func (r *request) text() string { return r.Fn.DescribeCall(r.Args, r.mem) }

// Answers are built by the methods below. They look at memory as wazero does:
// what lies outside makes the call fail with EFAULT.

// result is an answer without writes.
func (r *request) errno(errno uint32) recording.HostCall {
	return recording.HostCall{Import: r.Import, Args: slices.Clone(r.Args), Results: []uint64{uint64(errno)}, Inputs: r.inputs}
}

// put is a piece of an answer: data for where argument arg points.
type put struct {
	arg  int
	data []byte
}

// ok is a successful answer that writes results.
func (r *request) ok(puts ...put) recording.HostCall {
	c := r.errno(errnoOK)
	for _, p := range puts {
		if !r.inside(uint32(r.Args[p.arg]), uint64(len(p.data))) {
			return r.errno(errnoFault)
		}
		if len(p.data) > 0 {
			c.Writes = append(c.Writes, recording.MemWrite{Addr: uint32(r.Args[p.arg]), Data: p.data})
		}
	}
	return c
}

func (r *request) inside(addr uint32, n uint64) bool {
	return uint64(addr)+n <= uint64(len(r.mem))
}

// reads reports whether the call is one that takes bytes from somewhere.
func (r *request) reads() bool { return readerArgs[r.Fn.Name] != (ioArgs{}) }

// writes reports whether the call is one that gives bytes to someone.
func (r *request) writes() bool { return writerArgs[r.Fn.Name] != (ioArgs{}) }

// ioArgs says where a call has its buffers and puts the number of bytes.
type ioArgs struct{ vec, count int }

var (
	readerArgs = map[string]ioArgs{"fd_read": {1, 3}, "fd_pread": {1, 4}, "sock_recv": {1, 4}}
	writerArgs = map[string]ioArgs{"fd_write": {1, 3}, "fd_pwrite": {1, 4}, "sock_send": {1, 4}}
)

// buffers returns the buffers of a read or write, up to the first that is not in
// memory. ok is false if the array that names them is not.
func (r *request) buffers(vec int) (list []wasi.Range, size uint64, ok bool) {
	const sizeIovec = 8
	addr, n := uint32(r.Args[vec]), uint32(r.Args[vec+1])*sizeIovec // wraps as in wazero
	if !r.inside(addr, uint64(n)) {
		return nil, 0, false
	}
	for array := r.mem[addr : uint64(addr)+uint64(n)]; len(array) >= sizeIovec; array = array[sizeIovec:] {
		v := wasi.Range{Addr: binary.LittleEndian.Uint32(array), Len: binary.LittleEndian.Uint32(array[4:])}
		if !r.inside(v.Addr, uint64(v.Len)) {
			break
		}
		list = append(list, v)
		size += uint64(v.Len)
	}
	return list, size, true
}

// room is how many bytes a read can take. ok is false if it has nowhere to put
// them.
func (r *request) room() (n uint64, ok bool) {
	if r.Fn.Name == "random_get" {
		n = uint64(uint32(r.Args[1]))
		return n, r.inside(uint32(r.Args[0]), n)
	}
	_, n, ok = r.buffers(readerArgs[r.Fn.Name].vec)
	return min(n, 1<<32-1), ok
}

// read is the answer of a read that got data, which must not be more than room.
func (r *request) read(data []byte) recording.HostCall {
	args := readerArgs[r.Fn.Name]
	list, _, ok := r.buffers(args.vec)
	if !ok {
		return r.errno(errnoFault)
	}
	c := r.ok()
	total := uint32(len(data))
	for _, v := range list {
		if len(data) == 0 {
			break
		}
		n := min(len(data), int(v.Len))
		if n > 0 {
			c.Writes = append(c.Writes, recording.MemWrite{Addr: v.Addr, Data: slices.Clone(data[:n])})
		}
		data = data[n:]
	}
	puts := []put{{args.count, le32(total)}}
	if r.Fn.Name == "sock_recv" {
		puts = append(puts, put{args.count + 1, []byte{0, 0}})
	}
	results := r.ok(puts...)
	if results.Results[0] != errnoOK {
		return results
	}
	c.Writes = append(c.Writes, results.Writes...)
	return c
}

// written is the answer of a write that was accepted whole.
func (r *request) written() recording.HostCall {
	args := writerArgs[r.Fn.Name]
	list, n, ok := r.buffers(args.vec)
	if !ok || uint32(len(list)) != uint32(r.Args[args.vec+1]) {
		return r.errno(errnoFault)
	}
	return r.ok(put{args.count, le32(uint32(min(n, 1<<32-1)))})
}

// descriptor says in words what the call is about.
func (r *request) descriptor() string {
	switch {
	case !r.hasFD:
		return ""
	case !r.open:
		return fmt.Sprintf("descriptor %d is not open", r.fd)
	}
	return r.desc.Describe(r.fd)
}

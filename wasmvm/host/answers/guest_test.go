package answers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/wasi"
)

// lineage is the log of the trunk or of a branch.
type lineage struct {
	parent  int
	first   uint64
	calls   []recording.HostCall
	sources []recording.Source
}

// fakeLog is a host.Log in memory. The import index of a function is its place in
// wasi.Functions.
type fakeLog struct {
	meta  recording.Meta
	lines []*lineage
	// memories are what memory was before each call, by branch and number.
	memories map[callKey][]byte
}

func (l *fakeLog) Meta() recording.Meta { return l.meta }

func (l *fakeLog) Lineage(branch int) (int, uint64) {
	return l.lines[branch].parent, l.lines[branch].first
}

func (l *fakeLog) Calls(branch int) uint64 {
	line := l.lines[branch]
	return line.first + uint64(len(line.calls))
}

func (l *fakeLog) Call(branch int, n uint64) (*recording.HostCall, recording.Source, error) {
	line := l.lines[branch]
	for n < line.first {
		line = l.lines[line.parent]
	}
	if n-line.first >= uint64(len(line.calls)) {
		return nil, "", fmt.Errorf("no call %d", n)
	}
	return &line.calls[n-line.first], line.sources[n-line.first], nil
}

func (l *fakeLog) Func(logged uint32) (string, *wasi.Func) {
	fn := wasi.Functions()[logged]
	return fn.Name, fn
}

// guest makes the calls that a program would make, in one branch.
type guest struct {
	t      *testing.T
	log    *fakeLog
	branch int
	policy *Policy
	m      *wasmvm.Machine
	source recording.Source // of the last answer
	err    error            // instead of it
	errno  uint32
}

// Addresses that the guest uses.
const (
	addrVec    = 64
	addrCount  = 128
	addrFlags  = 136
	addrPath   = 256
	addrPoll   = 512
	addrEvents = 1024
	addrBuffer = 4096
)

func testMeta() recording.Meta {
	return recording.Meta{ModuleSHA256: "00", Args: []string{"app", "x"}, Env: []string{"A=b"},
		Mounts: []recording.Mount{{Host: "/nowhere", Guest: "/data"}}, Listen: []string{"127.0.0.1:80"},
		Start: time.Unix(1700000000, 0)}
}

// Descriptors that testMeta leads to.
const (
	fdMount    = 3
	fdListener = 4
	fdFirst    = 5
)

// newTrunk returns a guest whose calls are answered as its scripts say.
func newTrunk(t *testing.T) *guest {
	return &guest{t: t, m: newMachine(t), log: &fakeLog{meta: testMeta(), lines: []*lineage{{parent: -1}}, memories: make(map[callKey][]byte)}}
}

// newMachine returns one with a page of memory.
func newMachine(t *testing.T) *wasmvm.Machine {
	t.Helper()
	mod, err := wasmvm.Decode([]byte("\x00asm\x01\x00\x00\x00" + "\x05\x03\x01\x00\x01"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasmvm.New(mod, wasmvm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// visit shows what memory was before a call.
func (g *guest) visit(n uint64, look func(m *wasmvm.Machine) error) error {
	branch := g.branch
	for g.log.lines[branch].parent >= 0 && n < g.log.lines[branch].first {
		branch = g.log.lines[branch].parent
	}
	m := newMachine(g.t)
	if err := m.WriteMemory(0, g.log.memories[callKey{branch, n}]); err != nil {
		return err
	}
	return look(m)
}

// fork returns a guest in a new branch that has made as many calls as say.
func (g *guest) fork(calls uint64, sources string) *guest {
	g.t.Helper()
	b := &guest{t: g.t, m: g.m, log: g.log, branch: len(g.log.lines)}
	g.log.lines = append(g.log.lines, &lineage{parent: g.branch, first: calls})
	return b.later(sources)
}

// later returns the guest with a policy that knows nothing of the calls so far, as
// in the next session.
func (g *guest) later(sources string) *guest {
	b := *g
	p, err := New(sources, Options{Visit: b.visit, Temp: g.t.TempDir()})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			g.t.Error(err)
		}
	})
	b.policy = p
	return &b
}

// call makes a call. The trunk's answer is script; the branch's the policy's.
func (g *guest) call(script func(r *request) recording.HostCall, name string, args ...uint64) *recording.HostCall {
	g.t.Helper()
	fn, ok := wasi.Lookup(name)
	if !ok {
		g.t.Fatalf("no function %s", name)
	}
	line := g.log.lines[g.branch]
	c := &host.Call{Branch: g.branch, N: g.log.Calls(g.branch), Name: name, Fn: fn,
		Import: uint32(slices.Index(wasi.Functions(), fn)), Args: args, M: g.m, Log: g.log}
	g.log.memories[callKey{g.branch, c.N}] = bytes.Clone(g.m.Memory())
	var answer recording.HostCall
	g.source, g.err = "", nil
	if g.policy == nil {
		a, err := (&books{log: g.log}).account(g.branch, c.N)
		if err != nil {
			g.t.Fatal(err)
		}
		answer = script(newRequest(c, a))
	} else if answer, g.source, g.err = g.policy.Answer(c); g.err != nil {
		if !errors.Is(g.err, host.ErrWaiting) {
			g.t.Fatal(g.err)
		}
		return nil
	}
	for _, w := range answer.Writes {
		if err := g.m.WriteMemory(uint64(w.Addr), w.Data); err != nil {
			g.t.Fatal(err)
		}
	}
	if len(answer.Results) == 1 {
		g.errno = uint32(answer.Results[0])
	}
	line.calls = append(line.calls, answer)
	line.sources = append(line.sources, g.source)
	return &line.calls[len(line.calls)-1]
}

func (g *guest) poke(addr uint32, data []byte) {
	g.t.Helper()
	if err := g.m.WriteMemory(uint64(addr), data); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) word(addr uint32) uint32 { return binary.LittleEndian.Uint32(g.m.Memory()[addr:]) }

// read reads n bytes from a descriptor; the trunk gets data.
func (g *guest) read(fd uint32, n int, data string) string {
	g.t.Helper()
	g.poke(addrVec, append(le32(addrBuffer), le32(uint32(n))...))
	if g.call(func(r *request) recording.HostCall { return r.read([]byte(data)) }, "fd_read", uint64(fd), addrVec, 1, addrCount) == nil || g.errno != 0 {
		return ""
	}
	return string(g.m.Memory()[addrBuffer:][:g.word(addrCount)])
}

// write writes to a descriptor, and the trunk accepts it.
func (g *guest) write(fd uint32, data string) {
	g.t.Helper()
	g.poke(addrBuffer, []byte(data))
	g.poke(addrVec, append(le32(addrBuffer), le32(uint32(len(data)))...))
	g.call((*request).written, "fd_write", uint64(fd), addrVec, 1, addrCount)
}

// open opens a file, and gets the next descriptor in the trunk.
func (g *guest) open(path string, oflags uint64) uint32 {
	g.t.Helper()
	g.poke(addrPath, []byte(path))
	next := func(r *request) recording.HostCall { return r.ok(put{8, le32(r.account.table.Free())}) }
	g.call(next, "path_open", fdMount, 1, addrPath, uint64(len(path)), oflags, 0, 0, 0, addrCount)
	return g.word(addrCount)
}

// accept accepts a connection.
func (g *guest) accept() uint32 {
	g.t.Helper()
	next := func(r *request) recording.HostCall { return r.ok(put{2, le32(r.account.table.Free())}) }
	g.call(next, "sock_accept", fdListener, 0, addrCount)
	return g.word(addrCount)
}

func (g *guest) close(fd uint32) {
	g.t.Helper()
	g.call(succeed, "fd_close", uint64(fd))
}

func succeed(r *request) recording.HostCall { return r.errno(errnoOK) }

// time reads a clock into addr; the trunk gets ns.
func (g *guest) time(addr uint64, ns uint64) uint64 {
	g.t.Helper()
	g.call(func(r *request) recording.HostCall { return r.ok(put{2, le64(ns)}) }, "clock_time_get", clockMonotonic, 1, addr)
	return binary.LittleEndian.Uint64(g.m.Memory()[addr:])
}

// want checks how the last call was answered.
func (g *guest) want(source recording.Source, errno uint32) {
	g.t.Helper()
	if g.err != nil {
		g.t.Fatalf("the call waits: %v", g.err)
	}
	if g.source != source || g.errno != errno {
		g.t.Fatalf("answered by %q with %s, want %q with %s", g.source, wasi.ErrnoName(g.errno), source, wasi.ErrnoName(errno))
	}
}

func (g *guest) wantText(got, text string, source recording.Source) {
	g.t.Helper()
	g.want(source, errnoOK)
	if got != text {
		g.t.Fatalf("read %q, want %q", got, text)
	}
}

// wantWait checks that the last call waits, and that its message has these parts.
func (g *guest) wantWait(parts ...string) {
	g.t.Helper()
	if g.err == nil {
		g.t.Fatalf("answered by %q, want it to wait", g.source)
	}
	text, ok := g.policy.Pending()
	if !ok || text != g.err.Error() {
		g.t.Errorf("pending is %q, the error %q", text, g.err)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			g.t.Errorf("the message lacks %q:\n%s", part, text)
		}
	}
}

package host

import (
	"bytes"
	"context"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// oracle copies all of memory around every host call and compares the
// difference with what the recorder logs. It passes the calls on to next.
type oracle struct {
	t      *testing.T
	next   callLog
	names  []string // of the imports
	before []byte   // a copy
	sum    uint32   // of it
	after  []byte   // the live memory, as it is until the call returns
	seen   func(name string)

	calls []observed
}

// observed is what the oracle found out about one call.
type observed struct {
	name      string
	args      []uint64
	errno     int    // anyErrno if the call did not return
	memory    uint32 // check sum of the memory before
	wrong     int    // bytes of memory that the log does not account for
	unchanged []bool // for each logged byte, in order, whether it kept its value
	ranges    []wasi.Range
}

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// around is the hook of the recorder.
func (o *oracle) around(inner api.GoModuleFunction) api.GoModuleFunction {
	return api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
		o.before = append(o.before[:0], o.live(mod)...)
		o.sum = crc32.Checksum(o.before, crcTable)
		inner.Call(ctx, mod, stack)
		o.after = o.live(mod)
	})
}

func (o *oracle) live(mod api.Module) []byte {
	if probe(mod.Memory()) == memoryNone {
		return nil
	}
	mem, _ := mod.Memory().Read(0, mod.Memory().Size())
	return mem
}

// Append implements callLog.
func (o *oracle) Append(c *recording.HostCall) error {
	ob := observed{name: o.names[c.Import], args: slices.Clone(c.Args), errno: anyErrno}
	if !c.NoReturn {
		ob.errno = int(c.Results[0])
		ob.memory = o.sum
		o.compare(c, &ob)
	}
	o.calls = append(o.calls, ob)
	if o.seen != nil {
		o.seen(ob.name)
	}
	if o.next != nil {
		return o.next.Append(c)
	}
	return nil
}

// compare repeats the logged writes on the memory before, which must give the
// memory after.
func (o *oracle) compare(c *recording.HostCall, ob *observed) {
	for _, w := range c.Writes {
		ob.ranges = append(ob.ranges, wasi.Range{Addr: w.Addr, Len: uint32(len(w.Data))})
		for i, b := range w.Data {
			ob.unchanged = append(ob.unchanged, o.before[uint64(w.Addr)+uint64(i)] == b)
		}
	}
	for _, w := range c.Writes {
		copy(o.before[w.Addr:], w.Data)
	}
	if bytes.Equal(o.before, o.after) {
		return
	}
	for i, b := range o.after {
		if b != o.before[i] {
			ob.wrong++
		}
	}
}

// recordWithOracle runs a program as Record does, with the oracle in between.
func recordWithOracle(t *testing.T, wasm []byte, name, recPath string, opt Options, seen func(name string)) (*oracle, recording.End) {
	t.Helper()
	ctx := context.Background()
	s, err := opt.setup(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile(ctx, wasm, s)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close(ctx)
	o := &oracle{t: t, seen: seen}
	for _, def := range p.guest.ImportedFunctions() {
		_, name, _ := def.Import()
		o.names = append(o.names, name)
	}
	var w *recording.Writer
	if recPath != "" {
		if w, err = recording.Create(recPath, opt.meta(name, s), wasm); err != nil {
			t.Fatal(err)
		}
		o.next = w
	}
	rec := newRecorder(o, s.sizes())
	rec.around = o.around
	end, _, err := p.run(ctx, s, rec, func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	if w != nil {
		if err := w.Close(end); err != nil {
			t.Fatal(err)
		}
	}
	return o, end
}

// check fails the test for every call whose log is not exact as far as one run
// can tell: bytes that are rewritten with their old value cannot be seen.
func (o *oracle) check() {
	o.t.Helper()
	for i, c := range o.calls {
		if c.wrong > 0 {
			f, _ := wasi.Lookup(c.name)
			o.t.Errorf("call %d, %s: the log does not explain %d bytes of the memory after the call; logged %v",
				i, f.Describe(c.args, nil, uint32(c.errno), nil), c.wrong, c.ranges)
		}
	}
}

package recording

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"
)

// smallConfig makes slots so small that a few calls fill one.
var smallConfig = config{slotSize: 192}

var testModule = append([]byte("\x00asm\x01\x00\x00\x00"), bytes.Repeat([]byte("module "), 40)...)

// testMeta is deterministic.
func testMeta() Meta {
	return Meta{
		ModuleName:     "app.wasm",
		Args:           []string{"app", "-x"},
		Env:            []string{"HOME=/"},
		Mounts:         []Mount{{Host: "/tmp", Guest: "/", ReadOnly: true}},
		MaxMemoryPages: 1024,
		GOARCH:         "amd64",
		Start:          time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
}

// newWriter creates a recording in a temporary folder.
func newWriter(t testing.TB, cfg config) (*Writer, string) {
	t.Helper()
	if cfg.wrap == nil {
		cfg.wrap = func(f file) file { return f }
	}
	if cfg.slotSize == 0 {
		cfg.slotSize = defaultSlotSize
	}
	path := filepath.Join(t.TempDir(), "test.wrev")
	w, err := create(path, testMeta(), testModule, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w, path
}

// record writes calls; it closes the recording if end is not nil, and otherwise leaves it as a killed recorder would.
func record(t testing.TB, cfg config, calls []HostCall, end *End) string {
	t.Helper()
	w, path := newWriter(t, cfg)
	for i := range calls {
		if err := w.Append(&calls[i]); err != nil {
			t.Fatal(err)
		}
	}
	if w.NumCalls() != uint64(len(calls)) {
		t.Fatalf("%d calls appended, the writer counts %d", len(calls), w.NumCalls())
	}
	if end == nil {
		t.Cleanup(func() { w.Close(End{}) })
	} else if err := w.Close(*end); err != nil {
		t.Fatal(err)
	}
	return path
}

// mustOpen opens a recording that must be in order.
func mustOpen(t testing.TB, path string) *Reader {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if w := r.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
	return r
}

// openBytes opens a recording in memory.
func openBytes(data []byte) (*Reader, error) {
	return newReader(bytes.NewReader(data), func() (int64, error) { return int64(len(data)), nil })
}

// sameCall compares calls; nil and empty lists are the same, and so are no write and one of no bytes.
func sameCall(a, b *HostCall) bool {
	filled := func(c *HostCall) []MemWrite { return slices.DeleteFunc(slices.Clone(c.Writes), isEmpty) }
	return a.Import == b.Import && a.Inputs == b.Inputs && a.NoReturn == b.NoReturn && slices.Equal(a.Args, b.Args) &&
		slices.Equal(a.Results, b.Results) && slices.EqualFunc(filled(a), filled(b), func(x, y MemWrite) bool {
		return x.Addr == y.Addr && bytes.Equal(x.Data, y.Data)
	})
}

// checkCalls compares what r has with want.
func checkCalls(t testing.TB, r *Reader, want []HostCall) {
	t.Helper()
	if r.NumCalls() != uint64(len(want)) {
		t.Fatalf("%d calls, want %d", r.NumCalls(), len(want))
	}
	n := 0
	for c, err := range r.Calls(0) {
		if err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
		if !sameCall(c, &want[n]) {
			t.Fatalf("call %d is %+v, want %+v", n, c, want[n])
		}
		n++
	}
	if n != len(want) {
		t.Fatalf("iteration ended after %d calls of %d", n, len(want))
	}
}

// randomCalls makes calls of a few imports that repeat and vary as those of programs do, and now and then wildly.
func randomCalls(seed uint64, n int) []HostCall {
	rng := rand.New(rand.NewPCG(seed, 1))
	values := func() []uint64 {
		v := make([]uint64, rng.IntN(5))
		for i := range v {
			v[i] = rng.Uint64() >> rng.IntN(64)
		}
		return v
	}
	writes := func() []MemWrite {
		w := make([]MemWrite, rng.IntN(7))
		for i := range w {
			data := make([]byte, []int{0, 1, 4, 8, 8, 13}[rng.IntN(6)])
			for k := range data {
				data[k] = byte(rng.Uint32() >> rng.IntN(32))
			}
			w[i] = MemWrite{Addr: rng.Uint32() >> rng.IntN(32) & 0xFFFF_FF00, Data: data}
		}
		return w
	}
	last := make(map[uint32]HostCall)
	calls := make([]HostCall, n)
	for i := range calls {
		c := HostCall{Import: []uint32{0, 1, 1, 2, 3, maxImport - 1}[rng.IntN(6)]}
		if old, ok := last[c.Import]; ok {
			c = old
		}
		change := rng.Uint32() & rng.Uint32()
		if change&1 != 0 {
			c.Args = values()
		}
		if change&2 != 0 {
			c.Results = values()
		}
		if change&4 != 0 {
			c.Writes = writes()
		}
		if change&8 != 0 {
			c.Inputs = rng.Uint64() >> rng.IntN(64)
		}
		if change&16 != 0 { // the same writes with other data
			c.Writes = slices.Clone(c.Writes)
			for k := range c.Writes {
				c.Writes[k].Data = bytes.Map(func(r rune) rune { return (r + 1) & 0x7F }, c.Writes[k].Data)
			}
		}
		c.NoReturn = change&0xE0 == 0xE0
		last[c.Import] = c
		calls[i] = c
	}
	return calls
}

// numbers makes calls that each write one number of 8 bytes, the fast path of Append.
func numbers(values ...uint64) []HostCall {
	calls := make([]HostCall, len(values))
	for i, v := range values {
		calls[i] = HostCall{Import: 4, Args: []uint64{1, 2}, Results: []uint64{0},
			Writes: []MemWrite{{Addr: 64, Data: binary.LittleEndian.AppendUint64(nil, v)}}}
	}
	return calls
}

func TestRoundTrip(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 20_000)
	for _, test := range []struct {
		name  string
		calls []HostCall
	}{
		{"none", nil},
		{"empty call", []HostCall{{}}},
		{"same again", []HostCall{{Import: 9}, {Import: 9}, {Import: 9}}},
		{"extreme values", []HostCall{
			{Args: []uint64{0, 1, math.MaxUint64, 1 << 63, math.MaxInt64}, Results: []uint64{math.MaxUint64}, Inputs: math.MaxUint64},
			{Args: []uint64{math.MaxUint64, 1 << 63, 0, 1, 1 << 32}, Results: []uint64{0}, Inputs: 1},
		}},
		{"lists that grow and shrink", []HostCall{
			{Args: []uint64{1, 2, 3}}, {Args: []uint64{1, 2}}, {Args: []uint64{1, 2, 3, 4}}, {}, {Results: []uint64{7}}, {},
		}},
		{"numbers", numbers(0, 1, math.MaxUint64, 1<<63, 1<<62, 1<<20, 1<<40, 1<<41, 1<<42, 1<<43, 0, 5, 5, 5)},
		{"numbers of 4 bytes", []HostCall{
			{Writes: []MemWrite{{4, []byte{1, 0, 0, 0}}}}, {Writes: []MemWrite{{4, []byte{255, 255, 255, 255}}}},
			{Writes: []MemWrite{{4, []byte{0, 0, 0, 0}}}}, {Writes: []MemWrite{{4, []byte{0, 0, 0, 0}}}},
			{Writes: []MemWrite{{4, []byte{1, 2, 3, 4, 5, 6, 7, 8}}}}, {Writes: []MemWrite{{4, []byte{1, 2, 3, 4}}}},
		}},
		{"many writes", []HostCall{
			{Writes: []MemWrite{{0, []byte{1, 2, 3, 4}}, {8, []byte{5, 6, 7, 8}}, {16, []byte{9}}, {24, big[:8]}, {32, big[:8]}, {40, big[:4]}}},
			{Writes: []MemWrite{{0, []byte{1, 2, 3, 5}}, {8, []byte{5, 6, 7, 8}}, {16, []byte{8}}, {24, big[1:9]}, {32, big[1:9]}, {40, big[1:5]}}},
		}},
		{"the top of memory", []HostCall{
			{Writes: []MemWrite{{math.MaxUint32, []byte{1}}, {math.MaxUint32 - 3, []byte{1, 2, 3, 4}}}},
			{Writes: []MemWrite{{0, []byte{1}}, {math.MaxUint32 - 7, []byte{1, 2, 3, 4, 5, 6, 7, 8}}}},
		}},
		{"empty writes", []HostCall{
			{Writes: []MemWrite{{1, nil}}}, {Writes: []MemWrite{{1, nil}, {2, []byte{3}}, {4, []byte{}}}}, {Writes: []MemWrite{{9, nil}}},
		}},
		{"larger than a slot", []HostCall{
			{Import: 1, Args: []uint64{1}},
			{Import: 1, Args: []uint64{1}, Writes: []MemWrite{{100, big}, {5, []byte{1, 0, 0, 0}}}},
			{Import: 1, Args: []uint64{1}, Writes: []MemWrite{{100, big}, {5, []byte{2, 0, 0, 0}}}},
			{Import: 1, Args: []uint64{1}},
			{Import: 1, Args: []uint64{1}, Writes: []MemWrite{{100, big}}},
		}},
		{"many arguments", []HostCall{{Args: make([]uint64, maxValues)}, {Args: make([]uint64, maxValues), Results: make([]uint64, 3)}}},
		{"never returned", []HostCall{{Import: 1, Args: []uint64{3}}, {Import: 1, Args: []uint64{3}, NoReturn: true}}},
		{"random", randomCalls(1, 3000)},
	} {
		for name, cfg := range map[string]config{
			"mapped":        {},
			"small":         smallConfig,
			"write-through": {slotSize: 256, writeThrough: true},
		} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				end := End{Kind: EndExit, ExitCode: 7}
				r := mustOpen(t, record(t, cfg, test.calls, &end))
				checkCalls(t, r, test.calls)
				if got, ok := r.End(); !ok || got != end {
					t.Errorf("end is %v %v, want %v", got, ok, end)
				}
				if err := r.Verify(); err != nil {
					t.Error(err)
				}
				open := mustOpen(t, record(t, cfg, test.calls, nil))
				checkCalls(t, open, test.calls)
				if got, ok := open.End(); ok {
					t.Errorf("a recording without end has %v", got)
				}
			})
		}
	}
}

func TestMetaAndModule(t *testing.T) {
	path := record(t, config{}, nil, &End{Kind: EndTrap, Trap: "unreachable"})
	r := mustOpen(t, path)
	want := testMeta()
	want.ModuleSHA256 = r.Meta().ModuleSHA256
	if len(want.ModuleSHA256) != 64 {
		t.Errorf("hash of the module is %q", want.ModuleSHA256)
	}
	if got := r.Meta(); !reflect.DeepEqual(got, want) {
		t.Errorf("meta is %+v, want %+v", got, want)
	}
	if !bytes.Equal(r.Module(), testModule) {
		t.Errorf("module is %q", r.Module())
	}
	if end, ok := r.End(); !ok || end != (End{Kind: EndTrap, Trap: "unreachable"}) {
		t.Errorf("end is %v %v", end, ok)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v (%v), want one that keeps others out", info.Mode(), err)
	}
}

func TestEndKinds(t *testing.T) {
	for k := EndExit; k <= EndHostError; k++ {
		r := mustOpen(t, record(t, smallConfig, nil, &End{Kind: k}))
		if got, ok := r.End(); !ok || got.Kind != k {
			t.Errorf("end is %v %v, want %v", got, ok, k)
		}
	}
	w, _ := newWriter(t, smallConfig)
	if err := w.Close(End{Kind: 99}); err == nil {
		t.Error("an unknown kind of end was written")
	}
	if got := EndKind(99).String(); got != "end kind 99" {
		t.Error(got)
	}
}

func TestRandomAccess(t *testing.T) {
	calls := randomCalls(2, 20_000)
	r := mustOpen(t, record(t, config{slotSize: 2048}, calls, &End{}))
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 7))
			for range 2000 {
				i := rng.Uint64N(uint64(len(calls)))
				for ; i < uint64(len(calls)) && rng.IntN(20) > 0; i++ {
					if c, err := r.Call(i); err != nil || !sameCall(c, &calls[i]) {
						t.Errorf("call %d is %v (%v), want %v", i, c, err, calls[i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for _, i := range []uint64{uint64(len(calls)), math.MaxUint64} {
		if c, err := r.Call(i); err == nil {
			t.Errorf("call %d is %v", i, c)
		}
	}
}

// TestCacheIsBounded reads a recording whose calls are far larger than the cache.
func TestCacheIsBounded(t *testing.T) {
	calls := make([]HostCall, 16)
	for i := range calls {
		calls[i].Writes = []MemWrite{{Data: bytes.Repeat([]byte{byte(i)}, 4<<20)}}
	}
	r := mustOpen(t, record(t, config{}, calls, &End{}))
	checkCalls(t, r, calls)
	total := 0
	for _, d := range r.cache {
		total += d.cost
	}
	if total > cacheBudget || len(r.cache) < 5 {
		t.Errorf("%d blocks with %d bytes are cached", len(r.cache), total)
	}
}

func TestElapsed(t *testing.T) {
	if d, ok := mustOpen(t, record(t, config{}, numbers(1, 2, 3), &End{})).Elapsed(); !ok || d < 0 {
		t.Errorf("a recording with an end ran for %v, %v", d, ok)
	}
	r := Reader{meta: Meta{Start: time.Unix(100, 0)}}
	if d, ok := r.Elapsed(); ok {
		t.Errorf("a recording without an end ran for %v", d)
	}
	r.ended = time.Unix(107, 0)
	if d, ok := r.Elapsed(); !ok || d != 7*time.Second {
		t.Errorf("from 100 s to 107 s is %v, %v", d, ok)
	}
	r.meta.Start = time.Time{}
	if d, ok := r.Elapsed(); ok {
		t.Errorf("without a start it ran for %v", d)
	}
	r.meta.Start = time.Unix(100, 0)
	r.ended = time.Unix(99, 0) // the clock was set back
	if d, ok := r.Elapsed(); ok {
		t.Errorf("from 100 s to 99 s is %v", d)
	}
}

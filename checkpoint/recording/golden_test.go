package recording

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden recordings again (only with a new format version)")

// goldenCalls are the calls of the recordings in testdata. They use every feature of the encoding.
func goldenCalls() []HostCall {
	clock := func(now byte) HostCall {
		return HostCall{Import: 3, Args: []uint64{1, 1000, 70000}, Results: []uint64{0},
			Writes: []MemWrite{{Addr: 70000, Data: []byte{now, 0xE8, 0x76, 0x48, 0x17, 0, 0, 0}}}}
	}
	write := HostCall{Import: 5, Args: []uint64{1, 65000, 1, 65012}, Results: []uint64{0}, Inputs: 0x0123456789ABCDEF,
		Writes: []MemWrite{{Addr: 65012, Data: []byte{14, 0, 0, 0}}}}
	calls := []HostCall{
		clock(10), clock(80), clock(9), write, write, clock(11),
		{Import: 2, Args: []uint64{4, 900, 1, 910}, Results: []uint64{8}},
		{Import: 2, Args: []uint64{3, 900, 1, 910}, Results: []uint64{0}, Writes: []MemWrite{
			{Addr: 4096, Data: bytes.Repeat([]byte("line of text\n"), 40)}, {Addr: 910, Data: []byte{8, 2, 0, 0}}}},
		{Import: 11, Args: []uint64{1<<64 - 1, 1 << 63}, Results: []uint64{1, 2}, Writes: []MemWrite{
			{Addr: 0, Data: []byte{1}}, {Addr: 1, Data: []byte{2, 3}}, {Addr: 8, Data: []byte{4, 5, 6, 7}},
			{Addr: 16, Data: []byte{8, 9, 10, 11, 12, 13, 14, 255}}, {Addr: 1<<32 - 4, Data: []byte{0, 1, 2, 3}}}},
	}
	for now := range byte(200) {
		calls = append(calls, clock(now))
	}
	return append(calls, HostCall{Import: 7, Args: []uint64{42}, NoReturn: true})
}

// TestGolden reads recordings of this format version that were made once and for all.
func TestGolden(t *testing.T) {
	calls := goldenCalls()
	end := End{Kind: EndExit, ExitCode: 42}
	for path, end := range map[string]*End{"testdata/v1-closed.wrev": &end, "testdata/v1-killed.wrev": nil} {
		if *update {
			if err := os.WriteFile(path, readFile(t, record(t, smallConfig, calls, end)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r := mustOpen(t, path)
		checkCalls(t, r, calls)
		if got, ok := r.End(); ok != (end != nil) || ok && got != *end {
			t.Errorf("%s: end is %v %v", path, got, ok)
		}
		if r.Meta().ModuleName != "app.wasm" || !bytes.Equal(r.Module(), testModule) {
			t.Errorf("%s: %v, %q", path, r.Meta(), r.Module())
		}
		if inJournal := r.blocks[len(r.blocks)-1].slot != nil; inJournal != (end == nil) {
			t.Errorf("%s: calls in the journal: %v", path, inJournal)
		}
	}
}

// TestDocumentedExample is the example in docs/file-format.md.
func TestDocumentedExample(t *testing.T) {
	want := []byte{
		0x0F, 0x03, 0x03, 0x02, 0xD0, 0x0F, 0xE0, 0xC5, 0x08, 0x01, 0x00, 0x01, 0xE0, 0xC5, 0x08, 0x08,
		0x94, 0xA0, 0xB7, 0x87, 0xE9, 0x05,
		0x00, 0x8C, 0x01,
		0x00, 0x8D, 0x01,
	}
	var e encoder
	e.reset()
	var got []byte
	for _, c := range goldenCalls()[:3] {
		got = e.encode(got, &c)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("encoded:\n% X, want\n% X", got, want)
	}
}

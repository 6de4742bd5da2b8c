package recording

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readFile returns a file's bytes.
func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// damageCalls are enough for a few chunks of compressible and incompressible calls, one larger than a slot, and a slot in use.
func damageCalls() []HostCall {
	calls := randomCalls(5, 20)
	calls = append(calls, numbers(1, 2, 3, 4, 5, 6, 7, 8, 9)...)
	calls = append(calls, HostCall{Import: 2, Writes: []MemWrite{{Data: bytes.Repeat([]byte("large"), 50)}}})
	return append(calls, numbers(10, 20, 30)...)
}

// checkDamaged opens a damaged recording of calls: all that can be read must be right, and what is missing must have been told.
// It returns how many calls can be read, -1 if the file cannot be opened.
func checkDamaged(t *testing.T, data []byte, cut bool, calls []HostCall, wantEnd *End) int {
	t.Helper()
	r, err := openBytes(data)
	if err != nil {
		var version *VersionError
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNotRecording) && !errors.As(err, &version) {
			t.Fatalf("unexpected kind of error: %v", err)
		}
		return -1
	}
	if !bytes.Equal(r.Module(), testModule) || r.Meta().ModuleName != "app.wasm" || len(r.Meta().Args) != 2 {
		t.Fatalf("wrong module or meta: %q %v", r.Module(), r.Meta())
	}
	n := int(r.NumCalls())
	if n > len(calls) {
		t.Fatalf("%d calls of %d", n, len(calls))
	}
	end, ended := r.End()
	if ended && (wantEnd == nil || end != *wantEnd) {
		t.Fatalf("end is %v, want %v", end, wantEnd)
	}
	// A file that is cut between two chunks tells it by having no end.
	if missing := n < len(calls) || ended != (wantEnd != nil); missing && len(r.Warnings()) == 0 && (!cut || ended || wantEnd == nil) {
		t.Fatalf("%d calls of %d, end %v, and no warning", n, len(calls), ended)
	}
	for i := range calls[:n] {
		c, err := r.Call(uint64(i))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("call %d: %v", i, err)
			}
			if r.Verify() == nil {
				t.Fatalf("call %d: %v, but Verify finds nothing", i, err)
			}
			continue
		}
		if !sameCall(c, &calls[i]) {
			t.Fatalf("call %d is %v, want %v", i, c, calls[i])
		}
	}
	return n
}

// TestTorn cuts recordings off at every byte.
func TestTorn(t *testing.T) {
	calls := damageCalls()
	end := End{ExitCode: 3}
	for name, end := range map[string]*End{"closed": &end, "killed": nil} {
		t.Run(name, func(t *testing.T) {
			data := readFile(t, record(t, smallConfig, calls, end))
			last := -1
			for n := range data {
				got := checkDamaged(t, data[:n], true, calls, end)
				if got < last {
					t.Fatalf("%d bytes give %d calls, fewer bytes gave %d", n, got, last)
				}
				last = got
			}
			if checkDamaged(t, data, false, calls, end) != len(calls) {
				t.Error("not all calls in the whole file")
			}
			// A tail of zeros, as some file systems leave it after a crash, or of rubbish.
			for _, tail := range []string{strings.Repeat("\x00", 100), strings.Repeat("rubbish ", 30)} {
				r, err := openBytes(append(bytes.Clone(data), tail...))
				if err != nil {
					t.Fatal(err)
				}
				if r.NumCalls() != uint64(len(calls)) {
					t.Errorf("%d calls of %d before a tail of %q", r.NumCalls(), len(calls), tail[:5])
				}
			}
		})
	}
}

// TestBitFlips flips the bits, one at a time.
func TestBitFlips(t *testing.T) {
	calls := damageCalls()
	end := End{Kind: EndTrap, Trap: "integer overflow"}
	for name, end := range map[string]*End{"closed": &end, "killed": nil} {
		t.Run(name, func(t *testing.T) {
			data := readFile(t, record(t, smallConfig, calls, end))
			chunks := journalOffset + numSlots*smallConfig.slotSize
			for i := range data {
				if i >= fileHeaderSize && i < journalOffset {
					continue // nothing is there
				}
				step := 1
				if end == nil && i >= chunks {
					step = 5 // the chunks are those of the closed one
				}
				for bit := 0; bit < 8; bit += step {
					data[i] ^= 1 << bit
					checkDamaged(t, data, false, calls, end)
					data[i] ^= 1 << bit
				}
			}
		})
	}
}

// TestLostChunkInTheMiddle damages one chunk's payload: only its calls are lost, and reading them is an error.
func TestLostChunkInTheMiddle(t *testing.T) {
	calls := damageCalls()
	path := record(t, smallConfig, calls, &End{})
	b := mustOpen(t, path).blocks[2]
	data := readFile(t, path)
	data[b.offset+3] ^= 4
	r, err := openBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range calls {
		_, err := r.Call(uint64(i))
		if inside := uint64(i) >= b.first && uint64(i) < b.end(); inside != errors.Is(err, ErrCorrupt) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	n := 0
	for _, err := range r.Calls(0) {
		if n++; err != nil {
			break
		}
	}
	if n != int(b.first)+1 {
		t.Errorf("iteration ended after %d calls, the damage begins at %d", n, b.first)
	}
}

func TestNotARecording(t *testing.T) {
	good := readFile(t, record(t, smallConfig, numbers(1), &End{}))
	version := func(v uint32) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte(magic), v), good[12:]...)
	}
	header := func(change func(h *fileHeader)) []byte {
		h := fileHeader{journalOffset, uint32(smallConfig.slotSize), numSlots}
		change(&h)
		data := bytes.Clone(good)
		h.encode(data)
		return data
	}
	for _, test := range []struct {
		name        string
		data        []byte
		recording   bool
		is          error
		mustMention string
	}{
		{"empty", nil, false, ErrNotRecording, "not a wrev recording"},
		{"text", []byte("hello, this is a text of some length, longer than a header"), false, ErrNotRecording, "not a wrev recording"},
		{"wasm", []byte("\x00asm\x01\x00\x00\x00"), false, ErrNotRecording, "not a wrev recording"},
		{"half a magic", good[:5], false, ErrNotRecording, "not a wrev recording"},
		{"text mode", bytes.ReplaceAll(good, []byte("\r\n"), []byte("\n")), false, ErrNotRecording, "not a wrev recording"},
		{"magic only", good[:8], true, ErrCorrupt, "cut off"},
		{"newer", version(2), true, nil, "format version 2, this wrev reads version 1: use the newer wrev"},
		{"far newer", version(1 << 31), true, nil, "format version 2147483648"},
		{"older", version(0), true, nil, "format version 0, this wrev reads version 1: record the program again"},
		{"huge slots", header(func(h *fileHeader) { h.slotSize = 1 << 30 }), true, ErrCorrupt, "journal"},
		{"many slots", header(func(h *fileHeader) { h.numSlots = 1 << 30 }), true, ErrCorrupt, "journal"},
		{"no slot size", header(func(h *fileHeader) { h.slotSize = 0 }), true, ErrCorrupt, "journal"},
		{"journal in the header", header(func(h *fileHeader) { h.journalOffset = 8 }), true, ErrCorrupt, "journal"},
		{"journal far away", header(func(h *fileHeader) { h.journalOffset = 1<<32 - 8 }), true, ErrCorrupt, "journal"},
		{"journal past the end", header(func(h *fileHeader) { h.journalOffset = 1 << 20 }), true, ErrCorrupt, "cut off"},
	} {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, test.data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path)
		if err == nil {
			r.Close()
			t.Errorf("%s: opened", test.name)
			continue
		}
		if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.mustMention) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", test.name, err)
		}
		var v *VersionError
		if errors.As(err, &v) != (test.is == nil) {
			t.Errorf("%s: %v", test.name, err)
		}
		if is, err := IsRecording(path); is != test.recording || err != nil {
			t.Errorf("%s: IsRecording is %v %v", test.name, is, err)
		}
	}
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, ErrNotRecording) {
		t.Errorf("a folder: %v", err)
	}
	if is, err := IsRecording(dir); is || err != nil {
		t.Errorf("a folder: IsRecording is %v %v", is, err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := IsRecording(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: IsRecording: %v", err)
	}
}

// chunk makes a chunk of a stored payload; change spoils its header before the checksums are made.
func chunk(typ string, payload []byte, change func(h *chunkHeader)) []byte {
	n := uint32(len(payload))
	h := chunkHeader{typ: typ, raw: n, stored: n, crc: crc32.Checksum(payload, castagnoli)}
	if change != nil {
		change(&h)
	}
	b := make([]byte, chunkHeaderSize, chunkHeaderSize+len(payload))
	h.encode(b)
	return append(b, payload...)
}

// TestHandMadeChunks appends chunks with right checksums to a recording without an end.
func TestHandMadeChunks(t *testing.T) {
	calls := numbers(1, 2)
	w, path := newWriter(t, smallConfig)
	for i := range calls {
		w.Append(&calls[i])
	}
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	base := readFile(t, path)
	if err := w.openSlot(); err != nil {
		t.Fatal(err)
	}
	w.Close(End{})

	payload := []byte{tagImport, 7, 0} // two calls of import 7
	call := func(first uint64, count uint32) []byte {
		return chunk(typeCalls, payload, func(h *chunkHeader) { h.first, h.count = first, count })
	}
	more := []HostCall{calls[0], calls[1], {Import: 7}, {Import: 7}}
	endJSON := []byte(`{"Kind":"exit","ExitCode":5}`)
	for _, test := range []struct {
		name  string
		tail  []byte
		calls []HostCall // what can be read; nil if Open fails
		err   string     // mentioned by Open's error, or else by Verify's
		warn  string
	}{
		{name: "calls", tail: call(2, 2), calls: more},
		{name: "optional", tail: append(chunk("LATR", []byte("what?"), func(h *chunkHeader) { h.flags = flagOptional }), call(2, 2)...), calls: more},
		{name: "optional after the end", tail: append(chunk(typeEnd, endJSON, nil), chunk("x\x00\xff", nil, func(h *chunkHeader) { h.flags = flagOptional })...), calls: calls},
		{name: "unknown", tail: chunk("LATR", nil, nil), err: `type "LATR", which this wrev does not know`},
		{name: "unknown flags", tail: chunk("BRCH", nil, func(h *chunkHeader) { h.flags = 5 | 1<<9 }), err: "unknown flags"},
		{name: "a gap", tail: call(3, 2), err: "begins with host call 3, not 2"},
		{name: "an overlap", tail: call(1, 2), err: "begins with host call 1, not 2"},
		{name: "no calls", tail: call(2, 0), err: "0 host calls"},
		{name: "more calls than bytes", tail: call(2, 4), err: "4 host calls in 3 bytes"},
		{name: "more calls than there are", tail: call(2, 3), calls: more, err: "2 host calls where 3 were promised"},
		{name: "fewer calls than there are", tail: call(2, 1), calls: more[:3], err: "after the last host call"},
		{name: "many bytes for several calls", tail: chunk(typeCalls, make([]byte, maxRawCalls+1), func(h *chunkHeader) { h.first, h.count = 2, 2 }), err: "2 host calls in 65537 bytes"},
		{name: "stored longer than raw", tail: chunk(typeCalls, payload, func(h *chunkHeader) { h.raw = 2 }), err: "impossible lengths"},
		{name: "too long", tail: chunk(typeCalls, payload, func(h *chunkHeader) { h.raw = maxRawChunk + 1 }), err: "impossible lengths"},
		{name: "lengths differ without compression", tail: chunk(typeCalls, payload, func(h *chunkHeader) { h.raw = 4 }), err: "uncompressed"},
		{name: "a bomb", tail: chunk(typeCalls, payload, func(h *chunkHeader) { h.flags, h.raw = flagLZ4, 1<<20 }), err: "cannot hold"},
		{name: "no LZ4", tail: chunk(typeCalls, payload, func(h *chunkHeader) { h.flags, h.raw, h.first, h.count = flagLZ4, 100, 2, 1 }), calls: calls, warn: "damaged chunk"},
		{name: "META again", tail: chunk(typeMeta, []byte("{}"), nil), err: "out of place"},
		{name: "MODL again", tail: chunk(typeModule, nil, nil), err: "out of place"},
		{name: "calls after the end", tail: append(chunk(typeEnd, endJSON, nil), call(2, 2)...), err: "out of place"},
		{name: "END again", tail: append(chunk(typeEnd, endJSON, nil), chunk(typeEnd, endJSON, nil)...), err: "out of place"},
		{name: "END is no JSON", tail: chunk(typeEnd, []byte("{"), nil), calls: calls, warn: "damaged END"},
		{name: "END of an unknown kind", tail: chunk(typeEnd, []byte(`{"Kind":"boredom"}`), nil), calls: calls, warn: "damaged END"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := openBytes(append(bytes.Clone(base), test.tail...))
			if err == nil && test.calls != nil {
				err = r.Verify()
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Fatalf("error is %v, want one about %q", err, test.err)
			}
			if test.calls == nil {
				return
			}
			if r.NumCalls() < uint64(len(test.calls)) || test.err == "" && r.NumCalls() > uint64(len(test.calls)) {
				t.Fatalf("%d calls, want %d", r.NumCalls(), len(test.calls))
			}
			if w := strings.Join(r.Warnings(), "; "); (w != "") != (test.warn != "") || !strings.Contains(w, test.warn) {
				t.Errorf("warnings are %q, want one about %q", w, test.warn)
			}
			if test.err == "" {
				checkCalls(t, r, test.calls)
			}
		})
	}
}

// TestHandMadeCalls decodes payloads that no writer makes.
func TestHandMadeCalls(t *testing.T) {
	for _, test := range []struct {
		name    string
		payload []byte
		err     string // "" if it is one valid call
	}{
		{"minimal", []byte{tagImport, 0}, ""},
		{"long number", []byte{tagImport, 0x81, 0x80, 0x00}, ""},
		{"no import", []byte{0}, "no import"},
		{"unknown tag", []byte{0x40}, "unknown tag"},
		{"import too large", []byte{tagImport, 0x80, 0x80, 0x40}, "import 1048576"},
		{"cut in the import", []byte{tagImport, 0x80}, "malformed"},
		{"number over 64 bits", append([]byte{tagImport}, bytes.Repeat([]byte{0xFF}, 12)...), "malformed"},
		{"arguments past the end", []byte{tagImport | tagArgs, 0, 5, 1, 1}, "impossible count 5"},
		{"too many results", append([]byte{tagImport | tagResults, 0, 0x81, 0x80, 0x04}, make([]byte, maxValues+1)...), "impossible count 65537"},
		{"cut in the digest", []byte{tagImport | tagInputs, 0, 1, 2, 3}, "8 bytes where 3 are left"},
		{"writes past the end", []byte{tagImport | tagShape, 0, 9, 0, 1}, "impossible count 9"},
		{"write of no bytes", []byte{tagImport | tagShape, 0, 1, 0, 0}, "0 bytes at 0x0"},
		{"write below memory", []byte{tagImport | tagShape, 0, 1, 1, 1, 0}, "1 bytes at 0xffff"},
		{"write above memory", append(binary.AppendUvarint([]byte{tagImport | tagShape, 0, 1}, zigzag(1<<32-1)), 2, 0, 0), "2 bytes at 0xffffffff"},
		{"data past the end", []byte{tagImport | tagShape, 0, 1, 0, 3, 1, 2}, "3 bytes where 2 are left"},
		{"no data", []byte{tagImport | tagShape, 0, 1, 0, 3}, "1 of them in 0 bytes"},
		{"number too large for 4 bytes", binary.AppendUvarint([]byte{tagImport | tagShape, 0, 1, 0, 4}, zigzag(1<<32)), "in 4 bytes"},
		{"number cut off", []byte{tagImport | tagShape, 0, 1, 0, 8, 0x80}, "malformed"},
	} {
		calls, err := decodeCalls(test.payload, 1)
		if test.err == "" && (err != nil || len(calls) != 1) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %v %v, want an error about %q", test.name, calls, err, test.err)
		}
	}
}

// TestDuplicates is a recorder that died between appending a chunk and clearing the slot: the calls are in both.
func TestDuplicates(t *testing.T) {
	calls := randomCalls(9, 60)
	w, path := newWriter(t, smallConfig)
	var before []byte
	for i := range calls {
		if err := w.Append(&calls[i]); err != nil {
			t.Fatal(err)
		}
		if i == 40 {
			before = readFile(t, path)
		}
	}
	if err := w.Close(End{}); err != nil {
		t.Fatal(err)
	}
	after := readFile(t, path)
	// The old journal, which has some of the calls up to number 40, in front of all chunks except END.
	first := int(fileHeader{journalOffset, uint32(smallConfig.slotSize), numSlots}.chunksOffset())
	end := bytes.LastIndex(after, []byte(typeEnd))
	both := append(bytes.Clone(before[:first]), after[first:end]...)
	r, err := openBytes(both)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.Trim(both[journalOffset:first], "\x00")) == 0 || len(r.Warnings()) > 0 {
		t.Errorf("no calls in the journal, or warnings %q", r.Warnings())
	}
	checkCalls(t, r, calls)
}

// TestCheckCall pins the check of the journal, which other readers implement from the documentation.
func TestCheckCall(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 33)
	seed := checkSeed(3)
	word := func(sum, w uint64) uint64 { return (bits.RotateLeft64(sum, 29) ^ w) * 0x9E3779B97F4A7C15 }
	if want := word(0, 3^0x5752455657524556); seed != want {
		t.Errorf("seed is %#x, want %#x", seed, want)
	}
	for _, test := range []struct {
		b    []byte
		want uint64
	}{
		{[]byte{5}, word(seed, 5)},
		{[]byte{1, 2, 3, 4, 5, 6, 7, 8}, word(seed, 0x0807060504030201)},
		{[]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, word(word(seed, 0x0807060504030201), 0x0A09)},
		{long[:32], word(word(word(word(seed, 0x0707070707070707), 0x0707070707070707), 0x0707070707070707), 0x0707070707070707)},
		{long, word(seed, uint64(crc32.Checksum(long, castagnoli)))},
	} {
		if got := checkCall(seed, test.b); got != test.want {
			t.Errorf("check of %v is %#x, want %#x", test.b, got, test.want)
		}
	}
}

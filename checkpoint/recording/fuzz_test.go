package recording

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// reseal makes the checksums of a file right again, so that fuzzing gets behind them.
func reseal(data []byte) {
	if len(data) < fileHeaderSize {
		return
	}
	copy(data, magic)
	binary.LittleEndian.PutUint32(data[8:], formatVersion)
	binary.LittleEndian.PutUint32(data[24:], crc32.Checksum(data[:24], castagnoli))
	h, err := parseFileHeader(data)
	if err != nil || h.chunksOffset() > int64(len(data)) {
		return
	}
	for i := range int(h.numSlots) {
		resealSlot(data[int(h.journalOffset)+i*int(h.slotSize):][:h.slotSize])
	}
	for rest := data[h.chunksOffset():]; len(rest) >= chunkHeaderSize; {
		n := uint64(binary.LittleEndian.Uint32(rest[12:]))
		if n > uint64(len(rest)-chunkHeaderSize) {
			return
		}
		binary.LittleEndian.PutUint32(rest[28:], crc32.Checksum(rest[chunkHeaderSize:][:n], castagnoli))
		binary.LittleEndian.PutUint32(rest[36:], crc32.Checksum(rest[:36], castagnoli))
		rest = rest[chunkHeaderSize+n:]
	}
}

// resealSlot makes the check of a slot right if its calls can be decoded.
func resealSlot(b []byte) {
	length := uint64(binary.LittleEndian.Uint32(b))
	if length == 0 || length > uint64(len(b)-slotHeaderSize) {
		return
	}
	sum := checkSeed(binary.LittleEndian.Uint64(b[8:]))
	d := newDecoder(b[slotHeaderSize:][:length])
	for d.more() {
		start := d.pos
		if d.next(&HostCall{}) != nil {
			return
		}
		sum = checkCall(sum, d.raw[start:d.pos])
	}
	binary.LittleEndian.PutUint64(b, slotState(int(length), sum))
}

// FuzzOpen reads any bytes, with right checksums too: nothing may panic, and what Open accepts must be consistent.
func FuzzOpen(f *testing.F) {
	calls := damageCalls()
	for _, end := range []*End{nil, {ExitCode: 1}} {
		data := readFile(f, record(f, smallConfig, calls, end))
		f.Add(data, false)
		f.Add(data, true)
		f.Add(data[:len(data)-20], true)
	}
	f.Add([]byte(magic), false)
	f.Fuzz(func(t *testing.T, data []byte, valid bool) {
		if valid {
			data = bytes.Clone(data)
			reseal(data)
		}
		r, err := openBytes(data)
		if err != nil {
			return
		}
		n := uint64(0)
		for _, b := range r.blocks {
			if b.first != n || b.count == 0 {
				t.Fatalf("block %v has calls %d to %d after call %d", b, b.first, b.end(), n)
			}
			n = b.end()
			r.Call(b.first)
			r.Call(n - 1)
		}
		if n != r.NumCalls() {
			t.Fatalf("%d calls in the blocks, NumCalls is %d", n, r.NumCalls())
		}
		r.Verify()
		r.End()
		r.Meta()
	})
}

// fuzzCalls makes host calls of any bytes.
func fuzzCalls(data []byte) []HostCall {
	take := func(n int) []byte {
		n = min(n, len(data))
		b := data[:n]
		data = data[n:]
		return b
	}
	small := func() int { return int(append(take(1), 0)[0]) }
	value := func() uint64 {
		var b [8]byte
		copy(b[:], take(small()%9))
		return binary.LittleEndian.Uint64(b[:])
	}
	var calls []HostCall
	for len(data) > 0 {
		c := HostCall{Import: uint32(small() % 5)}
		kind := small()
		if kind&1 != 0 && len(calls) > 0 {
			c = calls[small()%len(calls)]
		}
		if kind&2 != 0 {
			c.Args = make([]uint64, small()%6)
			for i := range c.Args {
				c.Args[i] = value()
			}
		}
		if kind&4 != 0 {
			c.Results = []uint64{value()}
		}
		if kind&8 != 0 {
			c.Inputs = value()
		}
		if kind&16 != 0 {
			c.Writes = make([]MemWrite, small()%7)
			for i := range c.Writes {
				c.Writes[i] = MemWrite{Addr: uint32(value()) &^ 0xFF, Data: bytes.Clone(take([]int{8, 4, 1, small()}[kind>>6]))}
			}
		}
		c.NoReturn = kind&32 != 0
		calls = append(calls, c)
	}
	return calls
}

// FuzzRoundTrip writes any calls and reads them again, with and without an end.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 16, 1, 3, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 0, 1, 1, 0})
	f.Add(bytes.Repeat([]byte{3, 255, 2, 1, 7, 250, 9, 9}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		calls := fuzzCalls(data)
		checkCalls(t, mustOpen(t, record(t, smallConfig, calls, &End{})), calls)
		checkCalls(t, mustOpen(t, record(t, smallConfig, calls, nil)), calls)
	})
}

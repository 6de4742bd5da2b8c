package recording

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
)

// Identity is a digest of all that decides how a replay goes: module, arguments and limits, host calls, end. What is derived from a recording is of
// use only with the recording that has the same. The calls are told apart by the checksums of their chunks, which need not be read for it; nobody
// makes two recordings whose checksums are the same by accident, because the time at which they began is in it, too.
func (r *Reader) Identity() [32]byte {
	h := sha256.New()
	part := func(b []byte) {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(b)))
		h.Write(size[:])
		h.Write(b)
	}
	text := func(v any) {
		b, err := json.Marshal(v)
		if err != nil { // a time beyond the year 9999, which no file can hold
			b = []byte(err.Error())
		}
		part(b)
	}
	text(r.meta)
	part(r.module)
	for i := range r.blocks {
		b := &r.blocks[i]
		var head [20]byte
		binary.LittleEndian.PutUint64(head[:], b.first)
		binary.LittleEndian.PutUint32(head[8:], b.count)
		binary.LittleEndian.PutUint32(head[12:], b.header.raw)
		binary.LittleEndian.PutUint32(head[16:], b.header.crc)
		part(head[:])
		part(b.slot)
	}
	text(r.end)
	return [32]byte(h.Sum(nil))
}

package recording

import (
	"fmt"
	"hash/crc32"
	"io"

	"github.com/pierrec/lz4/v4"
)

// file is what a Writer needs of an *os.File; tests put failing ones in between.
type file interface {
	io.WriterAt
	Truncate(size int64) error
	Close() error
}

// chunkWriter appends chunks to a file. After an error the file ends where it did before.
type chunkWriter struct {
	f   file
	end int64  // where the next chunk goes
	buf []byte // a chunk in the making; kept, so that a flush allocates nothing (a GC cycle could stop it for seconds)
	lz4 lz4.Compressor
	// skip is for how many CALLS chunks compression is not tried, because it gained little: digests and random bytes are slow
	// to compress, to no end.
	skip int
}

// skipChunks is how many chunks are stored as they are after one that compressed by less than an eighth.
const skipChunks = 7

// maxKeptBuffer is the longest buffer that is kept for the next large chunk.
const maxKeptBuffer = 4 << 20

// write appends a chunk; h needs its type and, for calls, their numbers. It returns where the chunk is.
func (w *chunkWriter) write(h chunkHeader, payload []byte) (block, error) {
	if len(payload) > maxRawChunk {
		return block{}, fmt.Errorf("%d bytes in a %q chunk: a recording holds up to %d", len(payload), h.typ, maxRawChunk)
	}
	if need := chunkHeaderSize + len(payload); cap(w.buf) < need {
		w.buf = make([]byte, need)
	}
	body := w.buf[chunkHeaderSize : chunkHeaderSize+len(payload)]
	n := w.compress(h.typ, payload, body)
	if n > 0 {
		h.flags |= flagLZ4
	} else {
		n = copy(body, payload)
	}
	h.raw, h.stored = uint32(len(payload)), uint32(n)
	h.crc = crc32.Checksum(body[:n], castagnoli)
	chunk := w.buf[:chunkHeaderSize+n]
	h.encode(chunk)
	if cap(w.buf) > maxKeptBuffer {
		w.buf = nil
	}
	if _, err := w.f.WriteAt(chunk, w.end); err != nil {
		w.f.Truncate(w.end) // best effort: a reader drops the torn chunk as well
		return block{}, err
	}
	b := block{first: h.first, count: h.count, header: h, offset: w.end + chunkHeaderSize}
	w.end += int64(len(chunk))
	return b, nil
}

// compress compresses payload to dst, which is as long, and returns the length; 0 if the payload should be stored as it is.
func (w *chunkWriter) compress(typ string, payload, dst []byte) int {
	if typ == typeCalls && w.skip > 0 {
		w.skip--
		return 0
	}
	// With one byte less than the payload to write to, the compressor fails when it gains nothing.
	n, err := w.lz4.CompressBlock(payload, dst[:max(len(dst)-1, 0)])
	if err != nil {
		n = 0
	}
	if typ == typeCalls && (n == 0 || n > len(payload)-len(payload)/8) {
		w.skip = skipChunks
	}
	return n
}

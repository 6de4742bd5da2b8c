package cache

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"wrev/checkpoint"
)

// DefaultMaxBytes is how large a cache gets unless told, in bytes.
const DefaultMaxBytes = 1 << 30

// Options configure a Writer.
type Options struct {
	// MaxBytes bounds the pages in the file; 0 means DefaultMaxBytes. The
	// tables, about a fiftieth of that, are not counted.
	MaxBytes int64
}

// Entry is one checkpoint to be saved.
type Entry struct {
	Position uint64
	Flags    uint32
	State    []byte            // everything but memory
	Memory   *checkpoint.Image // of the same store as the others
}

// Writer makes a cache. It is for one goroutine; the store may be used by
// others meanwhile.
type Writer struct {
	path  string
	key   Key
	max   int64
	f     *os.File
	w     *bufio.Writer
	off   int64
	x     *checkpoint.Exporter
	store map[[sha256.Size]byte]uint32 // pages of states and blobs
	enc   checkpoint.Encoder
	page  [pageSize]byte
	index index
}

// Create begins a cache that Commit will put at path, in place of what is there.
// Its images will be from s.
func Create(path string, key Key, s *checkpoint.Store, o Options) (*Writer, error) {
	if len(key.State) > maxStateName {
		return nil, fmt.Errorf("the state version %q is longer than %d bytes", key.State, maxStateName)
	}
	removeLeftovers(path)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".~*~") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("checkpoints cannot be kept for the next time: %w", err)
	}
	w := &Writer{path: path, key: key, max: o.MaxBytes, f: f, w: bufio.NewWriterSize(f, 1<<20), off: blocksAt, store: map[[sha256.Size]byte]uint32{}}
	if w.max <= 0 {
		w.max = DefaultMaxBytes
	}
	w.x = s.Export(w.block)
	w.w.Write(make([]byte, blocksAt)) // an error comes back from a later write
	return w, nil
}

// removeLeftovers removes what processes left that died while they saved. A
// save takes seconds, so one that nobody touched for a day is dead.
func removeLeftovers(path string) {
	old, _ := filepath.Glob(path + ".~*~") // a path with a pattern in it finds nothing
	for _, name := range old {
		if st, err := os.Stat(name); err == nil && time.Since(st.ModTime()) > 24*time.Hour {
			os.Remove(name)
		}
	}
}

// block writes a block and gives it a number.
func (w *Writer) block(b []byte) (uint32, error) {
	if w.off+int64(len(b)) > w.max {
		return 0, ErrFull
	}
	if _, err := w.w.Write(b); err != nil {
		return 0, fmt.Errorf("checkpoints cannot be kept for the next time: %w", err)
	}
	w.off += int64(len(b))
	w.index.tables.Blocks = append(w.index.tables.Blocks, uint16(len(b)-checkpoint.BlockHeader))
	return uint32(len(w.index.tables.Blocks)), nil
}

// blob writes the pages of some bytes that are not there yet.
func (w *Writer) blob(data []byte) (blob, error) {
	x := blob{size: uint64(len(data))}
	if x.size > maxBlob {
		return x, fmt.Errorf("%w: %d bytes are too many for one state", ErrFull, len(data))
	}
	for len(data) > 0 {
		n := copy(w.page[:], data)
		clear(w.page[n:])
		data = data[n:]
		number, err := w.blobPage()
		if err != nil {
			return x, err
		}
		x.blocks = append(x.blocks, number)
	}
	return x, nil
}

func (w *Writer) blobPage() (uint32, error) {
	if w.page == ([pageSize]byte{}) {
		return 0, nil
	}
	sum := sha256.Sum256(w.page[:])
	if n := w.store[sum]; n > 0 {
		return n, nil
	}
	n, err := w.block(w.enc.Encode(w.page[:]))
	if err == nil {
		w.store[sum] = n
	}
	return n, err
}

// Add saves a checkpoint; give the ones of most use first. There may be one at
// each position. After ErrFull, and after an error that wraps
// checkpoint.ErrLost, the cache is good without this one.
func (w *Writer) Add(e Entry) error {
	state, err := w.blob(e.State)
	if err != nil {
		return err
	}
	root, err := w.x.Add(e.Memory)
	if err != nil {
		return err
	}
	w.index.records = append(w.index.records, record{e.Position, e.Flags, uint64(e.Memory.Size()), root, state})
	return nil
}

// Commit completes the file and puts it in place. extra are further bytes by
// name, at most 255 bytes long; they may exceed MaxBytes. The writer is done,
// whatever the result.
func (w *Writer) Commit(extra map[string][]byte) error {
	err := w.finish(extra)
	if err != nil {
		w.Abort()
		return err
	}
	w.x.Close()
	if err = w.f.Close(); err == nil {
		err = os.Rename(w.f.Name(), w.path)
	}
	if err != nil {
		os.Remove(w.f.Name())
		return fmt.Errorf("checkpoints cannot be kept for the next time: %w", err)
	}
	return nil
}

func (w *Writer) finish(extra map[string][]byte) error {
	w.max = 1 << 62
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if len(name) > 255 {
			return fmt.Errorf("the name %q is longer than 255 bytes", name)
		}
		b, err := w.blob(extra[name])
		if err != nil {
			return err
		}
		w.index.names, w.index.extras = append(w.index.names, name), append(w.index.extras, b)
	}
	slices.SortFunc(w.index.records, func(a, b record) int { return cmp.Compare(a.position, b.position) })
	w.index.tables.Leafs, w.index.tables.Branches = w.x.Leafs, w.x.Branches
	b := w.index.encode()
	if len(b) > maxIndex {
		return fmt.Errorf("%w: its index would take %d bytes", ErrFull, len(b))
	}
	h := header{key: w.key, index: uint64(w.off), size: uint64(len(b)), crc: crc32.Checksum(b, castagnoli)}
	_, err := w.w.Write(b)
	if err = errors.Join(err, w.w.Flush()); err == nil {
		_, err = w.f.WriteAt(h.encode(), 0)
	}
	if err != nil {
		return fmt.Errorf("checkpoints cannot be kept for the next time: %w", err)
	}
	return nil
}

// Abort gives up.
func (w *Writer) Abort() {
	w.x.Close()
	w.f.Close()
	os.Remove(w.f.Name())
}

package recording

import (
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"time"
)

// Reader reads one recording. All methods are safe for concurrent use.
type Reader struct {
	callLog
	close    func() error
	warnings []string
	meta     Meta
	module   []byte
	end      *End
	ended    time.Time // zero if unknown

	branchChunks []block // BRCH and BCAL chunks, in order
	usable       int64   // where the file's last usable chunk ends
}

// Open opens a recording, finished or not: of one whose recorder was killed or still runs it shows what is there.
//
// Its error wraps ErrNotRecording, a *VersionError, or ErrCorrupt if not even the module can be read. It reads the module,
// the journal and the chunks' headers, so it takes time for each chunk but not for each call.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open recording: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", ErrNotRecording)
	}
	var r *Reader
	if err == nil {
		r, err = newReader(f, func() (int64, error) { return f.Seek(0, io.SeekEnd) })
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.close = f.Close
	return r, nil
}

// IsRecording reports whether the file at path is a recording, of whatever format version, finished or not, usable or not.
func IsRecording(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	head := make([]byte, len(magic))
	if _, err := readFull(f, head, 0); err != nil && err != io.ErrUnexpectedEOF {
		return false, err
	}
	return string(head) == magic, nil
}

// Close releases the file. Calls and the module obtained before stay valid.
func (r *Reader) Close() error { return r.close() }

// Warnings tells what was wrong with the file and could be worked around, such as a torn tail.
func (r *Reader) Warnings() []string { return slices.Clone(r.warnings) }

// Meta tells what was recorded. Its lists must not be changed.
func (r *Reader) Meta() Meta { return r.meta }

// Module returns the recorded module's bytes, which must not be changed.
func (r *Reader) Module() []byte { return r.module }

// End tells how the program ended. It returns false if the recorder was killed or still ran when the file was opened.
func (r *Reader) End() (End, bool) {
	if r.end == nil {
		return End{}, false
	}
	return *r.end, true
}

// Elapsed is how long the program ran while it was recorded, waiting included. It returns false where that was not recorded.
func (r *Reader) Elapsed() (time.Duration, bool) {
	d := r.ended.Sub(r.meta.Start)
	return d, !r.meta.Start.IsZero() && !r.ended.IsZero() && d >= 0
}

// Calls iterates over the calls numbered from and up. It ends after the first error.
func (r *Reader) Calls(from uint64) iter.Seq2[*HostCall, error] {
	return func(yield func(*HostCall, error) bool) {
		for i := from; i < r.NumCalls(); i++ {
			c, err := r.Call(i)
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// Verify reads every chunk and checks it, and returns the first damage found. Open itself checks only what it needs.
func (r *Reader) Verify() error {
	for i := range r.blocks {
		if _, err := r.decode(&r.blocks[i]); err != nil {
			return err
		}
	}
	return nil
}

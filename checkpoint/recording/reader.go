package recording

import (
	"errors"
	"iter"
)

// Reader reads one recording. All methods are safe for concurrent use.
type Reader struct{}

// Open opens a recording, finished or not: of one whose recorder was killed or still runs it shows what is there.
func Open(path string) (*Reader, error) { return nil, errors.ErrUnsupported }

// Close releases the file. Calls and the module obtained before stay valid.
func (r *Reader) Close() error { return nil }

// Warnings tells what was wrong with the file and could be worked around, such as a torn tail.
func (r *Reader) Warnings() []string { return nil }

// Meta tells what was recorded.
func (r *Reader) Meta() Meta { return Meta{} }

// Module returns the recorded module's bytes, which must not be changed.
func (r *Reader) Module() []byte { return nil }

// End tells how the program ended; false if the recorder was killed or still runs.
func (r *Reader) End() (End, bool) { return End{}, false }

// NumCalls returns the number of recorded host calls.
func (r *Reader) NumCalls() uint64 { return 0 }

// Call returns host call i, which must not be changed. It stays valid. Neighbouring calls are cheap.
func (r *Reader) Call(i uint64) (*HostCall, error) { return nil, errors.ErrUnsupported }

// Calls iterates over the calls numbered from and up. It ends after the first error.
func (r *Reader) Calls(from uint64) iter.Seq2[*HostCall, error] {
	return func(func(*HostCall, error) bool) {}
}

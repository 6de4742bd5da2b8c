package checkpoint

import (
	"io"
	"os"
	"sync"
)

// File is a file that chunks are in. It is closed when the last of them is
// gone and its owner has let go of it.
type File struct {
	mu   sync.Mutex
	f    *os.File
	refs int
}

// NewFile makes f, which belongs to it from then on, a file for [Store.Import].
func NewFile(f *os.File) *File { return &File{f: f, refs: 1} }

// ReadAt is io.ReaderAt. It may be used until Close.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

// readAt fills p.
func (f *File) readAt(p []byte, off int64) error {
	n, err := f.f.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (f *File) ref() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refs++
}

func (f *File) unref() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refs--; f.refs == 0 {
		return f.f.Close()
	}
	return nil
}

// Close lets go of the file; images that have pages there keep it open.
func (f *File) Close() error { return f.unref() }

// close closes it whoever uses it.
func (f *File) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refs <= 0 {
		return nil
	}
	f.refs = 0
	return f.f.Close()
}

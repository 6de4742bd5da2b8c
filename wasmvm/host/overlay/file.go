package overlay

import (
	"cmp"
	"io"
	"path"
	"slices"

	experimental "github.com/tetratelabs/wazero/experimental/sys"
)

// file is an open file or directory. One that was opened below goes on above when
// it is copied up.
type file struct {
	experimental.File
	fs    *FS
	path  string // changes when it is renamed
	layer layer
	flag  experimental.Oflag
	dir   bool
	gone  bool // a directory that was removed

	entries []experimental.Dirent // not yet read, of a directory
	listed  bool
}

// wrap returns a function that makes a file of what a layer has opened.
func (o *FS) wrap(p place, flag experimental.Oflag) func(experimental.File, experimental.Errno) (experimental.File, experimental.Errno) {
	return func(f experimental.File, errno experimental.Errno) (experimental.File, experimental.Errno) {
		if errno != 0 {
			return nil, errno
		}
		if p.layer == outside {
			return &foreign{f}, 0
		}
		w := &file{File: f, fs: o, path: p.path, layer: p.layer, flag: flag, dir: p.isDir()}
		if w.layer == nowhere {
			w.layer = above // made just now
		}
		o.open[w] = struct{}{}
		return w, 0
	}
}

// isOpen reports whether a file is open that is below.
func (o *FS) isOpen(name string) bool {
	for f := range o.open {
		if f.path == name && f.layer == below {
			return true
		}
	}
	return false
}

// reopen makes the open files of a path that was just copied up go on there.
func (o *FS) reopen(name string) experimental.Errno {
	for f := range o.open {
		if f.path != name || f.layer != below {
			continue
		}
		up, errno := o.upper.OpenFile(name, f.flag&^(experimental.O_CREAT|experimental.O_EXCL|experimental.O_TRUNC), 0)
		if errno != 0 {
			return errno
		}
		if !f.dir {
			at, errno := f.File.Seek(0, io.SeekCurrent)
			if errno == 0 {
				_, errno = up.Seek(at, io.SeekStart)
			}
			if errno != 0 {
				_ = up.Close()
				return errno
			}
		}
		_ = f.File.Close() // was only read
		f.File, f.layer = up, above
	}
	return 0
}

// SetAppend implements sys.File. It opens the file anew, by its path, which is why
// one below, that is only read, is left alone.
func (f *file) SetAppend(enable bool) experimental.Errno {
	if f.layer == below && !f.dir {
		p, errno := f.fs.at(f.path, false)
		if errno != 0 {
			return errno
		}
		if errno := f.fs.copyUp(&p); errno != 0 {
			return errno
		}
	}
	return f.File.SetAppend(enable)
}

// Utimens implements sys.File. It would change a file even if that is open for
// reading only.
func (f *file) Utimens(atim, mtim int64) experimental.Errno {
	if f.layer == below {
		p, errno := f.fs.at(f.path, false)
		if errno != 0 {
			return errno
		}
		if errno := f.fs.copyUp(&p); errno != 0 {
			return errno
		}
	}
	return f.File.Utimens(atim, mtim)
}

// Close implements sys.File.
func (f *file) Close() experimental.Errno {
	delete(f.fs.open, f)
	return f.File.Close()
}

// position is an offset in a file. The name tells go vet that Seek is not io.Seeker's.
type position = int64

// Seek implements sys.File.
func (f *file) Seek(offset position, whence int) (position, experimental.Errno) {
	if !f.dir {
		return f.File.Seek(offset, whence)
	}
	if offset != 0 || whence != io.SeekStart {
		return 0, experimental.EISDIR
	}
	f.listed = false
	return 0, 0
}

// Readdir implements sys.File.
func (f *file) Readdir(n int) ([]experimental.Dirent, experimental.Errno) {
	if !f.dir {
		return f.File.Readdir(n)
	}
	if !f.listed {
		f.entries, f.listed = nil, true
		if !f.gone {
			var errno experimental.Errno
			if f.entries, errno = f.fs.list(f.path); errno != 0 {
				return nil, errno
			}
		}
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	list := f.entries[:n:n]
	f.entries = f.entries[n:]
	return list, 0
}

// IsNonblock and the two after it make sys.PollableFile of files that are one.
func (f *file) IsNonblock() bool {
	p, ok := f.File.(experimental.PollableFile)
	return ok && p.IsNonblock()
}

// SetNonblock implements sys.PollableFile.
func (f *file) SetNonblock(enable bool) experimental.Errno {
	if p, ok := f.File.(experimental.PollableFile); ok {
		return p.SetNonblock(enable)
	}
	return experimental.ENOSYS
}

// Poll implements sys.PollableFile.
func (f *file) Poll(flag experimental.Pflag, timeoutMillis int32) (bool, experimental.Errno) {
	if p, ok := f.File.(experimental.PollableFile); ok {
		return p.Poll(flag, timeoutMillis)
	}
	return false, experimental.ENOTSUP
}

// foreign is a file outside the directory, which is only read.
type foreign struct{ experimental.File }

// SetAppend implements sys.File.
func (*foreign) SetAppend(bool) experimental.Errno { return experimental.EROFS }

// Utimens implements sys.File.
func (*foreign) Utimens(int64, int64) experimental.Errno { return experimental.EROFS }

// list returns what is in a directory, in the order of the names.
func (o *FS) list(dir string) ([]experimental.Dirent, experimental.Errno) {
	seen := make(map[string]bool)
	var list []experimental.Dirent
	add := func(from experimental.FS, hides bool) experimental.Errno {
		f, errno := from.OpenFile(dir, experimental.O_RDONLY|experimental.O_DIRECTORY, 0)
		if errno != 0 {
			return errno
		}
		defer f.Close()
		entries, errno := f.Readdir(-1)
		for _, e := range entries {
			if !seen[e.Name] && !(hides && o.hidden[path.Join(dir, e.Name)]) {
				seen[e.Name] = true
				list = append(list, e)
			}
		}
		return errno
	}
	errno := add(o.upper, false)
	if errno != 0 && errno != experimental.ENOENT {
		return nil, errno
	}
	if !o.isHidden(dir) {
		// What is no directory below is hidden or a file above.
		if errno := add(o.lower, true); errno != 0 && errno != experimental.ENOENT && errno != experimental.ENOTDIR {
			return nil, errno
		}
	}
	slices.SortFunc(list, func(a, b experimental.Dirent) int { return cmp.Compare(a.Name, b.Name) })
	return list, 0
}

var (
	_ experimental.FS           = (*FS)(nil)
	_ experimental.PollableFile = (*file)(nil)
)

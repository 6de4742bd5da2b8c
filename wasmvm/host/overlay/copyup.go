package overlay

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	experimental "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/sys"
)

// copyUpParent copies up the directories that a path lies in.
func (o *FS) copyUpParent(name string) experimental.Errno {
	dir := path.Dir(name)
	if dir == "." {
		return 0
	}
	p, errno := o.at(dir, false)
	switch {
	case errno != 0:
		return errno
	case p.layer == nowhere:
		return experimental.ENOENT
	}
	return o.copyUp(&p)
}

// copyUp copies something up unless it is there, not with what is in it.
func (o *FS) copyUp(p *place) experimental.Errno {
	switch p.layer {
	case above:
		return 0
	case nowhere, outside:
		return experimental.ENOENT
	}
	if errno := o.copyUpParent(p.path); errno != 0 {
		return errno
	}
	var errno experimental.Errno
	target := filepath.Join(o.root, filepath.FromSlash(p.path))
	switch mode := p.stat.Mode; {
	case mode.IsDir():
		errno = unwrap(os.Mkdir(target, 0o700))
	case mode.IsRegular():
		errno = o.copyFile(p.path, target)
	case mode&fs.ModeSymlink != 0:
		var to string
		if to, errno = o.lower.Readlink(p.path); errno == 0 {
			errno = unwrap(os.Symlink(to, target)) // wazero's makes no absolute ones
		}
		p.layer = above
		return errno
	default:
		return experimental.EACCES
	}
	if errno == 0 {
		errno = o.dress(p.path, target, p.stat)
	}
	if errno != 0 {
		_ = os.Remove(target) // half of it is worse than nothing
		return errno
	}
	p.layer = above
	return o.reopen(p.path)
}

// dress gives a copy the mode and the times of what is below.
func (o *FS) dress(name, target string, st sys.Stat_t) experimental.Errno {
	if errno := unwrap(os.Chmod(target, st.Mode.Perm())); errno != 0 {
		return errno
	}
	return o.upper.Utimens(name, st.Atim, st.Mtim)
}

func (o *FS) copyFile(name, target string) experimental.Errno {
	from, errno := o.lower.OpenFile(name, experimental.O_RDONLY, 0)
	if errno != 0 {
		return errno
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return unwrap(err)
	}
	_, err = io.Copy(to, reader{from})
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	return unwrap(err)
}

// reader makes an io.Reader of a file.
type reader struct{ experimental.File }

func (r reader) Read(b []byte) (int, error) {
	n, errno := r.File.Read(b)
	switch {
	case errno != 0:
		return n, errno
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// copyUpTree copies something up with all that is in it.
func (o *FS) copyUpTree(p *place) experimental.Errno {
	if errno := o.copyUp(p); errno != 0 || !p.isDir() {
		return errno
	}
	list, errno := o.list(p.path)
	if errno != 0 {
		return errno
	}
	for _, e := range list {
		inner, errno := o.at(path.Join(p.path, e.Name), false)
		if errno == 0 {
			errno = o.copyUpTree(&inner)
		}
		if errno != 0 {
			return errno
		}
	}
	return 0
}

// unwrap returns the number of an error of package os.
func unwrap(err error) experimental.Errno {
	var errno experimental.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return experimental.UnwrapOSError(err)
}

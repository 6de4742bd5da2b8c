package overlay

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	experimental "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/sys"
)

// FS is a copy-on-write view. It implements wazero's sys.FS, and is not safe for
// concurrent use.
type FS struct {
	lower, upper experimental.FS
	root         string             // of upper
	hidden       map[string]bool    // what is below there is not seen, nor anything in it
	open         map[*file]struct{} // all open files and directories
}

// New makes a view of a directory, with temporary files in a new directory in
// temp, where temporary files go if that is empty.
func New(dir, temp string) (*FS, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("make a view of a directory: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("make a view of %s: not a directory", dir)
	}
	root, err := os.MkdirTemp(temp, "wrev-view-")
	if err != nil {
		return nil, fmt.Errorf("make a view of %s: %w", dir, err)
	}
	if err := os.Chmod(root, info.Mode().Perm()|0o700); err != nil {
		return nil, fmt.Errorf("make a view of %s: %w", dir, err)
	}
	return &FS{lower: sysfs.DirFS(dir), upper: sysfs.DirFS(root), root: root,
		hidden: make(map[string]bool), open: make(map[*file]struct{})}, nil
}

// Close removes the view. Files that are open must be closed before.
func (o *FS) Close() error {
	if err := os.RemoveAll(o.root); err != nil {
		return fmt.Errorf("remove a view: %w", err)
	}
	return nil
}

// Access modes of a flag. O_RDONLY is 0.
const modes = experimental.O_RDWR | experimental.O_WRONLY

// OpenFile implements sys.FS.
func (o *FS) OpenFile(name string, flag experimental.Oflag, perm fs.FileMode) (experimental.File, experimental.Errno) {
	writes := flag&(modes|experimental.O_TRUNC) != 0
	create := flag&experimental.O_CREAT != 0
	exclusive := create && flag&experimental.O_EXCL != 0
	if create && strings.HasSuffix(name, "/") {
		// What is made is a file; this comes after errors on the way only.
		if _, errno := o.walkName(name); errno != 0 {
			return nil, errno
		}
		return nil, experimental.EISDIR
	}
	p, errno := o.walk(name, flag&experimental.O_NOFOLLOW == 0 && !exclusive)
	if errno != 0 {
		return nil, errno
	}
	switch {
	case p.layer == outside:
		if writes || create {
			return nil, experimental.EROFS
		}
		return o.wrap(p, flag)(o.lower.OpenFile(p.path, flag, perm))
	case p.layer == nowhere && !create:
		return nil, experimental.ENOENT
	case p.layer == nowhere:
		if errno := o.copyUpParent(p.path); errno != 0 {
			return nil, errno
		}
		return o.wrap(p, flag)(o.upper.OpenFile(p.path, flag, perm))
	case exclusive:
		return nil, experimental.EEXIST
	case p.isDir() && (writes || create):
		return nil, experimental.EISDIR
	case p.layer == above:
		return o.wrap(p, flag)(o.upper.OpenFile(p.path, flag, perm))
	case !p.stat.Mode.IsRegular() && !p.isDir() && !p.isLink():
		return nil, experimental.EACCES
	case writes && p.stat.Mode.IsRegular() && flag&experimental.O_DIRECTORY == 0:
		if errno := o.copyUp(&p); errno != 0 {
			return nil, errno
		}
		return o.wrap(p, flag)(o.upper.OpenFile(p.path, flag, perm))
	}
	// A link that is not to be followed fails.
	flag &^= modes | experimental.O_TRUNC | experimental.O_CREAT
	return o.wrap(p, flag)(o.lower.OpenFile(p.path, flag, perm))
}

// Lstat implements sys.FS.
func (o *FS) Lstat(name string) (sys.Stat_t, experimental.Errno) {
	return o.stat(name, false)
}

// Stat implements sys.FS.
func (o *FS) Stat(name string) (sys.Stat_t, experimental.Errno) {
	return o.stat(name, true)
}

func (o *FS) stat(name string, follow bool) (sys.Stat_t, experimental.Errno) {
	p, errno := o.walk(name, follow)
	switch {
	case errno != 0:
		return sys.Stat_t{}, errno
	case p.layer == nowhere:
		return sys.Stat_t{}, experimental.ENOENT
	case p.layer == outside && follow:
		return o.lower.Stat(p.path)
	case p.layer == outside:
		return o.lower.Lstat(p.path)
	}
	return p.stat, 0
}

// change prepares the change of something that exists: it is copied up.
func (o *FS) change(name string, follow bool) (place, experimental.Errno) {
	p, errno := o.walk(name, follow)
	switch {
	case errno != 0:
		return p, errno
	case p.layer == nowhere:
		return p, experimental.ENOENT
	case p.layer == outside:
		return p, experimental.EROFS
	}
	return p, o.copyUp(&p)
}

// newName prepares a new name: nothing may be there, the directory is copied up.
func (o *FS) newName(name string) (place, experimental.Errno) {
	p, errno := o.walkName(name)
	switch {
	case errno != 0:
		return p, errno
	case p.layer == outside:
		return p, experimental.EROFS
	case p.layer != nowhere:
		return p, experimental.EEXIST
	}
	return p, o.copyUpParent(p.path)
}

// oldName finds a name that there must be.
func (o *FS) oldName(name string) (place, experimental.Errno) {
	p, errno := o.walkName(name)
	switch {
	case errno != 0:
		return p, errno
	case p.layer == nowhere:
		return p, experimental.ENOENT
	case p.layer == outside:
		return p, experimental.EROFS
	}
	return p, 0
}

// Mkdir implements sys.FS.
func (o *FS) Mkdir(name string, perm fs.FileMode) experimental.Errno {
	p, errno := o.newName(name)
	switch errno {
	case 0:
		return o.upper.Mkdir(p.path, perm)
	case experimental.ENOTDIR:
		return experimental.ENOENT // as wazero has it
	}
	return errno
}

// Chmod implements sys.FS.
func (o *FS) Chmod(name string, perm fs.FileMode) experimental.Errno {
	p, errno := o.change(name, true)
	if errno != 0 {
		return errno
	}
	return o.upper.Chmod(p.path, perm)
}

// Utimens implements sys.FS.
func (o *FS) Utimens(name string, atim, mtim int64) experimental.Errno {
	p, errno := o.change(name, true)
	if errno != 0 {
		return errno
	}
	return o.upper.Utimens(p.path, atim, mtim)
}

// Link implements sys.FS.
func (o *FS) Link(oldName, newName string) experimental.Errno {
	from, errno := o.oldName(oldName)
	if errno != 0 {
		return errno
	}
	to, errno := o.newName(newName)
	switch {
	case errno != 0:
		return errno
	case from.isDir():
		return experimental.EPERM
	case to.slash:
		return experimental.ENOENT
	}
	if errno := o.copyUp(&from); errno != 0 {
		return errno
	}
	return o.upper.Link(from.path, to.path)
}

// Symlink implements sys.FS.
func (o *FS) Symlink(oldName, linkName string) experimental.Errno {
	if path.IsAbs(oldName) {
		return experimental.EPERM // as wazero has it
	}
	p, errno := o.newName(linkName)
	switch {
	case errno != 0:
		return errno
	case p.slash:
		return experimental.ENOENT
	}
	return o.upper.Symlink(oldName, p.path)
}

// Readlink implements sys.FS.
func (o *FS) Readlink(name string) (string, experimental.Errno) {
	p, errno := o.walk(name, false)
	switch {
	case errno != 0:
		return "", errno
	case p.layer == nowhere:
		return "", experimental.ENOENT
	case p.layer == outside:
		return o.lower.Readlink(p.path)
	case !p.isLink():
		return "", experimental.EINVAL
	}
	return o.readlink(&p)
}

// Unlink implements sys.FS.
func (o *FS) Unlink(name string) experimental.Errno {
	p, errno := o.oldName(name)
	switch {
	case errno != 0:
		return errno
	case p.isDir():
		return experimental.EISDIR
	case p.slash:
		return experimental.ENOTDIR
	}
	return o.remove(&p)
}

// remove takes a name away that is no directory.
func (o *FS) remove(p *place) experimental.Errno { return o.takeAway(p, o.upper.Unlink) }

// takeAway takes a name away; from is how that is done where it is above.
func (o *FS) takeAway(p *place, from func(string) experimental.Errno) experimental.Errno {
	if p.layer == below && o.isOpen(p.path) {
		// Who has it open goes on with the copy.
		if errno := o.copyUp(p); errno != 0 {
			return errno
		}
	}
	if p.layer == above {
		if errno := from(p.path); errno != 0 {
			return errno
		}
	}
	o.hide(p.path)
	return 0
}

// Rmdir implements sys.FS.
func (o *FS) Rmdir(name string) experimental.Errno {
	p, errno := o.oldName(name)
	switch {
	case errno != 0:
		return errno
	case !p.isDir():
		return experimental.ENOTDIR
	case p.path == ".":
		return experimental.EINVAL
	}
	return o.removeDir(&p)
}

func (o *FS) removeDir(p *place) experimental.Errno {
	list, errno := o.list(p.path)
	switch {
	case errno != 0:
		return errno
	case len(list) > 0:
		return experimental.ENOTEMPTY
	}
	if errno := o.takeAway(p, o.upper.Rmdir); errno != 0 {
		return errno
	}
	for f := range o.open {
		if f.dir && f.path == p.path {
			f.gone = true
		}
	}
	return 0
}

// Rename implements sys.FS.
func (o *FS) Rename(fromName, toName string) experimental.Errno {
	if fromName == toName {
		return 0 // as wazero has it, whatever is there
	}
	from, errno := o.walkName(fromName)
	if errno != 0 {
		return errno
	}
	to, errno := o.walkName(toName)
	switch {
	case errno != 0:
		return errno
	case from.layer == nowhere:
		return experimental.ENOENT
	case from.layer == outside || to.layer == outside:
		return experimental.EROFS
	case from.path == "." || to.path == ".":
		return experimental.EINVAL
	case !from.isDir() && (from.slash || to.slash):
		return experimental.ENOTDIR
	case from.isDir() && from.path != to.path && within(to.path, from.path):
		return experimental.EINVAL
	case from.path != to.path && within(from.path, to.path):
		return experimental.ENOTEMPTY
	case from.path == to.path || to.layer == above && from.layer == above && from.stat.Ino == to.stat.Ino:
		return 0 // two names of one file stay both
	}
	if errno := o.makeWay(&from, &to); errno != 0 {
		return errno
	}
	if errno := o.copyUpTree(&from); errno != 0 {
		return errno
	}
	if errno := o.copyUpParent(to.path); errno != 0 {
		return errno
	}
	if errno := o.upper.Rename(from.path, to.path); errno != 0 {
		return errno
	}
	o.hide(from.path)
	o.hide(to.path)
	for f := range o.open {
		if within(f.path, from.path) && !f.gone {
			f.path = to.path + f.path[len(from.path):]
		}
	}
	return 0
}

// makeWay removes what a rename replaces.
func (o *FS) makeWay(from, to *place) experimental.Errno {
	switch {
	case to.layer == nowhere:
		return 0
	case from.isDir() && !to.isDir():
		return experimental.ENOTDIR
	case !from.isDir() && to.isDir():
		return experimental.EISDIR
	case to.isDir():
		return o.removeDir(to)
	}
	return o.remove(to)
}

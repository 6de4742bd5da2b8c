package overlay

import (
	"io/fs"
	"path"
	"strings"

	experimental "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/sys"
)

// layer says where something is.
type layer uint8

const (
	nowhere layer = iota
	below         // in the real directory alone
	above         // in the temporary one
	outside       // behind a link below that leads out of the directory
)

// place is what a path leads to.
type place struct {
	path  string // without links in it, the last element perhaps excepted, but for outside; "." is the root
	layer layer
	stat  sys.Stat_t
	slash bool // the path ends in a slash: only a directory is meant
}

func (p *place) isDir() bool  { return p.layer != nowhere && p.stat.Mode.IsDir() }
func (p *place) isLink() bool { return p.layer != nowhere && p.stat.Mode&fs.ModeSymlink != 0 }

// maxLinks is how many links a path may lead over, as on Linux.
const maxLinks = 40

// walk follows a path to what it names, over a link at its end only with follow or
// if a slash is behind it. If just the last element is missing, the place is
// nowhere and there is no error.
func (o *FS) walk(name string, follow bool) (place, experimental.Errno) {
	p, errno := o.step(name, follow || strings.HasSuffix(name, "/"))
	if errno == 0 && p.slash && (p.layer == below || p.layer == above) && !p.isDir() {
		errno = experimental.ENOTDIR
	}
	return p, errno
}

// walkName follows a path to the name at its end, which may be one of a link: what
// is to be made, removed or renamed. A slash behind it has no effect.
func (o *FS) walkName(name string) (place, experimental.Errno) {
	return o.step(name, false)
}

func (o *FS) step(name string, follow bool) (place, experimental.Errno) {
	p := place{path: ".", slash: strings.HasSuffix(name, "/")}
	var errno experimental.Errno
	if p.stat, p.layer, errno = o.find("."); errno != 0 {
		return p, errno
	}
	rest, links := elements(name), 0
	var out place // where the path leads if it leaves the directory
	for len(rest) > 0 {
		var e string
		e, rest = rest[0], rest[1:]
		if !p.isDir() {
			if p.layer == nowhere {
				return p, experimental.ENOENT
			}
			return p, experimental.ENOTDIR
		}
		if e == ".." {
			if p.path == "." {
				return out, missing(out)
			}
			if p, errno = o.at(path.Dir(p.path), p.slash); errno != 0 {
				return p, errno
			}
			continue
		}
		dir := p
		if p, errno = o.at(path.Join(dir.path, e), p.slash); errno != 0 {
			return p, errno
		}
		if !p.isLink() || len(rest) == 0 && !follow {
			continue
		}
		if links++; links > maxLinks {
			return p, experimental.ELOOP
		}
		target, errno := o.readlink(&p)
		if errno != 0 {
			return p, errno
		}
		out = place{}
		if p.layer == below {
			out = place{path: path.Join(append([]string{p.path}, rest...)...), layer: outside, slash: p.slash}
		}
		if path.IsAbs(target) {
			return out, missing(out)
		}
		if len(rest) == 0 {
			dir.slash = dir.slash || strings.HasSuffix(target, "/")
		}
		rest, p = append(elements(target), rest...), dir
	}
	return p, 0
}

// missing is the error of what leads nowhere: links that lead out of the directory
// are followed only if they were there before.
func missing(p place) experimental.Errno {
	if p.layer == nowhere {
		return experimental.ENOENT
	}
	return 0
}

// elements splits a path. What is empty or a dot goes nowhere.
func elements(name string) (list []string) {
	for e := range strings.SplitSeq(name, "/") {
		if e != "" && e != "." {
			list = append(list, e)
		}
	}
	return list
}

// at looks at a clean path. Something missing is no error.
func (o *FS) at(name string, slash bool) (place, experimental.Errno) {
	st, l, errno := o.find(name)
	if errno == experimental.ENOENT {
		errno = 0
	}
	return place{name, l, st, slash}, errno
}

// find says where a clean path is, and what.
func (o *FS) find(name string) (sys.Stat_t, layer, experimental.Errno) {
	st, errno := o.upper.Lstat(name)
	switch {
	case errno == 0:
		return st, above, 0
	case errno != experimental.ENOENT && errno != experimental.ENOTDIR:
		return st, nowhere, errno
	case o.isHidden(name):
		return st, nowhere, experimental.ENOENT
	}
	if st, errno = o.lower.Lstat(name); errno != 0 {
		return st, nowhere, errno
	}
	return st, below, 0
}

// isHidden reports whether what is below at a path cannot be seen.
func (o *FS) isHidden(name string) bool {
	if len(o.hidden) == 0 {
		return false
	}
	for ; name != "."; name = path.Dir(name) {
		if o.hidden[name] {
			return true
		}
	}
	return false
}

// hide makes what is below at a path, and all in it, invisible.
func (o *FS) hide(name string) {
	for inside := range o.hidden {
		if within(inside, name) {
			delete(o.hidden, inside)
		}
	}
	o.hidden[name] = true
}

// within reports whether a path is another one or in it.
func within(name, dir string) bool {
	return name == dir || dir == "." || strings.HasPrefix(name, dir+"/")
}

func (o *FS) readlink(p *place) (string, experimental.Errno) {
	if p.layer == above {
		return o.upper.Readlink(p.path)
	}
	return o.lower.Readlink(p.path)
}

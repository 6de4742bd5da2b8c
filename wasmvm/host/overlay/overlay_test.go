package overlay

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	experimental "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/experimental/sysfs"
)

// fill makes the directory that the tests start with.
func fill(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{"a", "a/b", "a/b/c", "d", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"x", "a/x", "a/y", "a/b/x", "a/b/c/z", "d/x"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("this is "+f+" as it was"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"l": "a", "a/l": "../d/x", "d/l": "nothing", "d/m": "../a/b", "d/loop": "loop", "up": "../outside"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
}

// digest covers all that the view must not change.
func digest(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.Walk(dir, func(name string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintln(h, name, info.Mode(), info.ModTime().UnixNano())
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(name)
			fmt.Fprintln(h, len(data))
			h.Write(data)
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(name)
			fmt.Fprintln(h, to)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func newView(t *testing.T) (view *FS, dir string) {
	t.Helper()
	dir = t.TempDir()
	fill(t, dir)
	before := digest(t, dir)
	view, err := New(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if after := digest(t, dir); after != before {
			t.Error("the real directory has changed")
		}
		if err := view.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(view.root); err == nil {
			t.Errorf("%s is left", view.root)
		}
	})
	return view, dir
}

// tree describes a file system as a program sees it.
func tree(t *testing.T, f experimental.FS, dir string) (lines []string) {
	t.Helper()
	d, errno := f.OpenFile(dir, experimental.O_RDONLY|experimental.O_DIRECTORY, 0)
	if errno != 0 {
		t.Fatalf("open %s: %v", dir, errno)
	}
	defer d.Close()
	entries, errno := d.Readdir(-1)
	if errno != 0 {
		t.Fatalf("read %s: %v", dir, errno)
	}
	slices.SortFunc(entries, func(a, b experimental.Dirent) int { return strings.Compare(a.Name, b.Name) })
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		st, errno := f.Lstat(name)
		if errno != 0 {
			t.Fatalf("lstat %s: %v", name, errno)
		}
		line := fmt.Sprintf("%s %v %v", name, st.Mode, e.Type)
		switch {
		case st.Mode.IsDir():
			lines = append(lines, line)
			lines = append(lines, tree(t, f, name)...)
			continue
		case st.Mode.IsRegular():
			line += fmt.Sprintf(" links=%d %q", st.Nlink, contents(t, f, name))
		default:
			to, errno := f.Readlink(name)
			line += fmt.Sprintf(" %s %v", to, errno)
		}
		lines = append(lines, line)
	}
	return lines
}

func contents(t *testing.T, f experimental.FS, name string) string {
	t.Helper()
	file, errno := f.OpenFile(name, experimental.O_RDONLY, 0)
	if errno != 0 {
		t.Fatalf("open %s: %v", name, errno)
	}
	defer file.Close()
	data, err := io.ReadAll(reader{file})
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return string(data)
}

// world is a file system under test with the files that are open in it.
type world struct {
	experimental.FS
	files []experimental.File
	paths []string // as they were opened
}

// TestRandomly does the same random things to a view and to a plain directory, and
// everything that can be seen has to be the same.
func TestRandomly(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			view, _ := newView(t)
			plain := t.TempDir()
			fill(t, plain)
			a, b := &world{FS: view}, &world{FS: sysfs.DirFS(plain)}
			rng := rand.New(rand.NewPCG(seed, 1))
			var log []string
			for step := range 150 {
				what, do := randomAct(rng, len(a.files))
				x, y := do(a), do(b)
				log = append(log, fmt.Sprintf("%s: %s", what, y))
				// A link that leads out of a view leads nowhere from the plain directory.
				if x != y && !(x == experimental.EROFS.Error() && y == experimental.ENOENT.Error()) {
					t.Fatalf("%s\nthe view answers %s", strings.Join(log, "\n"), x)
				}
				if step%10 != 9 {
					continue
				}
				if got, want := tree(t, a, "."), tree(t, b, "."); !slices.Equal(got, want) {
					t.Fatalf("%s\nthe view has\n%s\nnot\n%s", strings.Join(log, "\n"), strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			for _, f := range append(a.files, b.files...) {
				f.Close()
			}
		})
	}
}

func randomPath(rng *rand.Rand) string {
	names := []string{"a", "b", "c", "d", "x", "y", "z", "l", "m", "empty", "new"}
	var list []string
	for range 1 + rng.IntN(3) {
		list = append(list, names[rng.IntN(len(names))])
	}
	if rng.IntN(3) == 0 {
		known := []string{"a/x", "a/b/x", "a/b/c/z", "d/l", "d/m/x", "l/b", "a/l", "d", "a/b", "empty", "d/loop"}
		return known[rng.IntN(len(known))]
	}
	p := strings.Join(list, "/")
	if rng.IntN(12) == 0 {
		p += "/"
	}
	return p
}

// randomAct returns something to do, and what it is. It answers in words.
func randomAct(rng *rand.Rand, open int) (string, func(*world) string) {
	p, q := randomPath(rng), randomPath(rng)
	perm := fs.FileMode([]uint32{0o600, 0o644, 0o755}[rng.IntN(3)])
	plain := func(name string, f func(w *world) experimental.Errno) (string, func(*world) string) {
		return name, func(w *world) string { return fmt.Sprint(f(w)) }
	}
	if open > 0 && rng.IntN(3) == 0 {
		return randomUse(rng, rng.IntN(open))
	}
	switch rng.IntN(12) {
	case 0:
		return plain("mkdir "+p, func(w *world) experimental.Errno { return w.Mkdir(p, perm) })
	case 1:
		return plain("rmdir "+p, func(w *world) experimental.Errno { return w.Rmdir(p) })
	case 2:
		return plain("unlink "+p, func(w *world) experimental.Errno { return w.Unlink(p) })
	case 3, 4:
		return plain("rename "+p+" "+q, func(w *world) experimental.Errno { return w.Rename(p, q) })
	case 5:
		return plain("symlink "+p+" "+q, func(w *world) experimental.Errno { return w.Symlink(p, q) })
	case 6:
		return plain("chmod "+p, func(w *world) experimental.Errno { return w.Chmod(p, perm) })
	case 7:
		return plain("utimens "+p, func(w *world) experimental.Errno { return w.Utimens(p, 5e9, 7e9) })
	case 8:
		return "stat " + p, func(w *world) string {
			st, errno := w.Stat(p)
			if st.Mode.IsRegular() {
				return fmt.Sprint(st.Mode, st.Size, errno)
			}
			return fmt.Sprint(st.Mode, errno)
		}
	}
	flags := []experimental.Oflag{experimental.O_RDONLY, experimental.O_RDWR, experimental.O_WRONLY | experimental.O_APPEND,
		experimental.O_RDWR | experimental.O_CREAT, experimental.O_WRONLY | experimental.O_CREAT | experimental.O_EXCL,
		experimental.O_RDWR | experimental.O_TRUNC, experimental.O_RDONLY | experimental.O_DIRECTORY,
		experimental.O_RDWR | experimental.O_CREAT | experimental.O_NOFOLLOW, experimental.O_RDONLY | experimental.O_NOFOLLOW}
	flag := flags[rng.IntN(len(flags))]
	return fmt.Sprintf("open %s %x", p, uint32(flag)), func(w *world) string {
		f, errno := w.OpenFile(p, flag, perm)
		if errno == 0 {
			w.files, w.paths = append(w.files, f), append(w.paths, p)
		}
		return fmt.Sprint(errno)
	}
}

// randomUse does something with open file i.
func randomUse(rng *rand.Rand, i int) (string, func(*world) string) {
	n, off := rng.IntN(20), int64(rng.IntN(30))
	data := bytes.Repeat([]byte{byte('A' + rng.IntN(26))}, n)
	name := func(what string) string { return fmt.Sprintf("file %d: %s", i, what) }
	switch rng.IntN(8) {
	case 0, 1:
		return name(fmt.Sprintf("write %q", data)), func(w *world) string { return fmt.Sprint(w.files[i].Write(data)) }
	case 2:
		return name("read"), func(w *world) string {
			if is, _ := w.files[i].IsDir(); is {
				return "a directory"
			}
			b := make([]byte, n)
			got, errno := w.files[i].Read(b)
			return fmt.Sprintf("%q %v", b[:max(got, 0)], errno)
		}
	case 3:
		return name(fmt.Sprintf("seek %d", off)), func(w *world) string {
			if is, _ := w.files[i].IsDir(); is {
				off = 0
			}
			return fmt.Sprint(w.files[i].Seek(off, io.SeekStart))
		}
	case 4:
		return name(fmt.Sprintf("truncate %d", off)), func(w *world) string { return fmt.Sprint(w.files[i].Truncate(off)) }
	case 5:
		return name("utimens"), func(w *world) string { return fmt.Sprint(w.files[i].Utimens(1e9, 2e9)) }
	case 6:
		return name("stat"), func(w *world) string {
			st, errno := w.files[i].Stat()
			if st.Mode.IsRegular() {
				return fmt.Sprint(st.Mode, st.Size, st.Nlink, errno)
			}
			return fmt.Sprint(st.Mode, errno)
		}
	}
	return name("list"), func(w *world) string {
		if is, _ := w.files[i].IsDir(); !is {
			return "no directory"
		}
		// wazero looks for one that was renamed where it was, now and then.
		ino, _ := w.files[i].Ino()
		if st, errno := w.Stat(w.paths[i]); errno != 0 || st.Ino != ino {
			return "is elsewhere"
		}
		_, _ = w.files[i].Seek(0, io.SeekStart)
		list, errno := w.files[i].Readdir(-1)
		var names []string
		for _, e := range list {
			names = append(names, e.Name)
		}
		slices.Sort(names)
		if errno == experimental.ENOENT {
			errno = 0 // of a removed directory
		}
		return fmt.Sprint(names, errno)
	}
}

func TestLinksThatLeadOutAreReadOnly(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "dir")
	for _, d := range []string{dir, filepath.Join(parent, "outside")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, "outside", "f"), []byte("out"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"up": "../outside", "abs": filepath.Join(parent, "outside")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	before := digest(t, parent)
	view, err := New(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	for _, link := range []string{"up", "abs"} {
		if got := contents(t, view, link+"/f"); got != "out" {
			t.Errorf("%s/f has %q", link, got)
		}
		f, errno := view.OpenFile(link+"/f", experimental.O_RDONLY, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		for what, errno := range map[string]experimental.Errno{
			"utimens of the file": f.Utimens(1, 1), "append": f.SetAppend(true),
			"mkdir": view.Mkdir(link+"/d", 0o755), "unlink": view.Unlink(link + "/f"), "rename": view.Rename(link+"/f", "f"),
			"chmod": view.Chmod(link+"/f", 0o600), "utimens": view.Utimens(link+"/f", 1, 1), "link": view.Link(link+"/f", "f"),
		} {
			if errno != experimental.EROFS {
				t.Errorf("%s through %s: %v", what, link, errno)
			}
		}
		if _, errno := view.OpenFile(link+"/new", experimental.O_RDWR|experimental.O_CREAT, 0o644); errno != experimental.EROFS {
			t.Errorf("create through %s: %v", link, errno)
		}
		f.Close()
	}
	// A link that leads out only since it was moved leads nowhere.
	if errno := view.Symlink("../outside", "mine"); errno != 0 {
		t.Fatal(errno)
	}
	if _, errno := view.Stat("mine/f"); errno != experimental.ENOENT {
		t.Errorf("the program's own link leads out: %v", errno)
	}
	if digest(t, parent) != before {
		t.Error("what is outside has changed")
	}
}

func TestAnOpenFileStaysWhatItIs(t *testing.T) {
	view, _ := newView(t)
	reader, errno := view.OpenFile("a/x", experimental.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer reader.Close()
	read := func(want string) {
		t.Helper()
		b := make([]byte, 5)
		n, errno := reader.Read(b)
		if errno != 0 || string(b[:n]) != want {
			t.Fatalf("read %q, %v, want %q", b[:n], errno, want)
		}
	}
	read("this ")
	writer, errno := view.OpenFile("a/x", experimental.O_WRONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	if _, errno := writer.Pwrite([]byte("WAS "), 5); errno != 0 {
		t.Fatal(errno)
	}
	writer.Close()
	read("WAS /")
	if errno := view.Unlink("a/x"); errno != 0 {
		t.Fatal(errno)
	}
	read("x as ")
}

func TestNewExplains(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, part := range map[string]string{file: "not a directory", file + "x": "no such file"} {
		if _, err := New(dir, t.TempDir()); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want something with %q", dir, err, part)
		}
	}
	if _, err := New(t.TempDir(), file); err == nil {
		t.Error("a view with its temporary files in a file")
	}
}

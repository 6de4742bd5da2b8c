package answers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/fds"
)

const bySandbox = recording.SourceSandbox

// withFiles gives the guest a real directory to mount.
func (g *guest) withFiles(files map[string]string) (dir string) {
	g.t.Helper()
	dir = g.t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			g.t.Fatal(err)
		}
	}
	g.log.meta.Mounts[0].Host = dir
	g.t.Cleanup(func() {
		list, err := os.ReadDir(dir)
		if err != nil || len(list) != len(files) {
			g.t.Errorf("the real directory has %v, %v", list, err)
		}
		for name, text := range files {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
				g.t.Errorf("the real %s has %q, %v", name, got, err)
			}
		}
	})
	return dir
}

func (g *guest) seek(fd uint32, offset uint64) {
	g.t.Helper()
	g.call(func(r *request) recording.HostCall { return r.ok(put{3, le64(offset)}) }, "fd_seek", uint64(fd), offset, 0, addrCount)
}

func TestSandboxOpensFilesAgain(t *testing.T) {
	trunk := newTrunk(t)
	trunk.withFiles(map[string]string{"f": "hello world", "g": "other"})
	conn := trunk.accept()
	file := trunk.open("f", 0)
	trunk.open("gone", 0)
	trunk.read(file, 6, "hello ")
	fork := trunk.log.Calls(0)

	b := trunk.fork(fork, "sandbox,ask")
	b.wantText(b.read(file, 3, ""), "wor", bySandbox)
	b.read(conn, 3, "")
	b.wantWait("sandbox: it has no network")
	b.read(file+1, 3, "")
	b.wantWait("sandbox: descriptor 7 cannot be opened again", "ENOENT")
	b.read(0, 3, "")
	b.wantWait("sandbox: it has no standard input")
	b.write(1, "text\n")
	b.want(bySandbox, errnoOK)
	// The next descriptor is the program's next one, not the sandbox's.
	other := b.open("g", 0)
	b.want(bySandbox, errnoOK)
	if other != file+2 {
		t.Fatalf("opened %d, want %d", other, file+2)
	}
	b.wantText(b.read(other, 9, ""), "other", bySandbox)
	b.open("h", 0)
	b.want(bySandbox, errnoNoent)
}

func TestSandboxChangesTheViewAlone(t *testing.T) {
	trunk := newTrunk(t)
	trunk.withFiles(map[string]string{"f": "hello world"})
	b := trunk.fork(0, "sandbox")
	file := b.open("f", fds.OpenCreate)
	b.want(bySandbox, errnoOK)
	b.write(file, "HELLO")
	b.want(bySandbox, errnoOK)
	made := b.open("new", fds.OpenCreate)
	b.write(made, "made")
	b.seek(file, 0)
	b.want(byKnown, errnoOK)
	inner := b.log.Calls(b.branch)
	b.wantText(b.read(file, 20, ""), "HELLO world", bySandbox)
	b.poke(addrPath, []byte("f"))
	b.call(nil, "path_unlink_file", fdMount, addrPath, 1)
	b.want(bySandbox, errnoOK)

	t.Run("next session", func(t *testing.T) {
		b := b.later("sandbox")
		b.open("f", 0)
		b.want(bySandbox, errnoNoent)
		b.seek(made, 0)
		b.wantText(b.read(made, 20, ""), "made", bySandbox)
		b.seek(file, 6)
		b.wantText(b.read(file, 20, ""), "world", bySandbox)
	})
	t.Run("branch of the branch", func(t *testing.T) {
		inner := b.fork(inner, "sandbox")
		inner.wantText(inner.read(file, 2, ""), "HE", bySandbox)
		inner.open("f", 0)
		inner.want(bySandbox, errnoOK)
	})
}

func TestSandboxFollowsWhatOthersAnswer(t *testing.T) {
	trunk := newTrunk(t)
	trunk.withFiles(map[string]string{"f": "hello world"})
	file := trunk.open("f", fds.OpenCreate)
	fork := trunk.log.Calls(0)
	trunk.write(file, "HELLO")
	trunk.read(file, 3, " wo")
	for _, name := range []string{"at once", "later"} {
		t.Run(name, func(t *testing.T) {
			b := trunk.fork(fork, "matched,sandbox")
			if name == "at once" { // the sandbox is there when the others answer
				b.open("f", 0)
				b.want(bySandbox, errnoOK)
			}
			b.write(file, "HELLO")
			b.want(byMatch, errnoOK)
			b.wantText(b.read(file, 3, ""), " wo", byMatch)
			b.wantText(b.read(file, 8, ""), "rld", bySandbox)
			b.seek(file, 0)
			b.wantText(b.read(file, 8, ""), "HELLO wo", bySandbox)
			b.close(file)
			b.want(byKnown, errnoOK)
			if again := b.open("f", 0); again != file {
				t.Errorf("opened %d, want %d", again, file)
			}
			b.want(bySandbox, errnoOK)
			b.wantText(b.read(file, 5, ""), "HELLO", bySandbox)
		})
	}
}

func TestAppendedFilesAskForTheirOffset(t *testing.T) {
	trunk := newTrunk(t)
	trunk.withFiles(map[string]string{"f": "abc"})
	b := trunk.fork(0, "sandbox")
	b.poke(addrPath, []byte("f"))
	b.call(nil, "path_open", fdMount, 1, addrPath, 1, 0, 0, 0, fds.FlagAppend, addrCount)
	b.want(bySandbox, errnoOK)
	file := b.word(addrCount)
	b.write(file, "de")
	b.call(nil, "fd_tell", uint64(file), addrCount)
	b.want(bySandbox, errnoOK)
	if at := b.word(addrCount); at != 5 {
		t.Errorf("the file stands at %d, want 5", at)
	}
}

func TestSandboxWithoutTheMount(t *testing.T) {
	trunk := newTrunk(t)
	b := trunk.fork(0, "matched,sandbox,ask")
	b.open("f", 0)
	b.wantWait("sandbox: the mounted directory /nowhere is not there any more")
}

func TestLiveChangesTheRealFilesAndSaysSo(t *testing.T) {
	trunk := newTrunk(t)
	dir := t.TempDir()
	trunk.log.meta.Mounts[0].Host = dir
	b := trunk.fork(0, "live")
	var warnings []string
	b.policy.options.Warn = func(text string) { warnings = append(warnings, text) }
	file := b.open("made", fds.OpenCreate)
	b.want(recording.SourceLive, errnoOK)
	b.write(file, "really")
	b.want(recording.SourceLive, errnoOK)
	if got, err := os.ReadFile(filepath.Join(dir, "made")); string(got) != "really" {
		t.Errorf("the file has %q, %v", got, err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "branch 1 has real effects") {
		t.Errorf("warned %q, want once", warnings)
	}
	b = b.later("live")
	b.write(file, "!") // what was written is not written again
	b.want(recording.SourceLive, errnoOK)
	if got, err := os.ReadFile(filepath.Join(dir, "made")); string(got) != "really!" {
		t.Errorf("the file has %q, %v", got, err)
	}
}

func TestViewsAreMadeAnew(t *testing.T) {
	trunk := newTrunk(t)
	trunk.withFiles(map[string]string{"f": "hello world"})
	p := trunk.fork(0, "sandbox").policy
	var all []*guest
	for i := range maxWorlds + 2 {
		b := trunk.fork(0, "sandbox")
		b.policy = p
		p.options.Visit = b.visit
		file := b.open("f", fds.OpenCreate)
		b.write(file, strings.Repeat("x", i+1))
		b.seek(file, 0)
		all = append(all, b)
	}
	if len(p.worlds) != maxWorlds {
		t.Errorf("%d views, want %d", len(p.worlds), maxWorlds)
	}
	for i, b := range all {
		p.options.Visit = b.visit
		want := strings.Repeat("x", i+1) + "hello world"[i+1:]
		b.wantText(b.read(fdFirst, 20, ""), want, bySandbox)
	}
}

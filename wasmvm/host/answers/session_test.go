package answers_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wrev/checkpoint/recording"
	"wrev/reverse"
	"wrev/reverse/book"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/answers"
)

const programs = "../../../testdata/programs/"

// session is a recording opened for debugging, with branches.
type session struct {
	*reverse.Timeline
	t      *testing.T
	story  *host.Story
	book   *book.Book
	policy *answers.Policy
	output *bytes.Buffer
	close  func()
}

func open(t *testing.T, path, sources string) *session {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rec, err := recording.Open(path)
	must(err)
	mod, err := wasmvm.Decode(rec.Module())
	must(err)
	branches, _, err := recording.OpenBranches(rec, path)
	must(err)
	s := &session{t: t, story: host.NewStory(rec, mod, branches), output: &bytes.Buffer{}}
	s.book, err = book.New(s.story)
	must(err)
	s.policy, err = answers.New(sources, answers.Options{Temp: t.TempDir(),
		Visit: func(n uint64, look func(*wasmvm.Machine) error) error { return s.VisitCall(n, look) }})
	must(err)
	s.story.Branch = s.policy
	s.story.Output = func(_ uint64, _ uint32, p []byte) { s.output.Write(p) }
	machine := func(main bool) (*wasmvm.Machine, error) {
		return wasmvm.New(mod, host.MachineConfig(rec, s.story.Host(main)))
	}
	m, err := machine(true)
	must(err)
	s.Timeline, err = reverse.New(m, reverse.Options{Book: s.book, EndOfLog: host.ErrEndOfLog, Paused: host.ErrWaiting,
		NewMachine: func() (*wasmvm.Machine, error) { return machine(false) }})
	must(err)
	s.SeekEnd() // positions of calls are known where it has been
	closed := false
	s.close = func() {
		if closed {
			return
		}
		closed = true
		for _, f := range []func() error{s.Timeline.Close, s.policy.Close, s.book.Save, branches.Close, rec.Close} {
			if err := f(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(s.close)
	return s
}

// goToCall goes to the first call of a function from call n on, and returns its
// number.
func (s *session) goToCall(name string, n uint64) uint64 {
	s.t.Helper()
	for ; n < s.story.Calls(0); n++ {
		c, _, err := s.story.Call(0, n)
		if err != nil {
			s.t.Fatal(err)
		}
		if called, _ := s.story.Func(c.Import); called != name {
			continue
		}
		position := uint64(0)
		if err := s.VisitCall(n, func(m *wasmvm.Machine) error { position = m.Position(); return nil }); err != nil {
			s.t.Fatal(err)
		}
		s.Seek(position)
		return n
	}
	s.t.Fatalf("no call of %s", name)
	return 0
}

// change replaces bytes in memory that are there once.
func (s *session) change(old, now []byte) {
	s.t.Helper()
	at := bytes.Index(s.Machine().Memory(), old)
	if at < 0 || bytes.Contains(s.Machine().Memory()[at+1:], old) {
		s.t.Fatalf("%q is not once in memory", old)
	}
	if _, err := s.Edit(wasmvm.Edit{Kind: wasmvm.EditMemory, Addr: uint64(at), Data: now}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) run() reverse.Stop {
	s.t.Helper()
	return s.Continue()
}

// reply answers the call that waits, and runs on.
func (s *session) reply(text string) reverse.Stop {
	s.t.Helper()
	if err := s.policy.Reply(text); err != nil {
		s.t.Fatal(err)
	}
	return s.Continue()
}

// sources are where the answers of the current branch came from, each once.
func (s *session) sources() (list []string) {
	for n := uint64(0); n < s.story.Calls(s.Branch()); n++ {
		if _, source, err := s.story.Call(s.Branch(), n); err == nil && source != "" {
			list = append(list, string(source))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func record(t *testing.T, program string, o host.Options) string {
	t.Helper()
	wasm, err := os.ReadFile(programs + program)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "app.wrev")
	if _, err := host.Record(context.Background(), wasm, program, path, o); err != nil {
		t.Fatal(err)
	}
	return path
}

// recordPeer records a server whose one client says text.
func recordPeer(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	client := make(chan error, 1)
	go func() { client <- converse(addr, text) }()
	path := record(t, "peer.O0.wasm", host.Options{Listen: []string{addr}})
	if err := <-client; err != nil {
		t.Fatal(err)
	}
	return path
}

// converse connects as soon as someone listens, says text and listens to the end.
func converse(addr, text string) error {
	var conn net.Conn
	var err error
	for range 500 {
		if conn, err = net.Dial("tcp", addr); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		return err
	}
	for b := make([]byte, 64); ; {
		if _, err := conn.Read(b); err != nil {
			return nil
		}
	}
}

func words(values ...byte) (b []byte) {
	for _, v := range values {
		b = append(b, v, 0, 0, 0)
	}
	return b
}

func TestAPeerThatIsNotThere(t *testing.T) {
	path := recordPeer(t, "hello from the peer, goodbye")
	s := open(t, path, answers.Default)
	for _, tt := range []struct{ reply, output string }{
		{`bytes "and more"`, "got and more\n"},
		{"errno ECONNRESET", "reset\n"},
		{"eof", "28 bytes in 6 reads\n"},
	} {
		s.Seek(0)
		if s.Branch() != 0 {
			if _, err := s.Switch(0); err != nil {
				t.Fatal(err)
			}
		}
		s.goToCall("sock_accept", 0)
		s.output.Reset()
		s.change(words(16, 28), words(5, 36))
		stop := s.run()
		text, asked := s.policy.Pending()
		if stop.Reason != reverse.ReasonWaiting || !asked || stop.Err == nil || stop.Err.Error() != text {
			t.Fatalf("stopped with %v, %v; asked %q", stop.Reason, stop.Err, text)
		}
		for _, part := range []string{"fd_read(fd=4, iovs=[5 bytes])", "28 bytes read so far", "all that was recorded for descriptor 4 has been read", "it has no network"} {
			if !strings.Contains(text, part) {
				t.Errorf("the question lacks %q: %s", part, text)
			}
		}
		if got := s.output.String(); !strings.HasPrefix(got, "got hello\ngot  from\n") {
			t.Errorf("the branch prints %q", got)
		}
		stop = s.reply(tt.reply)
		if stop.Reason == reverse.ReasonWaiting { // the peer's side of the connection is made up now
			stop = s.reply("synthetic always")
		}
		if stop.Reason == reverse.ReasonWaiting {
			t.Errorf("%s is not enough: %v", tt.reply, stop.Err)
		}
		if got := s.output.String(); !strings.Contains(strings.ReplaceAll(got, "got and m\ngot ore\n", "got and more\n"), tt.output) {
			t.Errorf("%s: the branch prints %q, want %q in it", tt.reply, got, tt.output)
		}
		for _, source := range []string{"matched", "tape", "sandbox"} {
			if !slices.Contains(s.sources(), source) {
				t.Errorf("answers came from %v, want %s among them", s.sources(), source)
			}
		}
	}
	// The next session has the branches with their answers, and asks nobody.
	calls, sources := s.story.Calls(3), s.sources()
	s.close()
	again := open(t, path, "errno EIO")
	if n := len(again.Branches()); n != 4 {
		t.Fatalf("there are %d branches, want 4", n)
	}
	if _, err := again.Switch(3); err != nil {
		t.Fatal(err)
	}
	again.Seek(0)
	if stop := again.Continue(); stop.Reason != reverse.ReasonEnd || stop.Err != nil || stop.ExitCode != 0 {
		t.Errorf("again it stops with %v, %v", stop.Reason, stop.Err)
	}
	if n := again.story.Calls(3); n != calls || !slices.Equal(again.sources(), sources) {
		t.Errorf("again it makes %d calls, answered by %v; before %d, %v", n, again.sources(), calls, sources)
	}
}

func TestABranchWritesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("input", "hello files")
	write("old", "old")
	path := record(t, "files.O0.wasm", host.Options{Args: []string{"/data"}, Mounts: []recording.Mount{{Host: dir, Guest: "/data"}}})
	write("old", "old")
	before := list(t, dir)
	s := open(t, path, answers.Default)
	s.goToCall("path_open", s.goToCall("path_open", s.goToCall("path_open", 0)+1)+1)
	s.change([]byte("/data/output\x00"), []byte("/data/other\x00\x00"))
	stop := s.run()
	if stop.Reason == reverse.ReasonWaiting {
		t.Fatal(stop.Err)
	}
	if list(t, dir) != before {
		t.Errorf("the real directory is\n%s, was\n%s", list(t, dir), before)
	}
	if !slices.Contains(s.sources(), "sandbox") {
		t.Errorf("answers came from %v", s.sources())
	}
}

func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		fmt.Fprintln(&b, e.Name(), string(text), err)
	}
	return b.String()
}

package answers

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host"
)

func (g *guest) reply(text string) {
	g.t.Helper()
	if err := g.policy.Reply(text); err != nil {
		g.t.Fatalf("reply %q: %v", text, err)
	}
}

func TestRepliesAreTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(path, []byte("contents"), 0o666); err != nil {
		t.Fatal(err)
	}
	trunk := newTrunk(t)
	conn := trunk.accept()
	b := trunk.fork(1, "matched,tape,ask")
	for _, tt := range []struct {
		reply, text string
		source      recording.Source
		errno       uint32
	}{
		{"eof", "", recording.SourceEOF, errnoOK},
		{"errno ECONNRESET", "", recording.SourceErrno, errnoConnReset},
		{`bytes "a\nb"`, "a\nb", recording.SourceBytes, errnoOK},
		{"file " + path, "contents", recording.SourceFile, errnoOK},
		{"synthetic", "", recording.SourceSynthetic, errnoConnReset},
	} {
		b.read(conn, 16, "")
		b.wantWait("connection")
		b.reply(tt.reply)
		got := b.read(conn, 16, "")
		b.want(tt.source, tt.errno)
		if got != tt.text {
			t.Errorf("%s: read %q, want %q", tt.reply, got, tt.text)
		}
		if text, ok := b.policy.Pending(); ok {
			t.Errorf("%s: still pending: %s", tt.reply, text)
		}
	}
}

func TestTheRestOfAReplyIsForTheNextRead(t *testing.T) {
	trunk := newTrunk(t)
	conn := trunk.accept()
	b := trunk.fork(1, "ask")
	b.read(conn, 4, "")
	b.reply(`bytes "abcdef"`)
	b.wantText(b.read(conn, 4, ""), "abcd", recording.SourceBytes)
	b.wantText(b.read(conn, 4, ""), "ef", recording.SourceBytes)
	b.read(conn, 4, "")
	b.wantWait("bytes")
}

func TestAlwaysIsForTheFunctionAndTheDescriptor(t *testing.T) {
	trunk := newTrunk(t)
	one, two := trunk.accept(), trunk.accept()
	b := trunk.fork(2, "ask")
	b.read(one, 4, "")
	b.reply("errno econnreset always")
	for range 3 {
		b.read(one, 4, "")
		b.want(recording.SourceErrno, errnoConnReset)
	}
	b.write(one, "x")
	b.wantWait("fd_write")
	b.read(two, 4, "")
	b.wantWait("descriptor 6")
	if err := b.policy.SetSources("ask"); err != nil {
		t.Fatal(err)
	}
	b.read(one, 4, "")
	b.wantWait("descriptor 5")
}

func TestRepliesThatMakeNoSenseAreRefused(t *testing.T) {
	trunk := newTrunk(t)
	conn := trunk.accept()
	b := trunk.fork(1, "matched,ask")
	if err := b.policy.Reply("eof"); !errors.Is(err, errNothingWaits) {
		t.Errorf("a reply to nothing: %v", err)
	}
	b.write(conn, "x")
	b.wantWait("monitor answer synthetic|live|errno NAME [always]")
	for reply, part := range map[string]string{
		"":                   "want tape|sandbox|live",
		"nonsense":           "want tape|sandbox|live",
		"errno":              `errno ""`,
		"errno EWHAT":        `errno "EWHAT"`,
		"eof":                "does not read anything",
		`bytes "x"`:          "does not read anything",
		`bytes "x`:           "double quotes",
		"file":               "want the path",
		"file /nowhere/it":   "no such file",
		"file /":             "not a regular file",
		"tape":               "the recorded conversation on descriptor 5 is over",
		"sandbox always":     "it has no network",
		"matched":            "the parent makes no such call",
		"errno 99999 always": `errno "99999"`,
	} {
		if err := b.policy.Reply(reply); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("reply %q: %v, want something with %q", reply, err, part)
		}
	}
	b.wantWait("fd_write")
	b.reply("errno EPIPE")
	b.write(conn, "x")
	b.want(recording.SourceErrno, 64)
}

func TestWithoutADebuggerAskIsSynthetic(t *testing.T) {
	trunk := newTrunk(t)
	conn := trunk.accept()
	b := trunk.fork(1, Default)
	p, err := New(Default, Options{Attached: func() bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	b.policy = p
	b.read(conn, 4, "")
	b.want(bySynthetic, errnoConnReset)
}

func TestSourcesWithoutAnAnswerAreNamed(t *testing.T) {
	trunk := newTrunk(t)
	b := trunk.fork(0, "matched,tape,eof")
	b.write(1, "x")
	b.wantWait("\n  matched: ", "\n  tape: nothing of this kind is on tape", "\n  eof: the call does not read anything")
	if !errors.Is(b.err, host.ErrWaiting) {
		t.Errorf("not of the class of what waits: %v", b.err)
	}
}

func TestParseSources(t *testing.T) {
	for in, want := range map[string]string{
		Default:                        Default,
		" matched , errno  connreset ": "matched,errno ECONNRESET",
		"errno 104":                    "errno errno 104",
		"eof":                          "eof",
		"live,synthetic":               "live,synthetic",
		"tape,errno EIO,errno EPERM":   "tape,errno EIO,errno EPERM",
	} {
		p, err := New(in, Options{})
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if got := p.Sources(); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	for in, part := range map[string]string{
		"":                "is no source of answers",
		"matched,,ask":    "is no source of answers",
		"bytes":           "is no source of answers",
		"matched,matched": "twice",
		"errno":           "want the name of an error",
	} {
		if _, err := New(in, Options{}); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v, want something with %q", in, err, part)
		}
	}
}

func FuzzParseSources(f *testing.F) {
	for _, s := range []string{Default, "errno EIO,eof", ",", "errno ,", "live, synthetic"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := New(s, Options{})
		if err != nil {
			return
		}
		if again, err := New(p.Sources(), Options{}); err == nil && again.Sources() != p.Sources() {
			t.Errorf("%q is %q is %q", s, p.Sources(), again.Sources())
		}
		if len(p.order) == 0 {
			t.Errorf("%q is a list without sources", s)
		}
	})
}

func FuzzParseReply(f *testing.F) {
	for _, s := range []string{"tape", "errno EIO always", `bytes "a\x00" always`, "file a b", `file "a" always`, "bytes x always", " always"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseReply(s, func(path string) ([]byte, error) {
			if path == "" {
				t.Errorf("%q reads a file without a name", s)
			}
			return []byte(path), nil
		})
		if err == nil && r.kind == "" {
			t.Errorf("%q is an answer without a source", s)
		}
	})
}

package gdbstub_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/gdbstub"
	"wrev/internal/gdbtest"
	"wrev/reverse"
)

// fakeAnswers is a choice of answers that is only remembered.
type fakeAnswers struct {
	list, reply string
	pending     bool
}

func (a *fakeAnswers) Sources() string { return a.list }

func (a *fakeAnswers) SetSources(list string) error {
	if strings.Contains(list, "oracle") {
		return errors.New("there is no source \"oracle\"")
	}
	a.list = list
	return nil
}

func (a *fakeAnswers) Pending() (string, bool) { return "fd_read waits", a.pending }

func (a *fakeAnswers) Reply(text string) error {
	if !a.pending {
		return errors.New("no host call is waiting for an answer")
	}
	a.reply, a.pending = text, false
	return nil
}

// waitingTarget waits for an answer whenever it is continued, until there is one.
type waitingTarget struct {
	*reverse.Timeline
	answers *fakeAnswers
}

func (t *waitingTarget) Continue() reverse.Stop {
	if t.answers.reply == "" {
		t.answers.pending = true
		return reverse.Stop{Reason: reverse.ReasonWaiting, Position: t.Now(), Err: errors.New("fd_read waits")}
	}
	return t.Timeline.Continue()
}

// do sends a monitor command and returns what it shows.
func do(t *testing.T, c *gdbtest.Client, command string) string {
	t.Helper()
	text, err := hex.DecodeString(c.Do(monitor(command)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAnswers(t *testing.T) {
	a := &fakeAnswers{list: "matched,ask"}
	target := &waitingTarget{gdbtest.Timeline(t, testModule(t, "exit"), &gdbtest.Host{}), a}
	client := gdbtest.StartTarget(t, target, gdbstub.Options{Answers: a}).Dial(t)
	client.NoAck()
	for _, c := range []struct{ command, want string }{
		{"answers", "answered by: matched,ask\n"},
		{"answers tape, ask", "answered by: tape, ask\n"},
		{"answers oracle", "no source \"oracle\"\n"},
		{"answer", "No host call waits for an answer.\n"},
		{"answer eof", "no host call is waiting for an answer\n"},
	} {
		if got := do(t, client, c.command); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.command, got, c.want)
		}
	}
	for range 2 { // going on asks again
		if got := client.Do("vCont;c"); !strings.HasPrefix(got, "O"+hex.EncodeToString([]byte("wrev: fd_read waits\n"))+" T05") {
			t.Errorf("at a call that waits: %s", got)
		}
	}
	if got := do(t, client, "answer"); got != "fd_read waits\n" {
		t.Errorf("answer without a reply shows %q", got)
	}
	if do(t, client, "answer  bytes \"a  b\" always "); a.reply != "bytes \"a  b\" always" {
		t.Errorf("the reply is %q", a.reply)
	}
	if got := client.Do("vCont;c"); !strings.Contains(got, " T05replaylog:end;") {
		t.Errorf("with an answer: %s", got)
	}
}

// treeTarget has a tree of branches that nobody can make.
type treeTarget struct {
	*reverse.Timeline
	list []reverse.Branch
}

func (t *treeTarget) Branches() []reverse.Branch { return t.list }
func (t *treeTarget) Branch() int                { return 3 }

func TestBranchTree(t *testing.T) {
	target := &treeTarget{Timeline: gdbtest.Timeline(t, testModule(t, "exit"), &gdbtest.Host{})}
	for i, parent := range []int{0, 0, 1, 1, 2, 0, 5} {
		target.list = append(target.list, reverse.Branch{ID: i, Parent: parent, Fork: uint64(10 * i), Reached: uint64(100 + i)})
	}
	target.list[4].Dropped = true
	target.list[2].End = "exit 3"
	sources := func(branch int) map[recording.Source]int {
		if branch != 3 {
			return nil
		}
		return map[recording.Source]int{recording.SourceTape: 2, recording.SourceEOF: 1}
	}
	client := gdbtest.StartTarget(t, target, gdbstub.Options{Sources: sources}).Dial(t)
	client.NoAck()
	want := `0 to 100
|- 1 from 0 at 10, to 101
|  |- 2 from 1 at 20, to 102, exit 3
|  ` + "`" + `- 3 * from 1 at 30, to 103; host calls: eof 1 tape 2
` + "`" + `- 5 from 0 at 50, to 105
   6 from 5 at 60, to 106
here: branch 3, position 0, in _start, after 0 host calls
`
	if got := do(t, client, "branches"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// plainTarget cannot be changed.
type plainTarget struct{ gdbstub.Target }

// TestReadOnly serves a target without branches.
func TestReadOnly(t *testing.T) {
	target := plainTarget{gdbtest.Timeline(t, testModule(t, "exit"), &gdbtest.Host{})}
	s := gdbtest.StartTarget(t, target, gdbstub.Options{})
	client := s.Dial(t)
	client.NoAck()
	for _, packet := range []string{"X40,4:abcd", "M40,4:00000000"} {
		if got := client.Do(packet); got != "E14" {
			t.Errorf("%s: %s", packet, got)
		}
	}
	if got := client.Do("P8=020000e0"); !strings.HasPrefix(got, "E.") {
		t.Errorf("P8: %s", got)
	}
	for _, command := range []string{"branches", "undo", "redo", "switch 1", "drop 1", "diff 0 1"} {
		if got := do(t, client, command); got != "This history has no branches.\n" {
			t.Errorf("%s: %q", command, got)
		}
	}
	const want = "the debugger tried to change memory: memory cannot be changed: history is read-only"
	if n := strings.Count(s.Log(), want); n != 1 {
		t.Errorf("the person at the server is told %d times", n)
	}
}

// TestKeptAtTheEnd: what was changed last becomes history when the debugger leaves.
func TestKeptAtTheEnd(t *testing.T) {
	tl := gdbtest.Timeline(t, testModule(t, "exit"), &gdbtest.Host{})
	s := gdbtest.StartTarget(t, tl, gdbstub.Options{Once: true})
	client := s.Dial(t)
	client.NoAck()
	if got := client.Do("X40,4:abcd"); got != "OK" {
		t.Fatal(got)
	}
	client.Close()
	if err := <-s.Done; err != nil {
		t.Fatal(err)
	}
	if list := tl.Branches(); len(list) != 2 || len(list[1].Edits) != 1 || tl.Branch() != 1 {
		t.Errorf("branches %v", list)
	}
}

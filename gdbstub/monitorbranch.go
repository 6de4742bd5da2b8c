package gdbstub

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"wrev/checkpoint/recording"
	"wrev/reverse"
)

const noBranchesText = "This history has no branches.\n"

// monitorBranches draws the tree.
func (s *session) monitorBranches(string) string {
	target, ok := s.target.(BranchTarget)
	if !ok {
		return noBranchesText
	}
	d := drawing{list: target.Branches(), current: target.Branch(), sources: s.opt.Sources}
	d.children = make([][]int, len(d.list))
	for _, b := range d.list[1:] {
		if !b.Dropped {
			d.children[b.Parent] = append(d.children[b.Parent], b.ID)
		}
	}
	d.draw(0, "", "")
	fmt.Fprintf(&d.text, "here: %s", s.monitorWhen(""))
	return d.text.String()
}

// drawing is the tree of branches in lines of text.
type drawing struct {
	list     []reverse.Branch
	children [][]int
	current  int
	sources  func(branch int) map[recording.Source]int
	text     strings.Builder
}

// draw draws a branch and what was forked from it. first is what comes before its
// line, rest before those of its children. An only child is drawn below its parent,
// so that a long chain of edits does not go out of sight.
func (d *drawing) draw(id int, first, rest string) {
	fmt.Fprintf(&d.text, "%s%s\n", first, d.line(&d.list[id]))
	children := d.children[id]
	for i, c := range children {
		switch {
		case len(children) == 1:
			d.draw(c, rest, rest)
		case i < len(children)-1:
			d.draw(c, rest+"|- ", rest+"|  ")
		default:
			d.draw(c, rest+"`- ", rest+"   ")
		}
	}
}

// shownEdits is how many edits of a branch are told of in its line.
const shownEdits = 3

func (d *drawing) line(b *reverse.Branch) string {
	var t strings.Builder
	fmt.Fprintf(&t, "%d", b.ID)
	if b.ID == d.current {
		t.WriteString(" *")
	}
	if b.ID > 0 {
		fmt.Fprintf(&t, " from %d at %d,", b.Parent, b.Fork)
	}
	fmt.Fprintf(&t, " to %d", b.Reached)
	if b.End != "" {
		fmt.Fprintf(&t, ", %s", b.End)
	}
	for i := range b.Edits[:min(len(b.Edits), shownEdits)] {
		fmt.Fprintf(&t, "; %v", &b.Edits[i].Edit)
		if p := b.Edits[i].Position; b.ID == 0 || p != b.Fork {
			fmt.Fprintf(&t, " at %d", p)
		}
	}
	if n := len(b.Edits) - shownEdits; n > 0 {
		fmt.Fprintf(&t, "; %d more", n)
	}
	if d.sources != nil && b.ID > 0 {
		if counts := d.sources(b.ID); len(counts) > 0 {
			t.WriteString("; host calls:")
			for _, src := range slices.Sorted(maps.Keys(counts)) {
				fmt.Fprintf(&t, " %s %d", src, counts[src])
			}
		}
	}
	return t.String()
}

func (s *session) monitorUndo(string) string {
	return s.travel(BranchTarget.Undo)
}

func (s *session) monitorRedo(string) string {
	return s.travel(BranchTarget.Redo)
}

func (s *session) monitorSwitch(arg string) string {
	id, err := strconv.Atoi(arg)
	if err != nil {
		return "Usage: monitor switch N\n"
	}
	return s.travel(func(t BranchTarget) (reverse.Stop, error) { return t.Switch(id) })
}

// travel goes to another branch and says where that has led.
func (s *session) travel(run func(t BranchTarget) (reverse.Stop, error)) string {
	target, ok := s.target.(BranchTarget)
	if !ok {
		return noBranchesText
	}
	var err error
	stop := s.moveSilently(func() (stop reverse.Stop) {
		stop, err = run(target)
		return stop
	})
	s.view.Invalidate()
	s.last, s.noProcess = stopState{signal: sigTrap}, ""
	switch {
	case err != nil:
		return sentence(err)
	case stop.Err != nil:
		return s.monitorWhen("") + sentence(stop.Err) + s.stale()
	}
	return s.monitorWhen("") + s.stale()
}

// sentence is an error as a line of its own.
func sentence(err error) string { return fmt.Sprintf("%v\n", err) }

func (s *session) monitorDrop(arg string) string {
	target, ok := s.target.(BranchTarget)
	if !ok {
		return noBranchesText
	}
	id, err := strconv.Atoi(arg)
	if err != nil {
		return "Usage: monitor drop N\n"
	}
	if err := target.Drop(id); err != nil {
		return sentence(err)
	}
	return fmt.Sprintf("Branch %d is gone.\n", id)
}

func (s *session) monitorDiff(args string) string {
	target, ok := s.target.(BranchTarget)
	if !ok {
		return noBranchesText
	}
	words := strings.Fields(args)
	ids := make([]int, len(words))
	err := errors.New("two numbers")
	for i, w := range words {
		if ids[i], err = strconv.Atoi(w); err != nil {
			break
		}
	}
	if err != nil || len(ids) != 2 {
		return "Usage: monitor diff A B\n"
	}
	s.settleWrites()
	s.intr.begin(s.packet)
	d, err := target.Diff(ids[0], ids[1])
	s.intr.end()
	switch {
	case err == nil:
		return s.differenceText(&d)
	case d.Call == nil && d.Write == nil:
		return sentence(err)
	}
	return s.differenceText(&d) + sentence(err)
}

// differenceText tells of what Diff has found.
func (s *session) differenceText(d *reverse.Difference) string {
	var b strings.Builder
	if d.Call != nil {
		fmt.Fprintf(&b, "host call %d:\n", d.Call.N)
		fmt.Fprintf(&b, "  branch %d, position %d: %s\n", d.A, d.Call.PosA, s.callText(d.Call.A))
		fmt.Fprintf(&b, "  branch %d, position %d: %s\n", d.B, d.Call.PosB, s.callText(d.Call.B))
	}
	if d.Write != nil {
		b.WriteString("write to memory:\n")
		fmt.Fprintf(&b, "  branch %d, %s\n", d.A, writeText(d.Write.A))
		fmt.Fprintf(&b, "  branch %d, %s\n", d.B, writeText(d.Write.B))
	}
	if d.Call == nil && d.Write == nil {
		fmt.Fprintf(&b, "No host call and no write to memory differs in branches %d and %d, as far as they are known.\n", d.A, d.B)
	}
	return b.String()
}

// shownWrites is how many of a host call's writes are told of, and shownData how
// many bytes of one: a line's worth.
const shownWrites, shownData = 3, 16

func (s *session) callText(c *recording.HostCall) string {
	if c == nil {
		return "no such call"
	}
	name := "?"
	if imp := s.mod.ImportedFunc(c.Import); imp != nil {
		name = imp.Name
	}
	text := fmt.Sprintf("%s(%s)", name, numbers(c.Args))
	if len(c.Results) > 0 {
		text += " = " + numbers(c.Results)
	}
	for i, w := range c.Writes {
		if i == shownWrites {
			text += fmt.Sprintf(", %d more writes", len(c.Writes)-i)
			break
		}
		text += fmt.Sprintf(", %#x = %s", w.Addr, dataText(w.Data))
	}
	return text
}

func writeText(w *reverse.MemoryWrite) string {
	if w == nil {
		return "no such write"
	}
	return fmt.Sprintf("position %d: %#x = %s", w.Position, w.Addr, dataText(w.Data))
}

func dataText(b []byte) string {
	if len(b) > shownData {
		return fmt.Sprintf("% x ... (%d bytes)", b[:shownData], len(b))
	}
	return fmt.Sprintf("% x", b)
}

func numbers(vs []uint64) string {
	words := make([]string, len(vs))
	for i, v := range vs {
		words[i] = strconv.FormatUint(v, 10)
	}
	return strings.Join(words, ", ")
}

const noAnswersText = "There is no choice of answers here.\n"

func (s *session) monitorAnswers(list string) string {
	if s.opt.Answers == nil {
		return noAnswersText
	}
	if list != "" {
		if err := s.opt.Answers.SetSources(list); err != nil {
			return sentence(err)
		}
	}
	return fmt.Sprintf("Host calls that nobody recorded are answered by: %s\n", s.opt.Answers.Sources())
}

// answerForms are the answers that a user can give.
const answerForms = `tape|sandbox|synthetic|live|eof|errno NAME|bytes "TEXT"|file PATH [always]`

func (s *session) monitorAnswer(reply string) string {
	if s.opt.Answers == nil {
		return noAnswersText
	}
	if reply != "" {
		if err := s.opt.Answers.Reply(reply); err != nil {
			return sentence(err)
		}
		return "Go on to have the call answered so.\n"
	}
	text, ok := s.opt.Answers.Pending()
	if !ok {
		return "No host call waits for an answer.\n"
	}
	return text + "\n"
}

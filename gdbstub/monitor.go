package gdbstub

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"wrev/reverse"
)

// command is a monitor command.
type command struct {
	name, args, help string
	run              func(s *session, args string) string
}

var commands []command

func init() {
	// Not in the declaration, because help looks at the list.
	commands = []command{
		{"help", "", "list these commands", (*session).monitorHelp},
		{"when", "", "say where in history the program is", (*session).monitorWhen},
		{"seek", "T|+N|-N|start|end", "go to position T, N instructions on or back, or an end of history", (*session).monitorSeek},
		{"branches", "", "draw the tree of branches that edits have made", (*session).monitorBranches},
		{"undo", "", "go to before the edits that this branch begins with", (*session).monitorUndo},
		{"redo", "", "go into the branch that undo has left", (*session).monitorRedo},
		{"switch", "N", "go to where branch N was left", (*session).monitorSwitch},
		{"drop", "N", "give up branch N and all that came of it", (*session).monitorDrop},
		{"diff", "A B", "find what branches A and B do differently first", (*session).monitorDiff},
		{"answers", "[LIST]", "show or choose the sources of answers to host calls that nobody recorded", (*session).monitorAnswers},
		{"answer", answerForms, "answer the host call that waits (always: and all like it)", (*session).monitorAnswer},
		{"exit", "", "end the server", (*session).monitorExit},
	}
}

// monitor carries out a command line and returns what to show.
func (s *session) monitor(line string) string {
	line = strings.TrimSpace(line)
	name, args := line, ""
	if i := strings.IndexFunc(line, unicode.IsSpace); i >= 0 {
		name, args = line[:i], strings.TrimSpace(line[i:])
	}
	if name == "" {
		return s.monitorHelp("")
	}
	for _, c := range commands {
		if c.name == name {
			return c.run(s, args)
		}
	}
	return fmt.Sprintf("There is no monitor command %q. Try \"monitor help\".\n", name)
}

func (s *session) monitorHelp(string) string {
	var b strings.Builder
	for _, c := range commands {
		usage := strings.TrimSpace(c.name + " " + c.args)
		if len(usage) > 26 {
			fmt.Fprintf(&b, "monitor %s\n", usage)
			usage = ""
		}
		fmt.Fprintf(&b, "%-7s %-26s %s\n", map[bool]string{true: "monitor"}[usage != ""], usage, c.help)
	}
	return b.String()
}

func (s *session) monitorWhen(string) string {
	var b strings.Builder
	branches, isTree := s.target.(BranchTarget)
	if isTree = isTree && len(branches.Branches()) > 1; isTree {
		fmt.Fprintf(&b, "branch %d, ", branches.Branch())
	}
	fmt.Fprintf(&b, "position %d", s.target.Now())
	if t, ok := s.target.(EndTarget); ok {
		if end, known := t.End(); known {
			fmt.Fprintf(&b, " of %d", end)
		}
	}
	if head, live := s.head(); live {
		fmt.Fprintf(&b, " of %d so far", head)
	}
	if where := s.view.Describe(); where != "" {
		fmt.Fprintf(&b, ", in %s", where)
	}
	fmt.Fprintf(&b, ", after %d host calls\n", s.target.Machine().HostCalls())
	for i := range s.writes.tried {
		fmt.Fprintf(&b, "  changed here: %v\n", &s.writes.tried[i])
	}
	return b.String()
}

// head is how far the program has run if it runs live.
func (s *session) head() (position uint64, live bool) {
	if t, ok := s.target.(HeadTarget); ok {
		return t.Head()
	}
	return 0, false
}

func (s *session) monitorSeek(arg string) string {
	const usage = "Usage: monitor seek T|+N|-N|start|end\n"
	if arg == "" {
		return usage
	}
	if s.noProcess != "" {
		return "The program is not being run. Use \"run\" to start it again.\n"
	}
	now := s.target.Now()
	var seek func() reverse.Stop
	switch arg {
	case "start":
		seek = func() reverse.Stop { return s.target.Seek(0) }
	case "end":
		head, live := s.head()
		t, ok := s.target.(EndTarget)
		if !ok {
			return "The end of this history is not known.\n"
		}
		if seek = t.SeekEnd; live { // its end would be made by going there
			seek = func() reverse.Stop { return s.target.Seek(head) }
		}
	default:
		position, err := strconv.ParseUint(strings.TrimLeft(arg, "+-"), 0, 64)
		if err != nil {
			return usage
		}
		switch arg[0] {
		case '+':
			position += now
			if position < now {
				return usage
			}
		case '-':
			position = now - min(position, now)
		}
		seek = func() reverse.Stop { return s.target.Seek(position) }
	}
	stop := s.move(seek)
	s.last = stopState{signal: sigTrap}
	text := s.monitorWhen("")
	if stop.Err != nil {
		text += fmt.Sprintf("%v\n", stop.Err)
	}
	return text + s.stale()
}

// staleText says how to make gdb look again: it keeps what it has read until it
// has run the program itself.
const staleText = `To make gdb look again, type:
    maintenance flush dcache
    maintenance flush register-cache
    frame
`

// stale says how to make the debugger look again.
func (s *session) stale() string {
	if s.lldb {
		return "lldb shows memory that it has read before: settings set target.process.disable-memory-cache true\n"
	}
	return staleText
}

func (s *session) monitorExit(string) string {
	s.exited, s.done = true, true
	return ""
}

package gdbstub

import (
	"fmt"
	"strconv"
	"strings"

	"wrev/reverse"
)

// command is a monitor command.
type command struct {
	name, args, help string
	run              func(s *session, args []string) string
}

var commands []command

func init() {
	// Not in the declaration, because help looks at the list.
	commands = []command{
		{"help", "", "list these commands", (*session).monitorHelp},
		{"when", "", "say where in history the program is", (*session).monitorWhen},
		{"seek", "T|+N|-N|start|end", "go to position T, N instructions on or back, or an end of history", (*session).monitorSeek},
		{"exit", "", "end the server", (*session).monitorExit},
	}
}

// monitor carries out a command line and returns what to show.
func (s *session) monitor(line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return s.monitorHelp(nil)
	}
	for _, c := range commands {
		if c.name == words[0] {
			return c.run(s, words[1:])
		}
	}
	return fmt.Sprintf("There is no monitor command %q. Try \"monitor help\".\n", words[0])
}

func (s *session) monitorHelp([]string) string {
	var b strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&b, "monitor %-26s %s\n", strings.TrimSpace(c.name+" "+c.args), c.help)
	}
	return b.String()
}

func (s *session) monitorWhen([]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "position %d", s.target.Now())
	if t, ok := s.target.(EndTarget); ok {
		if end, known := t.End(); known {
			fmt.Fprintf(&b, " of %d", end)
		}
	}
	if where := s.view.Describe(); where != "" {
		fmt.Fprintf(&b, ", in %s", where)
	}
	fmt.Fprintf(&b, ", after %d host calls\n", s.target.Machine().HostCalls())
	return b.String()
}

func (s *session) monitorSeek(args []string) string {
	const usage = "Usage: monitor seek T|+N|-N|start|end\n"
	if len(args) != 1 {
		return usage
	}
	if s.noProcess != "" {
		return "The program is not being run. Use \"run\" to start it again.\n"
	}
	now, arg := s.target.Now(), args[0]
	var seek func() reverse.Stop
	switch arg {
	case "start":
		seek = func() reverse.Stop { return s.target.Seek(0) }
	case "end":
		t, ok := s.target.(EndTarget)
		if !ok {
			return "The end of this history is not known.\n"
		}
		seek = t.SeekEnd
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
	text := s.monitorWhen(nil)
	if stop.Err != nil {
		text += fmt.Sprintf("%v\n", stop.Err)
	}
	return text + staleText
}

// staleText says how to make gdb look again: it keeps what it has read until it
// has run the program itself.
const staleText = `To make gdb look again, type:
    maintenance flush dcache
    maintenance flush register-cache
    frame
`

func (s *session) monitorExit([]string) string {
	s.exited, s.done = true, true
	return ""
}

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A session file is a dialogue with gdb:
//
//	# a comment
//	module features.O0.wasm features.dw5.O0.wasm    each is debugged in turn
//	source features.c                               where {line} looks
//	args one two                                    the program's arguments
//	flags --mount testdata/programs:/data           of wrev record
//	replay --at-end exit                            flags of wrev replay
//	exit 1                                          what wrev record exits with
//
//	> gdb command
//	a line that gdb must print, exactly
//	another one, further down
//	! a text that none of the command's lines may contain
//
// Lines that gdb prints in between are allowed. In an expected line {*} stands
// for any text, {line NAME} for the number of the source line that has the
// comment "at: NAME" ({line NAME+2} for two lines below it), {text NAME} for
// that line as gdb lists it, number first, and {file} for the source's name as
// gdb prints it (with DWARF 5 the name begins with the compilation directory).
type session struct {
	modules []string
	source  string
	program program
	replay  []string
	steps   []step
}

type step struct {
	number  int // line in the file
	command string
	want    []string
	never   []string
}

func TestSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sessions in testdata: %v", err)
	}
	for _, file := range files {
		s := parseSession(t, file)
		for _, module := range s.modules {
			name := strings.TrimSuffix(filepath.Base(file), ".txt") + "/" + module
			t.Run(name, func(t *testing.T) { runSession(t, s, module) })
		}
	}
}

func runSession(t *testing.T, s *session, module string) {
	t.Parallel()
	p := s.program
	p.module = module
	srv := serve(t, ownRecording(t, p), s.replay...)
	var commands []string
	for _, step := range s.steps {
		commands = append(commands, step.command)
	}
	out := gdb(t, "gdb", srv.address, commands)
	for i, step := range s.steps {
		if err := step.check(out[i+1]); err != nil {
			t.Errorf("line %d: (gdb) %s\n%v\ngdb printed:\n\t%s",
				step.number, step.command, err, strings.Join(out[i+1], "\n\t"))
		}
	}
	if t.Failed() {
		t.Logf("on connecting gdb printed:\n\t%s", strings.Join(out[0], "\n\t"))
	}
}

// check compares what one command printed with what it had to.
func (s step) check(lines []string) error {
	at := 0
	for _, want := range s.want {
		re := wildcard(want)
		for at < len(lines) && !re.MatchString(lines[at]) {
			at++
		}
		if at == len(lines) {
			return fmt.Errorf("missing: %s", want)
		}
		at++
	}
	for _, never := range s.never {
		for _, l := range lines {
			if strings.Contains(l, never) {
				return fmt.Errorf("unwanted: %s", l)
			}
		}
	}
	return nil
}

func wildcard(want string) *regexp.Regexp {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(want), regexp.QuoteMeta("{*}"), ".*")
	return regexp.MustCompile("^" + quoted + "$")
}

func parseSession(t *testing.T, file string) *session {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &session{}
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimRight(sc.Text(), " ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := s.parseLine(n, line); err != nil {
			t.Fatalf("%s:%d: %v", file, n, err)
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *session) parseLine(n int, line string) error {
	if command, ok := strings.CutPrefix(line, "> "); ok {
		command, err := expand(s.source, command)
		s.steps = append(s.steps, step{number: n, command: command})
		return err
	}
	if len(s.steps) == 0 {
		return s.parseHeader(line)
	}
	last := &s.steps[len(s.steps)-1]
	if never, ok := strings.CutPrefix(line, "! "); ok {
		last.never = append(last.never, never)
		return nil
	}
	want, err := expand(s.source, line)
	last.want = append(last.want, want)
	return err
}

func (s *session) parseHeader(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch fields := strings.Fields(rest); word {
	case "module":
		s.modules = fields
	case "source":
		s.source = filepath.Join("..", "testdata", "programs", rest)
	case "args":
		s.program.args = fields
	case "flags":
		s.program.flags = fields
	case "replay":
		s.replay = fields
	case "exit":
		code, err := strconv.Atoi(rest)
		s.program.code = code
		return err
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{(line|text) ([^}+-]+)(\+\d+|-\d+)?\}`)

// expand puts line numbers and source lines in the place of {line} and {text}.
func expand(source, s string) (string, error) {
	var failed error
	s = strings.ReplaceAll(s, "{file}", "{*}"+strings.TrimPrefix(filepath.ToSlash(source), "../"))
	out := placeholder.ReplaceAllStringFunc(s, func(match string) string {
		m := placeholder.FindStringSubmatch(match)
		number, text, err := findLine(source, m[2], m[3])
		if err != nil {
			failed = err
		}
		if m[1] == "line" {
			return strconv.Itoa(number)
		}
		return fmt.Sprintf("%d\t%s", number, text)
	})
	return out, failed
}

// findLine returns the number and the text of the line marked "at: NAME".
func findLine(source, name, offset string) (int, string, error) {
	data, err := os.ReadFile(source)
	if err != nil {
		return 0, "", err
	}
	plus := 0
	if offset != "" {
		if plus, err = strconv.Atoi(offset); err != nil {
			return 0, "", err
		}
	}
	lines := strings.Split(string(data), "\n")
	for i, l := range lines {
		if strings.HasSuffix(l, "/* at: "+name+" */") && i+plus < len(lines) {
			return i + 1 + plus, lines[i+plus], nil
		}
	}
	return 0, "", fmt.Errorf("%s has no line marked \"at: %s\"", source, name)
}

package answers

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// Default is the order in which sources are asked unless the user says otherwise.
const Default = "matched,tape,sandbox,ask"

// kind names a source.
type kind = recording.Source

// kindAsk is the source that is the user. It answers nothing by itself.
const kindAsk kind = "ask"

// choice is a source as the user names it.
type choice struct {
	kind  kind
	errno uint32 // of recording.SourceErrno
	data  []byte // of recording.SourceBytes and SourceFile
}

func (c choice) String() string {
	if c.kind == recording.SourceErrno {
		return "errno " + wasi.ErrnoName(c.errno)
	}
	return string(c.kind)
}

// plain are the sources that are named by one word.
var plain = []kind{recording.SourceMatched, recording.SourceTape, recording.SourceSandbox,
	recording.SourceSynthetic, recording.SourceLive, recording.SourceEOF}

// parseSources parses an ordered list of sources.
func parseSources(list string) ([]choice, error) {
	var choices []choice
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		c, ok, err := parseSimple(item)
		switch {
		case err != nil:
			return nil, err
		case item == string(kindAsk):
			c = choice{kind: kindAsk}
		case !ok:
			return nil, fmt.Errorf("%q is no source of answers; give a list of matched, tape, sandbox, synthetic, live, eof, errno NAME, ask, like %s", item, Default)
		}
		if slices.ContainsFunc(choices, func(o choice) bool { return o.kind == c.kind && o.errno == c.errno }) {
			return nil, fmt.Errorf("%s is in the list twice", c)
		}
		choices = append(choices, c)
	}
	return choices, nil
}

// parseSimple parses what may stand in a list and in a reply. ok is false for
// anything else.
func parseSimple(s string) (c choice, ok bool, err error) {
	if slices.Contains(plain, kind(s)) {
		return choice{kind: kind(s)}, true, nil
	}
	word, name, _ := strings.Cut(s, " ")
	if word != string(recording.SourceErrno) {
		return c, false, nil
	}
	name = strings.TrimSpace(name)
	errno, known := wasi.ErrnoOf(name)
	if !known {
		return c, false, fmt.Errorf("errno %q: want the name of an error of WASI, like ECONNRESET", name)
	}
	return choice{kind: recording.SourceErrno, errno: errno}, true, nil
}

// maxReplyFile bounds the file that a reply may name, in bytes: it is kept in
// memory, and then in the recording.
const maxReplyFile = 64 << 20

// reply is what the user answers to a call.
type reply struct {
	choice
	always bool
}

const replyForm = `tape|sandbox|live|matched|synthetic|eof|errno NAME|bytes "..."|file PATH, and "always" behind it for all calls of this function on this descriptor`

// parseReply parses what follows `monitor answer`. read reads a file.
func parseReply(s string, read func(path string) ([]byte, error)) (reply, error) {
	s = strings.TrimSpace(s)
	var r reply
	if rest, found := strings.CutSuffix(s, " always"); found {
		s, r.always = strings.TrimSpace(rest), true
	}
	c, ok, err := parseSimple(s)
	if ok || err != nil {
		r.choice = c
		return r, err
	}
	word, rest, _ := strings.Cut(s, " ")
	rest = strings.TrimSpace(rest)
	text, err := unquote(rest)
	switch {
	case word == string(recording.SourceBytes) && err != nil:
		return r, fmt.Errorf(`bytes %s: want text in double quotes, with \n, \x00 and such as in C: %w`, rest, err)
	case word == string(recording.SourceBytes):
		r.kind, r.data = recording.SourceBytes, []byte(text)
	case word == string(recording.SourceFile) && (err != nil || text == ""):
		return r, errors.New("file: want the path of a file")
	case word == string(recording.SourceFile):
		if r.data, err = read(text); err != nil {
			return r, err
		}
		r.kind = recording.SourceFile
	default:
		return r, fmt.Errorf("answer %q: want %s", s, replyForm)
	}
	return r, nil
}

// unquote takes text as it is unless it is in double quotes.
func unquote(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return s, nil
	}
	text, err := strconv.Unquote(s)
	if err != nil {
		return "", errors.New("the quotes or what is in them is wrong")
	}
	return text, nil
}

// readFile reads a file that is to be an answer.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("answer with a file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("answer with a file: %s is not a regular file", path)
	case info.Size() > maxReplyFile:
		return nil, fmt.Errorf("answer with a file: %s has %d bytes, more than %d", path, info.Size(), maxReplyFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("answer with a file: %w", err)
	}
	return data, nil
}

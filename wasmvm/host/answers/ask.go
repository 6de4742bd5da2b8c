package answers

import (
	"errors"
	"fmt"
	"strings"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host"
)

// reason is why a source has no answer.
type reason struct {
	choice choice
	err    error
}

// waiting is the error of a call that the user must answer. Its class is
// host.ErrWaiting.
type waiting struct {
	request *request
	text    string
}

// newWaiting says which call it is, what it is about, who could not answer and
// why, and what the user can do.
func newWaiting(r *request, reasons []reason) *waiting {
	var b strings.Builder
	fmt.Fprintf(&b, "host call %d, %s, has no recorded answer", r.N, r.text())
	if about := r.descriptor(); about != "" {
		fmt.Fprintf(&b, "; %s", about)
	}
	for _, reason := range reasons {
		fmt.Fprintf(&b, "\n  %s: %v", reason.choice, reason.err)
	}
	fmt.Fprintf(&b, "\nanswer it with: monitor answer %s", r.offers())
	return &waiting{request: r, text: b.String()}
}

func (w *waiting) Unwrap() error { return host.ErrWaiting }

func (w *waiting) Error() string { return w.text }

// offers are the replies that the call can be answered with.
func (r *request) offers() string {
	list := `synthetic|live|errno NAME`
	if r.reads() {
		list = `bytes "..."|file PATH|eof|` + list
	} else if r.Fn.Name == "random_get" {
		list = `bytes "..."|file PATH|` + list
	}
	return list + " [always]"
}

var errNothingWaits = errors.New("no host call is waiting for an answer")

// Pending returns what the user is asked, if anything.
func (p *Policy) Pending() (text string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending == nil {
		return "", false
	}
	return p.pending.text, true
}

// Reply answers the call that waits, in the user's words; running on then makes
// the call. It refuses what is no answer to it.
func (p *Policy) Reply(text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending == nil {
		return errNothingWaits
	}
	reply, err := parseReply(text, readFile)
	if err != nil {
		return err
	}
	// The machine may have been moved since, and its memory with it.
	r := newRequest(p.pending.request.Call, p.pending.request.account)
	if _, err := p.source(reply.choice).answer(r); err != nil {
		return fmt.Errorf("%s is no answer to %s: %w", reply.choice, r.Fn.Name, err)
	}
	if reply.always {
		p.rules[r.rule()] = reply.choice
	} else {
		p.replies[callKey{r.Branch, r.N}] = reply
	}
	p.pending = nil
	return nil
}

func (r *request) rule() rule { return rule{r.Fn.Name, r.fd} }

func (r *request) rest() restKey { return restKey{r.Branch, r.desc.Origin} }

// replied answers a call as the user has said.
func (p *Policy) replied(r *request) (recording.HostCall, recording.Source, bool) {
	key := callKey{r.Branch, r.N}
	if reply, ok := p.replies[key]; ok {
		c, err := p.source(reply.choice).answer(r)
		if err == nil {
			delete(p.replies, key)
			p.keepRest(r, fixed{reply.choice})
			return c, reply.kind, true
		}
	}
	if f, ok := p.rests[r.rest()]; ok && r.reads() {
		if c, err := f.answer(r); err == nil {
			delete(p.rests, r.rest())
			p.keepRest(r, f)
			return c, f.kind, true
		}
	}
	if choice, ok := p.rules[r.rule()]; ok {
		if c, err := p.source(choice).answer(r); err == nil {
			return c, choice.kind, true
		}
	}
	return recording.HostCall{}, "", false
}

// keepRest keeps the bytes that a read had no room for, for the next one.
func (p *Policy) keepRest(r *request, f fixed) {
	if !r.reads() || len(f.data) == 0 {
		return
	}
	if _, rest := f.split(r); len(rest) > 0 {
		f.data = rest
		p.rests[r.rest()] = f
	}
}

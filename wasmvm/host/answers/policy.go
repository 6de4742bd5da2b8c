package answers

import (
	"fmt"
	"strings"
	"sync"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/fds"
)

// Policy answers the calls of branches that nobody recorded: it asks one source
// after the other, in an order that the user may change. It implements host.Beyond.
// All methods are safe for concurrent use.
type Policy struct {
	options Options

	mu       sync.Mutex
	order    []choice
	books    books
	accounts map[int]*account
	rules    map[rule]choice   // replies for always
	replies  map[callKey]reply // for calls that wait
	rests    map[restKey]fixed // what is left of bytes of a reply
	pending  *waiting
	worlds   map[worldKey]*world
	recent   []worldKey   // of worlds, the one used last comes last
	warned   map[int]bool // which branches were said to be live
}

// Options of a Policy. The zero value always asks.
type Options struct {
	// Attached reports whether there is a debugger, whose user can be asked. nil is
	// always. Without one, ask is synthetic.
	Attached func() bool
	// Visit calls look with a machine that stands at call n of the path of the
	// branch that asks: Timeline.VisitCall. The sandbox looks there for what is in
	// the program's memory only. nil does without as far as that goes.
	Visit func(n uint64, look func(m *wasmvm.Machine) error) error
	// Temp is where the sandbox keeps what a branch has changed; empty is where
	// temporary files go.
	Temp string
	// Warn is told when the calls of a branch begin to have real effects. May be nil.
	Warn func(text string)
}

// rule is what a reply for always applies to.
type rule struct {
	function string
	fd       uint32 // of functions that name none, 0
}

type callKey struct {
	branch int
	n      uint64
}

type restKey struct {
	branch int
	origin fds.Origin
}

// New makes a Policy with an ordered list of sources, like Default.
func New(sources string, o Options) (*Policy, error) {
	p := &Policy{options: o, accounts: make(map[int]*account), rules: make(map[rule]choice),
		replies: make(map[callKey]reply), rests: make(map[restKey]fixed), worlds: make(map[worldKey]*world), warned: make(map[int]bool)}
	return p, p.SetSources(sources)
}

// SetSources changes the order of sources, and forgets the replies for always.
func (p *Policy) SetSources(list string) error {
	order, err := parseSources(list)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = order
	clear(p.rules)
	return nil
}

// Sources returns the list of sources as SetSources takes it.
func (p *Policy) Sources() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := make([]string, len(p.order))
	for i, c := range p.order {
		names[i] = c.String()
	}
	return strings.Join(names, ",")
}

// Answer implements host.Beyond.
func (p *Policy) Answer(c *host.Call) (recording.HostCall, recording.Source, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Fn == nil || len(c.Args) != len(c.Fn.Params) {
		return recording.HostCall{}, "", fmt.Errorf("host call %d: %s is not a function of WASI, nobody can answer it", c.N, c.Name)
	}
	a, err := p.account(c)
	if err != nil {
		return recording.HostCall{}, "", fmt.Errorf("host call %d has no recorded answer, and the calls before it cannot be looked at: %w", c.N, err)
	}
	r := newRequest(c, a)
	answer, source, err := p.search(r)
	if err != nil {
		return recording.HostCall{}, "", err
	}
	p.pending = nil
	p.happened(r, &answer, source)
	return answer, source, nil
}

// maxAccounts bounds how many branches' accounts are kept: one that has looked to
// its horizon has tens of megabytes. Others are made anew.
const maxAccounts = 4

// account returns the account of a branch up to a call.
func (p *Policy) account(c *host.Call) (*account, error) {
	if p.books.log != c.Log {
		p.books = books{log: c.Log}
		clear(p.accounts)
	}
	a := p.accounts[c.Branch]
	if a == nil || a.next > c.N {
		var err error
		if a, err = p.books.account(c.Branch, c.N); err != nil {
			return nil, err
		}
		if len(p.accounts) >= maxAccounts {
			clear(p.accounts)
		}
		p.accounts[c.Branch] = a
		return a, nil
	}
	return a, a.advance(c.N)
}

// search asks the sources.
func (p *Policy) search(r *request) (recording.HostCall, recording.Source, error) {
	if c, source, ok := p.replied(r); ok {
		return c, source, nil
	}
	var reasons []reason
	knows := true // what is known is asked after matched, if that is first
	for _, choice := range p.order {
		if knows && choice.kind != recording.SourceMatched {
			if c, ok := r.known(); ok {
				return c, recording.SourceKnown, nil
			}
			knows = false
		}
		if choice.kind == kindAsk {
			if p.options.Attached == nil || p.options.Attached() {
				break
			}
			choice.kind = recording.SourceSynthetic
		}
		c, err := p.source(choice).answer(r)
		switch {
		case err == nil:
			return c, choice.kind, nil
		case isBroken(err):
			return c, "", fmt.Errorf("host call %d has no recorded answer, and %s failed: %w", r.N, choice, err)
		}
		reasons = append(reasons, reason{choice, err})
	}
	if knows {
		if c, ok := r.known(); ok {
			return c, recording.SourceKnown, nil
		}
	}
	p.pending = newWaiting(r, reasons)
	return recording.HostCall{}, "", p.pending
}

// source returns the source that a choice names.
func (p *Policy) source(c choice) source {
	switch c.kind {
	case recording.SourceMatched:
		return matched{}
	case recording.SourceTape:
		return taped{}
	case recording.SourceSynthetic:
		return synthetic{}
	case recording.SourceSandbox, recording.SourceLive:
		return executed{p, c.kind}
	}
	return fixed{c}
}

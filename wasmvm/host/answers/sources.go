package answers

import (
	"errors"

	"wrev/checkpoint/recording"
)

// source is one idea of where answers come from.
type source interface {
	// answer returns the answer of a call, or why there is none: a clause for the
	// user, like "nothing more was recorded for descriptor 4".
	answer(r *request) (recording.HostCall, error)
}

// broken is an error that ends the search: a damaged recording, say. Others are
// reasons, and the next source is asked.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

func isBroken(err error) bool {
	var b broken
	return errors.As(err, &b)
}

// matched answers with what the parent was answered when it asked the same.
type matched struct{}

var errNoMatch = errors.New("the parent makes no such call after the fork, or made it in another state of its files and streams")

func (matched) answer(r *request) (recording.HostCall, error) {
	c := r.errno(errnoOK)
	o, err := r.account.match(r.Fn, &c)
	switch {
	case err != nil:
		return c, broken{err}
	case o == nil && len(r.account.futures) == 0:
		return c, errNoParent
	case o == nil:
		return c, errNoMatch
	}
	for _, w := range o.call.Writes {
		if !r.inside(w.Addr, uint64(len(w.Data))) {
			return c, errors.New("its answer does not fit into the memory that the program has here")
		}
	}
	c.Results, c.Writes = o.call.Results, o.call.Writes
	return c, nil
}

var errNoParent = errors.New("the trunk has no parent")

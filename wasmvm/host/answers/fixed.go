package answers

import (
	"errors"

	"wrev/checkpoint/recording"
)

// fixed answers with what the user chose: an error, the end, or bytes.
type fixed struct{ choice }

var (
	errNotRead     = errors.New("the call does not read anything")
	errShortRandom = errors.New("it has fewer bytes than the call wants")
)

func (f fixed) answer(r *request) (recording.HostCall, error) {
	if err := f.suits(r); err != nil {
		return recording.HostCall{}, err
	}
	switch f.kind {
	case recording.SourceErrno:
		return r.errno(f.errno), nil
	case recording.SourceEOF:
		return r.read(nil), nil
	}
	data, _ := f.split(r)
	if r.Fn.Name == "random_get" {
		return r.ok(put{0, data}), nil
	}
	return r.read(data), nil
}

// split returns what of its bytes the call can take, and the rest.
func (f fixed) split(r *request) (now, rest []byte) {
	room, _ := r.room()
	n := min(uint64(len(f.data)), room)
	return f.data[:n], f.data[n:]
}

// suits says why it is no answer for the call, nil if it is one.
func (f fixed) suits(r *request) error {
	switch f.kind {
	case recording.SourceErrno:
		return nil
	case recording.SourceEOF:
		if !r.reads() {
			return errNotRead
		}
		return nil
	}
	if r.Fn.Name == "random_get" {
		if room, ok := r.room(); !ok || room > uint64(len(f.data)) {
			return errShortRandom
		}
		return nil
	}
	if !r.reads() {
		return errNotRead
	}
	return nil
}

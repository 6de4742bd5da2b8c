package gdbstub

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// A debugger that opens a recording again may jump to checkpoints of the last
// session, over stretches that this one never ran. What the program prints there
// must come from the last session, too.
//
// Saved output is a sequence of unsigned LEB128 numbers: for each call that
// printed, in order, how many calls came since the one before, how many bytes
// it printed, and these bytes.

// Saved is all that is kept of the program's output, that of branches left out.
func (o *Output) Saved() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.kept
	if len(o.path) > 1 {
		i, _ := o.find(o.path[1].First)
		j, _ := slices.BinarySearchFunc(o.aside[0], o.path[1].First, func(p printed, call uint64) int { return cmp.Compare(p.call, call) })
		kept = slices.Concat(kept[:i], o.aside[0][j:])
	}
	var b []byte
	from := uint64(0)
	for _, p := range kept {
		b = binary.AppendUvarint(b, p.call-from)
		b = binary.AppendUvarint(b, uint64(len(p.text)))
		b = append(b, p.text...)
		from = p.call
	}
	return b
}

var errSavedOutput = errors.New("the saved output of the program makes no sense")

// Restore adds output that another Output saved to what is kept. The bytes
// may come from anywhere: if they make no sense nothing is added.
func (o *Output) Restore(b []byte) error {
	var saved []printed
	call := uint64(0)
	for len(b) > 0 {
		since, n := binary.Uvarint(b)
		if n <= 0 || call+since < call || since == 0 && len(saved) > 0 {
			return errSavedOutput
		}
		size, k := binary.Uvarint(b[n:])
		if k <= 0 || size > uint64(len(b)-n-k) {
			return errSavedOutput
		}
		call += since
		saved = append(saved, printed{call, b[n+k:][:size]})
		b = b[n+k+int(size):]
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range saved {
		o.keep(p.call, p.text)
	}
	return nil
}

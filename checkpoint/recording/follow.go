package recording

import (
	"fmt"
	"slices"
)

// Follow returns a Reader of what w writes, that has each call as soon as its Append has returned. It must be called before the
// first Append, and once. Its End is that of Close.
//
// With it, Append allocates: it is for a program that does not run in compiled code.
func (w *Writer) Follow() (*Reader, error) {
	if w.calls > 0 || w.follower != nil {
		return nil, fmt.Errorf("recording %s: a follower must come first and alone", w.path)
	}
	r, err := Open(w.path)
	if err != nil {
		return nil, err
	}
	w.follower, w.limit = r, -1
	return r, nil
}

// follow gives the follower a call.
func (w *Writer) follow(c *HostCall) { w.follower.add(c.clone()) }

// clone is a copy that shares nothing with c. It makes one allocation for the words, and one for the bytes.
func (c *HostCall) clone() HostCall {
	d := *c
	words := make([]uint64, 0, len(c.Args)+len(c.Results))
	words = append(append(words, c.Args...), c.Results...)
	d.Args, d.Results = words[:len(c.Args):len(c.Args)], words[len(c.Args):]
	size := 0
	for i := range c.Writes {
		size += len(c.Writes[i].Data)
	}
	data := make([]byte, 0, size)
	d.Writes = slices.Clone(c.Writes)
	for i, w := range c.Writes {
		data = append(data, w.Data...)
		d.Writes[i].Data = data[len(data)-len(w.Data) : len(data) : len(data)]
	}
	return d
}

// Path is the file that w writes.
func (w *Writer) Path() string { return w.path }

// put writes a chunk of another type than calls, after all calls up to now.
func (w *Writer) put(h chunkHeader, payload []byte) (block, error) {
	if w.err != nil {
		return block{}, w.err
	}
	if err := w.drain(); err != nil {
		return block{}, w.fail(err)
	}
	b, err := w.chunks.write(h, payload)
	if err != nil {
		return block{}, w.fail(err)
	}
	if err := w.openSlot(); err != nil {
		return block{}, w.fail(err)
	}
	return b, nil
}

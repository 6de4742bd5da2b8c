package recording

import (
	"cmp"
	"slices"
)

// The flusher compresses full slots and appends them to the file while the program fills the next slot. It allocates
// nothing: a GC cycle that it started would have to wait for the program's compiled code, and the program for it.

// flusher flushes the slots it is sent. After an error it flushes nothing more, as chunks must stay in order.
func (w *Writer) flusher() {
	var err error
	for s := range w.full {
		if err == nil {
			err = w.flush(s)
		}
		w.done <- flushed{s, err}
	}
}

// flush moves a slot's calls to a chunk. If the process dies in between they are in both, with the same numbers.
func (w *Writer) flush(s *slot) error {
	b, err := w.chunks.write(chunkHeader{typ: typeCalls, first: s.first, count: s.count}, s.data[:s.used])
	if err != nil {
		return err
	}
	if w.follower != nil {
		w.follower.stored(b)
	}
	return s.clear()
}

// openSlot starts the next chunk in an idle slot.
func (w *Writer) openSlot() error {
	w.cur = w.idle[len(w.idle)-1]
	w.idle = w.idle[:len(w.idle)-1]
	w.enc.reset()
	w.pos, w.sum = 0, checkSeed(w.calls)
	w.limit = len(w.cur.data) - fastRoom
	if w.j.direct != nil || w.follower != nil {
		w.limit = -1
	}
	return w.cur.begin(w.calls)
}

// handOver gives the current slot to the flusher, or back if it is empty.
func (w *Writer) handOver() {
	if w.pos == 0 {
		w.idle = append(w.idle, w.cur)
		return
	}
	w.cur.used, w.cur.count = w.pos, uint32(w.calls-w.cur.first)
	w.full <- w.cur
	w.busy++
}

// collect waits for the flusher to finish a slot.
func (w *Writer) collect() error {
	f := <-w.done
	w.busy--
	w.idle = append(w.idle, f.s)
	return f.err
}

// nextSlot goes on to another slot.
func (w *Writer) nextSlot() error {
	w.handOver()
	if len(w.idle) == 0 {
		if err := w.collect(); err != nil {
			return err
		}
	}
	return w.openSlot()
}

// drain leaves all slots idle and no current one. The chunk writer belongs to the caller then.
func (w *Writer) drain() error {
	w.handOver()
	var err error
	for w.busy > 0 {
		if e := w.collect(); e != nil {
			err = e
		}
	}
	return err
}

// rescue makes one last attempt, after an error, to move the calls in the journal to chunks. What cannot be moved stays in
// the journal, where a reader finds it.
func (w *Writer) rescue() {
	for w.busy > 0 {
		w.collect()
	}
	if w.pos > 0 && !slices.Contains(w.idle, w.cur) {
		w.cur.used, w.cur.count = w.pos, uint32(w.calls-w.cur.first)
		w.idle = append(w.idle, w.cur)
	}
	slices.SortFunc(w.idle, func(a, b *slot) int { return cmp.Compare(a.first, b.first) })
	for _, s := range w.idle {
		if s.used > 0 && w.flush(s) != nil {
			return
		}
	}
}

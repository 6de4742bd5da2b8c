package checkpoint

import "bytes"

// Shadow is a private copy of a byte array, for arrays whose writes nobody
// marks (the call stack): comparing with it tells which pages changed since
// the last snapshot, without unpacking that snapshot's pages.
type Shadow struct {
	data    []byte
	changed []uint32
}

// Bytes is the memory the shadow holds.
func (sh *Shadow) Bytes() int64 { return int64(cap(sh.data)) + int64(cap(sh.changed))*4 }

// Update makes the shadow equal to data and returns the numbers of the pages
// that differed, ascending. The result is valid until the next call.
func (sh *Shadow) Update(data []byte) []uint32 {
	sh.changed = sh.changed[:0]
	old := len(sh.data)
	sh.resize(len(data))
	for i := 0; i*PageSize < len(data); i++ {
		now, then := pageOf(data, i), pageOf(sh.data, i)
		if i*PageSize+len(now) > old || !bytes.Equal(now, then) {
			copy(then, now)
			sh.changed = append(sh.changed, uint32(i))
		}
	}
	return sh.changed
}

// Restore makes both the shadow and data equal to im. The shadow must be equal
// to base, or base nil. It returns how many pages came from the store.
func (sh *Shadow) Restore(data []byte, im, base *Image) (copied int) {
	old := len(sh.data)
	sh.resize(len(data))
	copied = im.Restore(sh.data, base, old, nil)
	copy(data, sh.data)
	return copied
}

func (sh *Shadow) resize(n int) {
	if n > cap(sh.data) {
		grown := make([]byte, n, n+n/2)
		copy(grown, sh.data)
		sh.data = grown
	}
	sh.data = sh.data[:n]
}

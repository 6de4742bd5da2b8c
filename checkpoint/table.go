package checkpoint

import (
	"sync/atomic"
	"unsafe"
)

// segment is how many entries a table grows by.
const segment = 64

// table is an array of entries that never move, so that they can be read
// without a lock while it grows. Numbers in place of pointers keep the
// collector out of it.
type table[T any] struct {
	dir  atomic.Pointer[[]*[segment]T]
	n    uint32 // entries handed out so far
	free []uint32
}

func (t *table[T]) at(i uint32) *T { return &(*t.dir.Load())[i/segment][i%segment] }

// alloc hands out an entry, with whatever a former owner left there.
func (t *table[T]) alloc() uint32 {
	if k := len(t.free); k > 0 {
		i := t.free[k-1]
		t.free = t.free[:k-1]
		return i
	}
	if t.n%segment == 0 {
		var dir []*[segment]T
		if old := t.dir.Load(); old != nil {
			dir = *old
		}
		dir = append(dir, new([segment]T)) // readers do not look behind the length they loaded
		t.dir.Store(&dir)
	}
	t.n++
	return t.n - 1
}

func (t *table[T]) release(i uint32) { t.free = append(t.free, i) }

func (t *table[T]) bytes() int64 {
	var entry T
	dir := *t.dir.Load()
	return int64(len(dir))*segment*int64(unsafe.Sizeof(entry)) + int64(cap(dir))*8 + int64(cap(t.free))*4
}

package reverse

import (
	"slices"
	"sort"
	"unsafe"

	"wrev/checkpoint"
)

// snapshotBytes is what a snapshot costs beside its core and its images.
const snapshotBytes = int64(unsafe.Sizeof(snapshot{})) + 16

// history is the branches and their checkpoints. The list is of one path of
// time, the current branch's; the others are parked with their branches.
type history struct {
	list     []*snapshot // never empty once the timeline is made; list[0] is where history starts
	store    *checkpoint.Store
	held     int64  // bytes of the snapshots outside the store
	working  int64  // bytes a cursor needs to make more of them
	budget   int64  // bytes
	maxCount int    // checkpoints
	near     uint64 // see worth
	horizon  uint64 // the furthest position ever seen on the path

	path   *path   // that the list is of
	nodes  []*node // all branches, by ID
	parked int     // checkpoints that are not on the path; see node
}

// bytes is all the memory that checkpoints take.
func (h *history) bytes() int64 {
	return h.store.Bytes() + h.outside()
}

// outside is the memory that checkpoints take outside the store.
func (h *history) outside() int64 {
	return h.held + h.working + int64(cap(h.list)+h.parked)*8 + int64(len(h.nodes))*nodeBytes
}

// origin is where history starts.
func (h *history) origin() uint64 { return h.list[0].pos }

// after is the index of the first checkpoint behind pos.
func (h *history) after(pos uint64) int {
	return sort.Search(len(h.list), func(i int) bool { return h.list[i].pos > pos })
}

// atOrBefore is the last checkpoint that is not behind pos.
func (h *history) atOrBefore(pos uint64) *snapshot { return h.list[max(h.after(pos)-1, 0)] }

// before is the last checkpoint in front of pos.
func (h *history) before(pos uint64) *snapshot {
	return h.list[max(sort.Search(len(h.list), func(i int) bool { return h.list[i].pos >= pos })-1, 0)]
}

// has reports whether there is a checkpoint at pos exactly.
func (h *history) has(pos uint64) bool {
	i := h.after(pos) - 1
	return i >= 0 && h.list[i].pos == pos
}

// add takes over a snapshot. There is none at its position yet.
func (h *history) add(s *snapshot) {
	h.list = slices.Insert(h.list, h.after(s.pos), s)
	if h.path != nil {
		s.owner = h.path.owner(s.pos)
	}
	h.held += s.size
	h.horizon = max(h.horizon, s.pos)
}

func (h *history) drop(i int) {
	s := h.list[i]
	h.list = slices.Delete(h.list, i, i+1)
	h.discard(s)
}

// discard gives up a checkpoint that is in no list any more.
func (h *history) discard(s *snapshot) {
	h.held -= s.size
	s.release()
}

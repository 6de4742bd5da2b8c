package reverse

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"unsafe"

	"wrev/wasmvm"
)

// node is a branch and what the timeline knows of it.
type node struct {
	Branch
	parent *node
	redo   *node  // the child that Undo left last
	at     uint64 // where it was left last

	end    *wasmvm.Stop // how it ends, once seen; of the current branch see Timeline
	endPos uint64

	// parked is the branch's checkpoints that are not on the current path, in
	// order of position.
	parked []*snapshot
}

// nodeBytes is about what a node and its edits cost.
const nodeBytes = int64(unsafe.Sizeof(node{})) + 128

// branchesOf makes nodes of the branches that a book has. They may come from a file.
func branchesOf(book Book) ([]*node, error) {
	list := []Branch{{}}
	if book != nil {
		list = book.Branches()
	}
	if len(list) == 0 || list[0].Fork != 0 || list[0].Dropped {
		return nil, errors.New("there is no trunk among the branches")
	}
	nodes := make([]*node, len(list))
	for i, b := range list {
		n := &node{Branch: b, at: b.Reached}
		if b.ID != i {
			return nil, fmt.Errorf("branch %d is the %dth in the list of branches", b.ID, i)
		}
		if i > 0 {
			if b.Parent < 0 || b.Parent >= i {
				return nil, fmt.Errorf("branch %d has branch %d for its parent, which is not an earlier one", i, b.Parent)
			}
			n.parent = nodes[b.Parent]
			if b.Fork < n.parent.Fork || n.parent.Dropped && !b.Dropped {
				return nil, fmt.Errorf("branch %d begins at position %d, before its parent does, or that was dropped", i, b.Fork)
			}
		}
		n.Reached = max(b.Reached, b.Fork)
		n.at = n.Reached
		last := b.Fork
		for _, e := range b.Edits {
			if e.Position < last {
				return nil, fmt.Errorf("an edit of branch %d is at position %d, behind one at %d", i, e.Position, last)
			}
			last = e.Position
		}
		nodes[i] = n
	}
	return nodes, nil
}

// node is a branch that was not dropped.
func (h *history) node(id int) (*node, error) {
	if id < 0 || id >= len(h.nodes) {
		return nil, fmt.Errorf("there is no branch %d: the last one is %d", id, len(h.nodes)-1)
	}
	if h.nodes[id].Dropped {
		return nil, fmt.Errorf("branch %d was dropped", id)
	}
	return h.nodes[id], nil
}

// tip is the current branch.
func (h *history) tip() *node { return h.path.tip() }

// follow makes p the path that the list of checkpoints is of. The first stays:
// it is from before all edits.
func (h *history) follow(p *path) {
	cut := h.path.parts(p)
	i := max(1, sort.Search(len(h.list), func(i int) bool { return h.list[i].pos >= cut }))
	for _, s := range h.list[i:] {
		s.owner.parked = append(s.owner.parked, s)
		h.parked++
	}
	for _, n := range h.path.nodes {
		slices.SortFunc(n.parked, func(a, b *snapshot) int {
			if a.pos < b.pos {
				return -1
			}
			return 1
		})
	}
	clear(h.list[i:])
	h.list = h.list[:i]
	for k, n := range p.nodes {
		on := sort.Search(len(n.parked), func(i int) bool { return n.parked[i].pos >= p.until(k) })
		h.list = append(h.list, n.parked[:on]...)
		n.parked = slices.Delete(n.parked, 0, on)
		h.parked -= on
	}
	h.path = p
	h.horizon = max(h.list[len(h.list)-1].pos, p.tip().Reached)
}

// abandon forgets a branch that is not on the path.
func (h *history) abandon(n *node) {
	n.Dropped = true
	for _, s := range n.parked {
		h.discard(s)
	}
	h.parked -= len(n.parked)
	n.parked, n.Edits = nil, nil
}

// dropAt drops the checkpoint at a position, if there is one that is not the first.
func (h *history) dropAt(pos uint64) {
	if i := h.after(pos) - 1; i > 0 && h.list[i].pos == pos {
		h.drop(i)
	}
}

// count is the number of checkpoints of all branches.
func (h *history) count() int { return len(h.list) + h.parked }

// Which of the checkpoints that are not on the path to drop: they count as this
// much less worth than those far from now on it, so they thin out to gaps that
// are so much larger while the path's stay. The last of a branch is what makes
// going there cost no more than a seek, and stays until the path has few.
const (
	parkedDiscount = 8
	fewOnPath      = 32
)

// dropParked drops a checkpoint that is not on the path, if there is one that
// is worth less than w, or is there at all if the path has few.
func (h *history) dropParked(now uint64, w float64) bool {
	if h.parked == 0 {
		return false
	}
	far := max(h.horizon, now) / farShare
	var from, lastFrom *node
	at, best, shortest := 0, w*parkedDiscount, uint64(0)
	for _, n := range h.nodes {
		if len(n.parked) == 1 {
			if own := n.parked[0].pos - n.Fork; lastFrom == nil || own < shortest {
				lastFrom, shortest = n, own
			}
			continue
		}
		prev := n.Fork
		for i, s := range n.parked {
			next := max(n.Reached, s.pos)
			if i+1 < len(n.parked) {
				next = n.parked[i+1].pos
			}
			if w := float64(next-prev) / float64(far+h.near+1); w < best {
				from, at, best = n, i, w
			}
			prev = s.pos
		}
	}
	if from == nil && len(h.list) <= fewOnPath {
		from, at = lastFrom, 0
	}
	if from == nil {
		return false
	}
	h.discard(from.parked[at])
	from.parked = slices.Delete(from.parked, at, at+1)
	h.parked--
	return true
}

package reverse

import (
	"fmt"
	"slices"
	"sort"
)

// path is one line through the tree of branches, from the start through the
// ancestors of a branch to its end. It does not change: cursors share it.
type path struct {
	nodes []*node      // the trunk first
	edits []PlacedEdit // on the path, in the order in which they apply
}

// pathTo is the path of a branch.
func pathTo(n *node) *path {
	p := &path{}
	for ; n != nil; n = n.parent {
		p.nodes = append(p.nodes, n)
	}
	slices.Reverse(p.nodes)
	for k, n := range p.nodes {
		for _, e := range n.Edits {
			if k+1 == len(p.nodes) || e.Position <= p.until(k) {
				p.edits = append(p.edits, e)
			}
		}
	}
	return p
}

func (p *path) tip() *node { return p.nodes[len(p.nodes)-1] }

// until is the first position that belongs to a later branch than the kth.
func (p *path) until(k int) uint64 {
	if k+1 < len(p.nodes) {
		return p.nodes[k+1].Fork
	}
	return forever
}

// owner is the branch that a position on the path belongs to.
func (p *path) owner(pos uint64) *node {
	i := sort.Search(len(p.nodes), func(i int) bool { return p.nodes[i].Fork > pos })
	return p.nodes[max(i-1, 0)]
}

// common is how many branches two paths begin with alike.
func (p *path) common(o *path) int {
	k := 0
	for k < len(p.nodes) && k < len(o.nodes) && p.nodes[k] == o.nodes[k] {
		k++
	}
	return k
}

// parts is the first position at which two paths are of different branches.
func (p *path) parts(o *path) uint64 {
	k := p.common(o)
	return min(p.until(k-1), o.until(k-1))
}

// editedAt is the edits at a position.
func (p *path) editedAt(pos uint64) []PlacedEdit {
	lo := sort.Search(len(p.edits), func(i int) bool { return p.edits[i].Position >= pos })
	hi := p.editedAfter(pos)
	return p.edits[lo:hi]
}

// editedAfter is the index of the first edit behind a position.
func (p *path) editedAfter(pos uint64) int {
	return sort.Search(len(p.edits), func(i int) bool { return p.edits[i].Position > pos })
}

// follow makes c apply the edits of a path from now on. What it is at must be
// on the path, or be left by restore before it runs.
func (c *cursor) follow(p *path) {
	c.path = p
	c.lookAhead()
}

// lookAhead finds the next position with edits. Those at the present one are
// part of the present state.
func (c *cursor) lookAhead() {
	if c.editAt = forever; c.path == nil {
		return
	}
	if i := c.path.editedAfter(c.m.Position()); i < len(c.path.edits) {
		c.editAt = c.path.edits[i].Position
	}
}

// arrive applies the edits of the present position. One that does not apply, as
// may be in a file that was tampered with, is left out: every time, so history
// stays one.
func (c *cursor) arrive() {
	pos := c.m.Position()
	if c.path == nil {
		return
	}
	for _, e := range c.path.editedAt(pos) {
		if err := c.m.ApplyEdit(&e.Edit); err != nil && c.warn != nil {
			c.warn(fmt.Errorf("an edit at position %d is left out: %w", pos, err))
		}
	}
	c.lookAhead()
}

package reverse

import (
	"fmt"

	"wrev/wasmvm"
)

// Try changes the present state, and nothing else yet: history is as it was
// until Keep or the next movement. If an edit makes no sense here, all are refused
// and change nothing.
func (t *Timeline) Try(edits ...wasmvm.Edit) error {
	before := len(t.tried)
	for _, e := range edits {
		if err := t.try(e); err != nil {
			if back := t.keepTrying(before); back != nil {
				err = fmt.Errorf("%w; and %w", err, back)
			}
			return err
		}
	}
	return nil
}

func (t *Timeline) try(e wasmvm.Edit) error {
	if t.opt.Book == nil {
		return errNoBook
	}
	if len(t.tried) == 0 {
		t.leaveCheaply() // what Forget and Undo go back to
	}
	if err := t.cur.m.ApplyEdit(&e); err != nil {
		return err
	}
	m := t.cur.m
	t.tried = append(t.tried, PlacedEdit{Position: m.Position(), Calls: m.HostCalls(), Edit: e})
	return nil
}

// Tried is how many edits wait for Keep.
func (t *Timeline) Tried() int { return len(t.tried) }

// Forget takes back what was tried.
func (t *Timeline) Forget() error { return t.keepTrying(0) }

// keepTrying takes back what was tried but for the first n edits.
func (t *Timeline) keepTrying(n int) error {
	if n == len(t.tried) {
		return nil
	}
	tried := t.tried[:n]
	t.tried = nil
	t.cur.deaf = true
	ev := t.travel(t.Now())
	t.cur.deaf = false
	if s := t.outcome(ev); s.Reason != ReasonStep {
		return fmt.Errorf("going back to before the edit: %v: %w", s.Reason, s.Err)
	}
	for _, e := range tried {
		if err := t.try(e.Edit); err != nil {
			return err
		}
	}
	return nil
}

// Edit tries edits and keeps them.
func (t *Timeline) Edit(edits ...wasmvm.Edit) (Branch, error) {
	if err := t.Try(edits...); err != nil {
		return Branch{}, err
	}
	return t.Keep()
}

// Keep makes what was tried part of history, and says of which branch, which
// becomes the current one. That is the branch that now belongs to, if nothing
// has happened behind now yet and it is either new or the running program; else
// it is a new one. Every movement keeps first.
func (t *Timeline) Keep() (Branch, error) {
	if len(t.tried) == 0 {
		return t.hist.tip().Branch, nil
	}
	var err error
	if t.atHead() {
		err = t.extend()
	} else {
		err = t.fork()
	}
	return t.hist.tip().Branch, err
}

// atHead reports whether edits at now can be added to the current branch. Only
// the trunk's head is the state of something that runs; in any other branch what
// is there may be wanted without the edit.
func (t *Timeline) atHead() bool {
	n, now := t.hist.tip(), t.Now()
	if now != n.Reached || n.End != "" || n.parent != nil && now != n.Fork || !t.growing() {
		return false
	}
	for _, c := range t.hist.nodes {
		if c.parent == n && c.Fork == now && !c.Dropped {
			return false
		}
	}
	return true
}

// extend adds what was tried to the current branch.
func (t *Timeline) extend() error {
	n := t.hist.tip()
	var err error
	done := 0
	for _, e := range t.tried {
		if err = t.opt.Book.Edit(n.ID, e); err != nil {
			err = fmt.Errorf("keeping an edit in branch %d: %w", n.ID, err)
			break
		}
		n.Edits = append(n.Edits, e)
		done++
	}
	t.hist.dropAt(t.Now())
	t.setPath(pathTo(n))
	if t.tried = t.tried[done:]; err == nil {
		t.tried = nil
		t.leaveCheaply()
	}
	return err
}

// fork begins a branch with what was tried.
func (t *Timeline) fork() error {
	now := t.Now()
	parent := t.hist.path.owner(now)
	n := &node{parent: parent, at: now, Branch: Branch{
		ID: len(t.hist.nodes), Parent: parent.ID,
		Fork: now, FirstCall: t.cur.m.HostCalls(), Edits: t.tried, Reached: now,
	}}
	if err := t.opt.Book.Fork(n.Branch); err != nil {
		return fmt.Errorf("forking branch %d at position %d: %w", n.ID, now, err)
	}
	t.hist.nodes = append(t.hist.nodes, n)
	t.tried = nil
	t.follow(n)
	t.leaveCheaply()
	return nil
}

// begin is the start of every movement: what was tried becomes history.
func (t *Timeline) begin() (Stop, bool) {
	if _, err := t.Keep(); err != nil {
		return t.fail(err), false
	}
	return Stop{}, true
}

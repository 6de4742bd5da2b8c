package reverse

import (
	"errors"
	"fmt"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
)

// PlacedEdit is an edit and the place in history where it was made.
type PlacedEdit struct {
	Position uint64 // instructions completed
	Calls    uint64 // host calls completed
	Edit     wasmvm.Edit
}

// Branch is one way in which history went on. Its path is that of its parent
// up to Fork, then its own: positions count along the whole path.
type Branch struct {
	ID     int // 0 is the trunk
	Parent int
	// Fork is the position at which the branch begins: the state there is the
	// edited one, the one before it is the parent's. Of the trunk it is 0.
	Fork uint64
	// FirstCall is how many host calls were completed at Fork, so the number of
	// the first one that is the branch's own.
	FirstCall uint64
	// Edits are in the order in which they were made, which is that of their
	// positions: at Fork, and at the trunk's growing head.
	Edits   []PlacedEdit
	Reached uint64 // the furthest position that was seen
	End     string // how it ended at Reached: "exit 0", "trap: ..."; "" while it is open
	Dropped bool
}

// Book keeps what branches are made of. It is called on the goroutine that uses
// the timeline, while no machine runs.
type Book interface {
	// Branches is all there are, the trunk first. A branch's ID is its index;
	// dropped ones keep theirs. New asks once.
	Branches() []Branch
	// Fork adds a branch, whose ID is the number of those there are.
	Fork(b Branch) error
	// Edit adds an edit to a branch whose head is where it was made.
	Edit(id int, e PlacedEdit) error
	// Select makes every host of the timeline answer along the path of a branch.
	Select(id int)
	// Note tells how far a branch was seen and how it ended there. It is cheap.
	Note(id int, reached uint64, end string)
	// Drop gives up a branch. It has no descendants that were not dropped.
	Drop(id int) error
	// Growing says whether a branch may get host calls that nobody has answered
	// yet: all do but the trunk of a recording.
	Growing(id int) bool
	// Calls is how many host calls are known along the path of a branch.
	Calls(id int) uint64
	// Call is one of them.
	Call(id int, n uint64) (*recording.HostCall, error)
}

// ErrInterrupted is the error of an operation that Interrupt ended.
var ErrInterrupted = errors.New("interrupted")

var errNoBook = errors.New("nothing can be changed here: this history has no branches")

// Branch is the branch that now is on the path of. Now may be before its fork.
func (t *Timeline) Branch() int { return t.hist.tip().ID }

// Branches is all branches, by ID.
func (t *Timeline) Branches() []Branch {
	list := make([]Branch, len(t.hist.nodes))
	for i, n := range t.hist.nodes {
		list[i] = n.Branch
		list[i].Edits = slices.Clone(n.Edits)
	}
	return list
}

// Undo goes from a branch to the state before the edits it was forked for, in
// its parent.
func (t *Timeline) Undo() (Stop, error) {
	if _, err := t.Keep(); err != nil {
		return Stop{}, err
	}
	n := t.hist.tip()
	switch {
	case n.parent == nil && len(n.Edits) > 0:
		return Stop{}, errors.New("an edit at the head of the running program cannot be undone: the program has seen it. To try it otherwise, go back to before it and edit there")
	case n.parent == nil:
		return Stop{}, errors.New("there is nothing to undo: no edit has led here")
	}
	n.parent.redo = n
	return t.enter(n.parent, n.Fork), nil
}

// Redo goes back into the branch that Undo left for this one last: to where it
// was left, or to its fork.
func (t *Timeline) Redo() (Stop, error) {
	if _, err := t.Keep(); err != nil {
		return Stop{}, err
	}
	n := t.hist.tip().redo
	if n == nil || n.Dropped {
		return Stop{}, errors.New("there is nothing to redo: no branch was left for this one by undo")
	}
	return t.enter(n, max(n.at, n.Fork)), nil
}

// Switch goes to a branch, to where it was left last, or if it was not entered
// yet, to the furthest position known of it.
func (t *Timeline) Switch(id int) (Stop, error) {
	if _, err := t.Keep(); err != nil {
		return Stop{}, err
	}
	n, err := t.hist.node(id)
	switch {
	case err != nil:
		return Stop{}, err
	case n == t.hist.tip():
		return t.stop(ReasonStep), nil
	}
	return t.enter(n, n.at), nil
}

// enter goes to a position of another branch's path.
func (t *Timeline) enter(n *node, pos uint64) Stop {
	defer t.prog.end()
	t.leaveCheaply() // coming back is then a restore
	t.follow(n)
	return t.outcome(t.travel(pos))
}

// travel makes pos the present position after the path has changed.
func (t *Timeline) travel(pos uint64) event {
	if err := t.restore(pos); err != nil {
		return event{kind: eventError, err: err}
	}
	return t.goTo(pos)
}

// follow makes the path of n the one that history is about. The machine's state
// is not on it yet.
func (t *Timeline) follow(n *node) {
	now := t.Now()
	old := t.hist.tip()
	old.at, old.end, old.endPos = now, t.end, t.endPos
	t.setPath(pathTo(n))
	t.end, t.endPos, t.toldEnd = n.end, n.endPos, false
	t.leftAt = 0
}

// setPath makes the book, the history and the machines take to another path.
func (t *Timeline) setPath(p *path) {
	if t.opt.Book != nil {
		t.opt.Book.Select(p.tip().ID)
	}
	t.hist.follow(p)
	t.cur.follow(p)
}

// Drop gives up a branch and all that were forked from it. Its ID is not used
// again.
func (t *Timeline) Drop(id int) error {
	n, err := t.hist.node(id)
	if err != nil {
		return err
	}
	if slices.Contains(t.hist.path.nodes, n) {
		return fmt.Errorf("branch %d is the current one, or leads to it: switch to another first", id)
	}
	for i := len(t.hist.nodes) - 1; i >= 0; i-- { // children come after their parents
		d := t.hist.nodes[i]
		if d.Dropped || !slices.Contains(pathTo(d).nodes, n) {
			continue
		}
		if err := t.opt.Book.Drop(d.ID); err != nil {
			return fmt.Errorf("dropping branch %d: %w", d.ID, err)
		}
		t.hist.abandon(d)
	}
	return nil
}

// note keeps account of how far the current branch was seen.
func (t *Timeline) note() {
	n, now := t.hist.tip(), t.Now()
	if t.hist.path.owner(now) != n || now < n.Reached {
		return
	}
	end := n.End
	if t.atEnd() {
		end = t.endText()
	}
	if now == n.Reached && end == n.End {
		return
	}
	n.Reached, n.End = now, end
	if t.opt.Book != nil {
		t.opt.Book.Note(n.ID, now, end)
	}
}

// endText says how the current branch ends.
func (t *Timeline) endText() string {
	switch vm := t.end; vm.Reason {
	case wasmvm.StopTrap:
		return "trap: " + vm.Trap.Code.String()
	case wasmvm.StopHost:
		if t.opt.EndOfLog != nil && errors.Is(vm.Err, t.opt.EndOfLog) {
			return "end of the recording"
		}
		return "error: " + vm.Err.Error()
	default:
		return fmt.Sprintf("exit %d", vm.ExitCode)
	}
}

// growing says whether the current branch may get host calls that nobody has
// answered yet.
func (t *Timeline) growing() bool { return t.grows(t.hist.tip()) }

func (t *Timeline) grows(n *node) bool { return t.opt.Book != nil && t.opt.Book.Growing(n.ID) }

package book

import (
	"encoding/json"
	"fmt"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/reverse"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

// Book implements reverse.Book.
type Book struct {
	story *host.Story
	list  []reverse.Branch // by ID
	noted []bool           // by ID: the file has how far it has run
}

var _ reverse.Book = (*Book)(nil)

// New reads the branches of a story. An error tells of a file that was written
// by another wrev.
func New(story *host.Story) (*Book, error) {
	b := &Book{story: story}
	b.add(reverse.Branch{})
	for _, e := range story.Branches().Events() {
		if err := b.take(e); err != nil {
			return nil, fmt.Errorf("branch %d: %w", e.Branch, err)
		}
	}
	return b, nil
}

func (b *Book) add(branch reverse.Branch) {
	b.list = append(b.list, branch)
	b.noted = append(b.noted, true)
}

// take applies an event to the list. The recording has checked its numbers.
func (b *Book) take(e recording.BranchEvent) error {
	switch e.Kind {
	case recording.BranchForked:
		b.add(reverse.Branch{ID: e.Branch, Parent: e.Parent, Fork: e.Fork, FirstCall: e.FirstCall, Reached: e.Fork})
		b.noted[e.Branch] = false
	case recording.BranchEdited:
		var edit wasmvm.Edit
		if err := json.Unmarshal(e.Edit, &edit); err != nil {
			return fmt.Errorf("an edit that this wrev does not understand, use the one that made it: %w", err)
		}
		br := &b.list[e.Branch]
		br.Edits = append(br.Edits, reverse.PlacedEdit{Position: e.Position, Calls: e.Calls, Edit: edit})
	case recording.BranchNoted:
		br := &b.list[e.Branch]
		br.Reached, br.End = max(br.Reached, e.Reached), e.End
	case recording.BranchDropped:
		for id := range b.list {
			b.list[id].Dropped = b.story.Branches().Branch(id).Dropped
		}
	}
	return nil
}

// Branches implements reverse.Book.
func (b *Book) Branches() []reverse.Branch { return slices.Clone(b.list) }

// Fork implements reverse.Book.
func (b *Book) Fork(br reverse.Branch) error {
	e := recording.BranchEvent{Kind: recording.BranchForked, Branch: br.ID, Parent: br.Parent, Fork: br.Fork, FirstCall: br.FirstCall}
	if err := b.story.Branches().Add(e); err != nil {
		return err
	}
	if err := b.take(e); err != nil {
		return err
	}
	for _, p := range br.Edits {
		if err := b.Edit(br.ID, p); err != nil {
			return err
		}
	}
	return nil
}

// Edit implements reverse.Book.
func (b *Book) Edit(id int, p reverse.PlacedEdit) error {
	text, err := json.Marshal(&p.Edit)
	if err != nil {
		return fmt.Errorf("branch %d: an edit that cannot be kept: %w", id, err)
	}
	e := recording.BranchEvent{Kind: recording.BranchEdited, Branch: id, Position: p.Position, Calls: p.Calls, Edit: text}
	if err := b.story.Branches().Add(e); err != nil {
		return err
	}
	return b.take(e)
}

// Select implements reverse.Book.
func (b *Book) Select(id int) { b.story.Select(id) }

// Note implements reverse.Book.
func (b *Book) Note(id int, reached uint64, end string) {
	br := &b.list[id]
	if id == 0 || reached <= br.Reached && end == br.End {
		return
	}
	br.Reached, br.End = max(br.Reached, reached), end
	b.noted[id] = false
}

// Drop implements reverse.Book.
func (b *Book) Drop(id int) error {
	e := recording.BranchEvent{Kind: recording.BranchDropped, Branch: id}
	if err := b.story.Branches().Add(e); err != nil {
		return err
	}
	return b.take(e)
}

// Growing implements reverse.Book.
func (b *Book) Growing(id int) bool { return b.story.Growing(id) }

// Calls implements reverse.Book.
func (b *Book) Calls(id int) uint64 { return b.story.Calls(id) }

// Call implements reverse.Book.
func (b *Book) Call(id int, n uint64) (*recording.HostCall, error) {
	c, _, err := b.story.Call(id, n)
	return c, err
}

// Save writes how far branches have run, and host calls that wait to be
// written. The program must not run.
func (b *Book) Save() error {
	for id := range b.list {
		if b.noted[id] {
			continue
		}
		br := &b.list[id]
		e := recording.BranchEvent{Kind: recording.BranchNoted, Branch: id, Reached: br.Reached, End: br.End}
		if err := b.story.Branches().Add(e); err != nil {
			return err
		}
		b.noted[id] = true
	}
	return b.story.Branches().Sync()
}

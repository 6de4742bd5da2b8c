package gdbtest

import (
	"errors"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/reverse"
)

// Book keeps branches in memory. The Host answers without a log, so there is
// nothing else to keep.
type Book struct{ list []reverse.Branch }

// NewBook returns a book with a trunk.
func NewBook() *Book { return &Book{list: []reverse.Branch{{}}} }

// Branches implements reverse.Book.
func (b *Book) Branches() []reverse.Branch { return slices.Clone(b.list) }

// Fork implements reverse.Book.
func (b *Book) Fork(br reverse.Branch) error {
	br.Edits = slices.Clone(br.Edits)
	b.list = append(b.list, br)
	return nil
}

// Edit implements reverse.Book.
func (b *Book) Edit(id int, e reverse.PlacedEdit) error {
	b.list[id].Edits = append(b.list[id].Edits, e)
	return nil
}

// Select implements reverse.Book.
func (b *Book) Select(int) {}

// Note implements reverse.Book.
func (b *Book) Note(id int, reached uint64, end string) {
	b.list[id].Reached, b.list[id].End = reached, end
}

// Drop implements reverse.Book.
func (b *Book) Drop(id int) error {
	b.list[id].Dropped = true
	return nil
}

// Growing implements reverse.Book.
func (b *Book) Growing(id int) bool { return id > 0 }

// Calls implements reverse.Book.
func (b *Book) Calls(int) uint64 { return 0 }

// Call implements reverse.Book.
func (b *Book) Call(int, uint64) (*recording.HostCall, error) {
	return nil, errors.New("calls are not kept")
}

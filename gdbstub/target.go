package gdbstub

import (
	"wrev/reverse"
	"wrev/wasmvm"
)

// Target is a program at a position of its history. A *reverse.Timeline is one,
// with every optional ability below.
//
// All methods but Interrupt are called by one goroutine at a time.
type Target interface {
	// Now returns the position: how many instructions are completed.
	Now() uint64
	// Machine returns the machine at that position, to look at only.
	Machine() *wasmvm.Machine
	// Module returns the module that it runs.
	Module() *wasmvm.Module

	// Step executes one instruction.
	Step() reverse.Stop
	// Continue runs until something stops it.
	Continue() reverse.Stop
	// Seek goes to a position, or to the end of history if that is before it.
	Seek(position uint64) reverse.Stop

	// InsertBreakpoint makes the program stop before the instruction at pc.
	InsertBreakpoint(pc uint32) error
	// RemoveBreakpoint undoes InsertBreakpoint.
	RemoveBreakpoint(pc uint32)

	// Interrupt stops what runs, or else what is started next. It may be
	// called from any goroutine.
	Interrupt()
	// ClearInterrupt withdraws an Interrupt that has stopped nothing yet.
	ClearInterrupt()
}

// ReverseTarget can go backwards.
type ReverseTarget interface {
	// ReverseStep takes one instruction back.
	ReverseStep() reverse.Stop
	// ReverseContinue goes back until something stops it.
	ReverseContinue() reverse.Stop
}

// RangeTarget can step by ranges of instructions.
type RangeTarget interface {
	// StepRange executes at least one instruction and goes on while pc is in
	// [lo, hi).
	StepRange(lo, hi uint32) reverse.Stop
}

// WatchTarget can stop when data is accessed.
type WatchTarget interface {
	// InsertWatch makes the program stop after an access, or, backwards,
	// before it.
	InsertWatch(w reverse.Watch) error
	// RemoveWatch undoes InsertWatch.
	RemoveWatch(w reverse.Watch) error
}

// ConditionTarget can evaluate conditions on its way.
type ConditionTarget interface {
	// SetCondition makes the breakpoint at pc count only where cond is true,
	// in both directions; nil makes it count always. cond is called for
	// machines that stand at pc, on any goroutine.
	SetCondition(pc uint32, cond func(m *wasmvm.Machine) bool)
}

// EndTarget knows where its history ends.
type EndTarget interface {
	// End returns the last position, if it has been seen.
	End() (position uint64, known bool)
	// SeekEnd goes there.
	SeekEnd() reverse.Stop
}

// BranchTarget can be changed: history then goes on in a branch of its own.
type BranchTarget interface {
	// Try changes the present state, all or nothing, and history at the next
	// movement.
	Try(edits ...wasmvm.Edit) error
	// Tried is how many edits were tried and are not history yet.
	Tried() int
	// Forget takes them back.
	Forget() error
	// Keep makes them history, and says of which branch.
	Keep() (reverse.Branch, error)

	// Branch is the current branch.
	Branch() int
	// Branches is all branches, by number, those that were dropped included.
	Branches() []reverse.Branch
	// Undo goes to before the edits that the current branch begins with.
	Undo() (reverse.Stop, error)
	// Redo goes into the branch that Undo has left last.
	Redo() (reverse.Stop, error)
	// Switch goes to where a branch was left last.
	Switch(id int) (reverse.Stop, error)
	// Drop gives up a branch with all that have come of it.
	Drop(id int) error
	// Diff finds what two branches do differently first.
	Diff(a, b int) (reverse.Difference, error)
}

// Answers chooses how host calls are answered that nobody has recorded.
type Answers interface {
	// Sources is the list of sources that are asked, as SetSources takes it.
	Sources() string
	// SetSources changes it.
	SetSources(list string) error
	// Pending says which call waits for an answer, if one does.
	Pending() (text string, ok bool)
	// Reply is the answer to it, in the user's words.
	Reply(text string) error
}

// HeadTarget may be a program that runs live.
type HeadTarget interface {
	// Head returns how far it has run, and whether going on from there is live.
	Head() (position uint64, live bool)
}

// A Timeline can do everything.
var _ interface {
	Target
	HeadTarget
	ReverseTarget
	RangeTarget
	WatchTarget
	EndTarget
	ConditionTarget
	BranchTarget
} = (*reverse.Timeline)(nil)

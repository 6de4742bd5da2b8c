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

// A Timeline can do everything.
var _ interface {
	Target
	ReverseTarget
	RangeTarget
	WatchTarget
	EndTarget
	ConditionTarget
} = (*reverse.Timeline)(nil)

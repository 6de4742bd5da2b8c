// Package book keeps the branches of a reverse.Timeline in a recording: it
// translates between the timeline's branches and the events of a host.Story.
//
// Invariants: what the timeline says is in the file when a method returns, but
// for how far a branch has run, which is written when the program has ended or
// the book is closed; it can be had again from the branch's host calls. Nothing
// is ever taken out of a file.
//
// The command line uses it. It may use reverse, wasmvm, wasmvm/host and
// checkpoint/recording.
package book

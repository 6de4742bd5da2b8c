package main

import (
	"errors"
	"fmt"

	"wrev/checkpoint/recording"
	"wrev/gdbstub"
	"wrev/reverse"
	"wrev/reverse/book"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/answers"
)

// branching is what a session needs for branches of its history: the host calls,
// where they are kept, and who answers those that nobody has recorded.
type branching struct {
	story  *host.Story
	book   *book.Book
	policy *answers.Policy
	output *gdbstub.Output

	visit func(n uint64, look func(m *wasmvm.Machine) error) error // of the timeline, once there is one
}

// newBranching takes over what story has, and what the program prints.
func newBranching(s stdio, story *host.Story, serve *serveFlags) (*branching, error) {
	b := &branching{story: story, output: &gdbstub.Output{}}
	o := answers.Options{
		Visit: func(n uint64, look func(m *wasmvm.Machine) error) error { return b.visit(n, look) },
		Warn:  func(text string) { s.logf("warning: %s", text) },
	}
	var err error
	if b.book, err = book.New(story); err != nil {
		return nil, err
	}
	if b.policy, err = answers.New(serve.branchAnswers, o); err != nil {
		return nil, usagef("--branch-answers: %v", err)
	}
	story.Branch = b.policy
	story.Output = b.output.Write
	story.Switched = func(path []int) {
		var branches []gdbstub.OutputBranch
		for _, id := range path {
			_, first := story.Lineage(id)
			branches = append(branches, gdbstub.OutputBranch{Branch: id, First: first})
		}
		b.output.Switch(branches)
	}
	return b, nil
}

// showBranchesOnly leaves out what the trunk prints.
func (b *branching) showBranchesOnly() {
	b.story.Output = func(call uint64, fd uint32, p []byte) {
		if b.story.Own(call) {
			b.output.Write(call, fd, p)
		}
	}
}

// timeline makes a timeline with branches. newMachine makes a machine with a host
// of the story.
func (b *branching) timeline(o reverse.Options, newMachine func(wasmvm.Host) (*wasmvm.Machine, error)) (*reverse.Timeline, error) {
	o.Book = b.book
	o.EndOfLog = host.ErrEndOfLog
	o.Paused = host.ErrWaiting
	o.NewMachine = func() (*wasmvm.Machine, error) { return newMachine(b.story.Host(false)) }
	machine, err := newMachine(b.story.Host(true))
	if err != nil {
		return nil, err
	}
	t, err := reverse.New(machine, o)
	if err == nil {
		b.visit = t.VisitCall
	}
	return t, err
}

// stub sets the options of a server for debuggers.
func (b *branching) stub(o *gdbstub.Options) {
	o.Output, o.Answers, o.Sources = b.output, b.policy, b.story.Sources
}

// close writes what is not in the file yet, and removes what only branches wrote.
func (b *branching) close() error {
	return errors.Join(b.policy.Close(), b.book.Save(), b.story.Branches().Close())
}

// readStory is the host calls of a recording and its branches, to look at. The
// module must be one that the engine runs, if it is to be run.
func readStory(s stdio, path string, rec *recording.Reader, run bool) (*host.Story, error) {
	mod, err := wasmvm.Decode(rec.Module())
	if err != nil {
		if run {
			return nil, fmt.Errorf("%s: the recorded module cannot be replayed: %w", path, err)
		}
		mod = &wasmvm.Module{} // the imports stay without names
	}
	branches, err := readBranches(s, path, rec)
	if err != nil {
		return nil, err
	}
	return host.NewStory(rec, mod, branches), nil
}

// readBranches is the branches of a recording, to look at.
func readBranches(s stdio, path string, rec *recording.Reader) (*recording.Branches, error) {
	branches, warnings, err := recording.ReadBranches(rec, path)
	for _, w := range warnings {
		s.logf("warning: %s: %s", path, w)
	}
	return branches, err
}

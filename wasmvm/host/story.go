package host

import (
	"encoding/json"
	"fmt"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/wasi"
)

// Story is the host calls of a program whose history has branches, and grows.
// Calls that are known are answered from the logs along the path that is
// selected. One that is in no log is put to a Beyond, applied, and logged with
// the source of its answer, so that from then on it is history like any other.
//
// Its hosts may be called from several goroutines, one for each machine. All
// other methods are for the time in which no machine runs.
type Story struct {
	// Trunk answers the calls of a program that runs live, Branch those of
	// branches. Nil: nothing is answered, and the history ends there.
	Trunk, Branch Beyond
	// Output, if not nil, is told what the program writes to fd 1 and 2, when the
	// main machine makes or repeats the call. p is valid until it returns.
	Output func(call uint64, fd uint32, p []byte)
	// Switched, if not nil, is told the branches of another path that was
	// selected, the trunk first. Lineage says where each begins.
	Switched func(path []int)

	mod      *wasmvm.Module
	imports  []Imported
	trunk    *recording.Reader
	writer   *recording.Writer // of the trunk, if it is live
	branches *recording.Branches
	path     []int // the branches of the selected path, the trunk first
}

// NewStory makes the story of a recording and its branches. The path of the
// trunk is selected.
func NewStory(r *recording.Reader, mod *wasmvm.Module, branches *recording.Branches) *Story {
	return &Story{mod: mod, imports: Imports(mod), trunk: r, branches: branches, path: []int{0}}
}

// edit is a change of the program's state at a position of a path.
type edit struct {
	position uint64
	wasmvm.Edit
}

// edits returns the changes along the path of a branch, in the order in which
// they are made.
func (s *Story) edits(branch int) ([]edit, error) {
	paths := make([][]edit, s.branches.Num())
	for _, e := range s.branches.Events() {
		switch e.Kind {
		case recording.BranchForked:
			for _, inherited := range paths[e.Parent] {
				if inherited.position <= e.Fork {
					paths[e.Branch] = append(paths[e.Branch], inherited)
				}
			}
		case recording.BranchEdited:
			change := edit{position: e.Position}
			if err := json.Unmarshal(e.Edit, &change.Edit); err != nil {
				return nil, fmt.Errorf("branch %d has an edit that this wrev does not understand, use the one that made it: %w", e.Branch, err)
			}
			paths[e.Branch] = append(paths[e.Branch], change)
		}
	}
	return paths[branch], nil
}

// NewLiveStory makes the story of a program that w records as it runs.
func NewLiveStory(w *recording.Writer, mod *wasmvm.Module) (*Story, error) {
	r, err := w.Follow()
	if err != nil {
		return nil, err
	}
	s := NewStory(r, mod, w.Branches(r))
	s.writer = w
	return s, nil
}

// Recording is the recording of the trunk.
func (s *Story) Recording() *recording.Reader { return s.trunk }

// Branches is where the branches are kept.
func (s *Story) Branches() *recording.Branches { return s.branches }

// Growing reports whether calls can be added to a branch: to all but the trunk
// of a recording.
func (s *Story) Growing(branch int) bool { return branch > 0 || s.writer != nil }

// Select makes all hosts answer along the path of a branch.
func (s *Story) Select(branch int) {
	path := s.pathTo(branch)
	changed := !slices.Equal(s.path, path)
	s.path = path
	if changed && s.Switched != nil {
		s.Switched(path)
	}
}

// pathTo is the branches from the trunk to one of them.
func (s *Story) pathTo(branch int) (path []int) {
	for ; branch >= 0 && branch < s.branches.Num(); branch = s.branches.Branch(branch).Parent {
		path = append(path, branch)
	}
	slices.Reverse(path)
	return path
}

// Meta implements Log.
func (s *Story) Meta() recording.Meta { return s.trunk.Meta() }

// Lineage implements Log.
func (s *Story) Lineage(branch int) (parent int, first uint64) {
	b := s.branches.Branch(branch)
	return b.Parent, b.FirstCall
}

// Calls implements Log.
func (s *Story) Calls(branch int) uint64 {
	if branch == 0 {
		return s.trunk.NumCalls()
	}
	return s.branches.NumCalls(branch)
}

// Call implements Log.
func (s *Story) Call(branch int, n uint64) (*recording.HostCall, recording.Source, error) {
	for branch > 0 && n < s.branches.Branch(branch).FirstCall {
		branch = s.branches.Branch(branch).Parent
	}
	if branch == 0 {
		c, err := s.trunk.Call(n)
		return c, "", err
	}
	c, err := s.branches.Call(branch, n)
	if err != nil {
		return nil, "", err
	}
	src, err := s.branches.Source(branch, n)
	return c, src, err
}

// Func implements Log.
func (s *Story) Func(logged uint32) (name string, fn *wasi.Func) {
	f := imported(s.imports, logged)
	return f.Name, f.Fn
}

// Own reports whether call n of the selected path is a branch's own, not the
// trunk's.
func (s *Story) Own(n uint64) bool {
	return len(s.path) > 1 && n >= s.branches.Branch(s.path[1]).FirstCall
}

// Sources counts the calls of a branch's own log by the source of their answers.
func (s *Story) Sources(branch int) map[recording.Source]int {
	counts := make(map[recording.Source]int)
	for n := s.branches.Branch(branch).FirstCall; branch > 0 && n < s.Calls(branch); n++ {
		if src, err := s.branches.Source(branch, n); err == nil {
			counts[src]++
		}
	}
	return counts
}

// Host makes the host of a machine. The main machine's makes new calls; those of
// others end with ErrEndOfLog where the log does, and tell nobody of output.
func (s *Story) Host(main bool) wasmvm.Host { return s.replayer(main) }

func (s *Story) replayer(main bool) *Replayer {
	h := &Replayer{r: s.trunk, log: pathLog{s}, imports: s.imports}
	h.beyond = func(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
		if !main {
			return h.endOfPath(s, m, fn, args)
		}
		return s.make(h, m, fn, args, results)
	}
	if main {
		h.Output = func(call uint64, fd uint32, p []byte) {
			if s.Output != nil {
				s.Output(call, fd, p)
			}
		}
	}
	return h
}

// endOfPath is the error for a call that nobody answers.
func (h *Replayer) endOfPath(s *Story, m *wasmvm.Machine, fn uint32, args []uint64) error {
	if s.selected() > 0 || s.writer != nil {
		return ErrEndOfLog
	}
	return h.afterEnd(m, fn, args, nil)
}

// pathLog is the calls along the selected path.
type pathLog struct{ s *Story }

func (l pathLog) NumCalls() uint64 { return l.s.Calls(l.s.selected()) }

func (l pathLog) Call(n uint64) (*recording.HostCall, error) {
	c, _, err := l.s.Call(l.s.selected(), n)
	return c, err
}

func (s *Story) selected() int { return s.path[len(s.path)-1] }

// make makes a call that is in no log, applies its answer and logs it.
func (s *Story) make(h *Replayer, m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	branch := s.selected()
	beyond := s.Branch
	if branch == 0 {
		beyond = s.Trunk
	}
	imp := imported(h.imports, fn)
	if beyond == nil {
		return h.endOfPath(s, m, fn, args)
	}
	n := m.HostCalls()
	var answer recording.HostCall
	src := recording.SourceKnown
	if imp.Fn != nil && !imp.Fn.HasErrno {
		answer.NoReturn = true // proc_exit
	} else {
		var err error
		answer, src, err = beyond.Answer(&Call{Branch: branch, N: n, Name: imp.Name, Fn: imp.Fn, Import: imp.Logged, Args: args, M: m, Log: s})
		if err != nil {
			return err
		}
		if !answer.NoReturn && len(answer.Results) != len(results) {
			return fmt.Errorf("host call %d: %s has %d results, its answer %d", n, imp.Name, len(results), len(answer.Results))
		}
	}
	answer.Import, answer.Args, answer.Inputs = imp.Logged, slices.Clone(args), 0
	if imp.Fn != nil {
		answer.Inputs = imp.Fn.Digest(args, m.Memory())
	}
	if err := s.log(branch, &answer, src); err != nil {
		return err
	}
	return h.apply(m, n, fn, &answer, args, results)
}

// log adds a call to the log of a branch. It is logged before it is applied, so
// that whatever the program does next can be repeated.
func (s *Story) log(branch int, c *recording.HostCall, src recording.Source) error {
	if branch > 0 {
		return s.branches.Append(branch, c, src)
	}
	if s.writer == nil {
		return fmt.Errorf("host call %d: the recording has ended", s.trunk.NumCalls())
	}
	return s.writer.Append(c)
}

package rebuilt

import (
	"errors"
	"fmt"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
	"wrev/wasmvm/host/answers"
	"wrev/wasmvm/host/fds"
	"wrev/wasmvm/wasi"
)

// branch is the number that the run has for the policy.
const branch = 1

// HostCall implements wasmvm.Host for the new program.
func (r *run) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	imp := r.own[fn]
	c := &host.Call{Branch: branch, N: m.HostCalls(), Name: imp.Name, Fn: imp.Fn, Import: imp.shared, Args: args, M: m, Log: r}
	answer, source, p, err := r.answer(c)
	if err != nil {
		return err
	}
	r.count(source, p)
	r.sources, r.pairs = append(r.sources, source), append(r.pairs, p)
	r.print(c, &answer)
	answer.Import, answer.Args = imp.Logged, args
	if err := r.writer.Append(&answer); err != nil {
		return err
	}
	if answer.NoReturn {
		return &wasmvm.ExitError{Code: uint32(args[0])}
	}
	for _, w := range answer.Writes {
		if err := m.WriteMemory(uint64(w.Addr), w.Data); err != nil {
			return err
		}
	}
	copy(results, answer.Results)
	r.table.Apply(imp.Fn, &answer, fds.Origin{Branch: branch, Call: c.N})
	return nil
}

func (r *run) count(source recording.Source, p pair) {
	r.report.Calls++
	if p.ok {
		r.report.Same++
	} else {
		r.report.Otherwise[source]++
	}
}

// answer finds the answer of a call: the recorded one if it is one of the next
// recorded calls.
func (r *run) answer(c *host.Call) (recording.HostCall, recording.Source, pair, error) {
	now := answers.Ask(c.Fn, c.Args, c.M.Memory())
	ahead, err := r.old.ahead()
	if err != nil {
		return recording.HostCall{}, "", pair{}, err
	}
	for i := range ahead {
		old := &ahead[i]
		if !old.Same(&now, r.number) {
			continue
		}
		r.parted(c, &now, ahead, i)
		p := pair{old.number, true}
		answer, fits := r.relocate(old, c)
		source := recording.SourceMatched
		if !fits { // arguments, say, or the end: what is known is the same
			if answer, source, err = r.policy.Answer(c); err != nil {
				return answer, source, pair{}, err
			}
			p.ok = source == recording.SourceKnown
		}
		r.report.LeftOut += uint64(i)
		r.follow(old, &answer)
		r.old.queue = r.old.queue[i+1:]
		return answer, source, p, nil
	}
	r.parted(c, &now, ahead, len(ahead))
	answer, source, err := r.policy.Answer(c)
	return answer, source, pair{}, err
}

// parted notes the first difference. same is which of the calls ahead asks the
// same.
func (r *run) parted(c *host.Call, now *answers.Asked, ahead []asked, same int) {
	if same == 0 && len(ahead) > 0 || r.report.Parting != nil {
		return
	}
	p := &Parting{Call: c.N, Position: c.M.Position(), New: now.Text}
	if len(ahead) > 0 {
		p.Recorded = ahead[0].Text
	}
	r.report.Parting = p
}

func (r *run) relocate(old *asked, c *host.Call) (recording.HostCall, bool) {
	if old.call.NoReturn {
		return recording.HostCall{}, false
	}
	return old.Relocate(old.call, c, r.table.Free())
}

// number is the descriptor of the new program for one of the recorded program.
func (r *run) number(fd uint32) uint32 {
	if n, ok := r.numbers[fd]; ok {
		return n
	}
	return fd
}

// follow notes which descriptors of the two programs are the same.
func (r *run) follow(old *asked, answer *recording.HostCall) {
	if len(answer.Results) != 1 || answer.Results[0] != 0 {
		return
	}
	arg := map[string]int{"path_open": 8, "sock_accept": 2}[old.Fn.Name]
	switch {
	case arg != 0:
		was, ok := fds.Word(old.call, arg)
		is, opened := fds.Word(answer, arg)
		if ok && opened {
			r.numbers[was] = is
		}
	case old.Fn.Name == "fd_close":
		delete(r.numbers, uint32(old.call.Args[0]))
	case old.Fn.Name == "fd_renumber":
		delete(r.numbers, uint32(old.call.Args[0]))
		r.numbers[uint32(old.call.Args[1])] = uint32(answer.Args[1])
	}
}

// print passes on what the program prints.
func (r *run) print(c *host.Call, answer *recording.HostCall) {
	if r.options.Output != nil && c.Fn.Name == "fd_write" && (uint32(c.Args[0]) == 1 || uint32(c.Args[0]) == 2) {
		if text := host.Printed(answer, c.Args, c.M.Memory()); len(text) > 0 {
			r.options.Output(uint32(c.Args[0]), text)
		}
	}
}

// The methods below implement host.Log, and answers.Pairing.

// Meta implements host.Log.
func (r *run) Meta() recording.Meta { return r.rec.Meta() }

// Lineage implements host.Log.
func (r *run) Lineage(id int) (parent int, first uint64) {
	if id == 0 {
		return -1, 0
	}
	return 0, 0
}

// Calls implements host.Log.
func (r *run) Calls(id int) uint64 {
	if id == 0 {
		return r.rec.NumCalls()
	}
	return uint64(len(r.sources))
}

// Call implements host.Log.
func (r *run) Call(id int, n uint64) (*recording.HostCall, recording.Source, error) {
	if id == 0 {
		c, err := r.rec.Call(n)
		return c, "", err
	}
	c, err := r.log.Call(n)
	if err != nil {
		return nil, "", err
	}
	shared := *c
	shared.Import = r.own[c.Import].shared
	return &shared, r.sources[n], nil
}

// Func implements host.Log.
func (r *run) Func(logged uint32) (name string, fn *wasi.Func) {
	if logged < uint32(len(r.shared)) {
		return r.shared[logged].Name, r.shared[logged].Fn
	}
	return fmt.Sprintf("import %d", logged), nil
}

// Pair implements answers.Pairing.
func (r *run) Pair(_ int, n uint64) (recorded uint64, ok bool) {
	if n < uint64(len(r.pairs)) {
		return r.pairs[n].recorded, r.pairs[n].ok
	}
	return 0, false
}

// visit shows the new program at one of its calls, on another machine.
func (r *run) visit(n uint64, look func(m *wasmvm.Machine) error) error {
	if r.visitor == nil || r.visitor.HostCalls() > n {
		var err error
		if r.visitor, err = wasmvm.New(r.mod, r.config(host.NewReplayer(r.log, r.mod))); err != nil {
			return err
		}
	}
	r.visitor.StopAtCall(n)
	for {
		stop := r.visitor.Run(r.visitor.Position() + step)
		switch {
		case stop.Reason == wasmvm.StopLimit:
		case stop.Reason == wasmvm.StopHost && errors.Is(stop.Err, wasmvm.ErrStopAtCall):
			return look(r.visitor)
		case stop.Err != nil:
			return stop.Err
		default:
			return fmt.Errorf("the program ends before host call %d", n)
		}
	}
}

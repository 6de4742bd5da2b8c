package answers

import (
	"errors"
	"fmt"
	"slices"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/host/fds"
)

// executed answers by really executing calls. The sandbox does so in a copy-on-write
// view of the mounts; its clocks go on from the last time the program saw, its
// random numbers are seeded, and it has no network. live does so on the mounts
// themselves, with real clocks and random numbers; it cannot take up connections
// again either.
type executed struct {
	policy *Policy
	source recording.Source
}

var (
	errNoInput   = errors.New("it has no standard input")
	errNoNetwork = errors.New("it has no network")
	errNoPeer    = errors.New("a recorded connection cannot be taken up again")
)

func (e executed) answer(r *request) (recording.HostCall, error) {
	real := e.source == recording.SourceLive
	switch {
	case r.Fn.Name == "poll_oneoff":
		return r.poll(func(d fds.Descriptor, read bool) (bool, error) {
			return d.Kind.InFiles() || !read && d.Kind.Standard(), nil
		})
	case real:
	case r.Fn.Name == "clock_time_get":
		return r.nextTime(), nil
	case r.Fn.Name == "random_get":
		return r.seededRandom(), nil
	}
	if r.hasFD {
		switch {
		case r.desc.Kind == fds.Stdin:
			return recording.HostCall{}, errNoInput
		case real && r.desc.Kind == fds.Socket:
			return recording.HostCall{}, errNoPeer
		case r.desc.Kind == fds.Socket || r.desc.Kind == fds.Listener:
			return recording.HostCall{}, errNoNetwork
		case r.desc.Kind.Standard() && r.writes():
			return r.written(), nil
		}
	}
	w, err := e.policy.world(r, e.source)
	if err != nil {
		return recording.HostCall{}, err
	}
	return w.answer(r)
}

// answer executes a call.
func (w *world) answer(r *request) (recording.HostCall, error) {
	if err := w.missing[r.fd]; err != nil && r.hasFD {
		return recording.HostCall{}, err
	}
	w.now = r.account.realtime
	c, err := w.instance.Do(r.Fn, r.Import, r.Args, r.mem)
	if err != nil {
		return c, fmt.Errorf("it failed: %w", err)
	}
	// What Do returns is good until the next one.
	c.Args, c.Results, c.Writes = slices.Clone(c.Args), slices.Clone(c.Results), slices.Clone(c.Writes)
	for i := range c.Writes {
		c.Writes[i].Data = slices.Clone(c.Writes[i].Data)
	}
	if r.Fn.Name == "path_open" && c.Results[0] == errnoOK {
		number := r.account.table.Free()
		if err := w.renumber(&c, number); err != nil {
			return c, err
		}
		for i, write := range c.Writes {
			if write.Addr == uint32(r.Args[8]) {
				c.Writes[i].Data = le32(number)
			}
		}
	}
	w.pass(r.Fn, &c)
	return c, nil
}

// maxWorlds is how many views are kept. Others are made anew when they are needed,
// from the log.
const maxWorlds = 4

type worldKey struct {
	branch int
	source recording.Source
}

// world returns the world in which a call is to be executed, as it is before it.
func (p *Policy) world(r *request, source recording.Source) (*world, error) {
	key := worldKey{r.Branch, source}
	w := p.worlds[key]
	if w != nil && w.next > r.N {
		if err := p.forget(key); err != nil {
			return nil, err
		}
		w = nil
	}
	if w == nil {
		real := source == recording.SourceLive
		if real && p.options.Warn != nil && !p.warned[r.Branch] {
			p.warned[r.Branch] = true
			p.options.Warn(fmt.Sprintf("from host call %d on, branch %d has real effects: it changes the files of the mounted directories", r.N, r.Branch))
		}
		var err error
		if w, err = newWorld(&p.books, r.Branch, real, &p.options); err != nil {
			return nil, err
		}
		if len(p.recent) == maxWorlds {
			if err := p.forget(p.recent[0]); err != nil {
				return nil, err
			}
		}
		p.worlds[key] = w
	}
	p.recent = append(slices.DeleteFunc(p.recent, func(k worldKey) bool { return k == key }), key)
	return w, w.follow(r.N, p.options.Visit)
}

// forget closes a world.
func (p *Policy) forget(key worldKey) error {
	w := p.worlds[key]
	delete(p.worlds, key)
	p.recent = slices.DeleteFunc(p.recent, func(k worldKey) bool { return k == key })
	return w.close()
}

// happened lets the worlds follow a call that was answered otherwise, as long as
// its memory is at hand.
func (p *Policy) happened(r *request, c *recording.HostCall, source recording.Source) {
	for key, w := range p.worlds {
		if key.branch != r.Branch || w.next != r.N {
			continue
		}
		if w.concerns(r.Fn, c) {
			w.happen(r.Fn, c, source, r.mem)
		} else {
			w.pass(r.Fn, c)
		}
	}
}

// Close removes the views. The Policy can be used again after it.
func (p *Policy) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, key := range slices.Clone(p.recent) {
		err = errors.Join(err, p.forget(key))
	}
	return err
}

package reverse

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"wrev/checkpoint"
	"wrev/checkpoint/cache"
	"wrev/wasmvm"
)

// Cache says where checkpoints are kept for the next time.
type Cache struct {
	Path string
	// Recording names what the host answers from, the module and all else that
	// the history follows from. A file of another one is not used.
	Recording [32]byte
	// MaxBytes is how large the file may get; 0 means cache.DefaultMaxBytes.
	MaxBytes int64
	// Keep, if not nil, gives bytes of the timeline's user to be kept in the
	// file; it is called on another goroutine. Take gets them back, in New.
	Keep func() []byte
	Take func([]byte) error
}

// cacheWorth is the shortest history, in instructions, that is worth a file:
// running through it takes 30 to 100 ms.
const cacheWorth = 100_000_000

// maxCachedStates bounds the memory that the states of a cache take, in bytes:
// deep stacks make them large.
const maxCachedStates = 64 << 20

func (c *Cache) key() cache.Key {
	return cache.Key{Recording: c.Recording, State: strconv.Itoa(wasmvm.StateVersion)}
}

// loadCache takes over the checkpoints of the cache file. Whatever is wrong with
// it is told to Warn, and costs only time.
func (t *Timeline) loadCache() {
	if t.opt.Cache == nil {
		return
	}
	file, err := cache.Open(t.opt.Cache.Path, t.opt.Cache.key(), t.cur.store)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			t.warn(err)
		}
		return
	}
	total := 0
	for i := range file.Len() {
		n, err := t.loadCheckpoint(file, i)
		if err != nil {
			t.warn(fmt.Errorf("a checkpoint in %s is not used: %w", t.opt.Cache.Path, err))
		}
		if total += n; total > maxCachedStates {
			break
		}
	}
	t.saved = t.hist.horizon
	t.hist.trim(t.Now())
	if err := t.takeKept(file); err != nil {
		t.warn(fmt.Errorf("%s: %w", t.opt.Cache.Path, err))
	}
	if err := file.Close(); err != nil {
		t.warn(err)
	}
}

// keptName is the name under which the cache file has what Keep gave.
const keptName = "kept"

// takeKept gives Take what Keep once gave.
func (t *Timeline) takeKept(file *cache.Cache) error {
	if t.opt.Cache.Take == nil {
		return nil
	}
	kept, err := file.Extra(keptName)
	if errors.Is(err, cache.ErrNoExtra) {
		return nil
	}
	if err == nil {
		err = t.opt.Cache.Take(kept)
	}
	return err
}

// loadCheckpoint takes over one checkpoint and returns the size of its state.
// Pages of its memory are read and checked when they are needed.
func (t *Timeline) loadCheckpoint(file *cache.Cache, i int) (int, error) {
	at := file.At(i)
	if at.Position <= t.hist.origin() || t.hist.has(at.Position) {
		return 0, nil
	}
	state, err := file.State(i)
	if err != nil {
		return 0, err
	}
	core, stack, err := t.cur.m.DecodeState(state)
	if err != nil {
		return 0, err
	}
	if core.Position() != at.Position {
		return 0, fmt.Errorf("it says that it is of position %d, its state is of %d", at.Position, core.Position())
	}
	s := &snapshot{pos: at.Position, calls: core.HostCalls(), core: core, mem: at.Memory.Retain(), size: int64(core.Size()) + snapshotBytes}
	s.stack, _ = t.cur.store.Snapshot(nil, stack, nil)
	t.hist.add(s)
	return len(state), nil
}

func (t *Timeline) warn(err error) {
	if t.opt.Warn != nil {
		t.opt.Warn(err)
	}
}

// saveCache writes the checkpoints to the cache file on another goroutine,
// unless that would gain nothing. The end of history is the time for it: there
// is nothing left to run, and the debugger's user has something to look at.
func (t *Timeline) saveCache() {
	last := t.hist.list[len(t.hist.list)-1].pos
	if t.opt.Cache == nil || t.saving != nil || last < t.saved+t.cacheMin {
		return
	}
	t.saved = last
	list := t.backbone()
	job := &cacheJob{m: t.cur.m, store: t.cur.store, to: *t.opt.Cache, done: make(chan struct{})}
	for _, s := range list {
		kept := *s
		kept.mem, kept.stack = s.mem.Retain(), s.stack.Retain()
		job.list = append(job.list, &kept)
	}
	t.saving = job
	go job.run()
}

// backbone is the checkpoints that are worth keeping for the next time: those
// that are about an interval apart, and the last. The most useful come first,
// in case that there is not room for all: the last, then those that halve what
// is left.
func (t *Timeline) backbone() []*snapshot {
	list := t.hist.list
	var spine []*snapshot
	next := list[0].pos + t.pace.interval/2
	for i, s := range list[1:] {
		if s.pos >= next || i == len(list)-2 {
			spine = append(spine, s)
			next = s.pos + t.pace.interval/2
		}
	}
	slices.Reverse(spine)
	// Counting with the bits reversed visits the middle before the quarters.
	out := make([]*snapshot, 0, len(spine))
	size := bits.Len(uint(max(len(spine)-1, 0)))
	for i := range 1 << size {
		if k := bits.Reverse64(uint64(i)) >> (64 - size); k < uint64(len(spine)) {
			out = append(out, spine[k])
		}
	}
	return out
}

// cacheJob writes one cache file.
type cacheJob struct {
	m     *wasmvm.Machine // only to encode states, which any goroutine may do
	store *checkpoint.Store
	to    Cache
	list  []*snapshot
	added atomic.Int64 // how many of them are written
	done  chan struct{}
	err   error
}

func (j *cacheJob) run() {
	defer close(j.done)
	j.err = j.write()
	for _, s := range j.list {
		s.release()
	}
}

func (j *cacheJob) write() error {
	w, err := cache.Create(j.to.Path, j.to.key(), j.store, cache.Options{MaxBytes: j.to.MaxBytes})
	if err != nil {
		return err
	}
	for _, s := range j.list {
		err := j.add(w, s)
		j.added.Add(1)
		if errors.Is(err, cache.ErrFull) {
			break
		}
		if err != nil && !errors.Is(err, checkpoint.ErrLost) { // a lost one is left out
			w.Abort()
			return err
		}
	}
	extra := map[string][]byte{}
	if j.to.Keep != nil {
		extra[keptName] = j.to.Keep()
	}
	return w.Commit(extra)
}

func (j *cacheJob) add(w *cache.Writer, s *snapshot) error {
	stack := make([]byte, s.stack.Size())
	if _, err := s.stack.Restore(stack, nil, 0, nil); err != nil {
		return err
	}
	state, err := j.m.EncodeState(nil, s.core, stack)
	if err != nil {
		return err
	}
	return w.Add(cache.Entry{Position: s.pos, State: state, Memory: s.mem})
}

// finishSaving waits until the cache file that is being written is complete.
func (t *Timeline) finishSaving() error {
	job := t.saving
	if job == nil {
		return nil
	}
	defer t.prog.end()
	defer t.prog.begin(ProgressSave, uint64(len(job.list)), func() uint64 { return uint64(job.added.Load()) })()
	pace := time.NewTicker(progressEvery)
	defer pace.Stop()
	for waiting := true; waiting; {
		select {
		case <-job.done:
			waiting = false
		case <-pace.C:
			t.prog.tick()
		}
	}
	err := job.err
	t.saving = nil
	if err != nil {
		return fmt.Errorf("checkpoints are not kept for the next time: %w", err)
	}
	return nil
}

// Close waits until checkpoints are kept in the cache file, if there is to be
// one, and gives up the timeline's files. Its error tells what went wrong with
// keeping them; nothing else can. What was tried and not kept is lost. The
// timeline must not be used afterwards.
func (t *Timeline) Close() error {
	t.hist.follow(pathTo(t.hist.nodes[0])) // the cache is of the trunk
	err := t.finishSaving()
	if err == nil {
		t.saveCache()
		err = t.finishSaving()
	}
	t.dismiss(0)
	t.cur.forget()
	if t.visitor != nil {
		t.visitor.forget()
	}
	for _, s := range t.hist.list {
		s.release()
	}
	for _, n := range t.hist.nodes {
		for _, s := range n.parked {
			s.release()
		}
	}
	return errors.Join(err, t.cur.store.Close())
}

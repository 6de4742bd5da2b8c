package benchtable

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"wrev/wasmvm"
)

const (
	coldWatches = 10     // in as many pages
	sampled     = 20_000 // accesses in the middle of a run that tell which bytes are used most
	watchLen    = 8      // bytes, aligned
	watchPage   = 4096   // bytes
	perPage     = watchPage / watchLen
)

// watchSetup is a way to run a kernel with watchpoints that are never touched.
type watchSetup struct {
	name    string
	watches []wasmvm.Watch
}

// Watches measures what watchpoints cost that are never touched: in pages that the kernel does not use, and beside the bytes that it uses most.
func Watches(kernels []Kernel, rounds int) (*Table, error) {
	t := &Table{
		Title:  fmt.Sprintf("Watchpoints that nothing touches, C at -%s: replaying with them against without (CPU time, least of %d)", kernels[0].Opt, rounds),
		Header: []string{"kernel", "none, ms", "10 watch, cold", "10 awatch, cold", "watch, hot", "awatch, hot"},
		Notes: []string{"cold: in pages the kernel does not use; hot: one, in the page it uses most, beside the bytes it uses most;",
			"-: no page that it uses has bytes it does not use"},
	}
	var ratios [4][]float64
	for _, k := range kernels {
		setups, err := watchSetups(k)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", k.Name, k.Opt, err)
		}
		best := make([]float64, len(setups))
		for round := range rounds {
			for i, s := range setups {
				d, err := measureWatches(k, s.watches)
				if err != nil {
					return nil, fmt.Errorf("%s.%s with %s: %w", k.Name, k.Opt, s.name, err)
				}
				if ms := float64(d) / 1e6; round == 0 || ms < best[i] {
					best[i] = ms
				}
			}
		}
		row := []any{k.Name, best[0]}
		for i, ms := range best[1:] {
			ratios[i] = append(ratios[i], ms/best[0])
			row = append(row, ratio(ms/best[0]))
		}
		for len(row) < len(t.Header) {
			row = append(row, "-")
		}
		t.Add(row...)
	}
	mean, worst := []any{"geometric mean", ""}, []any{"worst", ""}
	for _, r := range ratios {
		mean, worst = append(mean, ratio(GeoMean(r))), append(worst, ratio(slices.Max(r)))
	}
	t.Add(mean...)
	t.Add(worst...)
	return t, nil
}

func ratio(r float64) string { return fmt.Sprintf("%.3fx", r) }

func measureWatches(k Kernel, watches []wasmvm.Watch) (time.Duration, error) {
	m, _, err := newVM(k)
	if err != nil {
		return 0, err
	}
	m.SetWatches(watches)
	runtime.GC()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	err = runVM(m)
	return threadTime() - before, err
}

// watchSetups lists no watchpoints, and the four kinds that the table has.
func watchSetups(k Kernel) ([]watchSetup, error) {
	const write, access = wasmvm.WatchWrite, wasmvm.WatchWrite | wasmvm.WatchRead
	m, _, err := newVM(k)
	if err != nil {
		return nil, err
	}
	if err := runVM(m); err != nil {
		return nil, err
	}
	half, size := m.Position()/2, uint64(len(m.Memory()))
	cold, err := coldPages(k, m.Dirty(nil), size)
	if err != nil {
		return nil, err
	}
	use, err := sampleUse(k, half, size)
	if err != nil {
		return nil, err
	}
	setups := []watchSetup{{name: "none"}, {"cold writes", each(cold, write)}, {"cold accesses", each(cold, access)}}
	for _, kind := range []wasmvm.WatchKind{write, access} {
		hot, ok, err := use.besideMost(k, kind)
		if err != nil {
			return nil, err
		}
		if ok {
			setups = append(setups, watchSetup{"hot", []wasmvm.Watch{hot}})
		}
	}
	return setups, nil
}

// each watches the beginning of each page.
func each(pages []uint64, kind wasmvm.WatchKind) (list []wasmvm.Watch) {
	for _, p := range pages {
		list = append(list, wasmvm.Watch{Kind: kind, Addr: p * watchPage, Len: watchLen})
	}
	return list
}

// coldPages finds pages that the kernel neither writes nor reads, the last ones of memory.
func coldPages(k Kernel, dirty []uint32, size uint64) (pages []uint64, err error) {
	next := size / watchPage
	for {
		for next > 1 && len(pages) < coldWatches {
			if next--; !slices.Contains(dirty, uint32(next)) {
				pages = append(pages, next)
			}
		}
		if len(pages) < coldWatches {
			return nil, fmt.Errorf("only %d pages of memory are not used, want %d", len(pages), coldWatches)
		}
		whole := make([]wasmvm.Watch, len(pages))
		for i, p := range pages {
			whole[i] = wasmvm.Watch{Kind: wasmvm.WatchRead, Addr: p * watchPage, Len: watchPage}
		}
		read, err := touched(k, whole)
		if err != nil || read < 0 {
			return pages, err
		}
		pages = slices.Delete(pages, read, read+1)
	}
}

// touched is the first watchpoint that a kernel touches, or -1.
func touched(k Kernel, ws []wasmvm.Watch) (int, error) {
	m, _, err := newVM(k)
	if err != nil {
		return 0, err
	}
	m.SetWatches(ws)
	switch s := m.Run(^uint64(0)); s.Reason {
	case wasmvm.StopWatch:
		return s.Watches[0].Index, nil
	case wasmvm.StopExit:
		return -1, nil
	default:
		return 0, fmt.Errorf("stopped by %v at position %d: %v %v", s.Reason, m.Position(), s.Trap, s.Err)
	}
}

// use is how often a kernel touched each of its granules of watchLen bytes in a part of a run.
type use map[uint64]int

func sampleUse(k Kernel, at, size uint64) (use, error) {
	m, _, err := newVM(k)
	if err != nil {
		return nil, err
	}
	m.Run(at)
	m.SetWatches([]wasmvm.Watch{{Kind: wasmvm.WatchWrite | wasmvm.WatchRead, Len: size}})
	u := use{}
	for range sampled {
		s := m.Run(^uint64(0))
		if s.Reason != wasmvm.StopWatch {
			break
		}
		for _, h := range s.Watches {
			u[h.Addr/watchLen]++
		}
	}
	return u, nil
}

// besideMost watches what is nearest to the most used bytes of its page and is not touched itself, in the page that is used most of those that have such.
// ok is false if there is none.
func (u use) besideMost(k Kernel, kind wasmvm.WatchKind) (w wasmvm.Watch, ok bool, err error) {
	pages, most := map[uint64]int{}, map[uint64]uint64{} // uses of each page, and its most used granule
	for _, g := range slices.Sorted(maps.Keys(u)) {
		p := g / perPage
		if pages[p] == 0 || u[g] > u[most[p]] {
			most[p] = g
		}
		pages[p] += u[g]
	}
	byUse := slices.SortedFunc(maps.Keys(pages), func(p, q uint64) int { return cmp.Or(pages[q]-pages[p], int(p)-int(q)) })
	for _, p := range byUse {
		if w, ok, err := u.beside(k, kind, most[p]); ok || err != nil {
			return w, ok, err
		}
	}
	return w, false, nil
}

// beside watches the granule that is nearest to another one in the same page and is not touched.
func (u use) beside(k Kernel, kind wasmvm.WatchKind, to uint64) (w wasmvm.Watch, ok bool, err error) {
	for away := uint64(1); away < perPage; away++ {
		for _, g := range []uint64{to - away, to + away} {
			if g/perPage != to/perPage || u[g] > 0 {
				continue
			}
			w = wasmvm.Watch{Kind: kind, Addr: g * watchLen, Len: watchLen}
			if hit, err := touched(k, []wasmvm.Watch{w}); err != nil || hit < 0 {
				return w, err == nil, err
			}
		}
	}
	return w, false, nil
}

package debuginfo

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"

	"wrev/wasmvm"
)

// Info is a module's debug info. It is safe for concurrent use.
type Info struct {
	mod *wasmvm.Module

	mu    sync.Mutex
	ready bool
	data  *dwarf.Data // nil without usable debug info
	err   error       // why there is none
	units []*unit
	spans []unitSpan // of all units, by lo
}

// unit is a compile unit with what was read of it so far.
type unit struct {
	entry *dwarf.Entry

	haveLines bool
	rows      []row // by pc

	haveFuncs bool
	funcs     []subprogram // by lo
}

// unitSpan is code that belongs to a unit.
type unitSpan struct {
	lo, hi uint64
	unit   *unit
}

// New returns the debug info of a module. It reads nothing yet.
func New(mod *wasmvm.Module) *Info { return &Info{mod: mod} }

// Err says why there are no lines: the module has no debug info, or it cannot be
// read. It is nil if there are any.
func (i *Info) Err() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.load()
	return i.err
}

// Describe says where pc is, for messages: "update_stock at inventory.c:88",
// "update_stock" if the line is not known.
func (i *Info) Describe(pc uint32) string {
	name := i.FuncName(pc)
	if line, ok := i.LineFor(pc); ok {
		return fmt.Sprintf("%s at %s:%d", name, path.Base(strings.ReplaceAll(line.File, `\`, "/")), line.Line)
	}
	return name
}

// load finds the units and their code.
func (i *Info) load() {
	if i.ready {
		return
	}
	i.ready = true
	if i.data, i.err = open(i.mod); i.err != nil {
		return
	}
	r := i.data.Reader()
	for {
		e, err := r.Next()
		if err != nil || e == nil {
			i.err = err
			break
		}
		r.SkipChildren()
		if e.Tag != dwarf.TagCompileUnit {
			continue
		}
		u := &unit{entry: e}
		i.units = append(i.units, u)
		ranges, err := i.data.Ranges(e)
		if err != nil {
			continue
		}
		for _, rg := range ranges {
			if i.isCode(rg[0]) && rg[1] > rg[0] {
				i.spans = append(i.spans, unitSpan{rg[0], rg[1], u})
			}
		}
	}
	slices.SortFunc(i.spans, func(a, b unitSpan) int { return compare(a.lo, b.lo) })
	if len(i.spans) == 0 && i.err == nil {
		i.err = errors.New("the debug info does not say where functions are (a tool such as wasm-opt rewrote the code without it)")
	}
}

// open hands the module's debug sections to debug/dwarf.
func open(mod *wasmvm.Module) (*dwarf.Data, error) {
	secs := map[string][]byte{}
	for _, c := range mod.Custom {
		if strings.HasPrefix(c.Name, ".debug_") {
			secs[c.Name] = c.Data
		}
	}
	if len(secs[".debug_info"]) == 0 {
		return nil, errors.New("the module has no debug info (compile it with -g)")
	}
	d, err := dwarf.New(secs[".debug_abbrev"], nil, nil, secs[".debug_info"], secs[".debug_line"],
		nil, secs[".debug_ranges"], secs[".debug_str"])
	if err != nil {
		return nil, fmt.Errorf("cannot read the debug info: %w", err)
	}
	for _, name := range []string{".debug_addr", ".debug_line_str", ".debug_str_offsets", ".debug_rnglists", ".debug_loclists"} {
		if err := d.AddSection(name, secs[name]); err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", name, err)
		}
	}
	return d, nil
}

// isCode tells addresses of functions from what linkers put in their place when
// they remove one.
func (i *Info) isCode(pc uint64) bool {
	return pc <= uint64(i.mod.CodeSize) && i.mod.FuncAt(uint32(pc)) != nil
}

// unitAt returns the unit that pc belongs to, or nil.
func (i *Info) unitAt(pc uint32) *unit {
	i.load()
	k := sort.Search(len(i.spans), func(k int) bool { return i.spans[k].lo > uint64(pc) })
	for k--; k >= 0; k-- {
		if s := i.spans[k]; uint64(pc) < s.hi {
			return s.unit
		} else if fn := i.mod.FuncAt(pc); fn == nil || s.lo < uint64(fn.BodyStart) {
			return nil // spans do not overlap but within a function
		}
	}
	return nil
}

func compare[T uint32 | uint64 | int](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

package debuginfo

import (
	"debug/dwarf"
	"slices"
	"sort"
)

// Func is a function's name in the source, and its code.
type Func struct {
	Name      string
	Low, High uint32 // from Low up to but not including High
}

// subprogram is the entry of a function that has code.
type subprogram struct {
	lo, hi uint32
	offset dwarf.Offset
	name   string
}

// Bounds against entries that refer to each other in circles, or nest without
// end.
const (
	maxOrigins = 8
	maxInlined = 64
)

// FuncName returns the name of the function that the instruction at pc belongs
// to in the source: one that was inlined there, else the one with that body. If
// the debug info has none it is the name in the name section.
func (i *Info) FuncName(pc uint32) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s, ok := i.subprogramAt(pc); ok {
		if name := i.inlinedAt(s, uint64(pc)); name != "" {
			return name
		}
		if s.name != "" {
			return s.name
		}
	}
	if fn := i.mod.FuncAt(pc); fn != nil {
		return i.mod.FuncName(fn.Index)
	}
	return "outside of any function"
}

// FuncAt returns the function whose body holds pc, under its name in the source.
func (i *Info) FuncAt(pc uint32) (Func, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	fn := i.mod.FuncAt(pc)
	if fn == nil {
		return Func{}, false
	}
	f := Func{i.mod.FuncName(fn.Index), fn.BodyStart, fn.BodyEnd}
	if s, ok := i.subprogramAt(pc); ok && s.name != "" {
		f.Name = s.name
	}
	return f, true
}

// Funcs returns the functions of that name in the source, by address. Without
// debug info it goes by the name section.
func (i *Info) Funcs(name string) []Func {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.load()
	var out []Func
	for _, u := range i.units {
		for _, s := range i.subprograms(u) {
			if s.name == name {
				out = append(out, Func{name, s.lo, s.hi})
			}
		}
	}
	if len(out) == 0 {
		for k := range i.mod.Funcs {
			if fn := &i.mod.Funcs[k]; i.mod.FuncName(fn.Index) == name {
				out = append(out, Func{name, fn.BodyStart, fn.BodyEnd})
			}
		}
	}
	slices.SortFunc(out, func(a, b Func) int { return compare(a.Low, b.Low) })
	return out
}

func (i *Info) subprogramAt(pc uint32) (subprogram, bool) {
	u := i.unitAt(pc)
	if u == nil {
		return subprogram{}, false
	}
	funcs := i.subprograms(u)
	k := sort.Search(len(funcs), func(k int) bool { return funcs[k].lo > pc }) - 1
	if k < 0 || pc >= funcs[k].hi {
		return subprogram{}, false
	}
	return funcs[k], true
}

// subprograms returns the unit's functions.
func (i *Info) subprograms(u *unit) []subprogram {
	if u.haveFuncs {
		return u.funcs
	}
	u.haveFuncs = true
	r := i.data.Reader()
	r.Seek(u.entry.Offset)
	if _, err := r.Next(); err != nil || !u.entry.Children {
		return nil
	}
	for depth := 1; depth > 0; {
		e, err := r.Next()
		if err != nil || e == nil {
			break
		}
		switch e.Tag {
		case 0:
			depth--
		case dwarf.TagSubprogram:
			i.addSubprogram(u, e)
			r.SkipChildren()
		case dwarf.TagNamespace, dwarf.TagModule, dwarf.TagStructType, dwarf.TagClassType:
			if e.Children {
				depth++
			}
		default:
			r.SkipChildren()
		}
	}
	slices.SortFunc(u.funcs, func(a, b subprogram) int { return compare(a.lo, b.lo) })
	return u.funcs
}

func (i *Info) addSubprogram(u *unit, e *dwarf.Entry) {
	ranges, err := i.data.Ranges(e)
	if err != nil {
		return
	}
	for _, rg := range ranges {
		if i.isCode(rg[0]) && rg[0] < rg[1] && rg[1] <= uint64(i.mod.CodeSize) {
			u.funcs = append(u.funcs, subprogram{uint32(rg[0]), uint32(rg[1]), e.Offset, i.nameOf(e)})
		}
	}
}

// nameOf returns an entry's name, or that of the entry which it completes or is
// an instance of.
func (i *Info) nameOf(e *dwarf.Entry) string {
	for range maxOrigins {
		if name, ok := e.Val(dwarf.AttrName).(string); ok {
			return name
		}
		off, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
		if !ok {
			off, ok = e.Val(dwarf.AttrSpecification).(dwarf.Offset)
		}
		if !ok {
			return ""
		}
		r := i.data.Reader()
		r.Seek(off)
		var err error
		if e, err = r.Next(); err != nil || e == nil {
			return ""
		}
	}
	return ""
}

// inlinedAt returns the name of the innermost function that was inlined into s
// at pc, "" if none was.
func (i *Info) inlinedAt(s subprogram, pc uint64) string {
	r := i.data.Reader()
	r.Seek(s.offset)
	root, err := r.Next()
	if err != nil || root == nil || !root.Children {
		return ""
	}
	name := ""
	for depth := 1; depth > 0 && depth < maxInlined; {
		e, err := r.Next()
		if err != nil || e == nil {
			break
		}
		switch e.Tag {
		case 0:
			depth--
		case dwarf.TagInlinedSubroutine, dwarf.TagLexDwarfBlock:
			if !i.covers(e, pc) {
				r.SkipChildren()
				continue
			}
			if e.Tag == dwarf.TagInlinedSubroutine {
				if n := i.nameOf(e); n != "" {
					name = n
				}
			}
			if e.Children {
				depth++
			}
		default:
			r.SkipChildren()
		}
	}
	return name
}

func (i *Info) covers(e *dwarf.Entry, pc uint64) bool {
	ranges, err := i.data.Ranges(e)
	if err != nil {
		return false
	}
	for _, rg := range ranges {
		if rg[0] <= pc && pc < rg[1] {
			return true
		}
	}
	return false
}

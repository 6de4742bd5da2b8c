package debuginfo

import (
	"debug/dwarf"
	"slices"
	"sort"
	"strings"
)

// Line is a place in the source.
type Line struct {
	File   string // as the compiler was given it, with its folder
	Line   int    // from 1
	Column int    // from 1; 0 if not known
}

// row says that the code from pc on, up to the next row, belongs to a line.
type row struct {
	pc uint32
	Line
	stmt bool
	end  bool // it belongs to none
}

// LineFor returns the line that the instruction at pc belongs to.
func (i *Info) LineFor(pc uint32) (Line, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	fn := i.mod.FuncAt(pc)
	if fn == nil {
		return Line{}, false
	}
	u := i.unitAt(pc)
	if u == nil {
		return Line{}, false
	}
	rows := i.lines(u)
	k := sort.Search(len(rows), func(k int) bool { return rows[k].pc > pc })
	// Code without a line belongs to what comes before it in the function.
	for j := k - 1; j >= 0 && rows[j].pc >= fn.BodyStart && !rows[j].end; j-- {
		if rows[j].Line.Line > 0 {
			return rows[j].Line, true
		}
	}
	// The start of an optimised function often has none, and takes the first.
	for ; k < len(rows) && rows[k].pc < fn.BodyEnd && !rows[k].end; k++ {
		if rows[k].Line.Line > 0 {
			return rows[k].Line, true
		}
	}
	return Line{}, false
}

// PCs returns where the code of a line starts: in each function the first
// instruction of every stretch of code of that line, ascending. A file matches
// if it is file, or ends in it after a slash.
func (i *Info) PCs(file string, line int) []uint32 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.load()
	var pcs []uint32
	for _, u := range i.units {
		rows := i.lines(u)
		for k, r := range rows {
			if r.end || !r.stmt || r.Line.Line != line || !matches(r.File, file) {
				continue
			}
			if k > 0 && !rows[k-1].end && rows[k-1].Line.Line == line && rows[k-1].File == r.File {
				continue
			}
			pcs = append(pcs, r.pc)
		}
	}
	slices.Sort(pcs)
	return slices.Compact(pcs)
}

func matches(path, file string) bool {
	return path == file || strings.HasSuffix(path, "/"+strings.TrimPrefix(file, "./"))
}

// lines returns the unit's line table, without what belongs to removed code.
func (i *Info) lines(u *unit) []row {
	if u.haveLines {
		return u.rows
	}
	u.haveLines = true
	r, err := i.data.LineReader(u.entry)
	if err != nil || r == nil {
		return nil
	}
	var seq []row
	var e dwarf.LineEntry
	for r.Next(&e) == nil {
		if len(seq) == 0 && !i.isCode(e.Address) || e.Address > uint64(i.mod.CodeSize) {
			seq = nil
			continue
		}
		line := Line{Line: e.Line, Column: e.Column}
		if e.File != nil {
			line.File = e.File.Name
		}
		seq = append(seq, row{uint32(e.Address), line, e.IsStmt, e.EndSequence})
		if e.EndSequence {
			u.rows = append(u.rows, seq...)
			seq = seq[:0]
		}
	}
	slices.SortStableFunc(u.rows, func(a, b row) int {
		if c := compare(a.pc, b.pc); c != 0 || a.end == b.end {
			return c
		}
		if a.end {
			return -1 // what ends here ends before what starts here
		}
		return 1
	})
	return u.rows
}

package wasmvm

import (
	"fmt"
	"slices"
)

// Entering a try_table counts like a block. It has no effect but one: wazero, which recordings are made with, brings the locals of the function back to
// what they were at the try_table when one of its clauses catches, where the specification keeps what they have become. So entering copies
// the locals that the body sets to slots of their own, which lie between the locals and the link. Which try_tables are
// active follows from the instruction that a frame is at, but for the modules that handlers.go is about.

// tryTable is a try_table with catch clauses that can be reached.
type tryTable struct {
	start, end int // its instructions
	catches    []catchClause
	saves      []save
	parent     int // the try_table around it, -1 if there is none
	first      int // its first slot behind the locals
	slots      int
	sets       []uint32 // locals that the body sets
}

// catchClause is a clause, with what a throw needs to know of its label.
type catchClause struct {
	clause
	idx   int  // instruction to land on
	slot  int  // of the first operand that the label takes, from the first operand's
	lands bool // on the end of a try_table
}

// clause is a catch clause as it is encoded.
type clause struct {
	kind       byte
	tag, label uint32
}

// The kinds of clauses are sets of these bits.
const (
	catchRef byte = 1 // the exception's reference is passed on
	catchAll byte = 2 // whatever the tag
)

// save is a local that is kept at a try_table, by slots of the frame.
type save struct{ local, slot, slots int }

// openBlock is a block while its try_tables are found.
type openBlock struct {
	try   int                   // number of the try_table, -1 if it is none
	loop  int                   // instruction of a loop, 0 if it is none
	lands []func() *catchClause // clauses whose label is the block's end
}

// tryTables finds the try_tables of a function, and how many slots their copies of locals take.
func (m *Module) tryTables(fn *Func) (tries []tryTable, hidden int, err error) {
	open := []openBlock{{try: -1}}
	err = m.eachInstr(fn, func(i int, _ uint32, in *instr, t *typer) error {
		switch in.op {
		case OpBlock, OpIf:
			open = append(open, openBlock{try: -1})
		case OpLoop:
			open = append(open, openBlock{try: -1, loop: i})
		case OpTryTable:
			b := openBlock{try: -1}
			if !t.dead && len(in.catches) > 0 {
				b.try = len(tries)
				tries = append(tries, tryTable{start: i, parent: enclosingTry(open)})
				tries[b.try].catches = make([]catchClause, len(in.catches))
				for k, c := range in.catches {
					if err := landing(&open, t, &tries, b.try, k, c); err != nil {
						return err
					}
				}
			}
			open = append(open, b)
		case OpEnd:
			b := open[len(open)-1]
			open = open[:len(open)-1]
			for _, c := range b.lands {
				c().idx = i
			}
			if b.try >= 0 {
				tries[b.try].end = i
			}
		case OpLocalSet, OpLocalTee:
			for try := enclosingTry(open); try >= 0 && !t.dead; try = tries[try].parent {
				if !slices.Contains(tries[try].sets, in.a) {
					tries[try].sets = append(tries[try].sets, in.a)
				}
			}
		}
		return nil
	})
	return tries, placeSaves(fn, tries), err
}

func enclosingTry(open []openBlock) int {
	for i := len(open) - 1; i >= 0; i-- {
		if open[i].try >= 0 {
			return open[i].try
		}
	}
	return -1
}

// landing finds out where clause k of a try_table leads, before the try_table's own label is there.
func landing(open *[]openBlock, t *typer, tries *[]tryTable, try, k int, c clause) error {
	target, err := t.label(c.label)
	if err != nil {
		return err
	}
	cc := &(*tries)[try].catches[k]
	cc.clause, cc.slot, cc.lands = c, t.offset(target.height), target.op == OpTryTable
	b := &(*open)[len(*open)-1-int(c.label)]
	if target.op == OpLoop {
		cc.idx = b.loop
	} else {
		b.lands = append(b.lands, func() *catchClause { return &(*tries)[try].catches[k] })
	}
	return nil
}

// placeSaves gives the copies their slots; try_tables that are not inside each other share them.
func placeSaves(fn *Func, tries []tryTable) (hidden int) {
	slots, locals := localSlots(fn), slotsOf(fn.Locals)
	for i := range tries {
		t := &tries[i]
		if t.parent >= 0 {
			t.first = tries[t.parent].first + tries[t.parent].slots
		}
		slices.Sort(t.sets)
		for _, l := range t.sets {
			if int64(l) >= int64(len(fn.Locals)) {
				continue // which the typer refuses
			}
			n := fn.Locals[l].Slots()
			t.saves = append(t.saves, save{slots[l], locals + t.first + t.slots, n})
			t.slots += n
		}
		hidden = max(hidden, t.first+t.slots)
	}
	return hidden
}

// saveLocals makes the copies of locals that entering a try_table makes, in the frame at a slot.
func (m *Machine) saveLocals(t *tryTable, at int) {
	for _, s := range t.saves {
		copy(m.stack[at+s.slot:], m.stack[at+s.local:at+s.local+s.slots])
	}
}

// around says whether the try_table is active at an instruction.
func (t *tryTable) around(idx int) bool { return idx > t.start && idx < t.end }

// tryAt is the try_table at an instruction, nil if it has no clauses.
func (l *Layout) tryAt(idx int) *tryTable {
	i, ok := slices.BinarySearchFunc(l.tries, idx, func(t tryTable, idx int) int { return t.start - idx })
	if !ok {
		return nil
	}
	return &l.tries[i]
}

// catches reads the clauses of a try_table.
func (r *instrReader) catches(in *instr) {
	n, _ := r.count()
	in.catches = in.catches[:0]
	for range n {
		c := clause{kind: r.byte()}
		if c.kind > catchAll|catchRef {
			r.fail(fmt.Errorf("catch clause of unknown kind %d", c.kind))
		}
		if c.kind&catchAll == 0 {
			c.tag = r.u32()
		}
		if c.label = r.u32(); r.err != nil {
			return
		}
		in.catches = append(in.catches, c)
	}
}

// catch checks the clauses of a try_table and notes where they lead.
func (t *typer) catch(in *instr) error {
	for _, c := range in.catches {
		target, err := t.label(c.label)
		if err != nil {
			return err
		}
		var ts []ValType
		if c.kind&catchAll == 0 {
			ft, err := t.m.tagType(c.tag)
			if err != nil {
				return err
			}
			ts = ft.Params
		}
		n := len(ts) + int(c.kind&catchRef)
		want := target.labelTypes()
		if len(want) != n {
			return fmt.Errorf("catch clause delivers %d values, its label takes %d", n, len(want))
		}
		for i := range want {
			if i < len(ts) && ts[i].Slots() != want[i].Slots() || i >= len(ts) && want[i].Slots() != 1 {
				return errWidth
			}
		}
		if target.op != OpLoop {
			target.targeted = true
		}
	}
	return nil
}

// throw follows throw and throw_ref.
func (t *typer) throw(in *instr) error {
	t.dead = true
	if in.op == OpThrowRef {
		return t.holds([]ValType{ExnRef})
	}
	ft, err := t.m.tagType(in.a)
	if err != nil {
		return err
	}
	return t.holds(ft.Params)
}

// tagType is the type of a tag.
func (m *Module) tagType(tag uint32) (*FuncType, error) {
	if int64(tag) >= int64(len(m.Tags)) {
		return nil, fmt.Errorf("tag %d does not exist", tag)
	}
	return &m.Types[m.Tags[tag]], nil
}

// try lowers the entering of a try_table.
func (l *fastLowerer) try(in *instr, t *typer) error {
	l.flush(0)
	try := l.layout.tryAt(l.i)
	if try == nil {
		return nil
	}
	for _, s := range try.saves {
		w := ins{op: irMov, a: uint16(s.slot), b: uint16(s.local)}
		if s.slots == 2 {
			w.op = irMov2
		}
		l.emit(w)
	}
	l.last = -1
	for _, c := range in.catches {
		if int64(c.label) >= int64(len(l.ctrl)) {
			return fmt.Errorf("label %d does not exist", c.label)
		}
		l.ctrl[len(l.ctrl)-1-int(c.label)].landing = true
	}
	return nil
}

func (l *fastLowerer) throw(in *instr) error {
	n, w := 1, ins{op: irDriver, b: drvThrowRef, e: int32(l.i)}
	if in.op == OpThrow {
		ft, err := l.m.tagType(in.a)
		if err != nil {
			return err
		}
		n, w.b, w.d = len(ft.Params), drvThrow, int32(in.a)
	}
	if len(l.stack) < n {
		return errUnderflow
	}
	l.flush(0)
	l.reset(len(l.stack) - n)
	w.a = l.nextSlot()
	l.emit(w)
	l.last = -1
	return nil
}

func (l *preciseLowerer) throw(in *instr, t *typer) error {
	n, w := 1, ins{op: irDriver, b: drvThrowRef}
	if in.op == OpThrow {
		ft, err := l.m.tagType(in.a)
		if err != nil {
			return err
		}
		n, w.b, w.d = len(ft.Params), drvThrow, int32(in.a)
	}
	if len(t.stack) < n {
		return errUnderflow
	}
	w.a = l.slot(t, len(t.stack)-n)
	l.emit(w)
	return nil
}

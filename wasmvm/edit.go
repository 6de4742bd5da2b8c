package wasmvm

import (
	"fmt"
	"strings"
)

// EditKind says what an Edit changes.
type EditKind uint8

// The kinds of edits.
const (
	EditMemory  EditKind = iota + 1 // bytes of linear memory
	EditLocal                       // a parameter or local of an activation
	EditOperand                     // a value on the operand stack of an activation
	EditGlobal                      // a global
	EditPC                          // the next instruction of the innermost activation
	EditReturn                      // activations are left as if they had returned
)

var editKinds = []string{EditMemory: "memory", EditLocal: "local", EditOperand: "operand", EditGlobal: "global", EditPC: "pc", EditReturn: "return"}

func (k EditKind) String() string {
	if k == 0 || int(k) >= len(editKinds) {
		return fmt.Sprintf("edit(%d)", uint8(k))
	}
	return editKinds[k]
}

// MarshalText writes the kind's name.
func (k EditKind) MarshalText() ([]byte, error) {
	if k == 0 || int(k) >= len(editKinds) {
		return nil, fmt.Errorf("there is no edit of kind %d", uint8(k))
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads a kind's name.
func (k *EditKind) UnmarshalText(text []byte) error {
	for i, name := range editKinds {
		if i > 0 && name == string(text) {
			*k = EditKind(i)
			return nil
		}
	}
	return fmt.Errorf("there is no edit of kind %q", text)
}

// Edit is a change of a machine's state that no instruction makes. Recordings keep edits as JSON, so its names must stay.
type Edit struct {
	Kind   EditKind  `json:"kind"`
	Addr   uint64    `json:"addr,omitempty"`   // EditMemory: of the first byte
	Data   []byte    `json:"data,omitempty"`   // EditMemory: the new bytes
	Frame  int       `json:"frame,omitempty"`  // EditLocal, EditOperand, EditPC, EditReturn: the activation, 0 being the outermost; of EditReturn the outermost one that is left
	Func   uint32    `json:"func,omitempty"`   // the index of that activation's function, to be sure
	Index  uint32    `json:"index,omitempty"`  // EditLocal, EditOperand (0 is the bottom), EditGlobal
	Bits   [2]uint64 `json:"bits,omitzero"`    // the new value, lower half first; i32 and f32 are zero-extended, only a v128 has an upper half
	PC     uint32    `json:"pc,omitempty"`     // EditPC: offset in the payload of the Code section
	Values []uint64  `json:"values,omitempty"` // EditReturn: the results, a v128 as two
}

// String says what is changed to what, in a few words.
func (e *Edit) String() string {
	switch e.Kind {
	case EditMemory:
		return fmt.Sprintf("memory %#x = %s", e.Addr, shortHex(e.Data))
	case EditLocal, EditOperand:
		return fmt.Sprintf("%v %d of frame %d = %s", e.Kind, e.Index, e.Frame, bitsText(e.Bits))
	case EditGlobal:
		return fmt.Sprintf("global %d = %s", e.Index, bitsText(e.Bits))
	case EditPC:
		return fmt.Sprintf("pc = %#x", e.PC)
	case EditReturn:
		s := fmt.Sprintf("return from frame %d", e.Frame)
		for _, v := range e.Values {
			s += fmt.Sprintf(" %d", v)
		}
		return s
	}
	return e.Kind.String()
}

// shownBytes is how many bytes of an edit of memory are shown: a line's worth.
const shownBytes = 16

func shortHex(b []byte) string {
	if len(b) > shownBytes {
		return fmt.Sprintf("% x ... (%d bytes)", b[:shownBytes], len(b))
	}
	return fmt.Sprintf("% x", b)
}

func bitsText(b [2]uint64) string {
	if b[1] != 0 {
		return fmt.Sprintf("%#x%016x", b[1], b[0])
	}
	return fmt.Sprint(b[0])
}

// ApplyEdit changes the state. If the change makes no sense here an error says why, and nothing has changed. Position and host calls stay as they are. The
// machine must not be running. What runs next is what the precise tier runs, in whatever tier.
//
// Two things may surprise. A local that a try_table's body sets gets the value that it had at the try_table when one of its clauses catches (see tryTable),
// whatever an edit has made of it since. And a jump into a try_table's body enters it: what its locals are then is what they get back.
func (m *Machine) ApplyEdit(e *Edit) error {
	var err error
	switch e.Kind {
	case EditMemory:
		err = m.editMemory(e)
	case EditGlobal:
		err = m.editGlobal(e)
	case EditLocal, EditOperand:
		err = m.editSlot(e)
	case EditPC:
		err = m.editPC(e)
	case EditReturn:
		err = m.editReturn(e)
	default:
		err = fmt.Errorf("there is no such kind of edit")
	}
	if err != nil {
		return fmt.Errorf("%v: %w", e, err)
	}
	return nil
}

func (m *Machine) editMemory(e *Edit) error {
	n := uint64(len(e.Data))
	switch {
	case n == 0:
		return fmt.Errorf("there are no bytes to write")
	case !m.mem0.holds(e.Addr, n):
		return fmt.Errorf("%d bytes at %#x are outside the memory of %d bytes", n, e.Addr, len(m.Memory()))
	}
	m.mem0.touch(e.Addr, n)
	copy(m.mem0.data[e.Addr:], e.Data)
	return nil
}

func (m *Machine) editGlobal(e *Edit) error {
	if uint64(e.Index) >= uint64(len(m.globs)) {
		return fmt.Errorf("the module has %d globals", len(m.globs))
	}
	g := m.globs[e.Index]
	if !g.typ.Mutable {
		return fmt.Errorf("the global is a constant")
	}
	if err := m.checkBits(g.typ.Type, e.Bits); err != nil {
		return err
	}
	g.v = e.Bits
	return nil
}

// checkBits says whether a value of type t can be b.
func (m *Machine) checkBits(t ValType, b [2]uint64) error {
	if t.Slots() == 1 && b[1] != 0 {
		return fmt.Errorf("the value does not fit an %v", t)
	}
	return m.checkValue(t, b[:])
}

// activation finds the activation of an edit.
func (m *Machine) activation(e *Edit) (Frame, error) {
	n := m.Depth()
	if e.Frame < 0 || e.Frame >= n {
		return Frame{}, fmt.Errorf("there are %d activations", n)
	}
	for i, f := range m.Frames() {
		if i != n-1-e.Frame {
			continue
		}
		if index := f.Func().Index; index != e.Func {
			return Frame{}, fmt.Errorf("the activation is of function %d, not %d", index, e.Func)
		}
		return f, nil
	}
	return Frame{}, errInternal
}

// editSlot sets a local or an operand.
func (m *Machine) editSlot(e *Edit) error {
	f, err := m.activation(e)
	if err != nil {
		return err
	}
	types, first, what := f.Func().Locals, 0, "locals"
	if e.Kind == EditOperand {
		p, err := f.f.place(m.mod, f.idx, f.called >= 0)
		if err != nil {
			return err
		}
		types, first, what = p.operands, f.f.base, "operands"
	}
	if uint64(e.Index) >= uint64(len(types)) {
		return fmt.Errorf("the activation has %d %s", len(types), what)
	}
	t := types[e.Index]
	if err := m.checkBits(t, e.Bits); err != nil {
		return err
	}
	m.touchFrame(f.f, f.at)
	copy(m.stack[f.at+first+slotsOf(types[:e.Index]):], e.Bits[:t.Slots()])
	m.runExactly(f.at)
	return nil
}

// editPC makes another instruction of the innermost activation the next one, where the operands that are there begin with those that it expects.
func (m *Machine) editPC(e *Edit) error {
	f, err := m.activation(e)
	switch {
	case err != nil:
		return err
	case f.called >= 0:
		return fmt.Errorf("only the innermost activation can jump")
	}
	idx, ok := f.f.layout.Index(e.PC)
	if !ok {
		return fmt.Errorf("no instruction of function %d begins there", f.Func().Index)
	}
	to, err := f.f.place(m.mod, idx, false)
	if err != nil {
		return fmt.Errorf("nothing leads there: %w", err)
	}
	from, err := f.f.place(m.mod, f.idx, false)
	if err != nil {
		return err
	}
	if !beginsWith(from.operands, to.operands) {
		return fmt.Errorf("the instruction expects the operands %s, here are %s", typesText(to.operands), typesText(from.operands))
	}
	for i := range f.f.layout.tries {
		if t := &f.f.layout.tries[i]; f.f.listed && t.around(idx) != t.around(f.idx) {
			return fmt.Errorf("the jump would enter or leave a try_table, which this program does in ways of its own")
		}
	}
	m.touchFrame(f.f, f.at)
	for i := range f.f.layout.tries { // outer ones come first
		if t := &f.f.layout.tries[i]; t.around(idx) && !t.around(f.idx) {
			m.saveLocals(t, f.at)
		}
	}
	m.idx = idx
	m.runExactly(f.at)
	return nil
}

func beginsWith(ts, head []ValType) bool {
	if len(head) > len(ts) {
		return false
	}
	for i, t := range head {
		if ts[i].kind() != t.kind() {
			return false
		}
	}
	return true
}

func typesText(ts []ValType) string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = t.String()
	}
	return "(" + strings.Join(names, " ") + ")"
}

// editReturn leaves activations as if the outermost of them had returned.
func (m *Machine) editReturn(e *Edit) error {
	f, err := m.activation(e)
	if err != nil {
		return err
	}
	results, to := f.Func().Type.Results, f.at
	if n := slotsOf(results); n != len(e.Values) {
		return fmt.Errorf("the function returns %s, which is %d values and not %d", typesText(results), n, len(e.Values))
	}
	for vs := e.Values; len(results) > 0; results = results[1:] {
		if err := m.checkValue(results[0], vs); err != nil {
			return err
		}
		vs = vs[results[0].Slots():]
	}
	if !f.caller() {
		return fmt.Errorf("the activation has no caller in the program: to end the program, let it run")
	}
	m.dropHandlers(to)
	m.cur, m.idx, m.frame, m.above = f.f.index, f.idx, f.at, mark{}
	copy(m.stack[to:], e.Values)
	m.touchFrame(f.f, f.at)
	return nil
}

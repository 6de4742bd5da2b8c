package gdbview

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-delve/delve/pkg/dwarf/op"
)

// opWasmLocation is DW_OP_WASM_location: kind and index of a wasm local (0),
// global (1, or 3 with a 4-byte index) or operand (2).
const opWasmLocation = 0xed

// DWARF 5 operations that the op package has no names for, and GNU's
// predecessors of them.
const (
	opAddrx         = 0xa1
	opConstx        = 0xa2
	opEntryValue    = 0xa3
	opGNUEntryValue = 0xf3
	opGNUAddrIndex  = 0xfb
	opGNUConstIndex = 0xfc
)

// maxSlotIndex bounds the locals, operands and globals of a location: no valid
// module has more.
const maxSlotIndex = 1 << 20

// maxExprDepth bounds entry values within entry values.
const maxExprDepth = 4

// optimizedOut is a location of which gdb says "optimized out": a piece of one
// byte that is nowhere. A bigger piece than the variable would be an error. It
// is for where there is no way to have an empty location, which is better.
var optimizedOut = []byte{byte(op.DW_OP_piece), 1}

// dwExpr is a location expression for gdb.
type dwExpr struct {
	code    []byte
	changed bool // code is not what it was made from
	gone    bool // it has no value; there is no code
}

// dwExprTranslator rewrites expressions for i386.
type dwExprTranslator struct {
	addrSize int
	// version is the unit's. Before DWARF 4 there was no DW_OP_stack_value, so
	// a variable in a local looks like one that the local points to. The first
	// is far more frequent.
	version uint16
	// dataAddr is told of the indexes into .debug_addr that are used, all of
	// them of data, and returns the address; false if there is none.
	dataAddr func(index uint64) (uint32, bool)
	buf      []byte
}

// translate rewrites e. frameBase says that it is a frame base: gdb wants the
// address computed and refuses one that ends in DW_OP_stack_value.
//
// A variable that is a wasm local, operand or global becomes one in memory, at
// the address of the slot, so it can be watched and assigned to. The result is
// valid until the next call. An error means that the expression cannot be
// expressed: its variable is as good as optimized out.
func (t *dwExprTranslator) translate(e []byte, frameBase bool) (dwExpr, error) {
	if t.isDead(e) {
		return dwExpr{gone: true}, nil
	}
	out, changed, err := t.ops(t.buf[:0], e, frameBase, 0)
	t.buf = out[:0]
	if errors.Is(err, errGone) {
		return dwExpr{gone: true}, nil
	}
	return dwExpr{code: out, changed: changed}, err
}

// isDead recognises the location of data that the linker removed.
func (t *dwExprTranslator) isDead(e []byte) bool {
	if len(e) == 0 {
		return false
	}
	switch c := (dwCursor{b: e, off: 1}); e[0] {
	case byte(op.DW_OP_addr):
		a := c.u32()
		return !c.bad && c.atEnd() && a >= tombstone2
	case opAddrx, opGNUAddrIndex:
		i := c.uleb()
		if c.bad || !c.atEnd() {
			return false
		}
		a, ok := t.dataAddr(i)
		return ok && a >= tombstone2
	}
	return false
}

// What the linker writes in place of the address of what it removed.
const (
	tombstone  = 0xffffffff
	tombstone2 = 0xfffffffe // in .debug_loc and .debug_ranges, where the other has a meaning
)

// errGone says that an expression has no value, because the linker removed it or
// because gdb cannot find it.
var errGone = errors.New("it has no value")

var errBranch = errors.New("it jumps over a part that changes its length")

// ops appends the translation of e to out.
func (t *dwExprTranslator) ops(out, e []byte, frameBase bool, depth int) ([]byte, bool, error) {
	c := dwCursor{b: e}
	changed, branches, moved := false, false, false
	for !c.atEnd() {
		start := c.off
		switch code := c.u8(); code {
		case opWasmLocation:
			kind := c.u8()
			var index uint64
			if kind == 3 {
				index = uint64(c.u32())
			} else {
				index = c.uleb()
			}
			if kind == 3 && index == tombstone {
				return out, changed, errGone
			}
			if c.bad || kind > 3 || index >= maxSlotIndex {
				return out, changed, fmt.Errorf("wasm location of kind %d, index %d", kind, index)
			}
			isValue := c.off < len(e) && e[c.off] == byte(op.DW_OP_stack_value)
			if isValue {
				c.off++
			}
			if t.version < 4 && (c.atEnd() || isPiece(e[c.off])) {
				isValue = true
			}
			n := len(out)
			out = appendSlotAddress(out, kind, index)
			if frameBase || !isValue {
				out = append(out, byte(op.DW_OP_deref))
			}
			changed = true
			moved = moved || len(out)-n != c.off-start
		case opEntryValue, opGNUEntryValue:
			body := c.take(c.uleb())
			if c.bad || depth >= maxExprDepth {
				return out, changed, errCutOff
			}
			switch _, ours, err := t.ops(nil, body, false, depth+1); {
			case err != nil:
				return out, changed, err
			case ours:
				// Only what was in a register has a value at
				// the entry that gdb can find.
				return out, changed, errGone
			}
			out = append(out, e[start:c.off]...)
		default:
			if err := t.skipOperands(&c, code); err != nil {
				return out, changed, err
			}
			branches = branches || code == byte(op.DW_OP_bra) || code == byte(op.DW_OP_skip)
			out = append(out, e[start:c.off]...)
		}
	}
	if branches && moved {
		return out, changed, errBranch
	}
	return out, changed, nil
}

func isPiece(code byte) bool {
	return code == byte(op.DW_OP_piece) || code == byte(op.DW_OP_bit_piece)
}

// appendSlotAddress appends operations that push the address of a slot.
func appendSlotAddress(out []byte, kind byte, index uint64) []byte {
	const breg0 = byte(op.DW_OP_breg0)
	switch kind {
	case 1, 3:
		return appendU32(append(out, byte(op.DW_OP_addr)), GlobalAddr(int(index)))
	case 2:
		return appendSLEB(append(out, breg0+dwarfEBP), frameLinkSize+SlotSize*int64(index))
	}
	off := -SlotSize * (int64(index) + 1)
	if off < -64 { // two bytes are too few with ebp; perhaps not with a window
		for _, w := range Windows {
			if d := off + int64(w.Offset); d >= -64 && d <= 63 {
				return appendSLEB(append(out, breg0+w.Register), d)
			}
		}
	}
	return appendSLEB(append(out, breg0+dwarfEBP), off)
}

// skipOperands reads past the operands of an operation, and says what it knows
// of the addresses among them.
func (t *dwExprTranslator) skipOperands(c *dwCursor, code byte) error {
	switch o := op.Opcode(code); {
	case o >= op.DW_OP_lit0 && o <= op.DW_OP_reg31:
	case o >= op.DW_OP_breg0 && o <= op.DW_OP_breg31:
		c.sleb()
	case code == opGNUAddrIndex || code == opGNUConstIndex || code == opAddrx || code == opConstx:
		if i := c.uleb(); !c.bad {
			if _, ok := t.dataAddr(i); !ok {
				return fmt.Errorf("there is no address %d", i)
			}
		}
	default:
		kind := dwOperands[code]
		switch kind {
		case 'n':
		case '1', '2', '4', '8':
			c.skip(uint64(kind - '0'))
		case 'a':
			c.skip(uint64(t.addrSize))
		case 'l':
			c.uleb()
		case 'L':
			c.uleb()
			c.uleb()
		case 'b':
			c.skip(c.uleb())
		case 'p': // reference to a DIE, offset
			c.skip(4)
			c.uleb()
		case 't': // type, then a counted constant
			c.uleb()
			c.skip(uint64(c.u8()))
		case 'd': // size, type
			c.skip(1)
			c.uleb()
		default:
			return fmt.Errorf("operation %#x is unknown", code)
		}
	}
	if c.bad {
		return errCutOff
	}
	return nil
}

// dwOperands says what follows the operations that are not in a regular range:
// n nothing, a an address, 1 to 8 that many bytes, l one and L two LEB128
// numbers, b a counted block; the rest see skipOperands.
var dwOperands = func() (t [256]byte) {
	for code, kind := range map[string]byte{
		"\x06\x12\x13\x14\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f": 'n', // deref, dup, drop, over, ... mod
		"\x20\x21\x22\x24\x25\x26\x27":                             'n', // not, ... plus, shifts, xor
		"\x29\x2a\x2b\x2c\x2d\x2e":                                 'n', // comparisons
		"\x96\x97\x9b\x9c\x9f\xe0":                                 'n', // nop, object address, tls, cfa, stack value
		"\x08\x09\x15\x94\x95":                                     '1', // const1, pick, deref_size
		"\x0a\x0b\x28\x2f\x98":                                     '2', // const2, bra, skip, call2
		"\x0c\x0d\x99\xfa":                                         '4', // const4, call4
		"\x0e\x0f":                                                 '8', // const8
		"\x03":                                                     'a', // addr
		"\x9a":                                                     '4', // call_ref
		"\x10\x11\x23\x90\x91\x93\xa8\xa9\xf7\xf9":                 'l', // constu, consts, plus_uconst, regx, fbreg, piece, convert
		"\x92\x9d\xa5\xf5":                                         'L', // bregx, bit_piece, regval_type
		"\x9e":                                                     'b', // implicit_value
		"\xa0\xf2":                                                 'p', // implicit_pointer
		"\xa4\xf4":                                                 't', // const_type
		"\xa6\xa7\xf6":                                             'd', // deref_type, xderef_type
	} {
		for _, c := range []byte(code) {
			t[c] = kind
		}
	}
	return t
}()

// fitExpr writes an expression into a place of fixed size, with DW_OP_nop in
// front, or reports that it is too long. The padding is in front because gdb
// 13's "info scope" does not expect more operations after DW_OP_breg5, but does
// not recognise a frame base behind a nop.
func fitExpr(dst, code []byte) bool {
	pad := len(dst) - len(code)
	if pad < 0 {
		return false
	}
	copy(dst, bytes.Repeat([]byte{byte(op.DW_OP_nop)}, pad))
	copy(dst[pad:], code)
	return true
}

package wasmvm

import (
	"fmt"
	"math"
	"sync"
)

// ValType is a WebAssembly value type. Its low byte is the one that encodes it in the binary format; for a reference type that is not written as one
// byte, that of the nullable type of its kind, and the bits above say what it is: not nullable, or of functions of one type.
type ValType uint32

// The value types that are one byte.
const (
	I32       ValType = 0x7F
	I64       ValType = 0x7E
	F32       ValType = 0x7D
	F64       ValType = 0x7C
	V128      ValType = 0x7B
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6F
	ExnRef    ValType = 0x69
)

const (
	nonNullable ValType = 1 << 8
	concrete    ValType = 1 << 9 // FuncRef: the type's index is above typeShift

	typeShift    = 10
	maxTypeIndex = math.MaxUint32 >> typeShift
)

// kind is the type without what sets it apart from the one-byte type of its kind.
func (t ValType) kind() ValType { return t & 0xFF }

func (t ValType) String() string {
	switch k := t.kind(); {
	case t == I32:
		return "i32"
	case t == I64:
		return "i64"
	case t == F32:
		return "f32"
	case t == F64:
		return "f64"
	case t == V128:
		return "v128"
	case t&concrete != 0 && t&nonNullable != 0:
		return fmt.Sprintf("(ref %d)", t>>typeShift)
	case t&concrete != 0:
		return fmt.Sprintf("(ref null %d)", t>>typeShift)
	case k == FuncRef && t != k:
		return "(ref func)"
	case k == ExternRef && t != k:
		return "(ref extern)"
	case k == ExnRef && t != k:
		return "(ref exn)"
	case t == FuncRef:
		return "funcref"
	case t == ExternRef:
		return "externref"
	case t == ExnRef:
		return "exnref"
	}
	return fmt.Sprintf("type(%#02x)", uint32(t))
}

// Slots is the number of 8-byte frame slots a value of the type takes.
func (t ValType) Slots() int {
	if t == V128 {
		return 2
	}
	return 1
}

// IsRef says whether values of the type are references; 0 is null for all of them.
func (t ValType) IsRef() bool {
	k := t.kind()
	return k == FuncRef || k == ExternRef || k == ExnRef
}

// holds says whether a value of type u may be where one of type t is wanted, as far as the engine can be hurt: any reference of the kind.
func (t ValType) holds(u ValType) bool { return t == u || t.IsRef() && t.kind() == u.kind() }

// subtype says whether every value of type t is one of type u, as wazero sees it: types of functions are the same if their indices are.
func (t ValType) subtype(u ValType) bool {
	if t == u {
		return true
	}
	if !t.IsRef() || t.kind() != u.kind() || u&nonNullable != 0 && t&nonNullable == 0 {
		return false
	}
	return t&^nonNullable == u&^nonNullable || u&concrete == 0
}

// FuncType is the type of a function.
type FuncType struct {
	Params, Results []ValType

	id uint32 // equal for equal types, in all modules of the process
}

func (t *FuncType) String() string {
	return fmt.Sprintf("%v -> %v", t.Params, t.Results)
}

var (
	typeMu  sync.Mutex
	typeIDs = map[string]uint32{}
)

// identify numbers the function types from index first on, which are one recursion group if group is set, across all modules of the process, so that an
// indirect call compares one number. Types are equal if their parameters and results are, with references to types before compared by what they are
// and others by index, and if they have the same place in groups of the same size: that is how wazero sees it.
func (m *Module) identify(first int, group bool) {
	typeMu.Lock()
	defer typeMu.Unlock()
	for i := first; i < len(m.Types); i++ {
		t := &m.Types[i]
		var key []byte
		for _, p := range t.Params {
			key = m.appendKey(key, p)
		}
		key = append(key, ':')
		for _, r := range t.Results {
			key = m.appendKey(key, r)
		}
		if n := len(m.Types) - first; group && n > 1 {
			key = fmt.Appendf(key, "|%d/%d", i-first, n)
		}
		id, ok := typeIDs[string(key)]
		if !ok {
			id = uint32(len(typeIDs) + 1)
			typeIDs[string(key)] = id
		}
		t.id = id
	}
}

func (m *Module) appendKey(key []byte, t ValType) []byte {
	key = append(key, byte(t))
	if t != t.kind() {
		key = append(key, byte(t>>8)&3) // no value type's byte
	}
	if i := int(t >> typeShift); t&concrete != 0 {
		if i < len(m.Types) && m.Types[i].id != 0 {
			return fmt.Appendf(key, "t%d.", m.Types[i].id)
		}
		return fmt.Appendf(key, "i%d.", i)
	}
	return key
}

func (r *reader) valType() ValType {
	t := ValType(r.byte())
	switch t {
	case I32, I64, F32, F64, V128, FuncRef, ExternRef, ExnRef:
	case refNull, refNonNull:
		return r.heapType(t)
	default:
		r.fail(fmt.Errorf("unknown value type 0x%02x", byte(t)))
	}
	return t
}

// The bytes that begin a reference type of several.
const (
	refNull    = 0x63
	refNonNull = 0x64
)

// heapType reads what a reference type refers to; prefix says whether it may be null.
func (r *reader) heapType(prefix ValType) ValType {
	t := ValType(0)
	switch ht := r.sleb(33); {
	case ht >= 0 && ht <= maxTypeIndex:
		t = FuncRef | concrete | ValType(ht)<<typeShift
	case ht == -16, ht == -17, ht == -23:
		t = ValType(ht & 0x7F)
	default:
		r.fail(fmt.Errorf("unknown heap type %d", ht))
	}
	if prefix == refNonNull {
		t |= nonNullable
	}
	return t
}

func (r *reader) refType() ValType {
	t := r.valType()
	if r.err == nil && !t.IsRef() {
		r.fail(fmt.Errorf("%v is not a reference type", t))
	}
	return t
}

// nullType reads the operand of ref.null: a kind of reference or the index of a function type.
func (r *reader) nullType() ValType { return r.heapType(refNull) }

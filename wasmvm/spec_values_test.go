package wasmvm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"wrev/wasmvm"
)

// specValue is an argument or an expected result in a suite's JSON. Value is
// missing where any value of a reference type will do; for a vector it is a list
// of lanes.
type specValue struct {
	Type     string          `json:"type"`
	LaneType string          `json:"lane_type"`
	Value    json.RawMessage `json:"value"`
}

// typedValue is a value of our VM: raw bits, of which only a vector needs the second word.
type typedValue struct {
	typ  wasmvm.ValType
	bits [2]uint64
}

func (v specValue) text() string { return strings.Trim(string(v.Value), `"`) }

// words returns the raw bits that the value stands for: two words for a vector, else one.
func (v specValue) words() ([]uint64, error) {
	if v.Type != "v128" {
		bits, err := v.bits()
		return []uint64{bits}, err
	}
	lanes, width, err := v.lanes()
	if err != nil {
		return nil, err
	}
	words := make([]uint64, 2)
	for i, lane := range lanes {
		bits, err := lane.bits()
		if err != nil {
			return nil, err
		}
		words[i*width/64] |= bits << (i * width % 64)
	}
	return words, nil
}

// lanes splits a vector into its lanes, which are width bits each.
func (v specValue) lanes() (lanes []specValue, width int, err error) {
	var texts []json.RawMessage
	if err := json.Unmarshal(v.Value, &texts); err != nil {
		return nil, 0, fmt.Errorf("lanes of a vector: %w", err)
	}
	width, err = strconv.Atoi(v.LaneType[1:])
	if err != nil || width*len(texts) != 128 {
		return nil, 0, fmt.Errorf("a vector of %d lanes of type %s", len(texts), v.LaneType)
	}
	for _, t := range texts {
		lanes = append(lanes, specValue{Type: v.LaneType, Value: t})
	}
	return lanes, width, nil
}

// bits returns the raw bits that a scalar or a lane stands for. Some suites write
// integers as signed numbers.
func (v specValue) bits() (uint64, error) {
	text := v.text()
	if text == "null" {
		return 0, nil
	}
	width, err := strconv.Atoi(strings.TrimLeft(v.Type, "if"))
	if err != nil { // a reference
		width = 64
	}
	var n uint64
	if strings.HasPrefix(text, "-") {
		var signed int64
		signed, err = strconv.ParseInt(text, 10, width)
		n = uint64(signed) & (^uint64(0) >> (64 - width))
	} else {
		n, err = strconv.ParseUint(text, 10, width)
	}
	if err != nil {
		return 0, fmt.Errorf("value %s of type %s: %w", text, v.Type, err)
	}
	if v.Type == "externref" {
		n++ // 0 is null
	}
	return n, nil
}

// matches says whether a result is as expected.
func (v specValue) matches(got typedValue) (bool, error) {
	if !v.isType(got.typ) {
		return false, nil
	}
	if v.Type != "v128" {
		return v.matchesBits(got.bits[0])
	}
	lanes, width, err := v.lanes()
	if err != nil {
		return false, err
	}
	for i, lane := range lanes {
		bits := got.bits[i*width/64] >> (i * width % 64) & (^uint64(0) >> (64 - width))
		if ok, err := lane.matchesBits(bits); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// isType says whether the value's type is t. The suites know three kinds of
// references, and give a function's type to none.
func (v specValue) isType(t wasmvm.ValType) bool {
	switch v.Type {
	case "refnull":
		return t.IsRef()
	case "externref":
		return t == wasmvm.ExternRef || t.String() == "(ref extern)"
	case "funcref":
		return t == wasmvm.FuncRef || t != wasmvm.ExternRef && t.IsRef()
	}
	return t.String() == v.Type
}

// matchesBits says whether a scalar or a lane is as expected.
func (v specValue) matchesBits(got uint64) (bool, error) {
	if v.Type == "refnull" {
		return got == 0, nil
	}
	if len(v.Value) == 0 { // any reference but null
		return got != 0, nil
	}
	// A canonical NaN has any sign and only the top bit of its payload; an
	// arithmetic one has at least that bit.
	quiet, exponent := uint64(1)<<51, uint64(0x7FF)<<52
	if v.Type == "f32" {
		quiet, exponent = 1<<22, 0xFF<<23
	}
	switch v.text() {
	case "nan:canonical":
		sign := exponent + exponent&-exponent
		return got&^sign == exponent|quiet, nil
	case "nan:arithmetic":
		return got&(exponent|quiet) == exponent|quiet, nil
	}
	want, err := v.bits()
	return got == want, err
}

func checkResults(got []typedValue, want []specValue) error {
	ok := len(got) == len(want)
	for i := 0; ok && i < len(want); i++ {
		var err error
		if ok, err = want[i].matches(got[i]); err != nil {
			return err
		}
	}
	if !ok {
		return fmt.Errorf("got %v, want %s", got, describe(want))
	}
	return nil
}

func describe(want []specValue) string {
	var b strings.Builder
	for _, v := range want {
		fmt.Fprintf(&b, "{%s %s}", v.Type, v.text())
	}
	return b.String()
}

func (v typedValue) String() string {
	if v.typ == wasmvm.V128 {
		return fmt.Sprintf("{%v %#016x %#016x}", v.typ, v.bits[0], v.bits[1])
	}
	return fmt.Sprintf("{%v %d = %#x}", v.typ, v.bits[0], v.bits[0])
}

// checkTrap checks that err is a trap with the text that a suite gives, of which
// v1 gives only the beginning at times, and v2 gives an index at the end. A null
// reference goes by several names.
func checkTrap(err error, want string) error {
	var trap *wasmvm.Trap
	if !errors.As(err, &trap) {
		return fmt.Errorf("got an error that is no trap: %w; want trap: %s", err, want)
	}
	got := trap.Error()
	switch {
	case strings.HasPrefix(want, "uninitialized element"):
		want = "uninitialized element"
	case strings.HasPrefix(want, "null"):
		want = "null reference"
	}
	if !strings.Contains(got, want) {
		return fmt.Errorf("got trap %q, want %q", got, want)
	}
	return nil
}

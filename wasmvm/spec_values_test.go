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
// missing where any value of a reference type will do.
type specValue struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// typedValue is a value of our VM: raw bits.
type typedValue struct {
	typ  wasmvm.ValType
	bits uint64
}

func (v specValue) text() string { return strings.Trim(string(v.Value), `"`) }

// bits returns the raw bits that the value stands for.
func (v specValue) bits() (uint64, error) {
	text, width := v.text(), 64
	switch {
	case text == "null":
		return 0, nil
	case strings.HasSuffix(v.Type, "32"):
		width = 32
	}
	n, err := strconv.ParseUint(text, 10, width)
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
	if got.typ.String() != v.Type {
		return false, nil
	}
	if len(v.Value) == 0 { // any reference but null
		return got.bits != 0, nil
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
		return got.bits&^sign == exponent|quiet, nil
	case "nan:arithmetic":
		return got.bits&(exponent|quiet) == exponent|quiet, nil
	}
	want, err := v.bits()
	return got.bits == want, err
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
	return fmt.Sprintf("{%v %d = %#x}", v.typ, v.bits, v.bits)
}

// checkTrap checks that err is a trap with the text that a suite gives, of which
// v1 gives only the beginning at times, and v2 gives an index at the end.
func checkTrap(err error, want string) error {
	var trap *wasmvm.Trap
	if !errors.As(err, &trap) {
		return fmt.Errorf("got an error that is no trap: %w; want trap: %s", err, want)
	}
	got := trap.Error()
	if strings.HasPrefix(want, "uninitialized element") {
		want = "uninitialized element"
	}
	if !strings.Contains(got, want) {
		return fmt.Errorf("got trap %q, want %q", got, want)
	}
	return nil
}

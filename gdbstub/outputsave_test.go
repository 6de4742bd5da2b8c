package gdbstub

import (
	"bytes"
	"strings"
	"testing"
)

func TestOutputIsSaved(t *testing.T) {
	var first, second Output
	first.Write(0, 1, []byte("zero "))
	first.Write(7, 1, []byte("seven "))
	first.Write(1<<40, 2, []byte("many "))
	saved := first.Saved()
	second.Write(3, 1, []byte("three "))
	second.Write(7, 1, []byte("seven "))
	if err := second.Restore(saved); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	second.begin(0, func(text []byte) { shown.Write(text) })
	second.end(1<<40 + 1)
	if got, want := shown.String(), "zero three seven many "; got != want {
		t.Errorf("shown is %q, want %q", got, want)
	}
}

func TestSavedOutputOfNonsense(t *testing.T) {
	for name, b := range map[string][]byte{
		"no size":        {1},
		"cut":            {1, 5, 'a'},
		"same call":      {1, 0, 0, 0},
		"endless number": bytes.Repeat([]byte{0xFF}, 20),
		"call too large": append(append([]byte{1, 0}, bytes.Repeat([]byte{0xFF}, 9)...), 1, 0),
		"size too large": append(append([]byte{1}, bytes.Repeat([]byte{0xFF}, 9)...), 1),
	} {
		var o Output
		if err := o.Restore(b); err == nil || len(o.kept) > 0 {
			t.Errorf("%s: error %v, %d calls kept", name, err, len(o.kept))
		}
	}
}

func FuzzSavedOutput(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 3, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var o, again Output
		if o.Restore(b) != nil {
			return
		}
		saved := o.Saved()
		if err := again.Restore(saved); err != nil {
			t.Fatalf("what was saved of %x cannot be read: %v", b, err)
		}
		if len(again.kept) != len(o.kept) {
			t.Fatalf("%d calls of %d came back", len(again.kept), len(o.kept))
		}
	})
}

package rsp

import (
	"bytes"
	"strings"
	"testing"
)

func TestAppendFrame(t *testing.T) {
	for _, tt := range []struct{ payload, want string }{
		{"", "$#00"},
		{"OK", "$OK#9a"},
		{"vCont?", "$vCont?#49"},
		{"\xff\xff", "$\xff\xff#fe"},
	} {
		if got := string(AppendFrame(nil, []byte(tt.payload))); got != tt.want {
			t.Errorf("AppendFrame(%q) = %q, want %q", tt.payload, got, tt.want)
		}
	}
}

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{"plain", "plain"},
		{"a#b$c}d*e", "a}\x03b}\x04c}]d}\ne"},
	} {
		got := AppendEscaped(nil, []byte(tt.data))
		if string(got) != tt.want {
			t.Errorf("AppendEscaped(%q) = %q, want %q", tt.data, got, tt.want)
		}
		back, err := Unescape(got)
		if err != nil || string(back) != tt.data {
			t.Errorf("Unescape(%q) = %q, %v, want %q", got, back, err, tt.data)
		}
	}
	if _, err := Unescape([]byte("ab}")); err == nil {
		t.Error("Unescape of an escape at the end gave no error")
	}
}

func TestAppendEscapedMax(t *testing.T) {
	for _, tt := range []struct {
		data string
		max  int
		want string
		used int
	}{
		{"abcd", 4, "abcd", 4},
		{"abcd", 3, "abc", 3},
		{"ab#d", 3, "ab", 2},
		{"ab#d", 4, "ab}\x03", 3},
		{"", 0, "", 0},
		{"#", 1, "", 0},
	} {
		got, used := AppendEscapedMax(nil, []byte(tt.data), tt.max)
		if string(got) != tt.want || used != tt.used {
			t.Errorf("AppendEscapedMax(%q, %d) = %q, %d, want %q, %d", tt.data, tt.max, got, used, tt.want, tt.used)
		}
	}
}

func TestExpand(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"0* ", "0000", ""},
		{"x0*\"1", "x0000001", ""},
		{"}**!", "}*****", ""},
		{"* ", "", "without"},
		{"a*", "", "without"},
		{"a*\x1d", "", "out of range"},
		{"a*\x7f", "", "out of range"},
		{strings.Repeat("a*~", 30), "", "more than"},
	} {
		got, err := Expand([]byte(tt.in), 1000)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("Expand(%q): error %v, want %q", tt.in, err, tt.err)
		} else if err == nil && string(got) != tt.want {
			t.Errorf("Expand(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add([]byte("a#b$c}d*e"))
	f.Fuzz(func(t *testing.T, data []byte) {
		esc := AppendEscaped(nil, data)
		if bytes.ContainsAny(esc, "#$*") {
			t.Fatalf("AppendEscaped(%q) = %q", data, esc)
		}
		if exp, err := Expand(esc, len(esc)); err != nil || !bytes.Equal(exp, esc) {
			t.Fatalf("Expand(%q) = %q, %v", esc, exp, err)
		}
		back, err := Unescape(esc)
		if err != nil || !bytes.Equal(back, data) {
			t.Fatalf("Unescape(%q) = %q, %v, want %q", esc, back, err, data)
		}
	})
}

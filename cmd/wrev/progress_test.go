package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// clockedProgress is a line on a terminal of ours whose time the test makes.
func clockedProgress() (p *progressLine, screen *bytes.Buffer, pass func(time.Duration)) {
	now := time.Unix(0, 0)
	screen = &bytes.Buffer{}
	p = &progressLine{terminal: screen, now: func() time.Time { return now }}
	return p, screen, func(d time.Duration) { now = now.Add(d) }
}

// visible is what a terminal shows after text: what was erased is gone.
func visible(text string) string {
	parts := strings.Split(text, eraseLine)
	shown := parts[0]
	for _, part := range parts[1:] {
		shown = shown[:strings.LastIndex(shown, "\n")+1] + part
	}
	return shown
}

func TestProgressLine(t *testing.T) {
	p, screen, pass := clockedProgress()
	step := func(done uint64, want string) {
		t.Helper()
		p.show(work{what: "verifying", unit: "instructions", done: done, total: 4000})
		if got := visible(screen.String()); got != want {
			t.Fatalf("at %d the terminal shows %q, want %q", done, got, want)
		}
	}
	step(0, "")
	pass(400 * time.Millisecond)
	step(500, "") // too early to bother anyone
	pass(600 * time.Millisecond)
	step(1000, "wrev: verifying: 1,000 of 4,000 instructions (25 %), about 3 s left")
	pass(10 * time.Millisecond)
	step(1100, "wrev: verifying: 1,000 of 4,000 instructions (25 %), about 3 s left") // too soon to change it
	pass(990 * time.Millisecond)
	step(3999, "wrev: verifying: 3,999 of 4,000 instructions (99 %), about 1 s left")

	p.writer(screen).Write([]byte("wrev: warning\n"))
	if got := visible(screen.String()); got != "wrev: warning\n" {
		t.Fatalf("after another line the terminal shows %q", got)
	}
	pass(time.Second)
	step(3999, "wrev: warning\nwrev: verifying: 3,999 of 4,000 instructions (99 %), about 1 s left")
	p.done()
	if got := visible(screen.String()); got != "wrev: warning\n" {
		t.Fatalf("when all is done the terminal shows %q", got)
	}
	length := screen.Len()
	p.done()
	step(1, "wrev: warning\n") // new work starts silent
	if screen.Len() != length {
		t.Errorf("nothing to say, but written was %q", screen.String()[length:])
	}
}

func TestProgressText(t *testing.T) {
	for _, tt := range []struct {
		w        work
		elapsed  time.Duration
		progress uint64
		want     string
	}{
		{work{what: "searching backwards", done: 1, total: 4}, time.Minute, 1, "searching backwards (25 %), about 3 min left"},
		{work{what: "replaying", unit: "instructions", done: 12345}, time.Second, 12345, "replaying: 12,345 instructions"},
		{work{what: "replaying", unit: "instructions", done: 5, likely: time.Minute}, time.Second, 5, "replaying: 5 instructions, about 59 s left"},
		{work{what: "replaying", unit: "instructions", done: 5, likely: time.Minute}, 2 * time.Minute, 5, "replaying: 5 instructions"},
		{work{what: "saving", done: 3, total: 3}, time.Second, 3, "saving (100 %)"},
		{work{what: "saving", done: 5, total: 3}, time.Second, 5, "saving (100 %)"}, // the total was a guess
		{work{what: "saving", done: 0, total: 3}, time.Second, 0, "saving (0 %)"},
		{work{what: "saving", done: 1, total: 1 << 40}, time.Hour, 1, "saving (0 %)"},
	} {
		if got := tt.w.text(tt.elapsed, tt.progress); got != tt.want {
			t.Errorf("%+v after %v: %q, want %q", tt.w, tt.elapsed, got, tt.want)
		}
	}
}

func TestProgressIsSilentOffTerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.show(work{what: "verifying"})
	p.done()
	if w := p.writer(&out); p != nil || w != &out || out.Len() > 0 {
		t.Errorf("a buffer is no terminal, but got %v, %v, %q", p, w, out.String())
	}
}

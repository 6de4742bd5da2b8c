package gdbstub

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen collects what an Output shows, with a | between packets.
type screen struct {
	mu   sync.Mutex
	text []byte
}

func (s *screen) show(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(append(s.text, text...), '|')
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

func TestOutputOnce(t *testing.T) {
	var o Output
	var s screen
	print := func(call uint64, text string) { o.Write(call, 1, []byte(text)) }

	print(0, "nobody listens;")
	o.begin(1, s.show) // call 0 is done
	print(0, "again;")
	print(1, "one;")
	print(2, "two;")
	o.end(3)
	print(3, "three;") // not while moving forwards
	o.begin(0, s.show) // after going back
	print(0, "nobody listens;")
	print(1, "one;")
	print(2, "two;")
	print(4, "four;") // a checkpoint beyond 3 was jumped to
	o.end(5)
	o.begin(9, s.show) // a seek went over some
	print(8, "eight;")
	print(9, "nine;")
	o.end(9) // interrupted: 9 is run again
	o.begin(8, s.show)
	print(9, "nine;")
	o.end(10)
	o.restart()
	o.begin(0, s.show)
	o.end(3)
	if want := "one;two;|three;four;|nine;|nobody listens;one;two;|"; s.String() != want {
		t.Errorf("shown %q, want %q", s.String(), want)
	}
}

// What branches print is kept apart.
func TestOutputSwitch(t *testing.T) {
	var o Output
	var s screen
	run := func(from, to uint64, texts ...string) {
		o.begin(from, s.show)
		for i, text := range texts {
			o.Write(from+uint64(i), 1, []byte(text))
		}
		o.end(to)
	}
	run(0, 3, "a", "b", "c")
	saved := string(o.Saved())
	o.Switch([]OutputBranch{{0, 0}, {1, 1}}) // a branch that parts after one call
	run(1, 3, "B", "C")
	o.Switch([]OutputBranch{{0, 0}, {1, 1}, {2, 2}}) // a branch of that one
	run(2, 3, "D")
	if got := string(o.Saved()); got != saved {
		t.Errorf("saved in a branch: %q, want %q", got, saved)
	}
	o.Switch([]OutputBranch{{0, 0}})
	run(1, 3) // was shown
	o.restart()
	run(1, 3) // a checkpoint was jumped to: nothing prints it
	o.Switch([]OutputBranch{{0, 0}, {1, 1}})
	run(1, 2)
	if want := "abc|BC|D|bc|B|"; s.String() != want {
		t.Errorf("shown %q, want %q", s.String(), want)
	}
	if got := string(o.Saved()); got != saved {
		t.Errorf("saved in the end: %q, want %q", got, saved)
	}
}

func TestOutputChunks(t *testing.T) {
	var o Output
	var s screen
	o.begin(0, s.show)
	o.Write(0, 2, []byte(strings.Repeat("x", 2*outputChunk+1)))
	o.end(1)
	var sizes []int
	for part := range strings.SplitSeq(s.String(), "|") {
		sizes = append(sizes, len(part))
	}
	if len(sizes) != 4 || sizes[0] != outputChunk || sizes[1] != outputChunk || sizes[2] != 1 {
		t.Errorf("packets of %v bytes", sizes)
	}
}

// TestOutputKept prints more than is kept for later.
func TestOutputKept(t *testing.T) {
	var o Output
	var s screen
	part := []byte(strings.Repeat("x", outputKept/8))
	for call := range uint64(9) {
		o.Write(call, 1, part)
	}
	o.Write(0, 1, part) // run again
	if o.size != outputKept/4*3 || len(o.kept) != 6 || o.kept[0].call != 3 {
		t.Errorf("kept %d bytes of %d calls", o.size, len(o.kept))
	}
	o.begin(0, s.show)
	o.end(9)
	if got := strings.Count(s.String(), "x"); got != outputKept/4*3 {
		t.Errorf("shown %d bytes", got)
	}
}

func TestOutputDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o Output
		var s screen
		o.begin(0, s.show)
		o.Write(0, 1, []byte("a"))
		time.Sleep(outputDelay / 2)
		o.Write(1, 1, []byte("b"))
		if s.String() != "" {
			t.Errorf("shown at once: %q", s.String())
		}
		time.Sleep(outputDelay)
		synctest.Wait()
		if s.String() != "ab|" {
			t.Errorf("shown after a while: %q, want \"ab|\"", s.String())
		}
		o.Write(2, 1, []byte("c"))
		o.end(3)
		time.Sleep(2 * outputDelay)
		synctest.Wait()
		if s.String() != "ab|c|" {
			t.Errorf("shown in the end: %q, want \"ab|c|\"", s.String())
		}
	})
}

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
	text string
}

func (s *screen) show(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += string(text) + "|"
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
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
	o.end()
	print(3, "not moving forwards;")
	o.begin(0, s.show) // after going back
	print(0, "0;")
	print(1, "1;")
	print(2, "2;")
	print(4, "four;")
	o.end()
	o.begin(9, s.show) // a seek went over some
	print(8, "8;")
	print(9, "nine;")
	o.end()
	o.restart()
	o.begin(0, s.show)
	print(0, "zero;")
	o.end()
	if want := "one;two;|four;|nine;|zero;|"; s.String() != want {
		t.Errorf("shown %q, want %q", s.String(), want)
	}
}

func TestOutputChunks(t *testing.T) {
	var o Output
	var s screen
	o.begin(0, s.show)
	o.Write(0, 2, []byte(strings.Repeat("x", 2*outputChunk+1)))
	o.end()
	var sizes []int
	for part := range strings.SplitSeq(s.String(), "|") {
		sizes = append(sizes, len(part))
	}
	if len(sizes) != 4 || sizes[0] != outputChunk || sizes[1] != outputChunk || sizes[2] != 1 {
		t.Errorf("packets of %v bytes", sizes)
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
		o.end()
		time.Sleep(2 * outputDelay)
		synctest.Wait()
		if s.String() != "ab|c|" {
			t.Errorf("shown in the end: %q, want \"ab|c|\"", s.String())
		}
	})
}

package reverse

import (
	"errors"
	"fmt"
	"testing"

	"wrev/wasmvm"
)

var errAsk = errors.New("nobody has answered yet")

// patient is a host that has no answer to some calls until it is given.
type patient struct {
	wasmvm.Host
	at      uint64 // the call that waits
	open    bool
	asked   int
	waiting func() // called there
}

func (h *patient) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	if m.HostCalls() == h.at && !h.open {
		h.asked++
		if h.waiting != nil {
			h.waiting()
		}
		return fmt.Errorf("call %d: %w", h.at, errAsk)
	}
	return h.Host.HostCall(m, fn, args, results)
}

func waiting(t *testing.T, opt Options) (*Timeline, *patient, *fakeBook) {
	t.Helper()
	p := asking(nil)
	book := newFakeBook(true)
	h := &patient{Host: book.host(p)(), at: 20}
	with := *p
	with.host = func() wasmvm.Host { return h }
	opt.Book, opt.Paused = book, errAsk
	tl, err := New(with.machine(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	return tl, h, book
}

func TestWaiting(t *testing.T) {
	tl, h, book := waiting(t, Options{})
	p := asking(nil)
	s := tl.Continue()
	pos := s.Position
	for what, move := range map[string]func() Stop{
		"Continue": tl.Continue, "Step": tl.Step, "SeekEnd": tl.SeekEnd,
		"StepRange": func() Stop { return tl.StepRange(0, ^uint32(0)) },
		"Seek":      func() Stop { return tl.Seek(pos + 100) },
	} {
		if s := move(); s.Reason != ReasonWaiting || !errors.Is(s.Err, errAsk) || s.Position != pos || tl.Machine().HostCalls() != 20 {
			t.Fatalf("%s: %v at %d, want to wait at %d", what, s.Reason, s.Position, pos)
		}
	}
	if _, known := tl.End(); known || book.list[0].End != "" || h.asked != 6 {
		t.Errorf("the end is known, or the host was asked %d times", h.asked)
	}
	if s := tl.Seek(pos - 50); s.Reason != ReasonStep || h.asked != 6 {
		t.Errorf("%v: history is not there while a call waits", s.Reason)
	}
	tl.Seek(pos)
	at(t, tl, book, p, 0, pos)
	if b, err := tl.Edit(poke(9000, 1)); err != nil || b.ID != 0 {
		t.Errorf("%+v, %v", b, err)
	}
	h.open = true
	if s := tl.Step(); s.Reason != ReasonStep {
		t.Errorf("%v", s.Reason)
	}
	at(t, tl, book, p, 0, pos+1)
	if s := tl.Continue(); s.Reason != ReasonEnd || book.list[0].End != "exit 0" {
		t.Errorf("%v, %q", s.Reason, book.list[0].End)
	}
}

func TestInterruptedWait(t *testing.T) {
	told := 0
	tl, h, _ := waiting(t, Options{OnInterrupt: func() { told++ }})
	h.waiting = func() { tl.Interrupt() }
	s := tl.Continue()
	if s.Reason != ReasonInterrupt || told != 1 {
		t.Fatalf("%v, told %d times", s.Reason, told)
	}
	h.waiting = nil
	if s := tl.Continue(); s.Reason != ReasonWaiting {
		t.Errorf("%v: the interrupt came twice", s.Reason)
	}
}

// TestAFailureOfWhatGrows has a host that fails once: where a call may yet be
// answered, that is not the end.
func TestAFailureOfWhatGrows(t *testing.T) {
	tl, h, book := waiting(t, Options{})
	tl.opt.Paused = nil
	if s := tl.Continue(); s.Reason != ReasonError || !errors.Is(s.Err, errAsk) {
		t.Fatalf("%v, %v", s.Reason, s.Err)
	}
	if _, known := tl.End(); known || book.list[0].End != "" {
		t.Error("a failure is the end")
	}
	h.open = true
	if s := tl.Continue(); s.Reason != ReasonEnd {
		t.Errorf("%v", s.Reason)
	}
}

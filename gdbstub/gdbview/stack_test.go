package gdbview

import (
	"testing"

	"wrev/wasmvm"
)

// oneFunc is a module with one function that has so many locals.
func oneFunc(locals int) *wasmvm.Module {
	return &wasmvm.Module{Funcs: []wasmvm.Func{{Locals: make([]wasmvm.ValType, locals)}}}
}

// TestStackRestarts lays out more frames than the virtual stack holds.
func TestStackRestarts(t *testing.T) {
	mod := oneFunc(1 << 20)
	size := FrameSize(1<<20, 0)
	perRound := int(int64(StackTop-StackBottom) / size)
	s := stack{mod: mod, sizes: []funcSize{{bytes: size}}, frames: make([]frame, 2*perRound+1)}
	s.layOut(0)
	for level, f := range s.frames {
		if want := StackTop - uint32(level%perRound)*uint32(size); f.top != want {
			t.Errorf("frame %d: top 0x%x, want 0x%x", level, f.top, want)
		}
	}
	if want := 2 * perRound; s.first != want {
		t.Errorf("the outermost frame that is shown is %d, want %d", s.first, want)
	}
	if level, ok := s.find(StackTop - 1); !ok || level != 2*perRound {
		t.Errorf("find the outermost: %d, %v", level, ok)
	}
	if _, ok := s.find(s.frameMap(2*perRound).Bottom() - 1); ok {
		t.Error("found something below the innermost frame")
	}

	// Two frames back: the outermost that is shown is one that was not before.
	s.frames = s.frames[:2*perRound-1]
	s.layOut(2*perRound - 2)
	if want := perRound; s.first != want {
		t.Errorf("after returning, the outermost frame that is shown is %d, want %d", s.first, want)
	}
}

func TestStackHugeFrame(t *testing.T) {
	s := stack{mod: oneFunc(1 << 25), sizes: []funcSize{{bytes: FrameSize(1<<25, 0)}}, frames: make([]frame, 1)}
	s.layOut(0)
	if f := s.frameMap(0); f.Top != StackTop || f.Locals != 0 {
		t.Errorf("frame %+v", f)
	}
}

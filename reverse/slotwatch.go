package reverse

import (
	"encoding/binary"
	"fmt"

	"wrev/wasmvm"
)

// Locals and operands are neither memory nor globals: no machine tells of writes
// to them. A local is changed by a few instructions only, which are known from
// the code. These are the probes: the machine stops before each, and the value is
// compared across that one instruction. An operand slot is changed by almost any
// instruction, so watching one means looking at each.

// addProbes adds the instructions that may change the local that w watches.
func (s *stopSet) addProbes(w Watch) error {
	fn, err := s.function(w.Func)
	if err != nil {
		return err
	}
	l, err := s.mod.Layout(fn)
	if err != nil {
		return fmt.Errorf("watchpoint in function %d: %w", fn.Index, err)
	}
	for i, op := range l.Ops {
		if w.Space == SpaceOperand {
			s.probes[l.PCs[i]] = true
			continue
		}
		if op != wasmvm.OpLocalSet && op != wasmvm.OpLocalTee {
			continue
		}
		at := uint64(s.mod.CodeOffset) + uint64(l.PCs[i]) + 1
		if at > uint64(len(s.mod.Bytes)) {
			return fmt.Errorf("function %d has no code at offset 0x%x", fn.Index, l.PCs[i])
		}
		if n, size := binary.Uvarint(s.mod.Bytes[at:]); size > 0 && n == w.Addr {
			s.probes[l.PCs[i]] = true
		}
	}
	return nil
}

// sample is the value of one watched slot at one position.
type sample struct {
	exists bool
	value  [2]uint64 // the upper half is a vector's
}

// look reads the watched slots. The result is appended to buf.
func (s *stopSet) look(m *wasmvm.Machine, buf []sample) []sample {
	for _, i := range s.slots {
		buf = append(buf, s.read(m, &s.watches[i]))
	}
	return buf
}

func (s *stopSet) read(m *wasmvm.Machine, w *Watch) sample {
	// One instruction touches the innermost frame, or on return the one below.
	// But an operand further down must not seem to be pushed when the functions
	// above it return.
	inner := depthUpTo(m, w.Frame+3) - 1 - w.Frame
	if inner > 1 && w.Space == SpaceOperand {
		inner = m.Depth() - 1 - w.Frame
	} else if inner < 0 || inner > 1 {
		return sample{}
	}
	for k, f := range m.Frames() {
		if k < inner {
			continue
		}
		if f.Func().Index != w.Func {
			break
		}
		switch {
		case w.Space == SpaceLocal:
			return sample{true, f.LocalBits(int(w.Addr))}
		case int(w.Addr) < f.NumOperands():
			return sample{true, f.OperandBits(int(w.Addr))}
		}
		break
	}
	return sample{}
}

// depthUpTo is the number of frames, but at most n: counting them takes time.
func depthUpTo(m *wasmvm.Machine, n int) int {
	depth := 0
	for range m.Frames() {
		if depth == n {
			break
		}
		depth++
	}
	return depth
}

// changed compares the samples before a probe, or before what ran from there to
// the next one, with the state after it. In the latter case a local's activation
// may have been replaced by another.
//
// A local is touched when its value changes. An operand slot is
// touched when its value changes or when a value is pushed into it.
func (s *stopSet) changed(m *wasmvm.Machine, before []sample, probe bool) []WatchHit {
	var hits []WatchHit
	for k, i := range s.slots {
		w := &s.watches[i]
		if !probe && w.Space == SpaceLocal {
			continue
		}
		b, a := before[k], s.read(m, w)
		pushed := w.Space == SpaceOperand && a.exists && !b.exists
		if pushed || a.exists && b.exists && a.value != b.value {
			hits = append(hits, WatchHit{Watch: *w, Kind: wasmvm.WatchWrite})
		}
	}
	return hits
}

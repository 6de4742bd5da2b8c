package wasmvm

import (
	"errors"
	"testing"
)

// TestStopAtCall runs a program with two host calls up to each.
func TestStopAtCall(t *testing.T) {
	for _, tier := range []Tier{TierAuto, TierPrecise} {
		a := caller()
		a.funcs[0].body = cat(a.funcs[0].body, a.funcs[0].body)
		asked := 0
		m := newMachine(t, a.module(t), hostFunc(func(*Machine, uint32, []uint64, []uint64) error { asked++; return nil }))
		m.SetTier(tier)
		for n := range uint64(2) {
			m.StopAtCall(n)
			for range 2 { // and stays there
				s := m.Run(1 << 40)
				text, _ := m.Module().Disassemble(m.PC())
				if s.Reason != StopHost || !errors.Is(s.Err, ErrStopAtCall) || m.HostCalls() != n || asked != int(n) || text != "call $a" {
					t.Errorf("%v: %v at %q with %d calls made", tier, s.Reason, text, asked)
				}
			}
		}
		m.StopAtCall(0) // is over
		if s := m.Run(m.Position() + 1); s.Reason != StopLimit || asked != 2 {
			t.Errorf("%v: %v with %d calls made", tier, s.Reason, asked)
		}
		m.StopAtCall(2)
		m.ClearStopAtCall()
		if s := m.Run(1 << 40); s.Reason != StopExit {
			t.Errorf("%v: %v", tier, s.Reason)
		}
	}
}

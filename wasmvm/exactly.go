package wasmvm

import "slices"

// Fast code believes what the code since the last label has said: that a local holds the constant that was put into it, that an operand which is not in its
// slot is still what it was made from. An edit makes that wrong, so an activation that was edited runs precise code until it gets to a label,
// where fast code believes nothing. An outer activation does so when it goes on: until then the return to it leaves the fast loop, which is brought
// about as for the low-water mark (see lowwater.go).
//
// Which activations those are is no part of the canonical state, but saved states have it.

// runExactly notes that what fast code believes of the activation at a slot may be wrong.
func (m *Machine) runExactly(at int) {
	if i, found := slices.BinarySearch(m.edited, at); !found {
		m.edited = slices.Insert(slices.Clone(m.edited), i, at) // saved states share it
	}
	m.above = mark{}
}

// mustBeExact says whether the innermost activation, of f, has to run precise code. It must be called whenever an activation has ended or
// begun outside the fast loop, so that m.edited has only those that are there.
func (m *Machine) mustBeExact(f *loweredFunc) bool {
	for n := len(m.edited); n > 0; n = len(m.edited) {
		switch at := m.edited[n-1]; {
		case at > m.frame || at == m.frame && f.isLabel(m.idx):
			m.edited, m.above = m.edited[:n-1], mark{}
		case at == m.frame:
			m.above = mark{}
			return true
		case m.above.at == 0:
			m.findAbove(at)
		default:
			if m.above.at == m.frame {
				m.above.link = m.frame + f.link // tail calls move it
			}
			return false
		}
	}
	return false
}

// findAbove finds the activation that the one at a slot has called.
func (m *Machine) findAbove(at int) {
	for _, f := range m.Frames() {
		link := f.at + f.f.link
		if f.at-int(uint32(m.stack[link])) == at {
			m.above = mark{at: f.at, link: link}
			return
		}
	}
	m.edited = nil // which cannot be: it would be an activation that has ended
}

// isLabel says whether fast code believes nothing before an instruction.
func (f *loweredFunc) isLabel(idx int) bool {
	_, found := slices.BinarySearch(f.labels, uint32(idx))
	return found || idx == 0
}

// returnsToEdited says whether a word returns to an activation that has to run precise code.
func (m *Machine) returnsToEdited(in *ins, frame int) bool {
	return m.above.at != 0 && isReturn(in.op) && frame+int(in.b) == m.above.link
}

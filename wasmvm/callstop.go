package wasmvm

import "errors"

// ErrStopAtCall is the Err of the Stop at a host call that StopAtCall names.
var ErrStopAtCall = errors.New("the host call to stop at")

// StopAtCall makes Run end before host call number n, counted from 0 as HostCalls does, with StopHost and ErrStopAtCall: the call is the next
// instruction, and the host has not been asked.
func (m *Machine) StopAtCall(n uint64) { m.stopCall = n + 1 }

// ClearStopAtCall takes that back.
func (m *Machine) ClearStopAtCall() { m.stopCall = 0 }

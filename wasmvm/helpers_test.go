package wasmvm

import "testing"

func newMachine(t testing.TB, mod *Module, host Host) *Machine {
	t.Helper()
	m, err := New(mod, Config{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Package testkit is what the tests of wasmvm and of the packages below it share:
// where the official suites lie, and wazero as the oracle that says what a module
// does. Only tests may import it. It imports nothing of wasmvm, so that wasmvm's
// own tests can use it.
package testkit

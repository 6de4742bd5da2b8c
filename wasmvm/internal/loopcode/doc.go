// Package loopcode looks at the machine code that the Go compiler has made of an interpreter loop and says what makes it slow: a dispatch block that
// crosses a line of the instruction cache, calls, a range check before the jump table, registers saved for every operation, detours on the way back to
// the dispatch. Each of them has cost between 5 and 45 %, and none shows in the source.
//
// The generator of the loops uses it to choose the padding in front of the loop, a test of package wasmvm to guard the rest. It reads amd64 code as
// disassembled by `go tool objdump`.
package loopcode

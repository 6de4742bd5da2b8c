// Package gdbstub is the server side of gdb's remote serial protocol for a
// program with a history: gdb connects, looks at the program, and runs it
// forwards and backwards.
//
// Serve (serve.go) takes connections one after another; all of them debug the
// same Target, which keeps its position when a debugger leaves. A session
// (session.go) has one goroutine that reads packets, so that an interrupt is
// seen while the program runs, and one that answers them. Only the latter
// touches the Target; the one method it shares is Interrupt.
//
// What a Target cannot do is neither advertised nor accepted: its optional
// abilities are interfaces found by type assertion (target.go), and the answer to
// qSupported is made from them.
//
// The session translates between packets and the Target's calls. How the program
// looks to gdb is package gdbview's; where it stops is package reverse's.
// What the debugger writes becomes edits: history forks where they were made, when
// the program goes on. Writes that no edit stands for are refused with a reason.
//
// Nothing a client sends can make the server panic, hang or use unbounded
// memory. Specification: "Debugging with GDB", appendix "GDB Remote Serial
// Protocol".
//
// The package imports reverse, wasmvm, rsp and gdbview; only cmd/wrev imports it.
package gdbstub

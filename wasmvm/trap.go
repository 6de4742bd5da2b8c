package wasmvm

import "fmt"

// TrapCode says why an instruction trapped.
type TrapCode uint8

// The traps.
const (
	TrapUnreachable TrapCode = iota + 1
	TrapMemory
	TrapTable
	TrapDivideByZero
	TrapIntegerOverflow
	TrapInvalidConversion
	TrapUninitializedElement
	TrapIndirectCallType
	TrapStackOverflow
	TrapUndefinedElement
	TrapNullReference
	TrapUnaligned
	TrapException
	TrapUnshared
)

var trapTexts = [...]string{
	TrapUnreachable:          "unreachable",
	TrapMemory:               "out of bounds memory access",
	TrapTable:                "out of bounds table access",
	TrapDivideByZero:         "integer divide by zero",
	TrapIntegerOverflow:      "integer overflow",
	TrapInvalidConversion:    "invalid conversion to integer",
	TrapUninitializedElement: "uninitialized element",
	TrapIndirectCallType:     "indirect call type mismatch",
	TrapStackOverflow:        "call stack exhausted",
	TrapUndefinedElement:     "undefined element",
	TrapNullReference:        "null reference",
	TrapUnaligned:            "unaligned atomic",
	TrapException:            "uncaught exception",
	TrapUnshared:             "expected shared memory",
}

// String is the sentence that the specification's tests, or where they leave it open wazero, use for the trap.
func (c TrapCode) String() string {
	if int(c) < len(trapTexts) && trapTexts[c] != "" {
		return trapTexts[c]
	}
	return fmt.Sprintf("trap %d", uint8(c))
}

// Trap is a trap at an instruction.
type Trap struct {
	Code TrapCode
	Func uint32 // index of the function
	PC   uint32 // of the trapping instruction, which is not completed

	exn *thrown // of TrapException, for the machine that has called
}

func (t *Trap) Error() string { return "wasm trap: " + t.Code.String() }

// ExitError is returned by a Host whose call ends the program (proc_exit).
type ExitError struct {
	Code uint32
}

func (e *ExitError) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

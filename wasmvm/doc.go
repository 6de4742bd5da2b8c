// Package wasmvm decodes WebAssembly modules and runs them deterministically, with a state that is plain data at every instruction.
//
// # Position
//
// Time is one integer: the number of instructions completed since the instance was created. Every opcode of a function body counts, structural
// ones included, and entering a defined function is an instruction of its own whose program counter is the start of the body. A program counter
// is an offset in the payload of the Code section. A taken branch to a block or an if lands on its end opcode, one to a loop on the loop opcode;
// return leaves at once. An instruction that ends the program (a trap, an exit call, the last return) is never completed: the position stays
// at it, and running again stops the same way.
//
// A tail call is one instruction, after which its callee is entered; the caller's frame is gone. Of a function that is not the module's own it is one
// instruction that lands, with the results as operands, on the caller's final end, which then returns. A throw is one instruction that lands where a branch
// to the label of the clause that catches would land: on the end of a block, or on a loop. What nobody catches is a trap at the throw. Entering a try_table counts like entering a block.
//
// # Tiers
//
// A function is lowered to register code in two shapes. The fast shape folds constants, locals and comparisons away and is run by a leaf
// function with one dense switch; it counts positions by static differences on taken branches. The precise shape has exactly one word per
// WebAssembly instruction and is run by a loop that counts each. Both loops, the names of the operations and what they do come from one table,
// in internal/gen. The two tiers share the frames, so a run changes tier at any head of a group of folded instructions; Run always returns in the
// precise tier's (canonical) state: every operand in its slot, every local up to date.
//
// Fast words that often follow one another are fused: the first one's operation is replaced by one that does the work of all, the others stay in place as
// its operands. Fused code can be entered and left at every word, so whether words are fused is seen in the time they take and nowhere else.
//
// The loop of fast code exists twice. In the second one loads look at page flags too, and accesses to pages with a watched range look closer before they
// leave the loop. It runs while reads are watched, and while stores meet such pages.
//
// # State
//
// All frames lie in one array of 8-byte slots: parameters, other locals, copies of locals for try_tables, link, operands. A callee's frame begins at its first argument in the
// caller's operand area. The link holds the return place and the distance to the caller's frame; there is no other call stack.
//
// The package imports nothing else of this repository. Everything above it may import it.
package wasmvm

//go:generate go run ./internal/gen

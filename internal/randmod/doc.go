// Package randmod makes random, valid WebAssembly modules for tests.
//
// A module is a pure function of its seed (Generate) or of a byte string
// (FromBytes, for fuzz targets), so a failing test is reproduced by one number.
// The modules use everything of WebAssembly core 2.0: calls, indirect
// calls, recursion, structured control flow with parameters and several
// results, dead code, every numeric and vector operation, memory and table
// instructions, reference types, globals and host imports. Beyond it (see
// Feature) they use tail calls, atomics on shared memories, exceptions, typed
// references to functions and extended constant expressions, each as far as
// wazero's compiler takes it.
//
// Invariants:
//   - every module passes a validator;
//   - every module ends: calls and back edges consume fuel from a global, and
//     loops without a fuel test have constant trip counts. It ends normally or
//     in a trap, never by stack overflow (Options.Fuel bounds the depth);
//   - host imports are answered by Module.Answer, a pure function of the call's
//     number, import, arguments and the memory it reads. Two engines that agree
//     see the same answers, and an engine that goes astray sees other ones.
//
// Tests of any package may import it; production code may not.
package randmod

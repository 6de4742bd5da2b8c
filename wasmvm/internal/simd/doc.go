// Package simd holds the vector operations that are too long for the interpreter loops, as functions on the two halves of a v128, and those that
// make NaNs, which the loops leave to it when a NaN comes out. The rest are cases of the loops, see wasmvm/internal/gen.
package simd

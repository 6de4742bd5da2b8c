// Package checkpoint keeps many versions of a program's memory in little space.
//
// A [Store] holds immutable pages of [PageSize] bytes. An [Image] is one
// version of a byte array (linear memory, the call stack): a table of pages
// that shares everything it can with the images before and after it. So a
// checkpoint costs what changed since the last one, and going from one image
// to another costs what differs between them.
//
// Invariants:
//   - A page's bytes never change once stored. Two pages of a store never have
//     equal bytes (found by hash, then compared), and the all-zero page is
//     never stored, so within a store equal pages are equal pointers.
//   - Pages and table nodes are counted by reference; what nobody refers to is
//     freed at once. [Store.Bytes] is what the store holds at any moment.
//   - New pages are kept as they are; beyond [Options.HotBytes] of those the
//     oldest are compressed with LZ4. A checkpoint that does not live long is
//     never compressed, and the ones near "now" are quick to restore.
//
// The package imports nothing of ours. Its user is package reverse. The
// recording file is in the folder recording.
package checkpoint

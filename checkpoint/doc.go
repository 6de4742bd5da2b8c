// Package checkpoint keeps many versions of a program's memory in little space.
//
// A [Store] holds immutable pages of [PageSize] bytes. An [Image] is one
// version of a byte array (linear memory, the call stack): a table of pages
// that shares everything it can with the images before and after it. So a
// checkpoint costs what changed since the last one, and going from one image
// to another costs what differs between them.
//
// A page goes through these stations:
//
//	raw     copied by Snapshot, nothing more: the program waits for that only
//	packed  an LZ4 block in a chunk; equal ones have been found and share it
//	cold    its chunk is in a temporary file, see [Spill], or in a cache file
//
// A goroutine in the background packs the oldest raw pages beyond
// [Options.HotBytes], compacts chunks that are mostly dead, and moves chunks to
// the file when memory comes near the limit given to [Store.Fit]. If it falls
// behind, Snapshot helps: the backlog is bounded. It ends when it has nothing
// to do.
//
// Invariants:
//   - A page's bytes never change, only the place where they are. A page's
//     place is one word that is read without a lock; what a page left behind is
//     reused only when nobody can be reading it (see limbo.go).
//   - Two packed pages in memory never have equal bytes (found by hash, then
//     compared); the all-zero page is never stored.
//   - Pages and table nodes are counted by reference; what nobody refers to is
//     free at once. [Store.Bytes] is what the store holds at any moment.
//   - What comes from a file has its checksum verified each time. A page that
//     cannot be read back is an error ([ErrLost]), never wrong bytes.
//
// Pages, slabs and chunks are known by numbers, and their bytes lie in large
// pieces without pointers, which go round (see pool.go): the garbage collector
// has next to nothing to do.
//
// The package imports nothing of ours. Its user is package reverse. The
// recording file is in the folder recording, the file of checkpoints that
// outlive the debugger in the folder cache.
package checkpoint

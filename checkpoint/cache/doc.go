// Package cache keeps checkpoints in a file beside the recording, so that the
// next debugger of the same recording need not replay it first.
//
// The file is derived and disposable: it can be deleted at any time, and one
// that is of another recording, of another version of the engine, or damaged,
// is refused and made again. It is written under another name and renamed when
// it is complete, so two processes that replay the same recording do not
// disturb each other; the last one's file stays.
//
// [Create] makes a file; each page of memory is written once, however many
// checkpoints have it. [Open] reads the tables only, in a few milliseconds; a
// page is read when somebody goes to a checkpoint that has it, and its checksum
// is verified then. The format is described in docs/file-format.md.
//
// The package knows nothing of machines: the state of a checkpoint beside its
// memory is bytes.
package cache

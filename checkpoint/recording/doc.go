// Package recording reads and writes wrev's recordings: one file with the module, how it was started, and the log of its
// host calls. docs/file-format.md specifies the file.
//
// The package knows nothing of WebAssembly and imports nothing of wrev. The recorder (wasmvm/host) writes with it; the replayer,
// checkpoint and the command line read with it.
//
// # What must hold
//
// A call whose Append has returned is in the file, whatever happens to the process then. It costs no system call: Append encodes
// into a slot of the journal, a part of the file that is mapped into memory, and publishes the call by one store of the slot's
// state, its length and check. The kernel keeps the bytes when the process dies. The other way round, nothing that was not
// published is ever read.
//
// Each call is in the file with one number. A full slot goes to the flusher, a goroutine that compresses it, appends it as a
// CALLS chunk and clears the slot, while Append goes on in the other slot. If the process dies in between, the slot and the
// chunk hold the same numbers and the reader ignores the slot. Slots and chunks are in order: the flusher works in order, and a
// call too large for a slot waits for the flusher before it is written as a chunk of its own.
//
// Writing allocates nothing once it is under way. A program in wazero's compiled code cannot be preempted, so a garbage
// collection that the flusher started would stop the whole process until the program's next host call.
//
// After an error the file is a valid recording of the calls before it: the writer accepts no more calls, since the log would
// have a gap, and writes no end.
//
// Reading trusts nothing. Whatever the bytes are, there is an error or a warning and no panic; lengths are checked before
// anything is allocated by them; no call is returned whose bytes have a wrong checksum. Open reads headers, not calls, so it is
// quick for a recording of any length, and Call decodes one chunk at a time.
//
// # Why so
//
// A log that is only written to the file in large pieces loses the last piece when the recorder is killed, which is when it
// matters most; a system call for each host call costs several times what the shortest host calls do. The alternative of mapping
// the growing end of the file was dropped: it would map anew for each chunk, and the end of the file could not tell what is
// complete. Slots of 64 KiB keep a chunk's decoding, the price of a random access, below a millisecond.
//
// The journal is filled with zeros when the file is created rather than left as a hole, because a store into a hole of a file on
// a full disk kills the process. On a file system that copies on write such a store can fail even so; only that makes a
// full disk the end of a recorder, and even then all calls before are in the file.
package recording

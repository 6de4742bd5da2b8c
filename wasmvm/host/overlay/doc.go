// Package overlay is a copy-on-write view of a directory: a program can do to its
// files what it likes, and the real ones stay as they are.
//
// Below is the real directory, from which is only read. Above is a temporary one.
// What is changed is copied up first, with the directories above it; what is
// removed is remembered as hidden. A directory shows the entries of both.
//
// Invariants:
//   - Nothing below is ever changed, not by way of open files nor of symbolic
//     links; the time of the last access alone, which reading sets.
//   - For the program it is one file system: an open file sees what is written
//     through another one, and stays what it is when its name is taken away.
//   - The view lives as long as the FS. Close removes all of it.
//
// A view differs from the real directory in this: inode numbers change when a file
// is copied up; several names of one file below become several files when it is
// changed; links that lead out of the directory can be read through and not written
// through; what is neither a file nor a directory nor a link cannot be opened.
//
// wasmvm/host/answers uses it. It may use wazero's file system interfaces.
package overlay

package fds

import "fmt"

// Kind is what a descriptor stands for.
type Kind uint8

const (
	// Stdin is the standard input.
	Stdin Kind = iota
	// Stdout is the standard output.
	Stdout
	// Stderr is the standard error.
	Stderr
	// Preopened is a mounted directory.
	Preopened
	// Listener is a socket that connections are accepted from.
	Listener
	// Socket is an accepted connection.
	Socket
	// File is what a path_open opened, a directory perhaps.
	File
	// Dir is what a path_open opened as a directory.
	Dir
)

var kindNames = [...]string{"standard input", "standard output", "standard error", "mounted directory",
	"listening socket", "connection", "file", "directory"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Standard reports whether it is one of the three standard streams.
func (k Kind) Standard() bool { return k <= Stderr }

// InFiles reports whether it belongs to the file system.
func (k Kind) InFiles() bool { return k == Preopened || k == File || k == Dir }

// Origin says where a descriptor comes from. It stays the same when the
// descriptor gets another number, and two descriptors with the same number but
// different origins have nothing to do with each other.
type Origin struct {
	Branch int    // whose log has the call that opened it; AtStart if there is no such call
	Call   uint64 // number of that call; the descriptor's number for AtStart
}

// AtStart is the Branch of descriptors that are open from the start.
const AtStart = -1

// Flags of a descriptor, as WASI has them.
const (
	FlagAppend   = 1
	FlagNonblock = 4
)

// Flags of path_open.
const (
	OpenCreate    = 1
	OpenDirectory = 2
	OpenExclusive = 4
	OpenTruncate  = 8
)

// Descriptor is an open descriptor.
type Descriptor struct {
	Kind   Kind
	Origin Origin
	Name   string      // of a mount: its path in the program; of a listener: HOST:PORT
	Base   *Descriptor // the directory that its path_open named, as it was then
	Open   []uint64    // the arguments of its path_open
	Flags  uint32      // FlagAppend and the others
	Offset uint64      // of a file: where the next read or write is
	Unsure bool        // Offset does not hold: the file was appended to
	Read   uint64      // bytes read so far, of streams too
	Stat   []byte      // the fdstat that the host gave last, nil if it was never asked
}

// Describe says what descriptor number fd is, in words.
func (d *Descriptor) Describe(fd uint32) string {
	s := fmt.Sprintf("descriptor %d is %s", fd, d.Kind)
	switch {
	case d.Kind == Preopened || d.Kind == Listener:
		s = fmt.Sprintf("descriptor %d is the %s %s", fd, d.Kind, d.Name)
	case d.Kind == Socket:
		s = fmt.Sprintf("descriptor %d is the connection that host call %d accepted, %d bytes read so far", fd, d.Origin.Call, d.Read)
	case d.Kind == File:
		s = fmt.Sprintf("descriptor %d is the file that host call %d opened, at offset %d", fd, d.Origin.Call, d.Offset)
	case d.Kind == Dir:
		s = fmt.Sprintf("descriptor %d is the directory that host call %d opened", fd, d.Origin.Call)
	case d.Kind == Stdin:
		s += fmt.Sprintf(", %d bytes read so far", d.Read)
	}
	return s
}

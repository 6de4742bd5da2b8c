package gdbstub

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"wrev/gdbstub/rsp"
)

// File errors as the protocol numbers them.
const (
	fileNotFound = 2
	fileBadFD    = 9
	fileInvalid  = 22
	fileReadOnly = 30
)

// elfFD is the descriptor of the one file there is.
const elfFD = 5

// vFile answers requests for files. The only one is the ELF file that gdb loads
// as the program.
func (s *session) vFile(request string) {
	op, args, _ := strings.Cut(request, ":")
	switch op {
	case "setfs":
		s.text("F0")
	case "open":
		s.fileOpen(args)
	case "close":
		s.withELF(args, func([]byte) { s.text("F0") })
	case "fstat":
		s.withELF(args, s.fileStat)
	case "pread":
		fd, rest, _ := strings.Cut(args, ",")
		s.withELF(fd, func(elf []byte) { s.fileRead(elf, rest) })
	}
}

// fileOpen answers open:PATH,FLAGS,MODE, with the path in hexadecimal.
func (s *session) fileOpen(args string) {
	name, rest, _ := strings.Cut(args, ",")
	flags, _, _ := strings.Cut(rest, ",")
	path, err := hex.DecodeString(name)
	switch {
	case err != nil || string(path) != s.execFile():
		s.fileError(fileNotFound)
	case strings.Trim(flags, "0") != "":
		s.fileError(fileReadOnly)
	default:
		if _, err := s.image(); err != nil {
			s.fileError(fileNotFound)
			return
		}
		s.textf("F%x", elfFD)
	}
}

func (s *session) fileError(errno int) { s.textf("F-1,%x", errno) }

// withELF calls f with the file's contents if fd is its descriptor.
func (s *session) withELF(fd string, f func(elf []byte)) {
	img, err := s.image()
	if err != nil || fd != hexDigits[elfFD:elfFD+1] {
		s.fileError(fileBadFD)
		return
	}
	f(img.ELF)
}

// fileStat answers with the protocol's struct stat, big endian.
func (s *session) fileStat(elf []byte) {
	var st [64]byte
	binary.BigEndian.PutUint32(st[8:], 0o100755) // a file, readable and executable
	binary.BigEndian.PutUint32(st[12:], 1)       // links
	binary.BigEndian.PutUint64(st[28:], uint64(len(elf)))
	s.textf("F%x;", len(st))
	s.out = rsp.AppendEscaped(s.out, st[:])
}

// fileRead answers pread's COUNT,OFFSET.
func (s *session) fileRead(elf []byte, args string) {
	count, offset, ok := hexPair(args, ',')
	if !ok {
		s.fileError(fileInvalid)
		return
	}
	piece := elf[min(offset, uint64(len(elf))):]
	piece = piece[:min(count, uint64(len(piece)), packetSize)]
	// How many bytes follow stands in front, so they are escaped first.
	data, n := rsp.AppendEscapedMax(nil, piece, packetSize-16)
	s.textf("F%x;", n)
	s.out = append(s.out, data...)
}

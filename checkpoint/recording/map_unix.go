//go:build unix && !aix && !openbsd

package recording

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first size bytes of f, shared with the file. OpenBSD is left out because its mappings and its reads do not
// see each other's changes, AIX because nobody has tried it.
func mapFile(f *os.File, size int) (mem []byte, unmap func() error, err error) {
	mem, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return mem, func() error { return unix.Munmap(mem) }, nil
}

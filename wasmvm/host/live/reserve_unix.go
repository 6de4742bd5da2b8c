//go:build linux || darwin

package live

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reserve returns n bytes of zeros, of which only those cost memory that are
// written to. They are not of Go's heap, which would count all of them.
func reserve(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes of address space for host calls: %w", n, err)
	}
	return b, nil
}

func release(b []byte) {
	if len(b) > 0 {
		_ = unix.Munmap(b) // fails for what is not mapped only
	}
}

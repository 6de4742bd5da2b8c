//go:build unix && !aix && !solaris

package recording

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile makes this process the only one that may write to f, until f is closed. It does not keep anybody from reading.
func lockFile(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		return errBusy
	}
	// A file system without locks is one on which a user has to take care himself.
	return nil
}

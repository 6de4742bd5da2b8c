package recording

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile makes this process the only one that may write to f, until f is closed. The bytes that it locks are far behind any file's
// end, because a lock on Windows keeps others from reading, too.
func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if err == windows.ERROR_LOCK_VIOLATION {
		return errBusy
	}
	return nil
}

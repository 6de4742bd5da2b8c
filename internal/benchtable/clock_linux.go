package benchtable

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the CPU time that the current thread has used. Callers lock their
// goroutine to the thread. Other programs on the machine disturb it far less than
// they disturb the time on the wall.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return wallTime()
	}
	return time.Duration(ts.Nano())
}

//go:build !linux

package benchtable

import "time"

// threadTime falls back on the time on the wall.
func threadTime() time.Duration { return wallTime() }

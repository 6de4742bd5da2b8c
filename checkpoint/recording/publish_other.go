//go:build !amd64

package recording

import (
	"encoding/binary"
	"sync/atomic"
)

// publish stores the state of a journal slot after everything that was stored before.
func publish(p *uint64, v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	atomic.StoreUint64(p, binary.NativeEndian.Uint64(b[:]))
}

package live

import "wrev/wasmvm/wasi"

const (
	// minShadow is the smallest shadow in bytes: room for what the package itself
	// asks of wazero, and for a small memory to grow a little.
	minShadow = 1 << 20
	// maxShadow is the largest: all of a memory of 65536 pages.
	maxShadow = 1 << 32
)

// shadow is the memory that calls work on. Between calls it holds nothing that
// anyone needs.
type shadow struct {
	buf   *[]byte // the memory of wazero's module instance; nil if it has none
	space []byte  // what buf is a part of
}

// resize makes the memory n bytes. Address space is asked for with room to grow,
// because only pages that are touched cost anything.
func (s *shadow) resize(n int) error {
	if s.buf == nil {
		return nil
	}
	if len(*s.buf) == n {
		return nil
	}
	if n > len(s.space) {
		space, err := reserve(min(max(minShadow, 2*n), maxShadow))
		if err != nil {
			return err
		}
		*s.buf = nil
		release(s.space)
		s.space = space
	}
	*s.buf = s.space[:n:n]
	return nil
}

// copyIn copies ranges of mem.
func (s *shadow) copyIn(ranges []wasi.Range, mem []byte) {
	for _, r := range ranges {
		copy(r.Of(*s.buf), r.Of(mem))
	}
}

// mem is the memory, empty if there is none.
func (s *shadow) mem() []byte {
	if s.buf == nil {
		return nil
	}
	return *s.buf
}

func (s *shadow) free() {
	if s.buf != nil {
		*s.buf = nil
		release(s.space)
		s.space = nil
	}
}

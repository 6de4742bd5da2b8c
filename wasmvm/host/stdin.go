package host

import (
	"io"

	"github.com/tetratelabs/wazero/experimental/sys"
)

// politeReader narrows what an io.Reader may do to what files do, because a
// call's result must tell what it wrote: it touches nothing after the bytes
// that it returns, and it returns an error only without any.
type politeReader struct {
	r   io.Reader
	buf []byte
	err error
}

func newPoliteReader(r io.Reader) *politeReader {
	return &politeReader{r: r, buf: make([]byte, 64<<10)}
}

func (p *politeReader) Read(b []byte) (int, error) {
	if p.err != nil || len(b) == 0 {
		return 0, p.err
	}
	n, err := p.r.Read(p.buf[:min(len(b), len(p.buf))])
	copy(b, p.buf[:n])
	if p.err = err; n > 0 {
		err = nil
	}
	return n, err
}

// Poll lets a reader that knows say whether it has something, and takes it for
// ready otherwise, as wazero does.
func (p *politeReader) Poll(flag sys.Pflag, timeoutMillis int32) (bool, sys.Errno) {
	if inner, ok := p.r.(sys.Pollable); ok {
		return inner.Poll(flag, timeoutMillis)
	}
	if flag != sys.POLLIN {
		return false, sys.ENOTSUP
	}
	return true, 0
}

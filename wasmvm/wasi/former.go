package wasi

// Former appends the ranges whose bytes from before the call After may look at,
// or report although the call did not write all of them. A caller that runs the
// call on a copy of memory must copy these, too, or old bytes of the copy would
// be taken for written ones. It is called after Before, with the same arguments.
func (t *Tracker) Former(dst []Range, f *Func, args []uint64, mem []byte) []Range {
	switch {
	case f.effect == effectRandom:
		if addr, n := uint32(args[0]), uint32(args[1]); n > 0 && inside(mem, addr, n) {
			dst = append(dst, Range{addr, n})
		}
	case !f.before:
	case t.plan == planImage || t.plan == planEither:
		dst = append(dst, t.snapped...)
	case t.plan == planWhole || f.isPread() && t.plan == planResults:
		t.eachBuffer(mem, func(v Range) { dst = append(dst, v) })
	}
	return dst
}

// isPread tells fd_pread, a loop that may fail half way, from fd_read.
func (f *Func) isPread() bool {
	const params = 5 // fd_read has one less
	return f.effect == effectRead && len(f.Params) == params
}

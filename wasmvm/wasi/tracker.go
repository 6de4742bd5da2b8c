package wasi

import "encoding/binary"

// Sizes is what args_get and environ_get write but no argument says: the number
// of strings, and their bytes including the NUL that ends each.
type Sizes struct {
	Argc, ArgvLen        uint32
	Environc, EnvironLen uint32
}

// SizesOf returns the sizes for arguments, the program's name among them, and an
// environment of KEY=VALUE.
func SizesOf(args, env []string) Sizes {
	var z Sizes
	z.Argc, z.ArgvLen = stringSizes(args)
	z.Environc, z.EnvironLen = stringSizes(env)
	return z
}

func stringSizes(list []string) (n, size uint32) {
	for _, e := range list {
		size += uint32(len(e)) + 1
	}
	return uint32(len(list)), size
}

// maxCheapImage is the size of the buffers in bytes up to which a read into
// several of them is prepared for failing half way by keeping a copy.
const maxCheapImage = 64 << 10

// Tracker finds out what a call wrote. For each call, Before sees the memory
// before it and After the memory after it. It is meant to be reused: it does
// not allocate once it has warmed up. It is not safe for concurrent use.
//
// What a call wrote follows from its arguments and its results, but for the
// rare calls whose results say too little (a read whose result pointer is wild)
// or whose buffers overlap the array that names them. Before keeps a copy of
// the memory in question for those, and After compares.
//
// The exception to exactness: a read into several buffers of more than 64 KiB
// together that fails after the first buffer, and a fd_pread or random_get that
// fails with EIO. Their buffers are reported whole.
type Tracker struct {
	sizes   Sizes
	out     []Range
	array   []byte  // copy of the iovec array
	snapped []Range // what image holds, in order
	image   []byte
	plan    plan
}

// plan is what Before decided about the call.
type plan uint8

const (
	planResults plan = iota // the results tell
	planEither              // on success the results tell, on failure the image
	planImage               // only the image tells
	planWhole               // on failure, assume the worst
	planNothing             // the call fails before it writes
)

// NewTracker makes a Tracker for a program with these arguments and environment.
func NewTracker(s Sizes) *Tracker { return &Tracker{sizes: s} }

// Before prepares for a call. args are its arguments, with the upper halves of
// i32 clear, and mem is the whole memory, empty if there is none.
func (t *Tracker) Before(f *Func, args []uint64, mem []byte) {
	if !f.before {
		return
	}
	t.forget()
	switch f.effect {
	case effectRead:
		t.beforeRead(args[1], args[2], uint32(args[f.results[0]]), mem)
	case effectRecv:
		t.beforeRecv(args, mem)
	case effectReaddir:
		buf, n, res := uint32(args[1]), uint32(args[2]), uint32(args[4])
		if n < sizeDirent {
			t.plan = planNothing
		} else if !inside(mem, res, 4) || overlap(buf, n, res, 4) {
			t.plan = planImage
			t.keep(clip(mem, buf, n), mem)
		}
	case effectReadlink:
		if !inside(mem, uint32(args[5]), 4) {
			t.plan = planImage
			t.keep(clip(mem, uint32(args[3]), uint32(args[4])), mem)
		}
	}
}

// forget drops the state of the call before, and the room of an unusual one.
func (t *Tracker) forget() {
	const retained = 1 << 20
	t.plan = planResults
	t.snapped = t.snapped[:0]
	t.array = t.array[:0]
	if t.image = t.image[:0]; cap(t.image) > retained {
		t.image = nil
	}
}

func (t *Tracker) beforeRecv(args []uint64, mem []byte) {
	const known = sockRecvPeek | 2 // the other one is RECV_WAITALL
	riFlags, count := uint8(args[3]), args[2]
	if riFlags&^known != 0 {
		t.plan = planNothing
		return
	}
	if riFlags&sockRecvPeek != 0 {
		count = 1
	}
	datalen, roFlags := uint32(args[4]), uint32(args[5])
	if overlap(datalen, 4, roFlags, 2) {
		// The flags are written last and spoil the count.
		datalen = ^uint32(0)
	}
	t.beforeRead(args[1], count, datalen, mem)
}

// beforeRead looks at the iovecs of a call that reads into them.
func (t *Tracker) beforeRead(iovs, count uint64, result uint32, mem []byte) {
	array := Range{uint32(iovs), uint32(count) * sizeIovec} // wraps as in wazero
	if !inside(mem, array.Addr, array.Len) {
		t.plan = planNothing
		return
	}
	// The array itself may be overwritten by the result.
	t.array = append(t.array, array.Of(mem)...)
	var buffers, total uint64
	wild := false
	for a := t.array; len(a) >= sizeIovec; a = a[sizeIovec:] {
		v := iovec(a)
		if v.Len == 0 {
			continue
		}
		if wild = !inside(mem, v.Addr, v.Len); wild {
			break
		}
		if overlap(v.Addr, v.Len, array.Addr, array.Len) {
			t.keepAll(mem)
			return
		}
		buffers++
		total += uint64(v.Len)
	}
	switch {
	case buffers == 0:
	case !inside(mem, result, 4) || total > 1<<32-1:
		t.plan = planImage
	case buffers == 1 && !wild:
		return
	case total > maxCheapImage:
		t.plan = planWhole
		return
	default:
		t.plan = planEither
	}
	if t.plan != planResults {
		t.eachBuffer(mem, func(v Range) { t.keep(v, mem) })
	}
}

// eachBuffer calls f for the buffers that a read may fill, in order.
func (t *Tracker) eachBuffer(mem []byte, f func(Range)) {
	for a := t.array; len(a) >= sizeIovec; a = a[sizeIovec:] {
		v := iovec(a)
		if v.Len == 0 {
			continue
		}
		if !inside(mem, v.Addr, v.Len) {
			return
		}
		f(v)
	}
}

// After returns the ranges that the call wrote. errno is its result, mem the
// memory after it. The slice is valid until the next call of the Tracker.
// Ranges may overlap; none is empty and all lie in mem.
func (t *Tracker) After(f *Func, args []uint64, errno uint32, mem []byte) []Range {
	t.out = t.out[:0]
	if f.before && t.plan != planResults {
		t.afterUnusual(f, args, errno, mem)
		return t.out
	}
	switch f.effect {
	case effectSizes:
		// Written one after the other; the second failing leaves the first.
		if first := uint32(args[0]); inside(mem, first, 4) {
			t.add(first, 4, mem)
			t.add(uint32(args[1]), 4, mem)
		}
	case effectPoll:
		t.afterPoll(args, mem)
	default:
		if errno == errnoSuccess {
			t.afterSuccess(f, args, mem)
		} else if errno == errnoIO {
			t.afterIO(f, args, mem)
		}
	}
	return t.out
}

func (t *Tracker) afterSuccess(f *Func, args []uint64, mem []byte) {
	switch f.effect {
	case effectArgs:
		t.add(uint32(args[0]), t.sizes.Argc*4, mem)
		t.add(uint32(args[1]), t.sizes.ArgvLen, mem)
	case effectEnviron:
		t.add(uint32(args[0]), t.sizes.Environc*4, mem)
		t.add(uint32(args[1]), t.sizes.EnvironLen, mem)
	case effectDirName:
		t.add(uint32(args[1]), uint32(args[2]), mem)
	case effectRandom:
		t.add(uint32(args[0]), uint32(args[1]), mem)
	case effectReadlink:
		t.add(uint32(args[3]), word(mem, uint32(args[5])), mem)
	case effectReaddir:
		t.addDirents(uint32(args[1]), uint32(args[2]), word(mem, uint32(args[4])), mem)
	case effectRead, effectRecv:
		t.addRead(word(mem, uint32(args[f.results[0]])), mem)
	}
	t.addResults(f, args, mem)
}

// afterIO covers the failures that may come after a part of the work.
func (t *Tracker) afterIO(f *Func, args []uint64, mem []byte) {
	switch {
	case f.effect == effectRandom:
		t.add(uint32(args[0]), uint32(args[1]), mem)
	case f.isPread() && int64(args[3]) >= 0:
		t.eachBuffer(mem, func(v Range) { t.out = append(t.out, v) })
	}
}

func (t *Tracker) afterUnusual(f *Func, args []uint64, errno uint32, mem []byte) {
	switch {
	case t.plan == planNothing:
	case t.plan == planImage || (t.plan == planEither && errno != errnoSuccess):
		t.compare(mem)
		if errno == errnoSuccess {
			t.addResults(f, args, mem)
		}
	case errno == errnoSuccess:
		t.afterSuccess(f, args, mem)
	default:
		t.eachBuffer(mem, func(v Range) { t.out = append(t.out, v) })
	}
}

// afterPoll: poll_oneoff clears all events as soon as both arrays are in
// memory, and says their number before it looks at a subscription. What it
// writes later lies in there, whether it succeeds or fails.
func (t *Tracker) afterPoll(args []uint64, mem []byte) {
	in, out, n := uint32(args[0]), uint32(args[1]), uint32(args[2])
	if n == 0 || !inside(mem, in, n*sizeSubscription) || !inside(mem, out, n*sizeEvent) {
		return
	}
	t.add(out, n*sizeEvent, mem)
	t.add(uint32(args[3]), 4, mem)
}

func (t *Tracker) addResults(f *Func, args []uint64, mem []byte) {
	for _, i := range f.results {
		t.add(uint32(args[i]), f.Params[i].Size, mem)
	}
}

// addRead spreads n bytes over the buffers: a read fills one after the other
// and stops at the first that it cannot fill.
func (t *Tracker) addRead(n uint32, mem []byte) {
	for a := t.array; len(a) >= sizeIovec && n > 0; a = a[sizeIovec:] {
		v := iovec(a)
		v.Len = min(v.Len, n)
		t.add(v.Addr, v.Len, mem)
		n -= v.Len
	}
}

// addDirents walks the directory entries in a buffer of size bytes of which
// used are said to be used. An entry that does not fit loses its name, and if
// its header does not fit either, nothing of it is written although all of the
// buffer is said to be used.
func (t *Tracker) addDirents(buf, size, used uint32, mem []byte) {
	pos, used := uint32(0), min(used, size)
	for used-pos >= sizeDirent {
		header := uint64(buf) + uint64(pos)
		if header+sizeDirent > uint64(len(mem)) {
			break
		}
		name := binary.LittleEndian.Uint32(mem[header+16:])
		pos += sizeDirent
		if name > size-pos {
			break
		}
		pos += name
		if pos > used {
			break
		}
	}
	t.add(buf, pos, mem)
}

// add reports a range, unless it is empty or not in memory.
func (t *Tracker) add(addr, n uint32, mem []byte) {
	if n != 0 && inside(mem, addr, n) {
		t.out = append(t.out, Range{addr, n})
	}
}

// word reads an u32 of memory, 0 where there is none.
func word(mem []byte, addr uint32) uint32 {
	if !inside(mem, addr, 4) {
		return 0
	}
	return binary.LittleEndian.Uint32(mem[addr:])
}

func overlap(a, an, b, bn uint32) bool {
	return uint64(a) < uint64(b)+uint64(bn) && uint64(b) < uint64(a)+uint64(an)
}

// clip returns the part of a range that lies in memory.
func clip(mem []byte, addr, n uint32) Range {
	size := uint64(len(mem))
	if uint64(addr) >= size {
		return Range{}
	}
	return Range{addr, uint32(min(uint64(n), size-uint64(addr)))}
}

package wasi

import "bytes"

// keep copies a range of memory to compare it after the call.
func (t *Tracker) keep(r Range, mem []byte) {
	if r.Len == 0 {
		return
	}
	t.snapped = append(t.snapped, r)
	t.image = append(t.image, r.Of(mem)...)
}

// keepAll copies all of memory: buffers overlap the array that names them, so
// that what is read decides where the rest goes.
func (t *Tracker) keepAll(mem []byte) {
	t.plan = planImage
	const half = 1 << 31 // a memory of 4 GiB is more than one range can name
	for base := 0; base < len(mem); base += half {
		t.keep(Range{uint32(base), uint32(min(half, len(mem)-base))}, mem)
	}
}

// compare reports the bytes of the kept ranges that changed.
func (t *Tracker) compare(mem []byte) {
	image := t.image
	for _, r := range t.snapped {
		t.compareRange(r, image[:r.Len], mem)
		image = image[r.Len:]
	}
}

func (t *Tracker) compareRange(r Range, old, mem []byte) {
	const block = 256 // compared at once, as equal ones are the rule
	now := r.Of(mem)
	for at := 0; at < len(now); {
		if n := min(block, len(now)-at); bytes.Equal(now[at:at+n], old[at:at+n]) {
			at += n
			continue
		}
		for at < len(now) && now[at] == old[at] {
			at++
		}
		from := at
		for at < len(now) && now[at] != old[at] {
			at++
		}
		t.add(r.Addr+uint32(from), uint32(at-from), mem)
	}
}

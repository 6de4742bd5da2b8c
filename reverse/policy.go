package reverse

import "math"

// Which checkpoint to drop when there are too many, or too many bytes.
//
// The worth of a checkpoint is the gap its loss would leave, in instructions,
// divided by its distance from now, which counts as at most a farShare-th of
// history. The one of least worth goes. Three things follow, and hold whatever
// the order in which checkpoints came:
//
//   - Near now what is left has gaps in proportion to the distance: going back
//     by d instructions replays at most a fixed fraction of d.
//   - Far from now the gaps are equal: a seek to anywhere replays no more than
//     the longest of them. Most of the checkpoints are there.
//   - Dense checkpoints left behind by an old seek are the first to go once
//     now is far from them.
//
// Invariants: the first checkpoint is never dropped. After trim, the history
// is within its count, and within its budget unless only the first is left.

// aheadDiscount makes checkpoints after now count as this much further away:
// forwards one can also just run.
const aheadDiscount = 4

// farShare is how much of history is near, in which gaps grow with the distance.
// With n checkpoints of which the gaps near now are 1/r of the distance, r*64 are
// far and r*ln(length/64/near), that is r*12 to r*16, are near: four of five
// are far.
const farShare = 64

// worth is large for checkpoints that should stay. gap is the distance between
// the neighbours of the checkpoint at pos, near is the distance within which all
// checkpoints are about equally useful, and far is the largest that counts.
func worth(pos, gap, now, near, far uint64) float64 {
	distance := float64(now) - float64(pos)
	if distance < 0 {
		distance *= -aheadDiscount
	}
	return float64(gap) / (min(distance, float64(far)) + float64(near))
}

// cheapest is the index of the checkpoint to drop next, or 0 if none may be.
// best is what it is worth. The last one's gap reaches to horizon, the furthest position ever seen.
func (h *history) cheapest(now uint64) (at int, best float64) {
	best = math.Inf(1)
	far := max(h.horizon, now) / farShare
	for i := 1; i < len(h.list); i++ {
		next := max(h.horizon, now)
		if i+1 < len(h.list) {
			next = h.list[i+1].pos
		}
		if w := worth(h.list[i].pos, next-h.list[i-1].pos, now, h.near, far); at == 0 || w < best {
			best, at = w, i
		}
	}
	return at, best
}

// trim drops checkpoints until the history is within its limits.
func (h *history) trim(now uint64) {
	for h.count() > h.maxCount || !h.fits() {
		switch i, w := h.cheapest(now); {
		case h.dropParked(now, w):
		case i == 0:
			return
		default:
			h.drop(i)
		}
	}
}

// thin drops checkpoints with which next to nothing is lost: those whose two
// neighbours are no further apart than within and than a thinShare-th of the
// distance from now. A seek leaves them on its way, denser and denser. Once now is
// elsewhere it is cheaper to make them again than to compress their pages and
// move them to the disk. Those of the seek that led to now stay: there the
// neighbours of each are a fifth of its distance apart or more.
func (h *history) thin(now, within uint64) {
	for i := len(h.list) - 2; i > 0; i-- {
		pos := h.list[i].pos
		gap := h.list[i+1].pos - h.list[i-1].pos
		if gap <= min(max(pos, now)-min(pos, now), within*thinShare)/thinShare {
			h.drop(i)
		}
	}
}

// thinShare: checkpoints that a seek leaves are an eighth of their distance
// apart (see rungShare), the neighbours of one more than that.
const thinShare = 8

// fits reports whether the history is within its budget, if need be after the
// store has compressed pages or moved some to the disk.
func (h *history) fits() bool {
	room := h.budget - h.outside()
	return h.store.Fit(room) <= room
}

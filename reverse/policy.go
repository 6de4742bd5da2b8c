package reverse

// Which checkpoint to drop when there are too many, or too many bytes.
//
// The worth of a checkpoint is the gap its loss would leave, in instructions,
// divided by its distance from now. The one of least worth goes. Two things
// follow, and hold whatever the order in which checkpoints came:
//
//   - What is left has gaps in proportion to the distance from now: going back
//     by d instructions replays at most a fixed fraction of d, and n
//     checkpoints reach back over exp(n) instructions (rr's exponentially
//     growing intervals, without fixed generations).
//   - Dense checkpoints left behind by an old seek are the first to go once
//     now is far from them.
//
// Invariants: the first checkpoint is never dropped. After trim, the history
// is within its count, and within its budget unless only the first is left.

// aheadDiscount makes checkpoints after now count as this much further away:
// forwards one can also just run.
const aheadDiscount = 4

// worth is large for checkpoints that should stay. gap is the distance between
// the neighbours of the checkpoint at pos, and near is the distance within
// which all checkpoints are about equally useful.
func worth(pos, gap, now, near uint64) float64 {
	distance := float64(now) - float64(pos)
	if distance < 0 {
		distance *= -aheadDiscount
	}
	return float64(gap) / (distance + float64(near))
}

// cheapest is the index of the checkpoint to drop next, or 0 if none may be.
// The last one's gap reaches to horizon, the furthest position ever seen.
func (h *history) cheapest(now uint64) int {
	best, at := 0.0, 0
	for i := 1; i < len(h.list); i++ {
		next := max(h.horizon, now)
		if i+1 < len(h.list) {
			next = h.list[i+1].pos
		}
		if w := worth(h.list[i].pos, next-h.list[i-1].pos, now, h.near); at == 0 || w < best {
			best, at = w, i
		}
	}
	return at
}

// trim drops checkpoints until the history is within its limits.
func (h *history) trim(now uint64) {
	for len(h.list) > h.maxCount || !h.fits() {
		i := h.cheapest(now)
		if i == 0 {
			return
		}
		h.drop(i)
	}
}

// fits reports whether the history is within its budget, if need be after the
// store has compressed pages or moved some to the disk.
func (h *history) fits() bool {
	room := h.budget - h.outside()
	return h.store.Bytes() <= room || h.store.Fit(room) <= room
}

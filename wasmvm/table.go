package wasmvm

// table is a table of references. A reference is a number; 0 is null.
type table struct {
	version
	typ   TableType
	elems []uint64
}

// version tells contents apart: two moments with the same version have the same content.
type version struct {
	now, last uint64
}

// changed gives the content a version it never had.
func (v *version) changed() {
	v.last++
	v.now = v.last
}

// restored gives restored content the version it had, if that means something here.
func (v *version) restored(now uint64, known bool) {
	if v.changed(); known {
		v.now = now
	}
}

// maxTable bounds the elements of a table, so that a program cannot ask for any amount of memory with one instruction.
const maxTable = 1 << 27

func newTable(t TableType) *table {
	return &table{typ: t, elems: make([]uint64, t.Limits.Min)}
}

func (t *table) holds(at, n uint32) bool { return uint64(at)+uint64(n) <= uint64(len(t.elems)) }

// limit is how many elements the table may have.
func (t *table) limit() uint64 {
	if t.typ.Limits.HasMax {
		return min(maxTable, uint64(t.typ.Limits.Max))
	}
	return maxTable
}

// grow is table.grow: it returns the old size, or -1 as a number of 32 bits.
func (t *table) grow(by uint32, v uint64) uint32 {
	old := uint64(len(t.elems))
	if old+uint64(by) > t.limit() {
		return 0xFFFFFFFF
	}
	for range by {
		t.elems = append(t.elems, v)
	}
	t.changed()
	return uint32(old)
}

package recording

import (
	"encoding/binary"
	"fmt"
)

// decoder turns the payload of one CALLS chunk, or the contents of a journal slot, into host calls. Its input is not
// trusted. Calls share slices with each other and with the payload, since all are immutable; an unchanged list costs nothing.
//
// Memory is bounded by the payload: every call, value and memory write takes at least one byte of it, unless it is shared.
type decoder struct {
	raw     []byte
	pos     int
	imports map[uint32]*decodeState
	last    *decodeState
	values  []uint64   // free space for arguments and results
	writes  []MemWrite // free space for lists of writes
	bytes   []byte     // free space for numbers
}

// decodeState is the previous call of one import.
type decodeState struct {
	call  HostCall
	shape []span
	nums  [numbered]uint64
}

func newDecoder(raw []byte) *decoder {
	return &decoder{raw: raw, imports: make(map[uint32]*decodeState)}
}

// more reports whether there are bytes left.
func (d *decoder) more() bool { return d.pos < len(d.raw) }

// next decodes one call into c.
func (d *decoder) next(c *HostCall) error {
	start := d.pos
	if err := d.decode(c); err != nil {
		return fmt.Errorf("host call at byte %d of %d: %w", start, len(d.raw), err)
	}
	return nil
}

func (d *decoder) decode(c *HostCall) error {
	tag := d.raw[d.pos]
	d.pos++
	if tag&^byte(knownTags) != 0 {
		return fmt.Errorf("unknown tag %#x", tag)
	}
	if tag&tagImport != 0 {
		if err := d.use(); err != nil {
			return err
		}
	}
	st := d.last
	if st == nil {
		return fmt.Errorf("no import")
	}
	var err error
	if tag&tagArgs != 0 {
		if st.call.Args, err = d.readValues(st.call.Args); err != nil {
			return fmt.Errorf("arguments: %w", err)
		}
	}
	if tag&tagResults != 0 {
		if st.call.Results, err = d.readValues(st.call.Results); err != nil {
			return fmt.Errorf("results: %w", err)
		}
	}
	if tag&tagShape != 0 {
		if err = d.readShape(st); err != nil {
			return fmt.Errorf("memory writes: %w", err)
		}
	}
	if tag&tagInputs != 0 {
		b, err := d.take(8)
		if err != nil {
			return fmt.Errorf("digest of the inputs: %w", err)
		}
		st.call.Inputs = binary.LittleEndian.Uint64(b)
	}
	if len(st.shape) > 0 {
		if err = d.readData(st); err != nil {
			return fmt.Errorf("memory writes: %w", err)
		}
	}
	*c = st.call
	c.NoReturn = tag&tagNoReturn != 0
	return nil
}

// use reads an import's index and makes its state the current one.
func (d *decoder) use() error {
	v, err := d.uvarint()
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	if v >= maxImport {
		return fmt.Errorf("import %d", v)
	}
	imp := uint32(v)
	st := d.imports[imp]
	if st == nil {
		st = &decodeState{call: HostCall{Import: imp}}
		d.imports[imp] = st
	}
	d.last = st
	return nil
}

// uvarint reads an unsigned LEB128 number of up to 64 bits.
func (d *decoder) uvarint() (uint64, error) {
	if d.pos < len(d.raw) && d.raw[d.pos] < 0x80 {
		d.pos++
		return uint64(d.raw[d.pos-1]), nil
	}
	v, n := binary.Uvarint(d.raw[d.pos:])
	if n <= 0 {
		return 0, fmt.Errorf("malformed number")
	}
	d.pos += n
	return v, nil
}

// count reads a number of things of which each takes at least unit bytes of what is left.
func (d *decoder) count(limit, unit int) (int, error) {
	v, err := d.uvarint()
	if err != nil {
		return 0, err
	}
	if v > uint64(limit) || v > uint64((len(d.raw)-d.pos)/unit) {
		return 0, fmt.Errorf("impossible count %d", v)
	}
	return int(v), nil
}

// take returns the next n bytes.
func (d *decoder) take(n int) ([]byte, error) {
	if n > len(d.raw)-d.pos {
		return nil, fmt.Errorf("%d bytes where %d are left", n, len(d.raw)-d.pos)
	}
	d.pos += n
	return d.raw[d.pos-n : d.pos : d.pos], nil
}

func (d *decoder) readValues(prev []uint64) ([]uint64, error) {
	n, err := d.count(maxValues, 1)
	if err != nil || n == 0 {
		return nil, err
	}
	values := carve(&d.values, n, len(d.raw)-d.pos)
	for i := range values {
		z, err := d.uvarint()
		if err != nil {
			return nil, err
		}
		values[i] = unzigzag(z)
		if i < len(prev) {
			values[i] += prev[i]
		}
	}
	return values, nil
}

// readShape reads where the writes go.
func (d *decoder) readShape(st *decodeState) error {
	n, err := d.count(maxWrites, 2)
	if err != nil {
		return err
	}
	prev := st.shape
	st.shape, st.call.Writes = make([]span, n), nil
	for i := range st.shape {
		z, err := d.uvarint()
		if err != nil {
			return err
		}
		length, err := d.uvarint()
		if err != nil {
			return err
		}
		addr := unzigzag(z)
		if i < len(prev) {
			addr += uint64(prev[i].addr)
		}
		if length == 0 || length > maxRawChunk || addr > 1<<32-length {
			return fmt.Errorf("%d bytes at %#x", length, addr)
		}
		st.shape[i] = span{uint32(addr), int(length)}
	}
	return nil
}

// readData reads the bytes of the call's memory writes.
func (d *decoder) readData(st *decodeState) error {
	if st.call.Writes != nil && d.skipUnchanged(st) {
		return nil
	}
	if len(st.shape) > len(d.raw)-d.pos { // a write takes at least one byte
		return fmt.Errorf("%d of them in %d bytes", len(st.shape), len(d.raw)-d.pos)
	}
	writes := carve(&d.writes, len(st.shape), len(d.raw)-d.pos)
	for i, s := range st.shape {
		writes[i].Addr = s.addr
		var err error
		if isNumber(i, s.length) {
			writes[i].Data, err = d.readNumber(&st.nums[i], s.length)
		} else {
			writes[i].Data, err = d.take(s.length)
		}
		if err != nil {
			return err
		}
	}
	st.call.Writes = writes
	return nil
}

// skipUnchanged skips the data of writes that are all numbers and all the same as in the previous call, whose list then
// serves again.
func (d *decoder) skipUnchanged(st *decodeState) bool {
	if len(st.shape) > numbered || len(st.shape) > len(d.raw)-d.pos {
		return false
	}
	for i, s := range st.shape {
		if !isNumber(i, s.length) || d.raw[d.pos+i] != 0 {
			return false
		}
	}
	d.pos += len(st.shape)
	return true
}

// readNumber reads the difference of a write of 4 or 8 bytes to the previous one and returns the bytes.
func (d *decoder) readNumber(prev *uint64, length int) ([]byte, error) {
	z, err := d.uvarint()
	if err != nil {
		return nil, err
	}
	*prev += unzigzag(z)
	data := carve(&d.bytes, length, 8*(len(d.raw)-d.pos))
	if length == 8 {
		binary.LittleEndian.PutUint64(data, *prev)
	} else if *prev>>32 == 0 {
		binary.LittleEndian.PutUint32(data, uint32(*prev))
	} else {
		return nil, fmt.Errorf("%#x in 4 bytes", *prev)
	}
	return data, nil
}

// carve takes n elements from the pool. An empty pool is filled again with as many as are likely to be needed; atMost
// bounds that by what the rest of the input could ask for.
func carve[T any](pool *[]T, n, atMost int) []T {
	if n > len(*pool) {
		*pool = make([]T, max(n, min(1024, n+atMost)))
	}
	s := (*pool)[:n:n]
	*pool = (*pool)[n:]
	return s
}

// decodeCalls decodes a payload that must hold exactly count calls.
func decodeCalls(raw []byte, count int) ([]HostCall, error) {
	if count > len(raw) {
		return nil, fmt.Errorf("%d host calls in %d bytes", count, len(raw))
	}
	calls := make([]HostCall, count)
	d := newDecoder(raw)
	for i := range calls {
		if !d.more() {
			return nil, fmt.Errorf("%d host calls where %d were promised", i, count)
		}
		if err := d.next(&calls[i]); err != nil {
			return nil, err
		}
	}
	if d.more() {
		return nil, fmt.Errorf("%d bytes after the last host call", len(raw)-d.pos)
	}
	return calls, nil
}

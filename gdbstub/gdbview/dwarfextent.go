package gdbview

import (
	"debug/dwarf"
	"encoding/binary"
)

// fixExtent makes what an entry says of the code it stands for end where that code
// ends. What a tool writes that moves code and does not know where an end went to
// is the address 0, which as a length is one to the end of the address space:
// all functions behind it would be taken for the one that begins there.
func (w *dwWalk) fixExtent(d *dwDIE) {
	low, high := d.attr(dwarf.AttrLowpc), d.attr(dwarf.AttrHighpc)
	if low == nil || high == nil {
		return
	}
	at := w.lowPC(low)
	end := uint64(w.p.code.size)
	if d.ab.tag != dwarf.TagCompileUnit && d.ab.tag != dwarf.TagPartialUnit {
		i := w.p.code.funcAt(at)
		if i < 0 {
			return
		}
		end = uint64(w.p.code.ends[i])
	}
	if at > end {
		return
	}
	out := w.u.sec.out
	switch {
	case high.form == formAddr && (high.val < at || high.val > end):
		putU32(out, high.off, w.p.code.reloc(end))
	case high.form.info().class == classConstant && high.val > end-at:
		putSmaller(out[high.off:high.end], high.form, end-at)
	}
}

// putSmaller replaces a constant by one that is not larger and so has room in the
// same form. The form that keeps its value in the abbreviation, for all entries
// alike, has no place for another one.
func putSmaller(b []byte, form dwForm, v uint64) {
	switch form {
	case formSdata, formUdata:
		// A signed number of so many bytes may be read as a negative one.
		if form == formSdata && len(b) < 10 && v>>(7*len(b)-1) != 0 {
			return
		}
		if wide, ok := appendULEBWide(nil, v, len(b)); ok {
			copy(b, wide)
		}
	default:
		var wide [8]byte
		binary.LittleEndian.PutUint64(wide[:], v)
		copy(b, wide[:])
	}
}

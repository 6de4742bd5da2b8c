package gdbview

import "github.com/go-delve/delve/pkg/dwarf/op"

// Call frame instructions (DWARF 4, section 7.23).
const (
	cfaDefCFA        = 0x0c
	cfaValExpression = 0x16
	cfaOffset        = 0x80 // with the register in the low bits
)

// debugFrame returns the .debug_frame section: how gdb gets from a frame to its
// caller, which is the same everywhere. FrameMap says why: the return address
// and the caller's ebp lie at ebp. The windows of the caller follow from its
// ebp.
func debugFrame(codeSize uint32) []byte {
	const dataAlign = -4
	cie := appendU32(nil, 0xffffffff)                  // this is a CIE
	cie = append(cie, 1, 0, 1)                         // version, no augmentation, code alignment
	cie = append(appendSLEB(cie, dataAlign), dwarfEIP) // return address register
	cie = append(cie, cfaDefCFA, dwarfEBP, 8)          // CFA = ebp+8
	cie = append(cie, cfaOffset|dwarfEIP, 1)           // at CFA-4
	cie = append(cie, cfaOffset|dwarfEBP, 2)           // at CFA-8
	for _, w := range Windows {
		expr := []byte{byte(op.DW_OP_lit8), byte(op.DW_OP_minus), byte(op.DW_OP_deref), byte(op.DW_OP_consts)}
		expr = append(appendSLEB(expr, -int64(w.Offset)), byte(op.DW_OP_plus))
		cie = append(cie, cfaValExpression, w.Register, byte(len(expr)))
		cie = append(cie, expr...)
	}
	for len(cie)%4 != 0 {
		cie = append(cie, 0) // DW_CFA_nop
	}
	b := append(appendU32(nil, uint32(len(cie))), cie...)
	b = appendU32(b, 12) // the FDE
	b = appendU32(b, 0)  // of the CIE at 0
	return appendU32(appendU32(b, CodeAddr(0)), codeSize)
}

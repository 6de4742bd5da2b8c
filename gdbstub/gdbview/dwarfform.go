package gdbview

// dwForm is a DW_FORM_ code: how an attribute's value is written.
type dwForm uint32

// Forms of DWARF 2 to 5 (DWARF 5, section 7.5.6) and of GNU's extensions.
const (
	formAddr          dwForm = 0x01
	formBlock2        dwForm = 0x03
	formBlock4        dwForm = 0x04
	formData2         dwForm = 0x05
	formData4         dwForm = 0x06
	formData8         dwForm = 0x07
	formString        dwForm = 0x08
	formBlock         dwForm = 0x09
	formBlock1        dwForm = 0x0a
	formData1         dwForm = 0x0b
	formFlag          dwForm = 0x0c
	formSdata         dwForm = 0x0d
	formStrp          dwForm = 0x0e
	formUdata         dwForm = 0x0f
	formRefAddr       dwForm = 0x10
	formRef1          dwForm = 0x11
	formRef2          dwForm = 0x12
	formRef4          dwForm = 0x13
	formRef8          dwForm = 0x14
	formRefUdata      dwForm = 0x15
	formIndirect      dwForm = 0x16
	formSecOffset     dwForm = 0x17
	formExprloc       dwForm = 0x18
	formFlagPresent   dwForm = 0x19
	formStrx          dwForm = 0x1a
	formAddrx         dwForm = 0x1b
	formData16        dwForm = 0x1e
	formLineStrp      dwForm = 0x1f
	formRefSig8       dwForm = 0x20
	formImplicitConst dwForm = 0x21
	formLoclistx      dwForm = 0x22
	formRnglistx      dwForm = 0x23
	formStrx1         dwForm = 0x25
	formStrx2         dwForm = 0x26
	formStrx3         dwForm = 0x27
	formStrx4         dwForm = 0x28
	formAddrx1        dwForm = 0x29
	formAddrx2        dwForm = 0x2a
	formAddrx3        dwForm = 0x2b
	formAddrx4        dwForm = 0x2c
	formGNUAddrIndex  dwForm = 0x1f01
	formGNUStrIndex   dwForm = 0x1f02
)

// dwClass is what an attribute's value means.
type dwClass uint8

const (
	classAddress dwClass = iota + 1
	classBlock
	classConstant
	classExpr
	classFlag
	classOffset // into another section, loclistx and rnglistx included
	classReference
	classString
)

// Encodings of a form, as the number of bytes or one of these.
const (
	sizeULEB      = -1 - iota // a uleb128 or sleb128 number
	sizeAddress               // as wide as an address
	sizeCString               // up to a NUL
	sizeBlockULEB             // length as uleb128, then that many bytes
	sizeBlock1
	sizeBlock2
	sizeBlock4
	sizeRefAddr  // an address in DWARF 2, an offset later
	sizeIndirect // the form itself as uleb128, then the value
)

type dwFormInfo struct {
	class dwClass
	size  int8
}

// dwForms is indexed by form. Supplementary files are not supported, so their
// forms are unknown.
var dwForms = [...]dwFormInfo{
	formAddr:          {classAddress, sizeAddress},
	formBlock2:        {classBlock, sizeBlock2},
	formBlock4:        {classBlock, sizeBlock4},
	formData2:         {classConstant, 2},
	formData4:         {classConstant, 4},
	formData8:         {classConstant, 8},
	formString:        {classString, sizeCString},
	formBlock:         {classBlock, sizeBlockULEB},
	formBlock1:        {classBlock, sizeBlock1},
	formData1:         {classConstant, 1},
	formFlag:          {classFlag, 1},
	formSdata:         {classConstant, sizeULEB},
	formStrp:          {classString, 4},
	formUdata:         {classConstant, sizeULEB},
	formRefAddr:       {classReference, sizeRefAddr},
	formRef1:          {classReference, 1},
	formRef2:          {classReference, 2},
	formRef4:          {classReference, 4},
	formRef8:          {classReference, 8},
	formRefUdata:      {classReference, sizeULEB},
	formIndirect:      {classConstant, sizeIndirect},
	formSecOffset:     {classOffset, 4},
	formExprloc:       {classExpr, sizeBlockULEB},
	formFlagPresent:   {classFlag, 0},
	formStrx:          {classString, sizeULEB},
	formAddrx:         {classAddress, sizeULEB},
	formData16:        {classConstant, 16},
	formLineStrp:      {classString, 4},
	formRefSig8:       {classReference, 8},
	formImplicitConst: {classConstant, 0},
	formLoclistx:      {classOffset, sizeULEB},
	formRnglistx:      {classOffset, sizeULEB},
	formStrx1:         {classString, 1},
	formStrx2:         {classString, 2},
	formStrx3:         {classString, 3},
	formStrx4:         {classString, 4},
	formAddrx1:        {classAddress, 1},
	formAddrx2:        {classAddress, 2},
	formAddrx3:        {classAddress, 3},
	formAddrx4:        {classAddress, 4},
}

func (f dwForm) info() dwFormInfo {
	switch {
	case f < dwForm(len(dwForms)):
		return dwForms[f]
	case f == formGNUAddrIndex:
		return dwFormInfo{classAddress, sizeULEB}
	case f == formGNUStrIndex:
		return dwFormInfo{classString, sizeULEB}
	}
	return dwFormInfo{}
}

// class returns what the form's values mean; false if the form is unknown.
func (f dwForm) class() (dwClass, bool) {
	c := f.info().class
	return c, c != 0
}

// isAddrIndex reports that the value is an index into .debug_addr.
func (f dwForm) isAddrIndex() bool {
	return f == formAddrx || f == formGNUAddrIndex || f >= formAddrx1 && f <= formAddrx4
}

// isStrIndex reports that the value is an index into .debug_str_offsets.
func (f dwForm) isStrIndex() bool {
	return f == formStrx || f == formGNUStrIndex || f >= formStrx1 && f <= formStrx4
}

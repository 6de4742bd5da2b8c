package agentexpr

import "fmt"

// Op is an operation code.
type Op uint8

// The operations (appendix "Bytecode Descriptions").
const (
	OpFloat         Op = 0x01
	OpAdd           Op = 0x02
	OpSub           Op = 0x03
	OpMul           Op = 0x04
	OpDivSigned     Op = 0x05
	OpDivUnsigned   Op = 0x06
	OpRemSigned     Op = 0x07
	OpRemUnsigned   Op = 0x08
	OpLsh           Op = 0x09
	OpRshSigned     Op = 0x0a
	OpRshUnsigned   Op = 0x0b
	OpTrace         Op = 0x0c
	OpTraceQuick    Op = 0x0d
	OpLogNot        Op = 0x0e
	OpBitAnd        Op = 0x0f
	OpBitOr         Op = 0x10
	OpBitXor        Op = 0x11
	OpBitNot        Op = 0x12
	OpEqual         Op = 0x13
	OpLessSigned    Op = 0x14
	OpLessUnsigned  Op = 0x15
	OpExt           Op = 0x16
	OpRef8          Op = 0x17
	OpRef16         Op = 0x18
	OpRef32         Op = 0x19
	OpRef64         Op = 0x1a
	OpRefFloat      Op = 0x1b
	OpRefDouble     Op = 0x1c
	OpRefLongDouble Op = 0x1d
	OpLToD          Op = 0x1e
	OpDToL          Op = 0x1f
	OpIfGoto        Op = 0x20
	OpGoto          Op = 0x21
	OpConst8        Op = 0x22
	OpConst16       Op = 0x23
	OpConst32       Op = 0x24
	OpConst64       Op = 0x25
	OpReg           Op = 0x26
	OpEnd           Op = 0x27
	OpDup           Op = 0x28
	OpPop           Op = 0x29
	OpZeroExt       Op = 0x2a
	OpSwap          Op = 0x2b
	OpGetv          Op = 0x2c
	OpSetv          Op = 0x2d
	OpTracev        Op = 0x2e
	OpTracenz       Op = 0x2f
	OpTrace16       Op = 0x30
	OpPick          Op = 0x32
	OpRot           Op = 0x33
	OpPrintf        Op = 0x34
)

// opInfo says what an operation is called, how many bytes of operand follow it,
// and how many values it takes off the stack and puts there.
type opInfo struct {
	name      string
	operand   uint8
	pops      uint8
	pushes    uint8
	supported bool
}

var ops = [256]opInfo{
	OpAdd:          {"add", 0, 2, 1, true},
	OpSub:          {"sub", 0, 2, 1, true},
	OpMul:          {"mul", 0, 2, 1, true},
	OpDivSigned:    {"div_signed", 0, 2, 1, true},
	OpDivUnsigned:  {"div_unsigned", 0, 2, 1, true},
	OpRemSigned:    {"rem_signed", 0, 2, 1, true},
	OpRemUnsigned:  {"rem_unsigned", 0, 2, 1, true},
	OpLsh:          {"lsh", 0, 2, 1, true},
	OpRshSigned:    {"rsh_signed", 0, 2, 1, true},
	OpRshUnsigned:  {"rsh_unsigned", 0, 2, 1, true},
	OpTrace:        {"trace", 0, 2, 0, true},
	OpTraceQuick:   {"trace_quick", 1, 1, 1, true},
	OpLogNot:       {"log_not", 0, 1, 1, true},
	OpBitAnd:       {"bit_and", 0, 2, 1, true},
	OpBitOr:        {"bit_or", 0, 2, 1, true},
	OpBitXor:       {"bit_xor", 0, 2, 1, true},
	OpBitNot:       {"bit_not", 0, 1, 1, true},
	OpEqual:        {"equal", 0, 2, 1, true},
	OpLessSigned:   {"less_signed", 0, 2, 1, true},
	OpLessUnsigned: {"less_unsigned", 0, 2, 1, true},
	OpExt:          {"ext", 1, 1, 1, true},
	OpRef8:         {"ref8", 0, 1, 1, true},
	OpRef16:        {"ref16", 0, 1, 1, true},
	OpRef32:        {"ref32", 0, 1, 1, true},
	OpRef64:        {"ref64", 0, 1, 1, true},
	OpIfGoto:       {"if_goto", 2, 1, 0, true},
	OpGoto:         {"goto", 2, 0, 0, true},
	OpConst8:       {"const8", 1, 0, 1, true},
	OpConst16:      {"const16", 2, 0, 1, true},
	OpConst32:      {"const32", 4, 0, 1, true},
	OpConst64:      {"const64", 8, 0, 1, true},
	OpReg:          {"reg", 2, 0, 1, true},
	OpEnd:          {"end", 0, 1, 0, true},
	OpDup:          {"dup", 0, 1, 2, true},
	OpPop:          {"pop", 0, 1, 0, true},
	OpZeroExt:      {"zero_ext", 1, 1, 1, true},
	OpSwap:         {"swap", 0, 2, 2, true},
	OpTracev:       {"tracev", 2, 0, 0, true},
	OpTracenz:      {"tracenz", 0, 2, 0, true},
	OpTrace16:      {"trace16", 2, 1, 1, true},
	OpPick:         {"pick", 1, 0, 1, true}, // also needs as many values as its operand says
	OpRot:          {"rot", 0, 3, 3, true},

	OpFloat:         {name: "float"},
	OpRefFloat:      {name: "ref_float"},
	OpRefDouble:     {name: "ref_double"},
	OpRefLongDouble: {name: "ref_long_double"},
	OpLToD:          {name: "l_to_d"},
	OpDToL:          {name: "d_to_l"},
	OpGetv:          {name: "getv"},
	OpSetv:          {name: "setv"},
	OpPrintf:        {name: "printf"},
}

// String returns the operation's name in the specification.
func (o Op) String() string {
	if name := ops[o].name; name != "" {
		return name
	}
	return fmt.Sprintf("operation 0x%02x", uint8(o))
}

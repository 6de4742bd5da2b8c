package wasmvm

import "unsafe"

// irOp is an operation of the register code. The operations, their names and meaning come from the table in internal/gen.
type irOp = uint16

// ins is one word of register code. What the fields mean depends on the operation; mostly a is the destination slot and b and c are sources,
// counted from the frame's first slot, and d and e hold a 64-bit constant or a displacement in bytes and a position difference.
type ins struct {
	op, a, b, c uint16
	d, e        int32
}

const insSize = int(unsafe.Sizeof(ins{}))

func (in *ins) setK64(v uint64) { in.d, in.e = int32(uint32(v)), int32(uint32(v>>32)) }
func (in *ins) k64() uint64     { return uint64(uint32(in.d)) | uint64(uint32(in.e))<<32 }
func (in *ins) setBC(v uint32)  { in.b, in.c = uint16(v), uint16(v>>16) }
func (in *ins) bc() uint32      { return uint32(in.b) | uint32(in.c)<<16 }

// lowering says how an opcode is lowered when it is an operation on operands only.
type lowering struct {
	kind     lowKind
	op       irOp // on slots
	imm      irOp // with an immediate second operand, 0 if there is none
	commutes bool
	lane     uint8 // of what names a lane: its size in bytes
}

type lowKind uint8

const (
	lowNone lowKind = iota
	lowUn
	lowBin
	lowCmp
	lowFloatCmp
	lowLoad
	lowStore
	lowVector          // operands in b, c and d; a lane in e
	lowVectorLoad      // like lowLoad
	lowVectorPart      // a load with one form of address, into a lane of the operand in c or by itself
	lowVectorStore     // like lowStore, of a v128
	lowVectorStoreLane // a store with one form of address
)

// lowering returns how op is lowered; its kind is lowNone for opcodes that need more than a table.
func (op Opcode) lowering() lowering {
	switch {
	case op < 256:
		return lowerings[op]
	case op>>16 == 0xFC && op&0xFFFF < 8:
		return lowerings[256+op&0xFFFF]
	case op>>16 == 0xFD && op&0xFFFF < 256:
		return lowerings[256+8+op&0xFFFF]
	}
	return lowering{}
}

// access describes a load or store.
type access struct {
	size   uint8
	load   bool
	vector bool // a load that fills two slots
	form   byte // how address and value are named, see internal/gen
}

// nanKind says how an operation makes its NaN.
type nanKind uint8

const (
	nanNone nanKind = iota
	nanUnary32
	nanUnary64
	nanBinary32
	nanBinary64
	nanDemote
	nanPromote
	nanAddMul // d + b*c or d - b*c
	nanMulAdd // b*c + d or b*c - d
	nanVector // a function of internal/simd computes all of the result
)

// The codes with which the loops return. Below exitLimit they are trap codes.
const (
	exitDone    = 0 // only the precise loop: all instructions done
	exitLimit   = 32 + iota
	exitNaN     // the result is a NaN
	exitMemory  // a store to a page that is not yet dirty, or across pages, or an access that may touch what is watched
	exitGlobal  // a watched global is set
	exitDriver  // an operation for the driver
	exitBreak   // a breakpoint in this group
	exitStack   // a call needs more stack
	exitLazy    // the callee is not lowered yet
	exitDeopt   // something the precise tier has to look at
	exitVector  // an operation on vectors that internal/simd does
	exitInvalid // a word that must never be executed
)

// Page flags: a store goes ahead in the loops only if the flags of its page are exactly flagDirty.
const (
	flagDirty uint8 = 1 << iota
	flagWrite       // has a byte watched for writes
	flagRead        // has the beginning of a load that may touch a byte watched for reads
)

// vm is the state the loops work on. The driver sets it from the machine before it enters a loop.
type vm struct {
	pad         [4]uint64 // see padding in internal/gen; the first one is not used
	pc, fp, mem unsafe.Pointer
	msize       uint64
	flags       unsafe.Pointer // one byte a page
	acc, limit  int64          // fast, see fast.go
	undo        int64          // fast: at exitLimit, what acc counts too much
	left        uint64         // precise: instructions still to run
	code        unsafe.Pointer // the first word
	codeBase    uintptr        // its address
	stackEnd    uintptr
	globals     unsafe.Pointer // one pointer a global
	tables      unsafe.Pointer // one tableView a table
	funcs       unsafe.Pointer // one funcRec a function
	numFuncs    uint64
	consts      unsafe.Pointer // the constants of two slots that code refers to
	barrier     uintptr        // address of the link to barrierReturn, 0 if there is none
	refBase     uint64         // reference to function i is i + refBase

	fine [fineSize]uint8 // page flags of watched ranges by granules, see watch.go
}

// tableView is a table as the loops see it.
type tableView struct {
	elems unsafe.Pointer
	size  uintptr
}

// funcRec is what an indirect call needs to know of its callee.
type funcRec struct {
	entry uint32 // byte offset of the code, 0 while it is not lowered and for imported functions
	typ   uint32 // canonical type
	size  uint32 // instructions
	frame uint16 // slots of a frame
	link  uint16 // slot of the link
	clear uint16 // local slots to clear below the link
	_     uint16
}

// The first words of the code. Entry functions return to entryReturn; the data word before it makes their position so large that the return always
// meets the limit, before it has changed anything. So does a return to barrierReturn, see lowwater.go.
const (
	entryData     = 1
	entryReturn   = 2
	barrierData   = 3
	barrierReturn = 4
	firstCode     = 5
)

package wasmvm

// The operations that the loops leave to the driver: field b of an irDriver word. In every one a is the slot of the first operand, where the result goes
// too, d the first and c the second index, and in fast code e the index of the instruction in its function. All operands are in their slots.
const (
	drvHost = iota
	drvMemoryGrow
	drvMemoryInit
	drvDataDrop
	drvMemoryCopy
	drvMemoryFill
	drvTableGet
	drvTableSet
	drvTableInit
	drvElemDrop
	drvTableCopy
	drvTableGrow
	drvTableSize
	drvTableFill
	drvTailHost // d = function index
	drvThrow    // d = tag
	drvThrowRef
	drvAtomic // c = place in atomicOps, d = offset
	// only in precise code
	drvCall         // d = function index
	drvCallIndirect // c = table, d = type; the index is the operand above the arguments
	drvTry          // enters the try_table at this instruction
	drvLeaveTries   // see tryExit
	drvReturn       // a = first result, c = slots of the results
	drvTailCall     // like drvCall
	drvTailIndirect // like drvCallIndirect
	drvCallRef      // d = type; the reference is the operand above the arguments
	drvTailRef      // like drvCallRef
)

// driverOp describes an opcode that the driver executes: operation, operands and results (0 or 1).
type driverOp struct {
	sub             uint16
	params, results int
}

var driverOps = map[Opcode]driverOp{
	OpMemoryGrow: {drvMemoryGrow, 1, 1},
	OpMemoryInit: {drvMemoryInit, 3, 0},
	OpDataDrop:   {drvDataDrop, 0, 0},
	OpMemoryCopy: {drvMemoryCopy, 3, 0},
	OpMemoryFill: {drvMemoryFill, 3, 0},
	OpTableGet:   {drvTableGet, 1, 1},
	OpTableSet:   {drvTableSet, 2, 0},
	OpTableInit:  {drvTableInit, 3, 0},
	OpElemDrop:   {drvElemDrop, 0, 0},
	OpTableCopy:  {drvTableCopy, 3, 0},
	OpTableGrow:  {drvTableGrow, 2, 1},
	OpTableSize:  {drvTableSize, 0, 1},
	OpTableFill:  {drvTableFill, 3, 0},
}

// driverWord is the word for such an opcode, but for fields a and e.
func driverWord(op driverOp, in *instr) ins {
	w := ins{op: irDriver, b: op.sub, d: int32(in.a), c: uint16(in.b)}
	switch op.sub {
	case drvMemoryInit:
		w.c = 0
	case drvAtomic:
		w.c, w.d = uint16(in.op), int32(uint32(in.val))
	}
	return w
}

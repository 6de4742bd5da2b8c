package wasmvm

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Disassemble returns the text of the instruction at a payload offset and its length in bytes. The local declarations of a body, which stand for
// entering the function, give "(enter)" and their whole length. What is no instruction gives the byte and length 1.
func (m *Module) Disassemble(pc uint32) (text string, length int) {
	fn := m.FuncAt(pc)
	if fn == nil {
		if pc >= m.CodeSize {
			return "(outside the code section)", 1
		}
		return fmt.Sprintf("(byte 0x%02x)", m.code()[pc]), 1
	}
	if pc < fn.CodeStart {
		return "(enter)", int(fn.CodeStart - pc)
	}
	r := instrReader{reader: reader{b: m.code()[:fn.BodyEnd], pos: int(pc)}}
	var in instr
	r.next(&in)
	if r.err != nil {
		return fmt.Sprintf("(byte 0x%02x)", m.code()[pc]), 1
	}
	return in.def.name + m.immText(&in), r.pos - int(pc)
}

// immText is the text of the immediate operands, each with a space before it.
func (m *Module) immText(in *instr) string {
	switch in.def.imm {
	case immBlock:
		return m.blockText(in.block)
	case immTryTable:
		return m.blockText(in.block) + clausesText(in.catches)
	case immLabel, immType, immTag, immLocal, immGlobal, immTable, immData, immElem:
		return fmt.Sprintf(" %d", in.a)
	case immBrTable:
		var b strings.Builder
		for _, t := range in.targets {
			fmt.Fprintf(&b, " %d", t)
		}
		return b.String()
	case immFunc:
		return fmt.Sprintf(" $%s", m.FuncName(in.a))
	case immCallIndirect:
		return fmt.Sprintf(" %d (type %d)", in.b, in.a)
	case immMem:
		if in.val != 0 {
			return fmt.Sprintf(" offset=%d", in.val)
		}
	case immMemLane:
		if in.val != 0 {
			return fmt.Sprintf(" offset=%d %d", in.val, in.b)
		}
		return fmt.Sprintf(" %d", in.b)
	case immLane:
		return fmt.Sprintf(" %d", in.b)
	case immV128:
		v := in.vec
		return fmt.Sprintf(" i32x4 0x%08x 0x%08x 0x%08x 0x%08x", uint32(v[0]), v[0]>>32, uint32(v[1]), v[1]>>32)
	case immShuffle:
		var b strings.Builder
		for _, half := range in.vec {
			for i := 0; i < 64; i += 8 {
				fmt.Fprintf(&b, " %d", half>>i&255)
			}
		}
		return b.String()
	case immMemInit:
		return fmt.Sprintf(" %d", in.a)
	case immTableInit:
		return fmt.Sprintf(" %d %d", in.b, in.a)
	case immTableCopy:
		return fmt.Sprintf(" %d %d", in.a, in.b)
	case immI32:
		return " " + strconv.FormatInt(int64(int32(in.val)), 10)
	case immI64:
		return " " + strconv.FormatInt(int64(in.val), 10)
	case immF32:
		f := math.Float32frombits(uint32(in.val))
		return floatText(float64(f), 32, in.val, f != f)
	case immF64:
		f := math.Float64frombits(in.val)
		return floatText(f, 64, in.val, f != f)
	case immRefType:
		return " " + nullText(in.types[0])
	case immSelectTypes:
		return fmt.Sprintf(" (result %v)", in.types[0])
	}
	return ""
}

func clausesText(cs []clause) string {
	var b strings.Builder
	for _, c := range cs {
		b.WriteString(" (catch")
		if c.kind&catchAll != 0 {
			b.WriteString("_all")
		}
		if c.kind&catchRef != 0 {
			b.WriteString("_ref")
		}
		if c.kind&catchAll == 0 {
			fmt.Fprintf(&b, " %d", c.tag)
		}
		fmt.Fprintf(&b, " %d)", c.label)
	}
	return b.String()
}

// nullText is the operand of ref.null as the text format has it.
func nullText(t ValType) string {
	if t&concrete != 0 {
		return strconv.Itoa(int(t >> typeShift))
	}
	return strings.TrimSuffix(t.String(), "ref")
}

func floatText(f float64, bits int, raw uint64, nan bool) string {
	if nan {
		return fmt.Sprintf(" nan:0x%x", raw)
	}
	return " " + strconv.FormatFloat(f, 'g', -1, bits)
}

func (m *Module) blockText(bt int64) string {
	params, results, err := m.blockType(bt)
	if err != nil {
		return fmt.Sprintf(" (type %d)", bt)
	}
	var b strings.Builder
	for _, p := range params {
		fmt.Fprintf(&b, " (param %v)", p)
	}
	for _, r := range results {
		fmt.Fprintf(&b, " (result %v)", r)
	}
	return b.String()
}

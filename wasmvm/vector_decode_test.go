package wasmvm

import (
	"slices"
	"strings"
	"testing"
)

// TestVectorText disassembles opcodes with the immediate operands that only vectors have, and follows their types.
func TestVectorText(t *testing.T) {
	mask := []byte{0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31}
	body := cat(
		constant(V128, []uint64{0x0000000200000001, 0x0000000400000003}), get(0), op(OpI8x16Shuffle), mask,
		op(0xFD<<16|0x15), []byte{15}, get(0), mem(0xFD<<16|0x55, 6), []byte{7}, op(OpDrop))
	a := asm{funcs: []asmFunc{{params: []ValType{V128}, body: body}}}
	mod := a.module(t)
	fn := &mod.Funcs[0]
	l, err := mod.Layout(fn)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		text  string
		types []ValType
	}{
		{"(enter)", []ValType{}},
		{"v128.const i32x4 0x00000001 0x00000002 0x00000003 0x00000004", []ValType{}},
		{"local.get 0", []ValType{V128}},
		{"i8x16.shuffle 0 1 2 3 4 5 6 7 24 25 26 27 28 29 30 31", []ValType{V128, V128}},
		{"i8x16.extract_lane_s 15", []ValType{V128}},
		{"local.get 0", []ValType{I32}},
		{"v128.load16_lane offset=6 7", []ValType{I32, V128}},
		{"drop", []ValType{V128}},
		{"end", []ValType{}},
	}
	if len(l.PCs) != len(want) {
		t.Fatalf("%d instructions", len(l.PCs))
	}
	for i, w := range want {
		text, _ := mod.Disassemble(l.PCs[i])
		if types := mod.OperandTypes(fn, i); text != w.text || !slices.Equal(types, w.types) {
			t.Errorf("instruction %d: %s %v, want %s %v", i, text, types, w.text, w.types)
		}
	}
}

// TestVectorErrors has bodies that a validating engine refuses and that would reach outside a frame or a vector.
func TestVectorErrors(t *testing.T) {
	vector := constant(V128, []uint64{0, 0})
	for name, body := range map[string][]byte{
		"lane":                  cat(vector, op(0xFD<<16|0x18), []byte{8}, op(OpDrop)),
		"lane of a load":        cat(i32c(0), vector, mem(0xFD<<16|0x57, 0), []byte{2}, op(OpDrop)),
		"shuffle":               cat(vector, vector, op(OpI8x16Shuffle), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32}, op(OpDrop)),
		"number for a vector":   cat(i32c(0), op(0xFD<<16|0x4D, OpDrop)),
		"vector for a number":   cat(vector, op(OpI32Eqz, OpDrop)),
		"set of a narrow local": cat(vector, set(0)),
		"set of a wide local":   cat(i32c(0), set(1)),
		"argument":              cat(i32c(0), op1(OpCall, 1), op(OpDrop)),
		"result of a block":     cat([]byte{byte(OpBlock), byte(V128)}, i32c(0), op(OpEnd, OpDrop)),
		"branch":                cat([]byte{byte(OpBlock), byte(V128)}, i32c(0), op1(OpBr, 0), op(OpEnd, OpDrop)),
		"select":                cat(vector, i32c(0), i32c(0), op(OpSelect, OpDrop)),
		"global":                cat(i32c(0), op1(OpGlobalSet, 0)),
	} {
		a := asm{vectors: 1, funcs: []asmFunc{{params: []ValType{I32, V128}, body: body}, {params: []ValType{V128}, results: []ValType{V128}, body: get(0)}}}
		mod, err := Decode(a.bytes())
		if err == nil {
			_, err = mod.Layout(&mod.Funcs[0])
		}
		if err == nil || strings.Contains(err.Error(), "bug") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

//go:build amd64 && !race

package wasmvm

import (
	"bytes"
	"reflect"
	"testing"
	"unsafe"
)

// TestDispatchAlignment looks at the machine code of the fast loop: the block that dispatches must lie in one 32-byte half of a cache line (functions are
// aligned to 32 bytes), otherwise every operation takes up to 40 % longer. If it fails, change the number of stores of padding in internal/gen.
func TestDispatchAlignment(t *testing.T) {
	if testing.CoverMode() != "" {
		return // coverage counters change the code
	}
	entry := reflect.ValueOf((*vm).runFast).Pointer()
	code := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&entry))), 1024)
	mask := bytes.Index(code, []byte{0xff, 0x01, 0x00, 0x00}) // and reg, 511
	jump := -1
	for i := mask; mask > 0 && i < mask+40; i++ {
		if code[i] == 0xff && code[i+1]&0x38 == 0x20 { // jmp through memory
			jump = i + 3
			break
		}
	}
	if jump < 0 {
		t.Fatal("the dispatch block was not found: is the switch still a jump table without a bounds check?")
	}
	start := mask - 3 - 4 // and, and the load before it
	if start/32 != (jump-1)/32 {
		t.Errorf("the dispatch block takes bytes %d to %d of the function and crosses a multiple of 32", start, jump)
	}
	// All operations should jump straight to the block; a detour through another block costs two jumps an operation.
	direct := 0
	all := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&entry))), 24<<10)
	for i := jump; i+5 <= len(all); i++ {
		if all[i] == 0xe9 && i+5+int(int32(uint32(all[i+1])|uint32(all[i+2])<<8|uint32(all[i+3])<<16|uint32(all[i+4])<<24)) == start {
			direct++
		}
	}
	if direct < 400 {
		t.Errorf("only %d jumps go straight to the dispatch block", direct)
	}
}

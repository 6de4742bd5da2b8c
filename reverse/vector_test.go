package reverse

import (
	"testing"

	"wrev/internal/wasmenc"
	"wrev/wasmvm"
)

func wasmTimeline(t *testing.T, wasm []byte) *Timeline {
	t.Helper()
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasmvm.New(mod, wasmvm.Config{MaxStackSlots: 1 << 12})
	if err != nil {
		t.Fatal(err)
	}
	tl, err := New(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tl
}

// TestWatchVector watches a local of which only the upper half changes.
func TestWatchVector(t *testing.T) {
	body := wasmenc.Code{1, 1, 0x7B, 0xFD, 12}
	body = append(body, "\x00\x00\x00\x00\x00\x00\x00\x00debugger"...)
	body.Op(0x21, 0, 0x01, 0x0B) // local.set, nop
	var code, export wasmenc.Code
	code.Bytes(body)
	export.Name("_start")
	export.Op(0, 0)
	mod := wasmenc.Code("\x00asm\x01\x00\x00\x00")
	mod.Section(1, 1, wasmenc.Code{0x60, 0, 0})
	mod.Section(3, 1, wasmenc.Code{0})
	mod.Section(7, 1, export)
	mod.Section(10, 1, code)
	tl := wasmTimeline(t, mod)
	tl.Step()
	if err := tl.InsertWatch(Watch{Kind: wasmvm.WatchWrite, Space: SpaceLocal}); err != nil {
		t.Fatal(err)
	}
	if s := tl.Continue(); s.Reason != ReasonWatch || s.Position != 3 {
		t.Errorf("%v at %d, want the watchpoint at 3", s.Reason, s.Position)
	}
}

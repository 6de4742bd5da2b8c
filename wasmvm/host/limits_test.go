package host

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/internal/wasmenc"
)

// grower grows its memory by pages until it cannot, and exits with its size.
func grower() []byte {
	p := small{imports: importWASI("proc_exit"), pages: 1, export: "_start", body: code(func(c *wasmenc.Code) {
		c.Op(0x03, 0x40)
		i32(c, 1)
		c.Op(0x40, 0) // memory.grow
		i32(c, -1)
		c.Op(0x47, 0x0d, 0, 0x0b) // again unless it failed
		c.Op(0x3f, 0, 0x10, 0)    // memory.size, proc_exit
	})}
	wasm := p.wasm()
	// The memory of a small program has a maximum, which must go.
	bounded := []byte{5, 4, 1, 1, 1, 1}
	return []byte(strings.Replace(string(wasm), string(bounded), string([]byte{5, 3, 1, 0, 1}), 1))
}

// TestMemoryLimit: memory.grow fails in the replay where it failed before.
func TestMemoryLimit(t *testing.T) {
	for _, pages := range []uint32{1, 2, 37} {
		r := record(t, grower(), Options{MaxMemoryPages: pages})
		want := recording.End{ExitCode: pages}
		v, err := Verify(context.Background(), r, nil)
		if err != nil || v.End != want {
			t.Errorf("limit of %d pages: %+v, %v", pages, v, err)
		}
	}
}

// TestWarnings: a trap and a program that cannot be replayed are no errors, but
// the user is told.
func TestWarnings(t *testing.T) {
	vector := append(wasmenc.Code{0xfd, 0x0c}, make([]byte, 16)...) // v128.const 0
	for name, wasm := range map[string][]byte{
		"fine": small{export: "_start"}.wasm(),
		"SIMD": small{export: "_start", body: append(vector, 0x1a)}.wasm(),
		"trap": small{export: "_start", body: wasmenc.Code{0}}.wasm(),
		// 33000 locals of type v128 take more slots than a frame can have.
		"unplayable": []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x0a\x01\x06_start\x00\x00\x0a\x08\x01\x06\x01\xe8\x81\x02\x7b\x0b"),
	} {
		var warnings []string
		warn := func(text string) { warnings = append(warnings, text) }
		opt := Options{Warn: warn, Trapped: warn}
		end, err := Record(context.Background(), wasm, name, filepath.Join(t.TempDir(), "r.wrev"), opt)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		all := strings.Join(warnings, "\n")
		if trapped := end.Kind == recording.EndTrap; trapped != (name == "trap") || trapped != strings.Contains(all, "wasm error: unreachable") {
			t.Errorf("%s: %+v, warnings %q", name, end, all)
		}
		if unplayable := checkPlayable(wasm, 1) != nil; unplayable != (name == "unplayable") || unplayable != strings.Contains(all, "perhaps not replayed") {
			t.Errorf("%s: warnings %q", name, all)
		}
	}
}

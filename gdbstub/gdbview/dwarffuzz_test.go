package gdbview

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"wrev/wasmvm"
)

// damage decodes the module again with bytes of its debug sections changed as
// edits says: groups of six bytes, a section, an offset, what to do, and a value.
func damage(mod *wasmvm.Module, edits []byte) (*wasmvm.Module, error) {
	file := bytes.Clone(mod.Bytes)
	for ; len(edits) >= 6; edits = edits[6:] {
		c := &mod.Custom[int(edits[0])%len(mod.Custom)]
		data := file[c.Offset : c.Offset+len(c.Data)]
		if c.Name == ".debug_str_offsets" {
			// The header is read by nobody but debug/dwarf, which
			// takes it for the first string while it looks for the
			// place of the real one.
			data = data[min(8, len(data)):]
		}
		if len(data) == 0 {
			continue
		}
		data = data[int(uint32(edits[1])|uint32(edits[2])<<8|uint32(edits[3])<<16)%len(data):]
		switch n := int(edits[4]); {
		case n == 255:
			clear(data)
		case n >= 128: // turn a bit
			data[0] ^= 1 << (n % 8)
		default:
			for i := range min(1+n%8, len(data)) {
				data[i] = edits[5]
			}
		}
	}
	return wasmvm.Decode(file)
}

// checkImage fails unless the image is an ELF file with function symbols whose
// debug info can be read from end to end.
func checkImage(mod *wasmvm.Module) error {
	img, err := BuildELF(mod)
	if err != nil {
		return err
	}
	f, err := elf.NewFile(bytes.NewReader(img.ELF))
	if err != nil {
		return err
	}
	syms, err := f.Symbols()
	if err != nil {
		return err
	}
	funcs := 0
	for _, s := range syms {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			funcs++
		}
	}
	if funcs != len(mod.Funcs) {
		return fmt.Errorf("%d of %d functions have a symbol", funcs, len(mod.Funcs))
	}
	if f.Section(".debug_info") == nil {
		return nil
	}
	return readAll(f)
}

// readAll reads all entries of a file's debug info with another reader.
func readAll(f *elf.File) error {
	d, err := f.DWARF()
	if err != nil {
		return err
	}
	r := d.Reader()
	for {
		if e, err := r.Next(); err != nil || e == nil {
			return err
		}
	}
}

// FuzzDamagedDebugInfo feeds damaged debug info to BuildELF.
func FuzzDamagedDebugInfo(f *testing.F) {
	mod := loadModule(f, "features.dw5.O2")
	f.Add([]byte{})
	for i := range byte(12) {
		f.Add([]byte{i, 4, 0, 0, 0, 0xff})
		f.Add([]byte{i, 200, 1, 0, 255, 0})
	}
	f.Fuzz(func(t *testing.T, edits []byte) {
		edits = edits[:min(len(edits), 600)] // more damage leaves nothing to read
		damaged, err := damage(mod, edits)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkImage(damaged); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDamagedDebugInfo(t *testing.T) {
	for _, name := range []string{"features.O2", "features.dw5.O2", "features.dw5.O0"} {
		mod := loadModule(t, name)
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range 60 {
			var edits []byte
			for range 1 + rnd.IntN(6) {
				edits = binary.LittleEndian.AppendUint64(edits, rnd.Uint64())
			}
			damaged, err := damage(mod, edits)
			if err != nil {
				t.Fatal(err)
			}
			if err := checkImage(damaged); err != nil {
				t.Errorf("%s: damage %d (%x): %v", name, i, edits, err)
			}
		}
	}
}

package gdbview

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	dwarfframe "github.com/go-delve/delve/pkg/dwarf/frame"

	"wrev/wasmvm"
)

// loadModule decodes one of the committed test programs.
func loadModule(t testing.TB, name string) *wasmvm.Module {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "programs", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := wasmvm.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// buildImage returns the image of a test program, and its file.
func buildImage(t *testing.T, name string) (*wasmvm.Module, *Image, *elf.File) {
	t.Helper()
	mod := loadModule(t, name)
	img, err := BuildELF(mod)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(img.ELF))
	if err != nil {
		t.Fatal(err)
	}
	return mod, img, f
}

func TestImageLayout(t *testing.T) {
	mod, img, f := buildImage(t, "features.O0")
	if f.Class != elf.ELFCLASS32 || f.Machine != elf.EM_386 || f.Type != elf.ET_EXEC {
		t.Errorf("header: %+v", f.FileHeader)
	}
	start, _ := mod.ExportedFunc("_start")
	if want := uint64(CodeAddr(mod.FuncByIndex(start).BodyStart)); f.Entry != want {
		t.Errorf("entry %#x, want %#x", f.Entry, want)
	}
	if len(f.Progs) != 2 {
		t.Errorf("%d program headers, want memory and code", len(f.Progs))
	}
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Addr == 0 {
			t.Errorf("%s is at address 0, where gdb looks for removed functions", s.Name)
		}
	}
	text, err := f.Section(".text").Data()
	if err != nil || !bytes.Equal(text, CodeImage(mod)) {
		t.Errorf(".text is not the code image: %v", err)
	}
	for _, name := range []string{".bss", ".functable", ".debug_info", ".debug_line", ".debug_frame"} {
		if f.Section(name) == nil {
			t.Errorf("no section %s", name)
		}
	}
	if len(img.Warnings) != 0 {
		t.Errorf("warnings: %v", img.Warnings)
	}
}

func TestSymbols(t *testing.T) {
	mod, _, f := buildImage(t, "features.dw5.O2")
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]elf.Symbol{}
	byAddr := map[uint64]elf.Symbol{}
	for _, s := range syms {
		byName[s.Name] = s
		byAddr[s.Value] = s
	}
	for i := range mod.Funcs {
		fn := &mod.Funcs[i]
		s := byAddr[uint64(CodeAddr(fn.BodyStart))]
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || s.Name != mod.FuncName(fn.Index) || s.Size != uint64(fn.BodyEnd-fn.BodyStart) {
			t.Errorf("function %d: symbol %+v", fn.Index, s)
		}
	}
	for name, size := range map[string]uint64{"counter": 4, "big": 8, "grid": 48, "message": 32, "frame": 24} {
		s := byName[name]
		if elf.ST_TYPE(s.Info) != elf.STT_OBJECT || elf.ST_BIND(s.Info) != elf.STB_GLOBAL || s.Size != size || s.Value == 0 {
			t.Errorf("variable %s: symbol %+v, want size %d", name, s, size)
		}
	}
	for i, fn := range mod.TableFuncs(0) {
		if s := byName["&"+mod.FuncName(fn)]; s.Value != uint64(i) {
			t.Errorf("table element %d: symbol %+v", i, s)
		}
	}
}

// What gdb uses to get from a frame to its caller, read by delve's unwinder.
func TestDebugFrame(t *testing.T) {
	const size = 0x1234
	entries, err := dwarfframe.Parse(debugFrame(size), binary.LittleEndian, 0, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	fde, err := entries.FDEForPC(uint64(CodeAddr(size - 1)))
	if err != nil {
		t.Fatal(err)
	}
	if fde.Begin() != uint64(CodeBase) || fde.End() != uint64(CodeBase)+size {
		t.Errorf("it covers %#x to %#x", fde.Begin(), fde.End())
	}
	ctx, err := fde.EstablishFrame(uint64(CodeBase) + 8)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.CFA.Rule != dwarfframe.RuleCFA || ctx.CFA.Reg != uint64(dwarfEBP) || ctx.CFA.Offset != 8 {
		t.Errorf("the CFA is %+v", ctx.CFA)
	}
	for reg, offset := range map[byte]int64{dwarfEIP: -4, dwarfEBP: -8} {
		if r := ctx.Regs[uint64(reg)]; r.Rule != dwarfframe.RuleOffset || r.Offset != offset {
			t.Errorf("register %d: %+v, want at CFA%+d", reg, r, offset)
		}
	}
	for _, w := range Windows {
		if r := ctx.Regs[uint64(w.Register)]; r.Rule != dwarfframe.RuleValExpression {
			t.Errorf("window %d: %+v", w.Register, r)
		}
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		program string
		want    string
	}{
		{"features.O2", ""},
		{"words", ""},
		{"nodebug", "compile it with -g"},
		{"nonames", "compile it with -g"},
	}
	for _, tt := range tests {
		_, img, _ := buildImage(t, tt.program)
		got := strings.Join(img.Warnings, "\n")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: warnings %q, want %q", tt.program, got, tt.want)
		}
	}
}

// wasm-opt leaves functions at addresses 0 and 1.
func TestWarningAboutLostAddresses(t *testing.T) {
	mod := loadModule(t, "features.O0")
	file := bytes.Clone(mod.Bytes)
	for _, c := range mod.Custom {
		if c.Name != ".debug_info" {
			continue
		}
		p := newDwPatcher(dwCode{size: mod.CodeSize}, map[string][]byte{})
		info := &dwSection{in: c.Data}
		units, _, err := splitUnits(info, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range mod.Custom {
			if a.Name == ".debug_abbrev" {
				p.abbrev.in = a.Data
			}
		}
		for _, u := range units {
			p.prepare(u)
			var d dwDIE
			for off := u.dies; off < u.end; off = d.end {
				if err := u.readDIE(off, &d); err != nil {
					t.Fatal(err)
				}
				for _, a := range d.attrs {
					if a.form == formAddr {
						putU32(file, c.Offset+a.off, 1)
					}
				}
			}
		}
	}
	damaged, err := wasmvm.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	img, err := BuildELF(damaged)
	if err != nil {
		t.Fatal(err)
	}
	if w := strings.Join(img.Warnings, "\n"); !strings.Contains(w, "link without -O") {
		t.Errorf("warnings: %q", w)
	}
}

func BenchmarkBuildELF(b *testing.B) {
	mod := loadModule(b, "words")
	b.SetBytes(int64(len(mod.Bytes)))
	for b.Loop() {
		if _, err := BuildELF(mod); err != nil {
			b.Fatal(err)
		}
	}
}

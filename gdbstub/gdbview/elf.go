package gdbview

import (
	"cmp"
	"debug/elf"
	"fmt"
	"maps"
	"slices"
	"strings"

	"wrev/wasmvm"
)

// Image is the program as gdb loads it.
type Image struct {
	// ELF is an i386 executable: code, symbols and debug info of the module
	// at the addresses of the address map.
	ELF []byte
	// Warnings say, a line each, what in the module's debug info is damaged
	// or missing, what that costs, and what helps.
	Warnings []string
	// AggregateReturn has the indexes of functions that return a struct,
	// union, class or array in the eyes of the debug info, but a scalar in
	// wasm. gdb expects an address in eax after them.
	AggregateReturn map[uint32]bool
}

// BuildELF makes the image of a module. Damaged debug info is left out with a
// warning; functions have symbols in any case. It fails only for a module that
// does not fit into the address map.
func BuildELF(mod *wasmvm.Module) (*Image, error) {
	if mod.CodeSize > MaxCodeSize {
		return nil, fmt.Errorf("the module has %d bytes of code, and gdb can be shown only %d", mod.CodeSize, MaxCodeSize)
	}
	p, warnings := translateDebugInfo(mod)
	img := &Image{Warnings: warnings, AggregateReturn: map[uint32]bool{}}
	for i := range p.found.aggregates {
		if fn := &mod.Funcs[i]; len(fn.Type.Results) > 0 {
			img.AggregateReturn[fn.Index] = true
		}
	}

	f := &elfFile{}
	if fn, ok := mod.ExportedFunc("_start"); ok {
		if start := mod.FuncByIndex(fn); start != nil {
			f.entry = CodeAddr(start.BodyStart)
		}
	}
	var syms elfSymbols
	addText(f, &syms, mod)
	addData(f, &syms, mod, p.found.vars)
	addFuncTable(f, &syms, mod)
	for _, name := range slices.Sorted(maps.Keys(p.sections)) {
		if s := p.sections[name]; len(s.out) > 0 {
			f.add(elfSection{name, debugHeader(name), s.out})
		}
	}
	if mod.CodeSize > 0 {
		f.add(elfSection{".debug_frame", elf.Section32{Type: uint32(elf.SHT_PROGBITS), Addralign: 4}, debugFrame(mod.CodeSize)})
	}
	syms.addTo(f)
	img.ELF = f.bytes()
	return img, nil
}

func debugHeader(name string) elf.Section32 {
	h := elf.Section32{Type: uint32(elf.SHT_PROGBITS), Addralign: 1}
	if name == ".debug_str" || name == ".debug_line_str" {
		h.Flags = uint32(elf.SHF_MERGE | elf.SHF_STRINGS)
		h.Entsize = 1
	}
	return h
}

// translateDebugInfo translates the module's debug info and says what is wrong
// with it.
func translateDebugInfo(mod *wasmvm.Module) (*dwPatcher, []string) {
	code := dwCode{size: mod.CodeSize}
	for i := range mod.Funcs {
		code.starts = append(code.starts, mod.Funcs[i].BodyStart)
		code.ends = append(code.ends, mod.Funcs[i].BodyEnd)
	}
	secs := map[string][]byte{}
	for _, c := range mod.Custom {
		if strings.HasPrefix(c.Name, ".debug_") && len(c.Data) > len(secs[c.Name]) {
			secs[c.Name] = c.Data
		}
	}
	p := newDwPatcher(code, secs)
	if len(secs[".debug_info"]) == 0 {
		return p, []string{"the module has no debug info, so there are no lines and variables; compile it with -g to have them"}
	}
	p.run()
	warnings := p.warnings.texts()
	if p.found.functions > 0 && p.found.placed == 0 {
		warnings = append(warnings, "the debug info does not say where functions are, so there are no lines and variables: "+
			"a tool that rewrote the code did not update it, most often wasm-opt, which clang runs after linking with -O; "+
			"compile with -O2 -c and link without -O")
	}
	return p, warnings
}

// addText adds the code and a symbol for every function.
func addText(f *elfFile, syms *elfSymbols, mod *wasmvm.Module) {
	text := f.add(elfSection{".text", elf.Section32{
		Type:      uint32(elf.SHT_PROGBITS),
		Flags:     uint32(elf.SHF_ALLOC | elf.SHF_EXECINSTR),
		Addr:      CodeAddr(0),
		Addralign: 1,
	}, CodeImage(mod)})
	for i := range mod.Funcs {
		fn := &mod.Funcs[i]
		syms.add(funcSymbol(mod, fn.Index), CodeAddr(fn.BodyStart), fn.BodyEnd-fn.BodyStart, true, elf.STT_FUNC, text)
	}
}

func funcSymbol(mod *wasmvm.Module, index uint32) string {
	return symbolName(mod.FuncName(index), fmt.Sprintf("wasm_func_%d", index))
}

// addData adds linear memory, from the first data on, and a symbol for every
// variable in it.
func addData(f *elfFile, syms *elfSymbols, mod *wasmvm.Module, vars []dwVariable) {
	section := int(elf.SHN_ABS)
	start, end := dataStart(mod), uint32(0)
	if len(mod.Memories) > 0 {
		end = uint32(min(uint64(mod.Memories[0].Limits.Min)*65536, uint64(GlobalBase)))
	}
	if start < end {
		section = f.add(elfSection{".bss", elf.Section32{
			Type:      uint32(elf.SHT_NOBITS),
			Flags:     uint32(elf.SHF_ALLOC | elf.SHF_WRITE),
			Addr:      start,
			Size:      end - start,
			Addralign: 1,
		}, nil})
	}
	slices.SortStableFunc(vars, func(a, b dwVariable) int { return cmp.Compare(a.addr, b.addr) })
	for i, v := range vars {
		if i > 0 && vars[i-1].addr == v.addr && vars[i-1].name == v.name {
			continue // seen by two units
		}
		if v.size == 0 {
			v.size = 1 // gdb does not believe in data symbols without a size
		}
		where := section
		if v.addr < start || v.addr >= end {
			where = int(elf.SHN_ABS)
		}
		syms.add(v.name, v.addr, v.size, v.global, elf.STT_OBJECT, where)
	}
}

// dataStart returns where data starts. It is never 0: a section there would make
// gdb believe that the removed functions, which are at 0, exist.
func dataStart(mod *wasmvm.Module) uint32 {
	const usual = 1024 // where wasm-ld starts
	start, ok := mod.DataStart()
	if !ok {
		start = usual
	}
	return max(start, 1)
}

// addFuncTable names the low addresses after the functions in the table, for
// function pointers are indexes into it. The names start with & lest a
// breakpoint by name finds two places.
func addFuncTable(f *elfFile, syms *elfSymbols, mod *wasmvm.Module) {
	funcs := mod.TableFuncs(0)
	limit := dataStart(mod)
	indexes := slices.Sorted(maps.Keys(funcs))
	indexes = slices.DeleteFunc(indexes, func(i uint32) bool { return i == 0 || i >= limit })
	if len(indexes) == 0 {
		return
	}
	section := f.add(elfSection{".functable", elf.Section32{
		Type:      uint32(elf.SHT_NOBITS),
		Flags:     uint32(elf.SHF_ALLOC),
		Addr:      1,
		Size:      indexes[len(indexes)-1],
		Addralign: 1,
	}, nil})
	for _, i := range indexes {
		syms.add("&"+funcSymbol(mod, funcs[i]), i, 1, false, elf.STT_OBJECT, section)
	}
}

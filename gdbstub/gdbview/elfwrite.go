package gdbview

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"strings"
)

// elfFile puts an ELF32 file together. Sections keep the order in which they are
// added; the first has index 1.
type elfFile struct {
	entry    uint32
	sections []elfSection
}

// elfSection is a section: its header, with what is known only at the end left
// out, and its contents, nil for SHT_NOBITS.
type elfSection struct {
	name   string
	header elf.Section32
	data   []byte
}

// add appends a section and returns its index.
func (f *elfFile) add(s elfSection) int {
	f.sections = append(f.sections, s)
	return len(f.sections)
}

const (
	elfHeaderSize  = 52
	elfProgSize    = 32
	elfSectionSize = 40
	elfSymbolSize  = 16
)

// bytes lays the file out: header, program headers for what is loaded, section
// contents, section headers.
func (f *elfFile) bytes() []byte {
	names := elfSection{name: ".shstrtab", header: elf.Section32{Type: uint32(elf.SHT_STRTAB), Addralign: 1}}
	names.data = []byte{0}
	sections := append(f.sections[:len(f.sections):len(f.sections)], names)
	var tab bytes.Buffer
	tab.WriteByte(0)
	loaded := 0
	size := 0
	for i := range sections {
		s := &sections[i]
		s.header.Name = uint32(tab.Len())
		tab.WriteString(s.name)
		tab.WriteByte(0)
		if s.isLoaded() {
			loaded++
		}
		size += len(s.data) + 16
	}
	sections[len(sections)-1].data = tab.Bytes()

	out := make([]byte, elfHeaderSize+loaded*elfProgSize, size+tab.Len()+elfSectionSize*(len(sections)+1)+1024)
	for i := range sections {
		s := &sections[i]
		for uint32(len(out))%max(s.header.Addralign, 1) != 0 {
			out = append(out, 0)
		}
		s.header.Off = uint32(len(out))
		if s.header.Type != uint32(elf.SHT_NOBITS) {
			s.header.Size = uint32(len(s.data))
			out = append(out, s.data...)
		}
	}
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	header := elf.Header32{
		Ident:     [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS32), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:      uint16(elf.ET_EXEC),
		Machine:   uint16(elf.EM_386),
		Version:   uint32(elf.EV_CURRENT),
		Entry:     f.entry,
		Phoff:     elfHeaderSize,
		Shoff:     uint32(len(out)),
		Ehsize:    elfHeaderSize,
		Phentsize: elfProgSize,
		Phnum:     uint16(loaded),
		Shentsize: elfSectionSize,
		Shnum:     uint16(len(sections) + 1),
		Shstrndx:  uint16(len(sections)),
	}
	out = appendLE(out, elf.Section32{})
	for i := range sections {
		out = appendLE(out, sections[i].header)
	}
	head := appendLE(out[:0], header)
	for i := range sections {
		if s := &sections[i]; s.isLoaded() {
			head = appendLE(head, s.program())
		}
	}
	return out
}

// isLoaded says whether the section is part of the program's memory as gdb
// should see it. A section that only gives addresses names is not.
func (s *elfSection) isLoaded() bool {
	return s.header.Flags&uint32(elf.SHF_WRITE|elf.SHF_EXECINSTR) != 0
}

// program returns the program header for a section.
func (s *elfSection) program() elf.Prog32 {
	flags := elf.PF_R
	if s.header.Flags&uint32(elf.SHF_WRITE) != 0 {
		flags |= elf.PF_W
	}
	if s.header.Flags&uint32(elf.SHF_EXECINSTR) != 0 {
		flags |= elf.PF_X
	}
	return elf.Prog32{
		Type:   uint32(elf.PT_LOAD),
		Off:    s.header.Off,
		Vaddr:  s.header.Addr,
		Paddr:  s.header.Addr,
		Filesz: uint32(len(s.data)),
		Memsz:  s.header.Size,
		Flags:  uint32(flags),
		Align:  1,
	}
}

// appendLE appends a structure of fixed-size fields.
func appendLE(b []byte, v any) []byte {
	b, err := binary.Append(b, binary.LittleEndian, v)
	if err != nil {
		panic(err) // the structure is one of debug/elf's
	}
	return b
}

// elfSymbols collects a symbol table. Local symbols have to come first.
type elfSymbols struct {
	locals, globals []elf.Sym32
	names           []byte
}

// symbolName returns a name as a symbol table can have it, up to a NUL, or the
// substitute if nothing is left.
func symbolName(name, substitute string) string {
	name, _, _ = strings.Cut(name, "\x00")
	return cmp.Or(name, substitute)
}

// add adds a symbol. section is a section index or a special one. The name has
// no NUL.
func (t *elfSymbols) add(name string, value, size uint32, global bool, typ elf.SymType, section int) {
	if len(t.names) == 0 {
		t.names = []byte{0}
	}
	sym := elf.Sym32{Name: uint32(len(t.names)), Value: value, Size: size, Shndx: uint16(section)}
	t.names = append(append(t.names, name...), 0)
	if global {
		sym.Info = elf.ST_INFO(elf.STB_GLOBAL, typ)
		t.globals = append(t.globals, sym)
	} else {
		sym.Info = elf.ST_INFO(elf.STB_LOCAL, typ)
		t.locals = append(t.locals, sym)
	}
}

// addTo adds the table's two sections to the file.
func (t *elfSymbols) addTo(f *elfFile) {
	data := make([]byte, 0, elfSymbolSize*(1+len(t.locals)+len(t.globals)))
	data = appendSymbol(data, elf.Sym32{})
	for _, syms := range [][]elf.Sym32{t.locals, t.globals} {
		for _, s := range syms {
			data = appendSymbol(data, s)
		}
	}
	if len(t.names) == 0 {
		t.names = []byte{0}
	}
	f.add(elfSection{".symtab", elf.Section32{
		Type:      uint32(elf.SHT_SYMTAB),
		Link:      uint32(len(f.sections) + 2), // .strtab
		Info:      uint32(1 + len(t.locals)),
		Addralign: 4,
		Entsize:   elfSymbolSize,
	}, data})
	f.add(elfSection{".strtab", elf.Section32{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, t.names})
}

func appendSymbol(b []byte, s elf.Sym32) []byte {
	b = appendU32(appendU32(appendU32(b, s.Name), s.Value), s.Size)
	return appendU16(append(b, s.Info, s.Other), s.Shndx)
}

package reverse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"wrev/internal/randmod"
	"wrev/wasmvm"
)

// program is something to debug: a module and the host that answers it.
type program struct {
	name string
	wasm []byte
	host func() wasmvm.Host
	// salted makes a host whose answer to a call depends on a number, too; the
	// answers of host are those with 0. Nil if the answers are always the same.
	salted func(salt func(call uint64) uint64) wasmvm.Host
	edits  []PlacedEdit // made when a plain run gets there
}

// unsalted is the salt of answers without.
func unsalted(uint64) uint64 { return 0 }

// edit makes the edits of the present position and reports whether there are any.
func (p *program) edit(t testing.TB, m *wasmvm.Machine) (any bool) {
	t.Helper()
	for _, e := range p.edits {
		if e.Position == m.Position() {
			if err := m.ApplyEdit(&e.Edit); err != nil {
				t.Fatalf("%s: at position %d: %v", p.name, e.Position, err)
			}
			any = true
		}
	}
	return any
}

// run is a plain run to a position, in which edits are made on arrival. Those at
// the present one are made already.
func (p *program) run(t testing.TB, m *wasmvm.Machine, to uint64) {
	t.Helper()
	for m.Position() < to {
		next := to
		for _, e := range p.edits {
			if e.Position > m.Position() {
				next = min(next, e.Position)
			}
		}
		m.Run(next)
		if m.Position() != next {
			return // it ended
		}
		p.edit(t, m)
	}
}

func (p *program) machine(t testing.TB) *wasmvm.Machine {
	t.Helper()
	mod, err := wasmvm.Decode(p.wasm)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	m, err := p.instance(mod)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return m
}

func (p *program) instance(mod *wasmvm.Module) (*wasmvm.Machine, error) {
	cfg := wasmvm.Config{}
	if p.host != nil {
		cfg.Host = p.host()
	}
	return wasmvm.New(mod, cfg)
}

// another makes machines like m.
func (p *program) another(m *wasmvm.Machine) func() (*wasmvm.Machine, error) {
	return func() (*wasmvm.Machine, error) { return p.instance(m.Module()) }
}

// hostFunc makes a function a host.
type hostFunc func(m *wasmvm.Machine, fn uint32, args, results []uint64) error

func (f hostFunc) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	return f(m, fn, args, results)
}

// random is a program of the generator.
func random(seed uint64, o randmod.Options) *program {
	return fromGenerator(fmt.Sprintf("random %d", seed), randmod.Generate(seed, o))
}

func fromGenerator(name string, g *randmod.Module) *program {
	salted := func(salt func(uint64) uint64) wasmvm.Host {
		return hostFunc(func(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
			n := m.HostCalls()
			res, writes := g.Answer(n+salt(n)<<32, int(fn), args, m.Memory())
			copy(results, res)
			for _, w := range writes {
				if err := m.WriteMemory(uint64(w.Addr), w.Data); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return &program{name: name, wasm: g.Wasm, host: func() wasmvm.Host { return salted(unsalted) }, salted: salted}
}

// Opcodes and types for programs written by hand.
const (
	i32 = 0x7F

	loop       = 0x03
	ifOp       = 0x04
	elseOp     = 0x05
	end        = 0x0B
	br         = 0x0C
	brIf       = 0x0D
	call       = 0x10
	drop       = 0x1A
	localGet   = 0x20
	localSet   = 0x21
	localTee   = 0x22
	globalGet  = 0x23
	globalSet  = 0x24
	i32Load    = 0x28
	i32Store   = 0x36
	i32Store8  = 0x3A
	memorySize = 0x3F
	memoryGrow = 0x40
	i32Const   = 0x41
	i32Eqz     = 0x45
	i32LtU     = 0x49
	i32Add     = 0x6A
	i32Sub     = 0x6B
	i32Mul     = 0x6C
	i32And     = 0x71
	i32Shl     = 0x74
	void       = 0x40
)

func leb(n int) []byte {
	var out []byte
	for {
		b := byte(n & 0x7F)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// asm joins code: ints below 256 and bytes are bytes, []byte is itself.
func asm(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p))
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

func constant(n int) []byte { return asm(i32Const, leb(n)) }

// fn is a function of a hand-written module.
type fn struct {
	params, results []byte
	locals          int // i32 locals
	body            []byte
}

// handmade is a module: imports host.h0, host.h1 ..., functions, of which the
// last is exported as _start, one memory, and i32 globals set to 0.
type handmade struct {
	imports  []fn
	funcs    []fn
	min, max int // of the memory, in pages; max 0: no memory
	globals  int // mutable
}

func section(id int, items ...[]byte) []byte {
	body := uleb(len(items))
	for _, it := range items {
		body = append(body, it...)
	}
	return asm(id, uleb(len(body)), body)
}

func (h *handmade) encode() []byte {
	var types, imports, funcs, globals, codes [][]byte
	for i, f := range slices.Concat(h.imports, h.funcs) {
		types = append(types, asm(0x60, uleb(len(f.params)), f.params, uleb(len(f.results)), f.results))
		if i < len(h.imports) {
			imports = append(imports, asm(4, []byte("host"), 2, []byte(fmt.Sprintf("h%d", i)), 0, uleb(i)))
			continue
		}
		funcs = append(funcs, uleb(i))
		body := asm(0, f.body, end)
		if f.locals > 0 {
			body = asm(1, uleb(f.locals), i32, f.body, end)
		}
		codes = append(codes, asm(uleb(len(body)), body))
	}
	for range h.globals {
		globals = append(globals, asm(i32, 1, i32Const, 0, end))
	}
	out := asm([]byte("\x00asm\x01\x00\x00\x00"), section(1, types...), section(2, imports...), section(3, funcs...))
	if h.max > 0 {
		out = asm(out, section(5, asm(1, uleb(h.min), uleb(h.max))))
	}
	out = asm(out, section(6, globals...))
	start := len(h.imports) + len(h.funcs) - 1
	out = asm(out, section(7, asm(6, []byte("_start"), 0, uleb(start))))
	return asm(out, section(10, codes...))
}

// countdown is `for local[i] = n; local[i] != 0; local[i]-- { body }`.
func countdown(i, n int, body []byte) []byte {
	return asm(constant(n), localSet, i, loop, void, body,
		localGet, i, constant(1), i32Sub, localTee, i, brIf, 0, end)
}

// deep recurses n deep, writes memory and a global on the way down and up, and
// does so a few times. It ends well.
func deep(n int) *program {
	rec := fn{params: []byte{i32}, results: []byte{i32}, locals: 1, body: asm(
		localGet, 0, constant(2), i32Shl, localTee, 1, localGet, 0, i32Store, 2, 0,
		localGet, 0, i32Eqz, ifOp, i32, constant(7), elseOp,
		localGet, 0, constant(1), i32Sub, call, 0,
		localGet, 0, i32Add, globalGet, 0, constant(1), i32Add, globalSet, 0, end,
		localTee, 1, localGet, 1, drop,
		localGet, 0, constant(2), i32Shl, localGet, 1, i32Store, 2, 0)}
	start := fn{locals: 2, body: countdown(0, 4, asm(constant(n), call, 0, localSet, 1))}
	h := handmade{funcs: []fn{rec, start}, min: 1 + n*4/65536, max: 1 + n*4/65536, globals: 2}
	return &program{name: "deep", wasm: h.encode()}
}

// growing grows its memory page by page, writes and reads each, and falls off
// the end of the last: it ends in a trap.
func growing() *program {
	start := fn{locals: 3, body: asm(loop, void,
		constant(1), memoryGrow, 0, drop,
		memorySize, 0, constant(16), i32Shl, constant(4), i32Sub, localSet, 1,
		localGet, 1, memorySize, 0, i32Store, 2, 0,
		constant(0), localGet, 1, i32Load, 2, 0, i32Store, 2, 0,
		countdown(2, 20, asm(localGet, 1, constant(4096), i32Sub, localGet, 2, i32Add, localGet, 2, i32Store8, 0, 0)),
		memorySize, 0, constant(9), i32LtU, brIf, 0, end,
		localGet, 1, constant(1<<16), i32Add, i32Load, 2, 0, drop)}
	h := handmade{funcs: []fn{start}, min: 1, max: 9, globals: 1}
	return &program{name: "growing", wasm: h.encode()}
}

// errLog is a host error.
var errLog = errors.New("no more calls")

// asking calls a host that writes memory and gives results, 60 times; a host
// error, an exit or the return of _start ends it.
func asking(last error) *program {
	start := fn{locals: 2, body: asm(
		countdown(0, 60, asm(
			localGet, 0, constant(7), i32Mul, constant(30), call, 0, localSet, 1,
			localGet, 0, localGet, 1, i32Store, 2, 16,
			constant(100), constant(16), constant(8), 0xFC, 10, 0, 0, // memory.copy
			constant(120), localGet, 1, constant(5), 0xFC, 11, 0, // memory.fill
			localGet, 0, globalSet, 0)),
		call, 1)}
	h := handmade{
		imports: []fn{{params: []byte{i32, i32}, results: []byte{i32}}, {}},
		funcs:   []fn{start}, min: 1, max: 1, globals: 1,
	}
	salted := func(salt func(uint64) uint64) wasmvm.Host {
		return hostFunc(func(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
			if fn == 1 {
				return last
			}
			n := m.HostCalls()
			n += salt(n) << 8
			if err := m.WriteMemory(args[0], []byte{byte(n), byte(n >> 8), 1, 2, 3}); err != nil {
				return err
			}
			if n%3 == 0 {
				if err := m.WriteMemory(2000+n&0xFFF, []byte{9, 9}); err != nil {
					return err
				}
			}
			results[0] = uint64(uint32(n * args[1]))
			return nil
		})
	}
	return &program{name: "asking", wasm: h.encode(), host: func() wasmvm.Host { return salted(unsalted) }, salted: salted}
}

// loops runs n rounds of 20 instructions that each store a word into an area of
// so many bytes, a power of two. A page of memory behind it is left alone.
func loops(n, area int) *program {
	start := fn{locals: 3, body: asm(
		countdown(0, n, asm(
			localGet, 1, constant(1028), i32Add, constant(area-4), i32And, localSet, 1,
			localGet, 1, localGet, 0, i32Store, 2, 0,
			localGet, 2, localGet, 1, i32Load, 2, 0, i32Add, localSet, 2)),
		globalGet, 0, drop, localGet, 2, globalSet, 0)}
	h := handmade{funcs: []fn{start}, min: 1 + area>>16, max: 1 + area>>16, globals: 2}
	return &program{name: "loops", wasm: h.encode()}
}

// forLoop never ends.
func forLoop() *program {
	start := fn{locals: 1, body: asm(loop, void, localGet, 0, constant(1), i32Add, localTee, 0, drop, br, 0, end)}
	h := handmade{funcs: []fn{start}, min: 1, max: 1}
	return &program{name: "for ever", wasm: h.encode()}
}

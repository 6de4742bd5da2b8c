package host

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"

	"wrev/wasmvm/wasi"
)

// Validate reports whether wazero accepts the module, with wazero's message if
// it does not. It does not look at what the module imports.
func Validate(ctx context.Context, wasm []byte) error {
	if err := sniff(wasm); err != nil {
		return err
	}
	// The interpreter validates all the same and has less to compile.
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithDebugInfoEnabled(false))
	defer func() { _ = r.Close(ctx) }() // nothing was instantiated that could fail to close
	if _, err := r.CompileModule(ctx, wasm); err != nil {
		return invalid(wasm, err)
	}
	return nil
}

// The first eight bytes of a core module, and what components have instead.
var (
	magic            = []byte("\x00asm")
	versionCore      = []byte{1, 0, 0, 0}
	versionComponent = []byte{0x0d, 0, 1, 0}
)

// sniff recognises files that are not core modules, of which wazero would only
// say that the magic number or the version is wrong.
func sniff(wasm []byte) error {
	switch {
	case len(wasm) == 0:
		return problemf(ErrNotWasm, "the file is empty; give a WebAssembly module (.wasm)")
	case !bytes.HasPrefix(wasm, magic):
		if text := bytes.TrimLeft(wasm, " \t\r\n"); bytes.HasPrefix(text, []byte("(module")) {
			return problemf(ErrNotWasm, "the file is WebAssembly text; translate it first, for example with wat2wasm")
		}
		return problemf(ErrNotWasm, "the file is not a WebAssembly module: it begins with %q, not with %q", wasm[:min(4, len(wasm))], magic)
	case len(wasm) < 8:
		return problemf(ErrInvalid, "the module is truncated: it has only %d bytes; build or copy it again", len(wasm))
	case bytes.Equal(wasm[4:8], versionComponent):
		return problemf(ErrComponent, "the file is a WebAssembly component, and wrev runs core modules: build for wasm32-wasip1, or extract the core module with `wasm-tools component unbundle`")
	case !bytes.Equal(wasm[4:8], versionCore):
		return problemf(ErrInvalid, "the module has binary version % x, and wrev knows version 01 00 00 00; build it with another toolchain", wasm[4:8])
	}
	return nil
}

// invalid explains why wazero refused a module.
func invalid(wasm []byte, err error) error {
	if end := sectionsEnd(wasm); end > uint64(len(wasm)) {
		return problemf(ErrInvalid, "the module is truncated: its sections go on to byte %d, the file has %d; build or copy it again (%w)", end, len(wasm), err)
	}
	return problemf(ErrInvalid, "the module is invalid: %w", err)
}

// sectionsEnd returns the offset at which the last section ends by its header,
// which is after the end of the file if the file is truncated.
func sectionsEnd(wasm []byte) uint64 {
	at := uint64(8)
	for at < uint64(len(wasm)) {
		size, n := uleb32(wasm[at+1:])
		if n == 0 {
			return at + 2 // there must be at least one more byte of the header
		}
		at += 1 + uint64(n) + uint64(size)
	}
	return at
}

// uleb32 decodes an unsigned LEB128 number of at most 32 bits. n is its length,
// 0 if b does not hold one.
func uleb32(b []byte) (v uint32, n int) {
	for shift := 0; n < len(b) && shift < 35; shift += 7 {
		c := b[n]
		n++
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v, n
		}
	}
	return 0, 0
}

// checkImports reports the first function import that is not WASI. The imports
// that are no functions are left to wazero.
func checkImports(guest wazero.CompiledModule) error {
	for _, def := range guest.ImportedFunctions() {
		module, name, _ := def.Import()
		if err := checkImport(module, name); err != nil {
			return err
		}
	}
	for _, def := range guest.ImportedMemories() {
		module, name, _ := def.Import()
		return problemf(ErrImport, "the module imports memory %s.%s, which wrev does not provide; link it with its own memory", module, name)
	}
	return nil
}

// checkImport reports a function that is not WASI.
func checkImport(module, name string) error {
	if !wasi.IsModule(module) {
		return problemf(ErrImport, "the module imports function %s.%s, and wrev provides only %s%s", module, name, strings.Join(wasi.ModuleNames, " and "), hint(module, name))
	}
	if _, ok := wasi.Lookup(name); !ok {
		return problemf(ErrImport, "the module imports function %s.%s, which is not in WASI preview 1%s", module, name, suggestion(name))
	}
	return nil
}

// hint says where imports of some well-known names come from.
func hint(module, name string) string {
	switch {
	case module == "env" && name == "abort":
		return "; build the AssemblyScript program with its WASI shim"
	case module == "env" && (strings.HasPrefix(name, "invoke_") || strings.HasPrefix(name, "emscripten_")):
		return "; build the Emscripten program with -sSTANDALONE_WASM and without exceptions or longjmp"
	case module == "env":
		return "; it is probably an undefined symbol that was left to the host (--allow-undefined): link the library that defines it"
	case module == "wasi_snapshot_preview2" || strings.HasPrefix(module, "wasi:"):
		return "; build for WASI preview 1 (wasm32-wasip1)"
	case module == "gojs" || module == "go" || strings.HasPrefix(module, "wbg") || strings.HasPrefix(module, "__wbindgen"):
		return "; the program is built for a browser: build it for WASI (Go: GOOS=wasip1, Rust: wasm32-wasip1)"
	}
	return ""
}

// suggestion names a function with almost the same name, if there is one.
func suggestion(name string) string {
	i := slices.IndexFunc(wasi.Functions(), func(f *wasi.Func) bool {
		return strings.EqualFold(strings.ReplaceAll(f.Name, "_", ""), strings.ReplaceAll(name, "_", ""))
	})
	if i < 0 {
		return ""
	}
	return fmt.Sprintf(" (%s is)", wasi.Functions()[i].Name)
}

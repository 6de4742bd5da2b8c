package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"wrev/checkpoint/recording"
	"wrev/gdbstub/gdbview"
	"wrev/wasmvm"
	"wrev/wasmvm/host"
)

func runSymbols(s stdio, args []string) (int, error) {
	flags := newFlagSet(s, "symbols", "[-o APP.elf] APP.wasm|REC")
	out := flags.StringP("output", "o", "", "write the ELF file to `FILE` (default APP.elf in the current folder)")
	if err := parse(flags, args); err != nil {
		return 0, err
	}
	path, err := oneFile(flags, "program or recording")
	if err != nil {
		return 0, err
	}
	wasm, name, err := moduleOf(s, path)
	if err != nil {
		return 0, err
	}
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	image, err := gdbview.BuildELF(mod)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	for _, w := range image.Warnings {
		s.logf("warning: %s: %s", path, w)
	}
	if *out == "" {
		*out = programName(name) + ".elf"
	}
	if err := os.WriteFile(*out, image.ELF, 0o644); err != nil {
		return 0, fmt.Errorf("cannot write the ELF file: %w", err)
	}
	s.logf("%s: symbols of %s for gdb (%s bytes)", *out, filepath.Base(path), grouped(uint64(len(image.ELF))))
	return exitOK, nil
}

// moduleOf returns the program in a file that is a program or a recording of one.
func moduleOf(s stdio, path string) (wasm []byte, name string, err error) {
	if ok, err := recording.IsRecording(path); err == nil && ok {
		rec, err := openRecording(s, path)
		if err != nil {
			return nil, "", err
		}
		defer rec.Close()
		return rec.Module(), rec.Meta().ModuleName, nil
	}
	wasm, err = readProgram(path)
	if err != nil {
		return nil, "", err
	}
	if err := host.Validate(context.Background(), wasm); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return wasm, path, nil
}

#!/usr/bin/env bash
# Rebuilds every committed .wasm under testdata/. Needs the compilers that
# scripts/setup.sh --fixtures installs (Debian 12: clang-19, wasi-libc, rustc).
#
# Two things to know before changing a flag:
#  - clang runs a wasm-opt found on PATH when it LINKS with -O1 and up, which
#    zeroes every address in the debug info. So we compile with -O2 -c and link
#    without -O.
#  - The compilation directory is ".": the source names in the debug info are
#    relative to the repository's root, so gdb started there finds the sources,
#    and the files are the same wherever the repository lies.
set -euo pipefail
cd "$(dirname "$0")/.."

CC=${WREV_CLANG:-clang-19}
RUSTC=${WREV_RUSTC:-/usr/bin/rustc}
cflags=(--target=wasm32-wasi -g -std=c11 -Wall -Wextra -fdebug-compilation-dir=.)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile SOURCE OUTPUT OPTIMISATION [compile flags] [-- link flags]
compile() {
	local source=$1 output=$2 level=$3
	shift 3
	local extra=() link=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		extra+=("$1")
		shift
	done
	[ $# -gt 0 ] && link=("${@:2}")
	"$CC" "${cflags[@]}" "-$level" "${extra[@]}" -c "$source" -o "$work/object.o"
	"$CC" --target=wasm32-wasi "${link[@]}" "$work/object.o" -o "$output"
	chmod 644 "$output"
	echo "$output"
}

for source in testdata/kernels/*.c; do
	for level in O0 O2; do
		compile "$source" "${source%.c}.$level.wasm" "$level" -- -nostartfiles
	done
done

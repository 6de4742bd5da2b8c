#!/usr/bin/env bash
# Rebuilds every committed .wasm under testdata/. Needs the compilers that
# scripts/setup.sh --fixtures installs (Debian 12: clang-19, clang-22, wasi-libc, rustc).
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
CXX=${WREV_CLANGXX:-clang++-22}
LD=${WREV_LD:-wasm-ld-19}
RUSTC=${WREV_RUSTC:-/usr/bin/rustc}
RUSTLD=${WREV_RUSTLD:-wasm-ld-14}
OBJCOPY=${WREV_OBJCOPY:-llvm-objcopy-19}
cflags=(--target=wasm32-wasi -g -std=gnu11 -Wall -Wextra -Wno-infinite-recursion -fdebug-compilation-dir=.)
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

# both SOURCE [link flags]: the -O0 and the -O2 module beside the source.
both() {
	local source=$1
	for level in O0 O2; do
		compile "$source" "${source%.c}.$level.wasm" "$level" -- "${@:2}"
	done
}

for source in testdata/kernels/*.c; do
	both "$source" -nostartfiles
done
for name in inventory traps io spin billion features echo lines peer files; do
	both "testdata/programs/$name.c"
done

both testdata/programs/clock.c -nostartfiles

# A deep stack, in linear memory too.
compile testdata/programs/deep.c testdata/programs/deep.O0.wasm O0 -- -Wl,-z,stack-size=67108864

# Vectors and tail calls, without a C library.
for level in O0 O2; do
	compile testdata/programs/vectors.c "testdata/programs/vectors.$level.wasm" "$level" -msimd128 -mtail-call -- -nostdlib
done

# The user's own units in DWARF 5, libc's in DWARF 4: what -gdwarf-5 gives.
for level in O0 O2; do
	compile testdata/programs/features.c "testdata/programs/features.dw5.$level.wasm" "$level" -gdwarf-5
done

compile testdata/programs/wide.c testdata/programs/wide.O0.wasm O0
compile testdata/programs/wide.c testdata/programs/wide.dw5.O2.wasm O2 -gdwarf-5

# For measuring only, so fast code will do.
compile testdata/programs/ledger.c testdata/programs/ledger.O2.wasm O2

# Exceptions: clang 19 makes only those of an earlier proposal.
for level in O0 O2; do
	"$CXX" --target=wasm32-wasip1 -g -std=c++17 -Wall -Wextra -fdebug-compilation-dir=. "-$level" \
		-fwasm-exceptions -mllvm -wasm-use-legacy-eh=false -fno-rtti \
		-c testdata/programs/throws.cc -o "$work/object.o"
	"$LD" "$work/object.o" -o "testdata/programs/throws.$level.wasm"
	chmod 644 "testdata/programs/throws.$level.wasm"
	echo "testdata/programs/throws.$level.wasm"
done

# Without debug info: with the name section, and with nothing at all.
compile testdata/programs/features.c testdata/programs/nodebug.wasm O0 -g0 -- -Wl,--strip-debug
compile testdata/programs/features.c testdata/programs/nonames.wasm O0 -g0 -- -Wl,--strip-all

compile testdata/bad/no_start.c testdata/bad/no_start.wasm O2 -- -nostartfiles -Wl,--no-entry
compile testdata/bad/unknown_import.c testdata/bad/unknown_import.wasm O2 -- \
	-nostartfiles -Wl,--allow-undefined

# Rust: link-time optimisation keeps the standard library's debug info small.
"$RUSTC" --edition 2021 --target wasm32-wasi -g -C panic=abort -C opt-level=s -C lto=fat \
	-C codegen-units=1 -C linker="$RUSTLD" --remap-path-prefix="$PWD=." \
	testdata/programs/words.rs -o testdata/programs/words.wasm
"$OBJCOPY" --remove-section=.debug_pubnames --remove-section=.debug_pubtypes testdata/programs/words.wasm
chmod 644 testdata/programs/words.wasm
echo testdata/programs/words.wasm

#!/usr/bin/env bash
# Sees to it that the programs a make target needs are there.
#
#   scripts/setup.sh test|demo|lint|fixtures|real
#
# On Debian and Ubuntu it installs what is missing when it may (as root), and
# else prints the one command to run. Elsewhere it says what to install.
set -euo pipefail

target=${1:-test}

# Each line: the command looked for, and the Debian package that has it.
# A path is looked for as a file.
needs() {
	case $1 in
	demo) echo "gdb gdb" ;;
	test) printf '%s\n' "gdb gdb" "gdb-multiarch gdb-multiarch" "wasm-opt binaryen" "lldb-19 lldb-19" ;;
	lint) echo "shellcheck shellcheck" ;;
	fixtures)
		printf '%s\n' \
			"clang-19 clang-19" \
			"clang++-22 clang-22" \
			"wasm-ld-19 lld-19" \
			"llvm-objcopy-19 llvm-19" \
			"/usr/lib/wasm32-wasi/libc.a wasi-libc" \
			"/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a libclang-rt-19-dev-wasm32" \
			"/usr/bin/rustc rustc" \
			"/usr/lib/rustlib/wasm32-wasi libstd-rust-dev-wasm32" \
			"wasm-ld-14 lld-14"
		;;
	real)
		printf '%s\n' \
			"gdb gdb" \
			"clang-19 clang-19" \
			"wasm-ld-19 lld-19" \
			"/usr/lib/wasm32-wasi/libc.a wasi-libc" \
			"/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a libclang-rt-19-dev-wasm32" \
			"tclsh tcl" \
			"dpkg-source dpkg-dev"
		;;
	*)
		echo "setup.sh: unknown target '$1': use test, demo, lint, fixtures or real" >&2
		exit 2
		;;
	esac
}

present() {
	case $1 in
	/*) [ -e "$1" ] ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

list=$(needs "$target")
missing=()
commands=()
while read -r command package; do
	if ! present "$command"; then
		missing+=("$package")
		commands+=("$command")
	fi
done <<<"$list"
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "make $target needs ${commands[*]}, which this machine has not." >&2
	echo "Install them with your package manager (on Debian the packages are: ${missing[*]}), then try again." >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "make $target needs packages that are not installed. Please run, then try again:" >&2
	echo "    sudo apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; }
# The package lists may be old or absent: refresh them only when that is so.
install 2>/dev/null || { apt-get update >/dev/null && install; }

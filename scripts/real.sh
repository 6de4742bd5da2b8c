#!/usr/bin/env bash
# Records real programs, verifies the recordings and walks back in them in gdb:
# the compiled tests of three packages of Go's standard library, and SQLite.
# Fails if gdb did not get where it should.
#
# SQLite's source is taken from the folder $SQLITE, in which there is sqlite3.c,
# or else from Debian's source package; with neither, that part is refused.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n== %s\n' "$*"; }

# expect LOG FRAGMENT...: each fragment must stand in the log.
expect() {
	local log=$1 fragment
	shift
	for fragment in "$@"; do
		if ! grep -qF -- "$fragment" "$log"; then
			cat "$log" >&2
			echo "real: FAILED: gdb never showed: $fragment" >&2
			exit 1
		fi
	done
}

# go_tests PACKAGE FUNCTION: records the package's tests, and goes back from
# their end to the last call of a function.
go_tests() {
	local package=$1 function=$2
	local name=${package//\//_}
	say "the tests of Go's package $package"
	GOOS=wasip1 GOARCH=wasm go test -c -o "$work/$name.wasm" "$package"
	bin/wrev record -o "$work/$name.wrev" --mount / --env PWD="$(go env GOROOT)/src/$package" "$work/$name.wasm" -test.short
	bin/wrev verify "$work/$name.wrev"
	bin/wrev replay --gdb --serve 127.0.0.1:0 "$work/$name.wrev" -- -nx -batch \
		-ex 'set confirm off' -ex "break $function" -ex 'disable 1' -ex continue \
		-ex 'enable 1' -ex reverse-continue -ex 'bt 3' -ex 'monitor when' -ex reverse-stepi -ex kill >"$work/log" 2>&1
	expect "$work/log" 'Breakpoint 1, 0x' "in $function, after"
	grep -e '^#' -e 'position' "$work/log"
}

# sqlite_source prints the folder that has sqlite3.c.
sqlite_source() {
	if [ -n "${SQLITE:-}" ]; then
		echo "$SQLITE"
		return
	fi
	(cd "$work" && apt-get source --download-only sqlite3 && mkdir sqlite &&
		tar xf sqlite3_*.orig.tar.xz -C sqlite --strip-components 1 && mkdir build && cd build &&
		../sqlite/configure --disable-tcl && make sqlite3.c) >"$work/source.log" 2>&1 || {
		tail -5 "$work/source.log" >&2
		echo "real: no source of SQLite: give the folder of sqlite3.c with SQLITE=DIR, or enable Debian's source packages (deb-src) and install tcl" >&2
		return 1
	}
	echo "$work/build"
}

sqlite() {
	local opt=$1
	say "SQLite, $(wc -l <"$source/sqlite3.c") lines of C, -$opt"
	clang-19 --target=wasm32-wasi -g "-$opt" -Wno-everything -DSQLITE_OS_OTHER=1 -DSQLITE_THREADSAFE=0 \
		-DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_TEMP_STORE=3 -I "$source" -c "$source/sqlite3.c" -o "$work/sqlite3.o"
	# Linked without -O, or the driver runs wasm-opt, which drops the debug info.
	for c in parts memory_os; do
		clang-19 --target=wasm32-wasi -g "-$opt" -I "$source" -c "$root/testdata/real/$c.c" -o "$work/$c.o"
	done
	clang-19 --target=wasm32-wasi "$work"/{parts,memory_os,sqlite3}.o -o "$work/parts.wasm"
	local status=0
	bin/wrev record -o "$work/parts.$opt.wrev" "$work/parts.wasm" 20000 || status=$?
	[ "$status" = 3 ] || { echo "real: FAILED: the program ended with $status, not 3" >&2 && exit 1; }
	bin/wrev verify "$work/parts.$opt.wrev"
	bin/wrev replay --gdb --serve 127.0.0.1:0 "$work/parts.$opt.wrev" -- -nx -batch -x scripts/real.gdb >"$work/log" 2>&1
	expect "$work/log" 'Old value = 20008' 'sqlite3ErrorMsg (pParse=0x' 'in lookupName ('
	cat "$work/log"
}

go build -o bin/wrev ./cmd/wrev
go_tests sort sort.Sort
go_tests strings strings.Repeat
go_tests regexp regexp.MustCompile
source=$(sqlite_source)
sqlite O0
sqlite O2
say "all of them were recorded, verified and walked backwards"

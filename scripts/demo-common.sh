# What the demos share: builds wrev, and records the run of inventory that dies.
# Sourced by them; $work is a folder that goes with the script.
# shellcheck shell=bash

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
recording=$work/inventory.wrev

say() { printf '\n== %s\n' "$*"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}

# record_inventory NEXT runs it to its bad end, and says what comes next.
record_inventory() {
	local status=0
	run bin/wrev record -o "$recording" --mount testdata/programs:/data:ro \
		testdata/programs/inventory.O0.wasm /data/inventory.txt || status=$?
	say "It died (exit code $status). $1"
}

# in_gdb SCRIPT replays the recording under gdb; what it prints is in $work/log, too.
in_gdb() {
	run bin/wrev replay --gdb --serve 127.0.0.1:0 "$recording" -- -nx -batch -x "$1" 2>&1 | tee "$work/log"
}

# must_have_shown FRAGMENT... fails the demo if gdb did not print one of them.
must_have_shown() {
	for fragment; do
		if ! grep -qF -- "$fragment" "$work/log"; then
			echo "demo: FAILED: gdb never showed: $fragment" >&2
			exit 1
		fi
	done
}

go build -o bin/wrev ./cmd/wrev

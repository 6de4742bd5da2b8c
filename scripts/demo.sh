#!/usr/bin/env bash
# The demo: records a program that dies, replays it under gdb, and walks back
# from the crash to the line that caused it. Fails if gdb did not get there.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=testdata/programs/inventory.O0.wasm
recording=$work/inventory.wrev

go build -o bin/wrev ./cmd/wrev

say() { printf '\n== %s\n' "$*"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}

say "inventory keeps a shop's stock from a journal. Record a run of it:"
status=0
run bin/wrev record -o "$recording" --mount testdata/programs:/data:ro "$program" /data/inventory.txt || status=$?
say "It died (exit code $status). The recording holds the whole run:"
run bin/wrev info "$recording"

say "Open it in gdb:"
run bin/wrev replay --gdb --serve 127.0.0.1:0 "$recording" -- -nx -batch -x scripts/demo.gdb 2>&1 | tee "$work/log"

# What must have been seen: the trap at the symptom, the store at the cause.
for fragment in \
	'received signal SIGSEGV' \
	'it->supplier->total += value(it);' \
	'rename_item (it=' \
	'*to++ = c; /* the bug: nothing stops at NAME_SIZE */' \
	'name = "Nordmann Fasteners'; do
	if ! grep -qF -- "$fragment" "$work/log"; then
		echo "demo: FAILED: gdb never showed: $fragment" >&2
		exit 1
	fi
done
say "Found: the crash in print_suppliers comes from rename_item, 19 events before the end of the journal."

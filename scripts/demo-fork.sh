#!/usr/bin/env bash
# The second demo: goes back to before the harm in the recording of a program
# that died, changes it, and goes on: the program ends well, in a branch of its
# history. Fails if gdb did not get there, or if the recording was changed.
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

say "Record the run of inventory that dies:"
status=0
run bin/wrev record -o "$recording" --mount testdata/programs:/data:ro "$program" /data/inventory.txt || status=$?
say "It died (exit code $status). Open it in gdb, and change what happened:"
run bin/wrev replay --gdb --serve 127.0.0.1:0 "$recording" -- -nx -batch -x scripts/demo-fork.gdb 2>&1 | tee "$work/log"

say "The recording is as it was, and has the branch besides:"
run bin/wrev verify "$recording" | tee "$work/verified"
if [ "$(grep -c 'the replay agrees with the recording' "$work/verified")" != 2 ]; then
	echo "demo-fork: FAILED: the recording and its branch were not verified" >&2
	exit 1
fi

# What must have been seen: the good end, the bad one again after undo.
for fragment in \
	'126.35  Nordmann Fasteners' \
	'received signal SIGSEGV' \
	', exit 0; memory' \
	'host call 21:'; do
	if ! grep -qF -- "$fragment" "$work/log"; then
		echo "demo-fork: FAILED: gdb never showed: $fragment" >&2
		exit 1
	fi
done
say "One character less, and the shop's report is complete."

#!/usr/bin/env bash
# The second demo: goes back to before the harm in the recording of a program
# that died, changes it, and goes on: the program ends well, in a branch of its
# history. Fails if gdb did not get there, or if the recording was changed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo-common.sh
. scripts/demo-common.sh

say "Record the run of inventory that dies:"
record_inventory "Open it in gdb, and change what happened:"
in_gdb scripts/demo-fork.gdb

say "The recording is as it was, and has the branch besides:"
run bin/wrev verify "$recording" | tee "$work/verified"
if [ "$(grep -c 'the replay agrees with the recording' "$work/verified")" != 2 ]; then
	echo "demo: FAILED: the recording and its branch were not verified" >&2
	exit 1
fi

# The good end, the bad one again after undo.
must_have_shown \
	'126.35  Nordmann Fasteners' \
	'received signal SIGSEGV' \
	', exit 0; memory' \
	'host call 21:'
say "One character less, and the shop's report is complete."

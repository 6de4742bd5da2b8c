#!/usr/bin/env bash
# The demo: records a program that dies, replays it under gdb, and walks back
# from the crash to the line that caused it. Fails if gdb did not get there.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo-common.sh
. scripts/demo-common.sh

say "inventory keeps a shop's stock from a journal. Record a run of it:"
record_inventory "The recording holds the whole run:"
run bin/wrev info "$recording"

say "Open it in gdb:"
in_gdb scripts/demo.gdb

# The trap at the symptom, the store at the cause.
must_have_shown \
	'received signal SIGSEGV' \
	'it->supplier->total += value(it);' \
	'rename_item (it=' \
	'*to++ = c; /* the bug: nothing stops at NAME_SIZE */' \
	'name = "Nordmann Fasteners'
say "Found: the crash in print_suppliers comes from rename_item, 19 events before the end of the journal."

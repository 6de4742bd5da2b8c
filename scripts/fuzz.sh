#!/usr/bin/env bash
# Runs every fuzz target in turn for the given time (20s), then pairs of numeric instructions and
# random modules of our own and of binaryen's against wazero, for as long each. Goes on after a failure, and says at the end what
# was tried and what was found. FUZZSEED chooses the modules; they are others each time without it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
time=${1:-20s}
seed=${FUZZSEED:-$(date +%s)000000}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
summary=()

# run NAME COMMAND... shows what a command prints, and keeps it in $log.
run() {
	echo "== $1"
	"${@:2}" </dev/null 2>&1 | tee "$log" | grep -v '^=== \|^ *--- PASS'
	if [ "${PIPESTATUS[0]}" -ne 0 ]; then
		failed=1
		summary+=("$1: FAILED, see above")
	fi
}

while read -r package; do
	while read -r _ target; do
		run "$package $target" go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5x
		summary+=("$target: $(grep -o 'execs: [0-9]*\|coverage: [0-9/]* completed' "$log" | tail -1)")
	done < <(grep -h -o '^func Fuzz[A-Za-z0-9_]*' "$package"/*_test.go)
done < <(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u)

for target in TestNumericPairs TestDifferentialRun TestBinaryenModules; do
	run "$target from seed $seed" go test ./wasmvm -run "^$target\$" -v -timeout 0 -difffor "$time" -diffseed "$seed"
	while read -r line; do
		summary+=("$target: $line")
	done < <(grep -o '[0-9]* \(modules\|functions\).*' "$log")
done

echo "== tried and found"
printf '%s\n' "${summary[@]}"
exit "$failed"

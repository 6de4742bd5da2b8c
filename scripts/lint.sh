#!/usr/bin/env bash
# The checks of `make lint`. Prints what is wrong and fails; quiet when all is well.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
STATICCHECK=${STATICCHECK:-honnef.co/go/tools/cmd/staticcheck@v0.8.2}

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "not formatted by gofmt:" >&2
	echo "$unformatted" >&2
	exit 1
fi
"$GO" vet ./...
"$GO" run "$STATICCHECK" ./...
"$GO" mod tidy -diff

shellcheck scripts/*.sh .ci/run

# Generated files must be what their generators make now: regenerate them in
# a copy, so that the work tree is left alone.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard -- '*.go' go.mod go.sum |
	xargs -0 cp --parents -t "$copy"
(cd "$copy" && "$GO" generate ./...)
while read -r file; do
	if ! cmp -s "$file" "$copy/$file"; then
		echo "$file is not what its generator makes: run make generate" >&2
		exit 1
	fi
done < <(cd "$copy" && grep -rl --include='*.go' '^// Code generated' .)

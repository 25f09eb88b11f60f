#!/usr/bin/env bash
# cppcheck.sh - cppcheck is content, but for what cppcheck.allow explains.
set -u
. tests/lint/lib.sh
command -v cppcheck >/dev/null || { echo "skipped: no cppcheck" && exit 77; }
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
jq --arg top "$PWD/" '[.[] | select(.file | ltrimstr($top) | test("^tests/") | not)]' \
	"$1/compile_commands.json" >"$build/compile_commands.json"
echo '#define json_array_foreach(a, i, v) for (i = 0; (v = json_array_get(a, i)); i++)' \
	>"$build/macros.h"
while IFS= read -r f; do
	finding "$f"
done < <(cppcheck --project="$build/compile_commands.json" --quiet -j "$(nproc)" \
	--enable=warning,performance,portability \
	--suppressions-list=tests/lint/cppcheck.allow --relative-paths="$PWD" \
	--include="$build/macros.h" \
	--template='{file}:{line}: {message} [{id}]' 2>&1)
finish

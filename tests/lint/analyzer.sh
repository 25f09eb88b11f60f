#!/usr/bin/env bash
# analyzer.sh - gcc's -fanalyzer, which follows the paths through each of our
# functions, finds no leak, no double free and no use of what is not there.
set -u
. tests/lint/lib.sh
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER=gcc -DBUILD_TESTING=OFF \
	-DCMAKE_BUILD_TYPE=Debug \
	-DCMAKE_C_FLAGS='-O1 -fanalyzer -fdiagnostics-plain-output' \
	>"$build/log" && cmake --build "$build" >>"$build/log" 2>&1; }; then
	tail -n 20 "$build/log"
	exit 1
fi
# It cannot know that tsearch() keeps what it is given and tdelete() forgets it.
trees='(use_table|seen_table)\.c:.*-Wanalyzer-(malloc-leak|double-free|null-dereference)'
while IFS= read -r f; do
	finding "${f#"$PWD"/}"
done < <(grep -E 'warning: ' "$build/log" | grep -vE "$trees")
finish

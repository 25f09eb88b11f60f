#!/usr/bin/env bash
# symbols.sh - no function of ours has the name of a library's: the linker
# would quietly take one for the other (jansson's json_string and a reader
# of our own did).
set -u
. tests/lint/lib.sh
ours=$(find "$1" -name 'libmm_*.a' -exec nm -A --defined-only {} + 2>/dev/null |
	awk '$2 == "T" { print $3 }' | sort -u)
[ -n "$ours" ] || finding "$(basename "$1"): no libraries built?"
for lib in jansson microhttpd sqlite3 jwt crypto curl z; do
	so=$(gcc -print-file-name="lib$lib.so")
	while IFS= read -r name; do
		finding "$name: is also a function of lib$lib"
	done < <(comm -12 <(echo "$ours") <(nm -D --defined-only "$so" |
		awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort -u))
done
finish

#!/usr/bin/env bash
# format.sh - clang-format agrees (version 14: others disagree with it).
set -u
. tests/lint/lib.sh
said=$(c_files common keys issuer verifier cli examples tests |
	xargs -n 64 clang-format-14 --dry-run -Werror 2>&1) && finish
while IFS= read -r f; do
	finding "$f:1: run clang-format-14 -i $f"
done < <(sed -n 's/^\(.*\.[ch]\):[0-9]*:[0-9]*: error: .*/\1/p' <<<"$said" | sort -u)
[ "$findings" -ne 0 ] || finding "$said"
finish

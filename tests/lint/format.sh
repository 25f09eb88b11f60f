#!/usr/bin/env bash
# format.sh - clang-format agrees (version 14: others disagree with it).
set -u
. tests/lint/lib.sh
for f in $(c_files common keys issuer verifier cli examples tests); do
	clang-format-14 --dry-run -Werror "$f" >/dev/null 2>&1 ||
		finding "$f:1: run clang-format-14 -i $f"
done
finish

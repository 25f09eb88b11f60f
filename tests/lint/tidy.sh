#!/usr/bin/env bash
# tidy.sh - clang-tidy is content, with the checks that .clang-tidy names.
set -u
. tests/lint/lib.sh
command -v clang-tidy-14 >/dev/null || { echo "skipped: no clang-tidy-14" && exit 77; }
while IFS= read -r f; do
	finding "${f#"$PWD"/}"
done < <(c_files common keys issuer verifier cli | grep '\.c$' |
	xargs -P "$(nproc)" -n 8 clang-tidy-14 -p "$1" --quiet 2>/dev/null |
	grep -E ': (error|warning): ')
finish

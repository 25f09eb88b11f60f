#!/usr/bin/env bash
# shell.sh - shellcheck is content with every script.
set -u
. tests/lint/lib.sh
while IFS= read -r f; do
	head -c 64 "$f" | head -n 1 | grep -qE '^#!.*\b(ba)?sh$' || continue
	shellcheck -x -f gcc "$f" || finding "$f:1: see above"
done < <(git ls-files -co --exclude-standard)
finish

#!/usr/bin/env bash
# shell.sh - shellcheck is content with every script.
set -u
. tests/lint/lib.sh
scripts=()
while IFS= read -r f; do
	head -c 64 "$f" | head -n 1 | grep -qE '^#!.*\b(ba)?sh$' || continue
	scripts+=("$f")
done < <(git ls-files -co --exclude-standard)
said=$(shellcheck -x -f gcc "${scripts[@]}" 2>&1) && finish
while IFS= read -r line; do
	finding "$line"
done <<<"$said"
finish

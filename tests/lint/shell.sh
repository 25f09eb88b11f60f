#!/usr/bin/env bash
# shell.sh - shellcheck is content with every script, and what begins with #! can be run.
set -u
. tests/lint/lib.sh
scripts=()
while IFS= read -r f; do
	IFS= read -r -n 64 first <"$f"
	[[ $first == '#!'* ]] || continue
	[ -x "$f" ] || finding "$f:1: begins with #! and cannot be run: chmod +x"
	[[ $first =~ ^#!.*[/\ ](ba)?sh$ ]] && scripts+=("$f")
done < <(git ls-files -co --exclude-standard)
said=$(shellcheck -x -f gcc "${scripts[@]}" 2>&1) && finish
while IFS= read -r line; do
	finding "$line"
done <<<"$said"
finish

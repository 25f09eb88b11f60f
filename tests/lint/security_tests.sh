#!/usr/bin/env bash
# security_tests.sh - docs/security-tests.md names every test of an attack or a
# fault, in the row of its number, and no test that is not there; no row of a
# table is there twice.
set -u
. tests/lint/lib.sh
page=docs/security-tests.md
name='test_[AF][0-9]+_[A-Za-z0-9_]+'

there=$(git ls-files -co --exclude-standard -- tests |
	xargs grep -hoE "(def|void) $name" 2>/dev/null | cut -d' ' -f2 | sort -u)
told=$(grep -oE "$name" "$page" | sort -u)
[ -n "$there" ] || finding "$page:1: no tests found?"
for t in $(comm -23 <(echo "$there") <(echo "$told")); do
	finding "$page:1: nothing on $t"
done
for t in $(comm -13 <(echo "$there") <(echo "$told")); do
	finding "$page:$(grep -nm1 "$t" "$page" | cut -d: -f1): no test $t"
done
while IFS='|' read -r _ row _ tests _; do
	row=${row// /}
	while read -r t; do
		[[ $t == test_"$row"_* ]] || finding "$page:1: $t is in the row $row"
	done < <(grep -oE "$name" <<<"$tests")
done < <(grep -E '^\| [AF][0-9]+ \|' "$page")
while IFS=: read -r line row; do
	finding "$page:$line: a second row $row in this table"
done < <(awk -F' *[|] *' '!/^[|]/ { split("", seen) }
	/^[|]/ && $2 != "" && seen[$2]++ { print NR ":" $2 }' "$page")
finish

#!/usr/bin/env bash
# mutants.sh - the checks that tests/mutants takes away stand where its table
# says.  Whether a unit test misses each is for ./check mutants.
set -u
. tests/lint/lib.sh
said=$(/usr/bin/python3 tests/mutants/mutants.py --texts 2>&1) && finish
while IFS= read -r line; do
	finding "$line"
done <<<"$said"
finish

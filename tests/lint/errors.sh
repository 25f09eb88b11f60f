#!/usr/bin/env bash
# errors.sh - the reasons in the installed header are the first rows of the
# one error list, in the same order.
set -u
. tests/lint/lib.sh

public=$(sed -n '/^enum mm_err {/,/^};/p' verifier/include/mintmark/verify.h |
	grep -oE '\bMM_(OK|ERR_[A-Z_]+)\b')
ours=$(grep -oE 'X\(MM_[A-Z_]+' common/error.h | sed 's/X(//' |
	head -n "$(wc -l <<<"$public")")
[ "$(wc -l <<<"$public")" -eq 16 ] ||
	finding "verifier/include/mintmark/verify.h:1: not MM_OK and 15 reasons"
[ "$public" = "$ours" ] ||
	finding "common/error.h:1: its first rows differ from verify.h"
finish

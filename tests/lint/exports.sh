#!/usr/bin/env bash
# exports.sh - libmintmark.so exports what the header declares and the map
# lists, and nothing else.
set -u
. tests/lint/lib.sh
so=$1/verifier/libmintmark.so

declared=$(sed -n '/^MM_API/,/;/p' verifier/include/mintmark/verify.h |
	grep -oE '\bmm_[a-z_]+\(' | tr -d '(' | sort -u)
mapped=$(grep -oE '\bmm_[a-z_]+;' verifier/libmintmark.map | tr -d ';' | sort -u)
exported=$(nm -D --defined-only "$so" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | grep -vE '^(__asan|__ubsan|__tsan|_init|_fini)' | sort -u)

[ -n "$declared" ] || finding "verifier/include/mintmark/verify.h:1: declares nothing?"
[ "$declared" = "$mapped" ] || finding \
	"verifier/libmintmark.map:1: differs from verify.h: $(diff <(echo "$declared") <(echo "$mapped") | grep '^[<>]' | tr '\n' ' ')"
[ "$declared" = "$exported" ] || finding \
	"$(basename "$so"): differs from verify.h: $(diff <(echo "$declared") <(echo "$exported") | grep '^[<>]' | tr '\n' ' ')"
finish
